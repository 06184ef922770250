//! DISC-01: a protected server publishes protected resource metadata that anybody can read.
//!
//! MCP §Authorization Server Location; RFC 9728 §3.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens::OPEN;
use crate::model::discovery::MetadataAttempt;
use crate::model::verdict::{Part, Verdict};

/// Looks for a document with a string `resource` at the places a client looks.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    match evidence.protection() {
        Protection::Open => return Verdict::NotApplicable(OPEN.to_owned()),
        Protection::Unknown => {
            return Verdict::inconclusive("no request without a token got a readable answer");
        }
        Protection::Required => {}
    }
    let attempts: Vec<_> = evidence.resource_metadata().collect();
    if let Some(found) = attempts.iter().find(|it| it.text("resource").is_some()) {
        return Verdict::Held(format!("{} answers with a `resource`", found.url));
    }
    let Some(first) = attempts.first() else {
        return Verdict::inconclusive("protected resource metadata was not looked up");
    };
    let mut case = evidence.case();
    if let Some(unclear) = attempts.iter().find(|it| is_unclear(evidence, it)) {
        let problem = unclear.problem.as_deref().unwrap_or("no answer");
        case.doubt(
            format!("{} could not be read: {problem}", unclear.url),
            None,
        );
    } else if may_be_its_own_server(evidence) {
        case.doubt(
            "the revision was not shown, and the origin publishes authorization server metadata \
             as a 2025-03-26 server does, which needs no protected resource metadata",
            Some("--revision"),
        );
    } else {
        let shown = attempts.iter().find(|it| it.document.is_some());
        let shown = *shown.unwrap_or(first);
        let message = match shown.document {
            Some(_) => format!("{} has no string `resource`", shown.url),
            None => format!(
                "none of {} locations has protected resource metadata; expected HTTP 200 with \
                 a JSON object at {}",
                attempts.len(),
                first.url
            ),
        };
        let part = if shown.document.is_some() {
            Part::Body
        } else {
            Part::Status
        };
        let others: Vec<_> = attempts.iter().map(|it| it.exchange).collect();
        let mut draft = Draft::new("protected resource metadata", message);
        draft = draft.at(shown.exchange, part, "no metadata here");
        draft = draft.also(&others, "nor here");
        if let Some(refusal) = evidence.anonymous_refusal() {
            draft = draft.at(refusal, Part::Status, "although a token is asked for");
        }
        case.breach(draft);
    }
    case.verdict(Verdict::inconclusive("nothing was found"))
}

fn is_unclear(evidence: &Evidence<'_>, attempt: &MetadataAttempt) -> bool {
    match evidence.exchange(attempt.exchange) {
        Some(exchange) => exchange
            .status()
            .is_none_or(|status| status >= 500 || status == 429),
        None => true,
    }
}

fn may_be_its_own_server(evidence: &Evidence<'_>) -> bool {
    let mut found = evidence.authorization_metadata();
    evidence.revision().is_none() && found.any(|(server, _)| server.assumed)
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{ENDPOINT, World, resource_document};
    use crate::model::discovery::{AnonymousAccess, Route};
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "resource-metadata-missing";

    #[test]
    fn metadata_at_the_root_is_enough() {
        let mut world = World::new();
        world.no_resource_metadata(Route::WellKnownInserted, 404);
        world.resource_metadata(Route::WellKnownRoot, &resource_document(&[]));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn nothing_anywhere_is_broken_and_the_appended_form_does_not_count() {
        let mut world = World::new();
        world.no_resource_metadata(Route::WellKnownInserted, 404);
        world.resource_metadata(Route::WellKnownAppended, &resource_document(&[]));
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_document_without_resource_is_broken() {
        let mut world = World::new();
        let document = resource_document(&[("resource", Value::Null)]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        let verdict = world.verdict(ID);
        assert!(matches!(verdict.findings(), [it] if it.message.contains("no string `resource`")));
    }

    #[test]
    fn a_server_error_decides_nothing() {
        let mut world = World::new();
        world.no_resource_metadata(Route::WellKnownInserted, 503);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn an_open_server_needs_no_metadata() {
        let mut world = World::new();
        world.collected.discovery.anonymous = AnonymousAccess::Served;
        world.no_resource_metadata(Route::WellKnownInserted, 404);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_server_of_unknown_revision_that_is_its_own_authorization_server_is_not_accused() {
        let mut world = World::new();
        world.collected.discovery.audited = None;
        world.no_resource_metadata(Route::WellKnownInserted, 404);
        world.server("https://mcp.example.com").assumed = true;
        world.server_metadata(Route::ServerOrigin, &json!({"issuer": ENDPOINT}));
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
