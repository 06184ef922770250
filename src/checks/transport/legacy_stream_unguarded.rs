//! XPT-13: the two endpoints of 2024-11-05 ask for the same token as the audited one.
//!
//! MCP §Error Handling; §Backward Compatibility; 2024-11-05 §Security Warning, item 3.

use crate::checks::answers::{describe, is_served, response, status};
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::{Evidence, Protection};
use crate::codec::sse;
use crate::model::discovery::AnonymousAccess;
use crate::model::exchange::Exchange;
use crate::model::probe::ProbeId;
use crate::model::target::Transport;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads both legs: the stream without a token, and a question without one on somebody's stream.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let asked: Vec<&Exchange> = evidence.probed(ProbeId::LegacyStream).collect();
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable("no door of this server asks for a token".to_owned());
    }
    if asked.is_empty() {
        return if evidence.discovery().anonymous == AnonymousAccess::Served {
            Verdict::NotApplicable("lists are open without a token at the new endpoint".to_owned())
        } else {
            Verdict::inconclusive("the old endpoints were not looked for")
        };
    }
    let mut case = evidence.case();
    let mut streams = 0_usize;
    for exchange in &asked {
        match exchange.probe.variant.as_deref() {
            Some("stream") if opened(exchange) => {
                streams += 1;
                if exchange.identity == "anonymous" {
                    first_leg(&mut case, exchange, &asked);
                }
            }
            Some("list-on-other") => second_leg(&mut case, exchange, &asked),
            _ => {}
        }
    }
    let audited = evidence.discovery().audited.as_ref();
    let audited = audited.is_some_and(|served| served.transport == Transport::HttpSse);
    if streams == 0 && !audited {
        let silent = asked.iter().all(|it| status(it).is_none());
        if silent {
            case.doubt("the old endpoints gave no answer", None);
        }
        return case.verdict(Verdict::Held(
            "no event stream of 2024-11-05 opens, with a token or without".to_owned(),
        ));
    }
    case.verdict(Verdict::Held(
        "the event stream and the questions to it both need the token".to_owned(),
    ))
}

/// A stream without a token is one thing, answers on it another.
fn first_leg(case: &mut Case<'_>, stream: &Exchange, asked: &[&Exchange]) {
    let place = stream.probe.subject.as_deref().unwrap_or("endpoint");
    let same = |it: &&&Exchange| it.probe.subject == stream.probe.subject;
    let mut answers = asked.iter().filter(same);
    let served = answers.find(|it| {
        it.identity == "anonymous" && it.probe.variant.as_deref() == Some("list") && is_served(it)
    });
    let url = &stream.request.url;
    let message = match served {
        Some(_) => format!("{url} opens without a token and answers `tools/list`, expected 401"),
        None => format!("{url} opens without a token, expected 401"),
    };
    let draft = Draft::new(format!("stream at {place}"), message);
    let draft = draft.at(stream.id, Part::Body, "an event stream");
    case.breach(match served {
        Some(list) => draft.also(&[list.id], "an answer on it"),
        None => draft.at_most(Severity::Medium, "no question was answered on it"),
    });
}

/// Whoever knows the session is answered, although the owner's own question carried a token.
fn second_leg(case: &mut Case<'_>, exchange: &Exchange, asked: &[&Exchange]) {
    let mut owners = asked.iter().filter(|it| {
        it.probe.subject == exchange.probe.subject
            && it.identity != exchange.identity
            && it.probe.variant.as_deref() == Some("list")
    });
    let Some(owner) = owners.find(|it| is_served(it)) else {
        case.doubt("the stream did not answer its owner either", None);
        return;
    };
    if is_served(exchange) || matches!(status(exchange), Some(200..300)) {
        let message = format!(
            "{} to a question without a token on the stream of `{}`, expected 401",
            describe(exchange),
            owner.identity
        );
        let draft = Draft::new("question without a token", message);
        let draft = draft.at(exchange.id, Part::Status, "taken without a token");
        case.breach(draft.also(&[owner.id], "the owner's own question"));
    }
}

fn opened(exchange: &Exchange) -> bool {
    response(exchange).is_some_and(|response| {
        response.status == 200 && sse::endpoint_event(&response.body.bytes()).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response as answer};
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;

    const ID: &str = "legacy-stream-unguarded";
    const EVENT: &str = "event: endpoint\ndata: /messages?sessionId=1\n\n";
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn world(seen: &[(&str, &str, u16, &str)]) -> World {
        let mut world = World::new();
        for (variant, identity, status, body) in seen {
            let key = ProbeKey::new(ProbeId::LegacyStream)
                .about("sse")
                .variant(*variant);
            let stream = [("Content-Type", "text/event-stream")];
            let headers: &[(&str, &str)] = if *variant == "stream" { &stream } else { &[] };
            world.ask(key, identity, ENDPOINT, answer(*status, headers, body));
        }
        world
    }

    #[test]
    fn closed_doors_hold() {
        let closed = [
            ("stream", "anonymous", 401, ""),
            ("stream", "admin", 404, ""),
        ];
        assert_eq!(world(&closed).status(ID), Status::Pass);
        let guarded = [
            ("stream", "anonymous", 401, ""),
            ("stream", "admin", 200, EVENT),
            ("list", "admin", 200, RESULT),
            ("list-on-other", "anonymous", 401, ""),
        ];
        assert_eq!(world(&guarded).status(ID), Status::Pass);
    }

    #[test]
    fn a_stream_without_a_token_is_broken() {
        let open = [
            ("stream", "anonymous", 200, EVENT),
            ("list", "anonymous", 200, RESULT),
        ];
        let served = world(&open);
        assert_eq!(served.status(ID), Status::Fail);
        let silent = world(&open[..1]);
        assert_eq!(silent.status(ID), Status::Fail);
        let severity = |world: &World| world.verdict(ID).findings()[0].severity;
        assert!(severity(&served) > severity(&silent));
    }

    #[test]
    fn a_question_without_a_token_on_anothers_stream_is_broken() {
        let careless = [
            ("stream", "anonymous", 401, ""),
            ("stream", "admin", 200, EVENT),
            ("list", "admin", 200, RESULT),
            ("list-on-other", "anonymous", 202, "Accepted"),
        ];
        assert_eq!(world(&careless).status(ID), Status::Fail);
    }

    #[test]
    fn a_stream_that_does_not_answer_its_owner_decides_nothing() {
        let broken = [
            ("stream", "admin", 200, EVENT),
            ("list", "admin", 500, ""),
            ("list-on-other", "anonymous", 202, ""),
        ];
        assert_eq!(world(&broken).status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_server_without_a_gate_has_none_to_miss() {
        let mut world = world(&[("stream", "anonymous", 200, EVENT)]);
        world.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
