//! XPT-17: errors do not show the inside of the server.
//!
//! MCP authorization tutorial §Common Pitfalls and How to Avoid Them.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::model::exchange::{Exchange, Response};
use crate::model::identity::IdentityKind;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::disclosure::{Disclosure, disclosures};

/// Searches every error body of the run for what only a server's own log should hold.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut read = 0_usize;
    for exchange in evidence.collected().ledger.iter() {
        let Some(answer) = exchange.response().filter(|it| it.status >= 400) else {
            continue;
        };
        read += 1;
        let text = answer.body.text();
        let url = urls::parse(&exchange.request.url);
        let host = url
            .as_ref()
            .and_then(url::Url::host_str)
            .unwrap_or_default();
        for (kind, piece) in disclosures(&text, host) {
            shows(&mut case, exchange, answer, kind, &piece);
        }
        if let Some(label) = echoed(evidence, exchange, &text) {
            let message = format!(
                "HTTP {} repeats the token of `{}` in its body, expected none of it",
                answer.status, exchange.identity
            );
            let draft = Draft::new("token repeated", message);
            case.breach(draft.at(exchange.id, Part::Body, label));
        }
    }
    if read == 0 {
        return Verdict::inconclusive("no error was answered");
    }
    case.verdict(Verdict::Held(format!(
        "{read} error bodies show no stack, key, token or inner host"
    )))
}

fn shows(
    case: &mut crate::checks::case::Case<'_>,
    exchange: &Exchange,
    answer: &Response,
    kind: Disclosure,
    piece: &str,
) {
    let message = format!(
        "HTTP {} to {} shows {}, expected a generic error: `{}`",
        answer.status,
        exchange.probe.id,
        kind.as_str(),
        piece.replace('`', "'")
    );
    let draft = Draft::new(kind.as_str(), message);
    let draft = draft.at(exchange.id, Part::Body, kind.as_str());
    if kind == Disclosure::PrivateKey {
        case.breach(draft);
    } else {
        case.advise(draft.at_most(Severity::Low, "it tells an attacker where to look"));
    }
}

/// The label that stands for the identity's own token: the wire put it where the token was.
fn echoed(evidence: &Evidence<'_>, exchange: &Exchange, text: &str) -> Option<String> {
    let identity = evidence.identity(&exchange.identity)?;
    let secret = matches!(identity.kind, IdentityKind::Valid | IdentityKind::OtherUser);
    let label = format!("{{token-{}}}", identity.name);
    (secret && text.contains(&label)).then_some(label)
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "errors-show-the-inside";

    fn world(status: u16, body: &str) -> World {
        let mut world = World::new();
        world.valid("admin", &["a"]);
        world.answer(ProbeId::ListTools, "admin", status, &[], body);
        world
    }

    #[test]
    fn generic_errors_hold() {
        let body = "{\"error\":\"invalid_token\"}";
        assert_eq!(world(401, body).status(ID), Status::Pass);
    }

    #[test]
    fn a_stack_trace_in_an_error_warns_and_in_a_result_it_does_not() {
        let trace = "Traceback\n  File \"/srv/app.py\", line 4, in verify";
        assert_eq!(world(500, trace).status(ID), Status::Warn);
        assert_eq!(world(200, trace).status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_repeated_token_weighs_more_than_a_trace() {
        let repeated = world(403, "bad token {token-admin}");
        assert_eq!(repeated.status(ID), Status::Warn);
        let severity = |world: &World| world.verdict(ID).findings()[0].severity;
        let trace = world(500, "    at verify (/srv/app.js:1:2)");
        assert!(severity(&repeated) > severity(&trace));
        assert_eq!(
            world(403, "bad token {token-garbage}").status(ID),
            Status::Pass
        );
    }

    #[test]
    fn a_server_names_itself_freely() {
        assert_eq!(
            world(404, "no such page on mcp.example.com").status(ID),
            Status::Pass
        );
        assert_eq!(world(502, "no route to 10.1.2.3").status(ID), Status::Warn);
    }
}
