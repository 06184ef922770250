//! DISC-13: whichever way a client takes, it finds the same servers and endpoints.
//!
//! No clause; MCP §Authorization Server Location treats each server as independent.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::codec::uri::origin;
use crate::model::discovery::MetadataAttempt;
use crate::model::verdict::{Part, Verdict};

/// Compares the documents that different routes lead to.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let resources: Vec<_> = evidence
        .resource_documents()
        .filter(|attempt| describes(evidence, attempt))
        .collect();
    let mut compared = resources.len() > 1;
    compare(
        &mut case,
        "protected resource metadata",
        &resources,
        &RESOURCE,
    );
    for server in &evidence.discovery().authorization_servers {
        let documents: Vec<_> = server
            .metadata
            .iter()
            .filter(|attempt| attempt.document.is_some())
            .collect();
        compared |= documents.len() > 1;
        compare(&mut case, &server.issuer, &documents, &SERVER);
    }
    if !compared {
        return Verdict::NotApplicable("no document was found by more than one route".to_owned());
    }
    case.verdict(Verdict::Held(
        "every route leads to the same values".to_owned(),
    ))
}

fn compare(case: &mut Case<'_>, what: &str, documents: &[&MetadataAttempt], members: &[&str]) {
    let Some((first, others)) = documents.split_first() else {
        return;
    };
    for other in others {
        for member in members {
            let (one, two) = (value(first, member), value(other, member));
            if one == two {
                continue;
            }
            let message = format!(
                "{} has `{member}` {}, {} has {}",
                first.url,
                shown(&one),
                other.url,
                shown(&two)
            );
            let part =
                |at: &MetadataAttempt| match at.document.as_ref().and_then(|it| it.get(member)) {
                    Some(_) => Part::Pointer(format!("/{member}")),
                    None => Part::Body,
                };
            case.breach(
                Draft::new(format!("{what}: {member}"), message)
                    .at(other.exchange, part(other), "differs")
                    .at(first.exchange, part(first), "from this"),
            );
        }
    }
}

fn value(attempt: &MetadataAttempt, member: &str) -> BTreeSet<String> {
    match attempt.document.as_ref().and_then(|it| it.get(member)) {
        None => BTreeSet::new(),
        Some(Value::Array(values)) => values.iter().map(text).collect(),
        Some(value) => BTreeSet::from([text(value)]),
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(values: &BTreeSet<String>) -> String {
    if values.is_empty() {
        return "absent".to_owned();
    }
    let all: Vec<&str> = values.iter().map(String::as_str).collect();
    format!("`{}`", all.join(" "))
}

fn describes(evidence: &Evidence<'_>, attempt: &MetadataAttempt) -> bool {
    let Some(resource) = attempt.text("resource").and_then(urls::parse) else {
        return false;
    };
    let Some(endpoint) = urls::parse(evidence.endpoint()) else {
        return false;
    };
    let path = resource.path().trim_end_matches('/');
    let own = endpoint.path().trim_end_matches('/');
    origin(&resource) == origin(&endpoint)
        && (path == own
            || own
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/')))
}

// `resource` itself legitimately differs: RFC 9728 §3.3 ties it to the URL that was read.
const RESOURCE: [&str; 2] = ["authorization_servers", "scopes_supported"];

// Scopes legitimately differ: an OpenID document adds those of OpenID Connect.
const SERVER: [&str; 6] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "revocation_endpoint",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document, server_document};
    use crate::model::discovery::Route;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "discovery-routes-disagree";

    fn two(changes: &[(&str, Value)]) -> Status {
        let mut world = World::new();
        world.resource_metadata(Route::Challenge, &resource_document(&[]));
        world.resource_metadata(Route::WellKnownRoot, &resource_document(changes));
        world.status(ID)
    }

    #[test]
    fn equal_documents_hold_whatever_the_order() {
        assert_eq!(two(&[]), Status::Pass);
        assert_eq!(two(&[("resource_name", json!("Notes"))]), Status::Pass);
    }

    #[test]
    fn another_authorization_server_warns() {
        let changes = [("authorization_servers", json!(["https://evil.example"]))];
        assert_eq!(two(&changes), Status::Warn);
    }

    #[test]
    fn a_root_document_of_another_resource_is_not_compared() {
        let changes = [
            ("resource", json!("https://mcp.example.com/other")),
            ("authorization_servers", json!(["https://other.example"])),
        ];
        assert_eq!(two(&changes), Status::NotApplicable);
    }

    #[test]
    fn openid_and_oauth_metadata_must_name_the_same_endpoints() {
        let mut world = World::new();
        world.sound_server(&[]);
        let other = server_document(&[("scopes_supported", json!(["openid"]))]);
        world.server_metadata(Route::OpenIdInserted, &other);
        assert_eq!(world.status(ID), Status::Pass);
        let other = server_document(&[("token_endpoint", json!("https://evil.example/token"))]);
        world.server_metadata(Route::OpenIdAppended, &other);
        assert_eq!(world.status(ID), Status::Warn);
    }
}
