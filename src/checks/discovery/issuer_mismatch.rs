//! DISC-09: the issuer inside the metadata is the one it was looked up for.
//!
//! RFC 8414 §3.3; OpenID Connect Discovery §4.3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Severity, Verdict};

/// Compares issuers as bytes, never as URLs.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers = evidence.discovery().authorization_servers.iter();
    let found: Vec<_> = servers
        .flat_map(|server| server.metadata.iter().map(move |attempt| (server, attempt)))
        .filter(|(_, attempt)| attempt.document.is_some())
        .collect();
    if found.is_empty() {
        return Verdict::NotApplicable("no authorization server metadata was found".to_owned());
    }
    let mut case = evidence.case();
    for (server, attempt) in &found {
        let expected = server.issuer.as_str();
        let draft = match attempt.text("issuer") {
            Some(issuer) if issuer == expected => continue,
            Some(issuer) => Draft::new(
                attempt.url.clone(),
                format!("`issuer` is `{issuer}`, expected `{expected}`, byte for byte"),
            )
            .at(
                attempt.exchange,
                Part::Pointer("/issuer".to_owned()),
                "the issuer",
            ),
            None => Draft::new(
                attempt.url.clone(),
                format!("`issuer` is absent, expected `{expected}`"),
            )
            .at(attempt.exchange, Part::Body, "no issuer"),
        };
        if server.assumed {
            let why = "the issuer was assumed, nobody named it";
            case.advise(draft.at_most(Severity::Low, why));
        } else {
            case.breach(draft);
        }
    }
    case.verdict(Verdict::Held(
        "every document names the issuer it was looked up for".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{ISSUER, World, server_document};
    use crate::model::discovery::Route;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "issuer-mismatch";

    fn status(issuer: Value) -> Status {
        let mut world = World::new();
        world.sound_server(&[("issuer", issuer)]);
        world.status(ID)
    }

    #[test]
    fn the_same_bytes_hold() {
        assert_eq!(status(json!(ISSUER)), Status::Pass);
    }

    #[test]
    fn a_trailing_slash_or_another_case_is_broken() {
        for issuer in [format!("{ISSUER}/"), ISSUER.to_uppercase()] {
            assert_eq!(status(json!(issuer)), Status::Fail, "{issuer}");
        }
        assert_eq!(status(Value::Null), Status::Fail);
    }

    #[test]
    fn an_assumed_issuer_only_warns() {
        let mut world = World::new();
        world.server("https://mcp.example.com").assumed = true;
        world.server_metadata(Route::ServerOrigin, &server_document(&[]));
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn without_metadata_it_does_not_apply() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
