//! XPT-08: a server of 2026-07-28 neither mints nor honours sessions.
//!
//! MCP transports page §Earlier Streamable HTTP Revisions.

use crate::checks::answers::{describe, is_served, response, status};
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Verdict};

/// Reads the answers to a session id, to GET and to DELETE, and looks for ids nobody asked for.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let asked: Vec<&Exchange> = evidence.probed(ProbeId::StatelessSession).collect();
    if asked.is_empty() {
        return Verdict::Inconclusive {
            reason: "nobody was let in to ask with a session id".to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    }
    let mut case = evidence.case();
    for exchange in &asked {
        match exchange.probe.variant.as_deref() {
            Some("session-header") if is_served(exchange) => {}
            // About the credential, a limit or an outage, not about the session id.
            Some("session-header")
                if matches!(status(exchange), None | Some(401 | 403 | 429 | 500..)) =>
            {
                let seen = describe(exchange);
                case.doubt(format!("{seen} to a request with a session id"), None);
            }
            Some("session-header") => {
                let message = format!(
                    "{} to a request that carries `Mcp-Session-Id`, expected the answer without it",
                    describe(exchange)
                );
                let draft = Draft::new("session id honoured", message);
                case.breach(draft.at(exchange.id, Part::Status, "another answer"));
            }
            Some(verb) => match status(exchange) {
                Some(seen @ 200..300) => {
                    let verb = verb.to_ascii_uppercase();
                    let message = format!("HTTP {seen} to {verb}, expected 405");
                    let draft = Draft::new(format!("{verb} answered"), message);
                    case.breach(draft.at(exchange.id, Part::Status, "answered"));
                }
                // 405 is the one that is asked for; any refusal says that there is nothing to get.
                Some(400..500) => {}
                _ => case.doubt(format!("{} to {verb}", describe(exchange)), None),
            },
            None => {}
        }
    }
    let older = |it: &&Exchange| {
        let body = it.request.body.as_ref();
        body.is_some_and(|body| !body.text().contains(Revision::R2026_07.as_str()))
    };
    let mut ledger = evidence.collected().ledger.iter();
    let minted = ledger.find(|it| {
        let answered = response(it).is_some_and(|answer| answer.header(SESSION_HEADER).is_some());
        answered && !older(it) && it.request.body.is_some()
    });
    if let Some(exchange) = minted {
        let message = "an answer of 2026-07-28 carries `Mcp-Session-Id`, expected none";
        let part = Part::Header(SESSION_HEADER.to_owned());
        case.breach(Draft::new("session minted", message).at(exchange.id, part, "a session id"));
    }
    case.verdict(Verdict::Held(format!(
        "{} request(s) with the marks of a session changed nothing",
        asked.len()
    )))
}

const SESSION_HEADER: &str = "mcp-session-id";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::exchange::Body;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "sessions-on-stateless-server";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn world(answers: &[(&str, u16, &str)]) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        for (variant, status, body) in answers {
            let key = ProbeKey::new(ProbeId::StatelessSession).variant(*variant);
            world.ask(key, "admin", ENDPOINT, response(*status, &[], body));
        }
        world
    }

    #[test]
    fn a_server_that_does_not_care_holds() {
        let sound = [
            ("session-header", 200, RESULT),
            ("get", 405, ""),
            ("delete", 405, ""),
        ];
        assert_eq!(world(&sound).status(ID), Status::Pass);
        let terse = [("session-header", 200, RESULT), ("get", 404, "")];
        assert_eq!(world(&terse).status(ID), Status::Pass);
    }

    #[test]
    fn an_id_that_changes_the_answer_and_a_stream_are_found() {
        let refused = [("session-header", 404, "{}")];
        assert_eq!(world(&refused).status(ID), Status::Warn);
        let stream = [("session-header", 200, RESULT), ("get", 200, "")];
        assert_eq!(world(&stream).status(ID), Status::Warn);
    }

    #[test]
    fn a_refused_token_a_limit_and_an_outage_say_nothing_about_sessions() {
        for status in [401, 429, 503] {
            let world = world(&[("session-header", status, "{}")]);
            assert_eq!(world.status(ID), Status::Inconclusive, "{status}");
        }
    }

    #[test]
    fn a_minted_session_is_found_in_answers_of_this_revision_only() {
        let mut world = world(&[("session-header", 200, RESULT)]);
        let headers = [("Mcp-Session-Id", "{session-admin}")];
        for (version, expected) in [("2025-11-25", Status::Pass), ("2026-07-28", Status::Warn)] {
            let text = format!("{{\"version\":\"{version}\"}}");
            let key = ProbeKey::new(ProbeId::DetectModern);
            let mut exchange = {
                let id = world.ask(key, "admin", ENDPOINT, response(200, &headers, RESULT));
                world.collected.ledger.exchange(id).unwrap().clone()
            };
            exchange.request.body = Some(Body {
                bytes: text.as_bytes().into(),
                truncated: false,
                length: text.len() as u64,
                sha256: String::new(),
            });
            world.collected.ledger.file(exchange);
            assert_eq!(world.status(ID), expected, "{version}");
        }
    }

    #[test]
    fn an_older_revision_has_sessions_and_silence_decides_nothing() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
        assert_eq!(world(&[]).status(ID), Status::Inconclusive);
        let fault = [("session-header", 200, RESULT), ("get", 500, "")];
        assert_eq!(world(&fault).status(ID), Status::Inconclusive);
    }
}
