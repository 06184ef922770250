//! DISC-02: the metadata names at least one authorization server, each usable as an issuer.
//!
//! MCP §Authorization Server Location; RFC 9728 §2; RFC 8414 §2.

use serde_json::Value;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::codec::metadata;
use crate::model::discovery::MetadataAttempt;
use crate::model::verdict::{Part, Verdict};

/// Reads `authorization_servers` of every document found.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let documents: Vec<_> = evidence.resource_documents().collect();
    if documents.is_empty() {
        return Verdict::NotApplicable("no protected resource metadata was found".to_owned());
    }
    let mut case = evidence.case();
    for attempt in &documents {
        for (pointer, problem) in problems(attempt) {
            let message = format!("{}: {problem}", attempt.url);
            let part = match pointer.as_str() {
                "" => Part::Body,
                _ => Part::Pointer(pointer.clone()),
            };
            let subject = format!(
                "authorization_servers{}",
                pointer.trim_start_matches(MEMBER)
            );
            case.breach(Draft::new(subject, message).at(attempt.exchange, part, problem));
        }
    }
    case.verdict(Verdict::Held(
        "every document names authorization servers by usable issuers".to_owned(),
    ))
}

fn problems(attempt: &MetadataAttempt) -> Vec<(String, String)> {
    let member = attempt
        .document
        .as_ref()
        .and_then(|it| it.get("authorization_servers"));
    let Some(member) = member else {
        let problem = "`authorization_servers` is absent; expected at least one issuer";
        return vec![(String::new(), problem.to_owned())];
    };
    let Some(servers) = member.as_array() else {
        let problem = "`authorization_servers` is not an array";
        return vec![(MEMBER.to_owned(), problem.to_owned())];
    };
    if servers.is_empty() {
        let problem = "`authorization_servers` is empty; expected at least one issuer";
        return vec![(MEMBER.to_owned(), problem.to_owned())];
    }
    let entries = servers.iter().enumerate();
    entries
        .filter_map(|(at, server)| Some((format!("{MEMBER}/{at}"), issuer_problem(server)?)))
        .collect()
}

fn issuer_problem(server: &Value) -> Option<String> {
    let Some(text) = server.as_str() else {
        return Some(format!("entry {server} is not a string"));
    };
    metadata::issuer_problem(text)
}

const MEMBER: &str = "/authorization_servers";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::Route;
    use crate::model::verdict::Status;
    use serde_json::json;

    fn status(servers: Value) -> Status {
        let mut world = World::new();
        let document = resource_document(&[("authorization_servers", servers)]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.status("authorization-servers-missing")
    }

    #[test]
    fn usable_issuers_hold() {
        assert_eq!(
            status(json!(["https://auth.example.com/tenant"])),
            Status::Pass
        );
        assert_eq!(status(json!(["http://127.0.0.1:9001"])), Status::Pass);
    }

    #[test]
    fn an_absent_empty_or_odd_member_is_broken() {
        for servers in [
            Value::Null,
            json!([]),
            json!("https://a.example"),
            json!([7]),
        ] {
            assert_eq!(status(servers.clone()), Status::Fail, "{servers}");
        }
    }

    #[test]
    fn an_entry_that_is_no_issuer_is_broken() {
        for issuer in [
            "http://auth.example.com",
            "auth.example.com",
            "https://a.example?x=1",
        ] {
            assert_eq!(status(json!([issuer])), Status::Fail, "{issuer}");
        }
    }

    #[test]
    fn without_metadata_there_is_nothing_to_read() {
        let world = World::new();
        let status = world.status("authorization-servers-missing");
        assert_eq!(status, Status::NotApplicable);
    }
}
