//! XPT-03: the endpoint is reachable over TLS only.
//!
//! OAuth 2.1 §1.5; RFC 6750 §5.3; RFC 9728 §1.2.

use serde_json::Value;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::model::exchange::{Exchange, FailureKind, Outcome};
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Severity, Verdict};

/// Looks at the endpoint's scheme and at what the host answers over plain http.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(endpoint) = urls::parse(evidence.endpoint()) else {
        return Verdict::inconclusive("the endpoint is not a URL");
    };
    if urls::is_loopback(&endpoint) {
        return Verdict::NotApplicable("the endpoint is on loopback".to_owned());
    }
    let mut case = evidence.case();
    if urls::is_cleartext(&endpoint) {
        let mut ledger = evidence.collected().ledger.iter();
        let answered = ledger.find(|it| {
            urls::parse(&it.request.url).as_ref() == Some(&endpoint) && it.response().is_some()
        });
        match answered {
            Some(exchange) => {
                let message = format!("the endpoint itself is `{endpoint}`, expected https");
                let draft = Draft::new("endpoint", message);
                case.breach(draft.at(exchange.id, Part::Status, "an answer over http"));
            }
            None => case.doubt("the endpoint is http and did not answer", None),
        }
        return case.verdict(Verdict::inconclusive("nothing was found"));
    }
    let asked: Vec<&Exchange> = evidence.probed(ProbeId::PlaintextEndpoint).collect();
    if asked.is_empty() {
        return Verdict::inconclusive("plain http was not asked");
    }
    for exchange in asked {
        answer(&mut case, exchange);
    }
    case.verdict(Verdict::Held(
        "plain http does not serve the endpoint".to_owned(),
    ))
}

fn answer(case: &mut Case<'_>, exchange: &Exchange) {
    let url = &exchange.request.url;
    match &exchange.outcome {
        Outcome::Response(response) => {
            let body: Option<Value> = serde_json::from_slice(&response.body.bytes()).ok();
            let speaks = body.is_some_and(|body| body.get("jsonrpc").is_some())
                || response.media_type() == "text/event-stream";
            if speaks && !(300..400).contains(&response.status) {
                let message = format!("{url} answers JSON-RPC over plain http");
                let draft = Draft::new("plain http", message);
                case.breach(draft.at(exchange.id, Part::Body, "an answer of the server"));
            } else if response.header("www-authenticate").is_some() {
                let message = format!(
                    "{url} asks for a token over plain http (HTTP {}), expected a redirect or \
                     a closed port",
                    response.status
                );
                let draft = Draft::new("plain http", message);
                let part = Part::Header("www-authenticate".to_owned());
                let why = "a client that obeys sends its token in the clear";
                case.advise(
                    draft
                        .at(exchange.id, part, "a challenge")
                        .at_most(Severity::Low, why),
                );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, failure, response};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "plaintext-endpoint";

    fn status(outcome: Outcome) -> Status {
        let mut world = World::new();
        let key = ProbeKey::new(ProbeId::PlaintextEndpoint);
        world.ask(key, "anonymous", "http://mcp.example.com/mcp", outcome);
        world.status(ID)
    }

    #[test]
    fn an_answer_over_http_is_broken() {
        let body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}";
        assert_eq!(status(response(200, &[], body)), Status::Fail);
    }

    #[test]
    fn a_redirect_a_stranger_or_a_closed_port_holds() {
        let headers = [("Location", "https://mcp.example.com/mcp")];
        assert_eq!(status(response(301, &headers, "")), Status::Pass);
        assert_eq!(status(response(404, &[], "<html>")), Status::Pass);
        assert_eq!(status(failure(FailureKind::Connect)), Status::Pass);
    }

    #[test]
    fn a_challenge_over_http_warns_and_a_filtered_port_decides_nothing() {
        let headers = [("WWW-Authenticate", "Bearer")];
        assert_eq!(status(response(401, &headers, "")), Status::Warn);
        assert_eq!(status(failure(FailureKind::Timeout)), Status::Inconclusive);
    }

    #[test]
    fn a_remote_http_target_is_broken_and_loopback_is_left_alone() {
        let mut world = World::new();
        world.collected.discovery.endpoint = "http://mcp.example.com/mcp".to_owned();
        world.answer(ProbeId::ListTools, "anonymous", 401, &[], "");
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(World::local().status(ID), Status::NotApplicable);
    }
}
