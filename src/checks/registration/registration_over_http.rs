//! REG-04: registrations travel encrypted only.
//!
//! RFC 7591 §3, §5; MCP §Communication Security.

use serde_json::Value;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::model::exchange::{Exchange, FailureKind, Outcome};
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

/// Looks at the scheme of the endpoint and at what the same path answers over plain http.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut remote = false;
    let mut known = false;
    for (_, attempt) in evidence.authorization_metadata() {
        let Some(text) = attempt.text(MEMBER) else {
            continue;
        };
        let Some(url) = urls::parse(text) else {
            continue;
        };
        known = true;
        if urls::is_loopback(&url) {
            continue;
        }
        remote = true;
        if urls::is_cleartext(&url) {
            let message = format!("`{MEMBER}` is `{text}`, expected https");
            let part = Part::Pointer(format!("/{MEMBER}"));
            case.breach(Draft::new(MEMBER, message).at(attempt.exchange, part, "http"));
        }
    }
    match (known, remote) {
        (false, _) => {
            return Verdict::NotApplicable("no registration endpoint is advertised".to_owned());
        }
        (true, false) => {
            return Verdict::NotApplicable("the registration endpoint is on loopback".to_owned());
        }
        _ => {}
    }
    let mut asked = false;
    for exchange in evidence.probed(ProbeId::RegistrationPlaintext) {
        asked = true;
        answer(&mut case, exchange);
    }
    case.verdict(if asked {
        Verdict::Held("plain http does not take registrations".to_owned())
    } else {
        Verdict::Held("the endpoint is https; plain http was not asked".to_owned())
    })
}

fn answer(case: &mut Case<'_>, exchange: &Exchange) {
    match &exchange.outcome {
        Outcome::Response(response) => {
            let body: Option<Value> = serde_json::from_slice(&response.body.bytes()).ok();
            let member = |name: &str| body.as_ref().and_then(|it| it.get(name));
            let processed =
                member("error").is_some_and(Value::is_string) || member("client_id").is_some();
            if processed && !(300..400).contains(&response.status) {
                let message = format!(
                    "{} processed a registration request over plain http (HTTP {})",
                    exchange.request.url, response.status
                );
                let draft = Draft::new("plain http", message);
                case.breach(draft.at(exchange.id, Part::Body, "an answer of RFC 7591"));
            }
        }
        Outcome::Failure(failure) => {
            let silent = failure.kind == FailureKind::Timeout || failure.kind.is_refusal();
            if silent || failure.kind == FailureKind::Budget {
                case.doubt(format!("plain http gave no answer: {}", failure.text), None);
            }
        }
    }
}

const MEMBER: &str = "registration_endpoint";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, failure, response};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "registration-over-http";

    fn world(endpoint: &str) -> World {
        let mut world = World::new();
        world.sound_server(&[(MEMBER, json!(endpoint))]);
        world
    }

    fn status(outcome: Outcome) -> Status {
        let mut world = world("https://auth.example.com/register");
        let key = ProbeKey::new(ProbeId::RegistrationPlaintext);
        world.ask(
            key,
            "anonymous",
            "http://auth.example.com/register",
            outcome,
        );
        world.status(ID)
    }

    #[test]
    fn an_advertised_http_endpoint_is_broken() {
        assert_eq!(
            world("http://auth.example.com/register").status(ID),
            Status::Fail
        );
        assert_eq!(
            world("https://auth.example.com/register").status(ID),
            Status::Pass
        );
    }

    #[test]
    fn an_answer_over_http_is_broken() {
        let body = "{\"error\":\"invalid_client_metadata\"}";
        assert_eq!(status(response(400, &[], body)), Status::Fail);
    }

    #[test]
    fn a_redirect_or_a_closed_port_holds() {
        let headers = [("Location", "https://auth.example.com/register")];
        assert_eq!(status(response(308, &headers, "")), Status::Pass);
        assert_eq!(status(failure(FailureKind::Connect)), Status::Pass);
        assert_eq!(status(response(404, &[], "<html>")), Status::Pass);
    }

    #[test]
    fn a_filtered_port_decides_nothing() {
        assert_eq!(status(failure(FailureKind::Timeout)), Status::Inconclusive);
    }

    #[test]
    fn loopback_and_absence_do_not_apply() {
        let local = world("http://127.0.0.1:9001/register");
        assert_eq!(local.status(ID), Status::NotApplicable);
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
