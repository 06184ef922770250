//! DISC-03: the document's `resource` is the identifier it was looked up for.
//!
//! RFC 9728 §3.3; MCP §Protected Resource Metadata Discovery Requirements.

use url::Url;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::codec::uri::origin;
use crate::model::discovery::{MetadataAttempt, Route};
use crate::model::matrix::Confidence;
use crate::model::verdict::{Part, Severity, Verdict};

/// Compares `resource` with the endpoint, byte for byte.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let chosen = evidence.discovery().chosen_resource_metadata();
    let documents = evidence.resource_documents().filter(|attempt| {
        // A root document may describe another resource of a shared host (DISC-04).
        let used = chosen.is_some_and(|chosen| chosen.exchange == attempt.exchange);
        used || attempt.route != Route::WellKnownRoot
    });
    let named: Vec<_> = documents
        .filter_map(|attempt| Some((attempt, attempt.text("resource")?)))
        .collect();
    if named.is_empty() {
        return Verdict::NotApplicable("no metadata names a resource".to_owned());
    }
    let mut case = evidence.case();
    for (attempt, resource) in named {
        let message = |problem: &str| {
            let endpoint = evidence.endpoint();
            format!("`resource` is `{resource}`, expected `{endpoint}`: {problem}")
        };
        match compare(evidence, resource) {
            Match::Same => {}
            Match::Near(problem) => case.advise(
                draft(attempt, message(problem))
                    .at_most(Severity::Low, "some clients refuse such a document"),
            ),
            Match::Other(problem) => {
                case.breach(draft(attempt, message(problem)).confidence(Confidence::Proven));
            }
        }
    }
    case.verdict(Verdict::Held(format!(
        "`resource` is `{}`, the endpoint itself",
        evidence.endpoint()
    )))
}

enum Match {
    Same,
    Near(&'static str),
    Other(&'static str),
}

fn compare(evidence: &Evidence<'_>, resource: &str) -> Match {
    let names = evidence.resource_names();
    if names.contains(resource) {
        return Match::Same;
    }
    let Some(found) = urls::parse(resource) else {
        return Match::Other("it is not an absolute URL");
    };
    let compared = names.into_iter().filter_map(urls::parse);
    let mut best = Match::Other("another origin");
    for expected in compared {
        if origin(&expected) != origin(&found) {
            continue;
        }
        match paths(&found, &expected) {
            near @ Match::Near(_) => return near,
            other => best = other,
        }
    }
    best
}

fn paths(found: &Url, expected: &Url) -> Match {
    let trimmed = |url: &Url| url.path().trim_end_matches('/').to_owned();
    let (short, long) = (trimmed(found), trimmed(expected));
    if found.query() != expected.query() || found.fragment().is_some() {
        Match::Other("another query or a fragment")
    } else if short == long {
        Match::Near("only a trailing slash or the spelling of the host differs")
    } else if short.is_empty() {
        Match::Near("it names the origin only")
    } else if long.starts_with(&format!("{short}/")) {
        Match::Near("it names a parent path only")
    } else {
        Match::Other("another path")
    }
}

fn draft(attempt: &MetadataAttempt, message: String) -> Draft {
    let part = Part::Pointer("/resource".to_owned());
    Draft::new("resource", message).at(attempt.exchange, part, "the resource it claims to be")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, resource_document};
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "resource-mismatch";

    fn status(resource: &str) -> Status {
        let mut world = World::new();
        let document = resource_document(&[("resource", json!(resource))]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.status(ID)
    }

    #[test]
    fn the_endpoint_itself_holds() {
        assert_eq!(status(ENDPOINT), Status::Pass);
    }

    #[test]
    fn another_origin_or_path_is_broken() {
        for resource in [
            "https://other.example.com/mcp",
            "http://mcp.example.com/mcp",
            "https://mcp.example.com:8443/mcp",
            "https://mcp.example.com/other",
            "https://mcp.example.com/mc",
            "mcp",
        ] {
            assert_eq!(status(resource), Status::Fail, "{resource}");
        }
    }

    #[test]
    fn a_trailing_slash_or_the_origin_alone_warns() {
        for resource in [
            "https://mcp.example.com/mcp/",
            "https://mcp.example.com",
            "https://mcp.example.com/",
            "https://MCP.example.com/mcp",
        ] {
            assert_eq!(status(resource), Status::Warn, "{resource}");
        }
    }

    #[test]
    fn a_root_document_of_another_resource_is_only_judged_when_it_is_used() {
        let other = resource_document(&[("resource", json!("https://mcp.example.com/other"))]);
        let mut world = World::new();
        world.resource_metadata(Route::WellKnownInserted, &resource_document(&[]));
        world.resource_metadata(Route::WellKnownRoot, &other);
        assert_eq!(world.status(ID), Status::Pass);
        let mut world = World::new();
        world.resource_metadata(Route::WellKnownRoot, &other);
        assert_eq!(world.status(ID), Status::Fail);
    }
}
