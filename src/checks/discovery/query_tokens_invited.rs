//! DISC-12: the metadata does not invite tokens in the query string.
//!
//! RFC 9728 §2; MCP §Token Requirements; OAuth 2.1 §5.1.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Reads `bearer_methods_supported`.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let documents: Vec<_> = evidence.resource_documents().collect();
    if documents.is_empty() {
        return Verdict::NotApplicable("no protected resource metadata was found".to_owned());
    }
    let mut case = evidence.case();
    for attempt in documents {
        let methods = attempt
            .texts("bearer_methods_supported")
            .unwrap_or_default();
        if methods.contains(&"query") {
            let message = format!(
                "`bearer_methods_supported` is {methods:?}, expected at most header and body"
            );
            let part = Part::Pointer("/bearer_methods_supported".to_owned());
            case.breach(Draft::new("bearer_methods_supported", message).at(
                attempt.exchange,
                part,
                "tokens in URLs",
            ));
        }
    }
    case.verdict(Verdict::Held(
        "no query-string tokens are invited".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::Route;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    fn status(methods: Value) -> Status {
        let mut world = World::new();
        let document = resource_document(&[("bearer_methods_supported", methods)]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.status("query-tokens-invited")
    }

    #[test]
    fn header_body_or_silence_hold() {
        assert_eq!(status(json!(["header", "body"])), Status::Pass);
        assert_eq!(status(Value::Null), Status::Pass);
    }

    #[test]
    fn query_is_broken() {
        assert_eq!(status(json!(["header", "query"])), Status::Fail);
    }

    #[test]
    fn without_metadata_it_does_not_apply() {
        let status = World::new().status("query-tokens-invited");
        assert_eq!(status, Status::NotApplicable);
    }
}
