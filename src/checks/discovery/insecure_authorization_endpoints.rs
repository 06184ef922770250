//! DISC-11: every authorization server endpoint is https.
//!
//! MCP §Communication Security; OAuth 2.1 §1.5.

use serde_json::Value;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

/// Looks at every endpoint in the metadata and at the default paths that were asked.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut remote = 0_usize;
    let mut seen = 0_usize;
    for (_, attempt) in evidence.authorization_metadata() {
        for (pointer, text) in attempt.document.iter().flat_map(endpoints) {
            let Some(url) = urls::parse(&text) else {
                continue;
            };
            seen += 1;
            remote += usize::from(!urls::is_loopback(&url));
            if urls::is_cleartext(&url) {
                let member = pointer.trim_start_matches('/').to_owned();
                let message = format!("`{member}` is `{text}`, expected https");
                let part = Part::Pointer(pointer);
                case.breach(Draft::new(member, message).at(attempt.exchange, part, "http"));
            }
        }
    }
    for exchange in evidence.probed(ProbeId::DefaultEndpoint) {
        let Some(url) = urls::parse(&exchange.request.url) else {
            continue;
        };
        seen += 1;
        remote += usize::from(!urls::is_loopback(&url));
        if urls::is_cleartext(&url) && exchange.status().is_some_and(|status| status != 404) {
            let message = format!("the default endpoint `{url}` answers, expected https");
            case.breach(Draft::new(url.path(), message).at(exchange.id, Part::Status, "http"));
        }
    }
    match (seen, remote) {
        (0, _) => Verdict::NotApplicable("no authorization server endpoint is known".to_owned()),
        (_, 0) => Verdict::NotApplicable("every endpoint is on loopback".to_owned()),
        _ => case.verdict(Verdict::Held(format!("all {seen} endpoints are https"))),
    }
}

fn endpoints(document: &Value) -> Vec<(String, String)> {
    let members = document.as_object().into_iter().flatten();
    let aliases = document.get("mtls_endpoint_aliases");
    let aliases = aliases.and_then(Value::as_object).into_iter().flatten();
    let named = members.map(|(name, value)| (format!("/{name}"), name, value));
    let nested =
        aliases.map(|(name, value)| (format!("/mtls_endpoint_aliases/{name}"), name, value));
    named
        .chain(nested)
        .filter(|(_, name, _)| {
            name.ends_with("_endpoint") || ["jwks_uri", "issuer"].contains(&name.as_str())
        })
        .filter_map(|(pointer, _, value)| Some((pointer, value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{ISSUER, World, server_document};
    use crate::model::discovery::Route;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "insecure-authorization-endpoints";

    #[test]
    fn https_endpoints_hold() {
        let mut world = World::new();
        world.sound_server(&[("service_documentation", json!("http://docs.example.com"))]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn one_http_endpoint_is_broken_and_named() {
        let mut world = World::new();
        world.sound_server(&[("token_endpoint", json!("http://auth.example.com/token"))]);
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(world.verdict(ID).findings()[0].subject, "token_endpoint");
    }

    #[test]
    fn nested_endpoints_are_read_as_well() {
        let mut world = World::new();
        let aliases = json!({"token_endpoint": "http://auth.example.com/mtls"});
        world.sound_server(&[("mtls_endpoint_aliases", aliases)]);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_rig_on_loopback_is_left_alone() {
        let mut world = World::local();
        world.server(ISSUER);
        let local = server_document(&[
            ("issuer", json!("http://127.0.0.1:9001")),
            (
                "authorization_endpoint",
                json!("http://127.0.0.1:9001/authorize"),
            ),
            ("token_endpoint", json!("http://127.0.0.1:9001/token")),
        ]);
        world.server_metadata(Route::WellKnownInserted, &local);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
