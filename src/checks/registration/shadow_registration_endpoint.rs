//! REG-16: nothing takes registrations that the metadata does not advertise.
//!
//! MCP 2025-03-26 §Fallbacks for Servers without Metadata Discovery; RFC 7591 §3.

use serde_json::Value;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::exchange::{Exchange, Response};
use crate::model::probe::ProbeId;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Verdict};

/// Reads the answers of well-trodden paths to a registration that cannot register.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.discovery().authorization_servers.is_empty() {
        return Verdict::NotApplicable("no authorization server is named".to_owned());
    }
    let metadata: Vec<_> = evidence.authorization_metadata().collect();
    if metadata.is_empty() && evidence.revision() == Some(Revision::R2025_03) {
        let reason = "without metadata, MCP 2025-03-26 itself puts registration at /register";
        return Verdict::NotApplicable(reason.to_owned());
    }
    let advertised: Vec<_> = metadata
        .iter()
        .filter_map(|(_, attempt)| attempt.text("registration_endpoint"))
        .collect();
    let asked: Vec<_> = evidence
        .probed(ProbeId::ShadowRegistration)
        .filter(|exchange| !advertised.contains(&exchange.request.url.as_str()))
        .collect();
    if asked.is_empty() {
        return match advertised.first() {
            Some(endpoint) => Verdict::NotApplicable(format!("{endpoint} is advertised")),
            None => Verdict::inconclusive("no unadvertised path was asked"),
        };
    }
    let mut case = evidence.case();
    for exchange in &asked {
        if let Some(shown) = exchange.response().and_then(speaks_registration) {
            case.breach(live(exchange, &shown));
        }
    }
    case.verdict(Verdict::Held(format!(
        "none of {} unadvertised paths takes registrations",
        asked.len()
    )))
}

fn speaks_registration(response: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(&response.body.bytes()).ok()?;
    let error = body.get("error").and_then(Value::as_str);
    match (response.status, error) {
        (200 | 201, _) if body.get("client_id").is_some_and(Value::is_string) => {
            Some("a `client_id`".to_owned())
        }
        (400, Some(error)) if CODES.contains(&error) => Some(format!("the error `{error}`")),
        _ => None,
    }
}

fn live(exchange: &Exchange, shown: &str) -> Draft {
    let url = &exchange.request.url;
    let message = format!(
        "{url} answers a registration with {shown} although no metadata advertises it; \
         expected 404, or the endpoint in the metadata"
    );
    Draft::new(url.clone(), message).at(exchange.id, Part::Body, "an answer of RFC 7591")
}

const CODES: [&str; 5] = [
    "invalid_client_metadata",
    "invalid_redirect_uri",
    "invalid_request",
    "invalid_software_statement",
    "unapproved_software_statement",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "shadow-registration-endpoint";

    fn status(code: u16, body: &str) -> Status {
        let mut world = World::new();
        world.sound_server(&[]);
        let key = ProbeKey::new(ProbeId::ShadowRegistration);
        let url = "https://auth.example.com/register";
        world.ask(key, "anonymous", url, response(code, &[], body));
        world.status(ID)
    }

    #[test]
    fn an_answer_of_rfc_7591_warns() {
        assert_eq!(
            status(400, "{\"error\":\"invalid_client_metadata\"}"),
            Status::Warn
        );
        assert_eq!(
            status(201, "{\"client_id\":\"same-for-all\"}"),
            Status::Warn
        );
    }

    #[test]
    fn other_answers_hold() {
        assert_eq!(status(404, "{\"error\":\"invalid_request\"}"), Status::Pass);
        assert_eq!(status(401, "{\"error\":\"invalid_token\"}"), Status::Pass);
        assert_eq!(status(200, "<html>login</html>"), Status::Pass);
        assert_eq!(status(400, "{\"error\":\"bad json\"}"), Status::Pass);
    }

    #[test]
    fn an_advertised_endpoint_is_no_shadow() {
        let mut world = World::new();
        let endpoint = json!("https://auth.example.com/register");
        world.sound_server(&[("registration_endpoint", endpoint)]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn the_default_path_of_2025_03_26_is_legal_without_metadata() {
        let mut world = World::new();
        world.revision(Revision::R2025_03);
        world.server("https://mcp.example.com").assumed = true;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
