//! What a door did with a credential, beside what it does with a good one.

use super::gates;
use crate::codec::jsonrpc::Media;
use crate::model::door_trials::{Door, DoorTrial};
use crate::model::exchange::{Exchange, ExchangeId, Ledger};
use crate::model::matrix::GateOutcome;

/// A door counts as open only where the good token came through it, and this credential got the same.
pub(crate) fn outcome(ledger: &Ledger, trial: &DoorTrial) -> GateOutcome {
    let Some(exchange) = ledger.exchange(trial.exchange) else {
        return GateOutcome::Unclear;
    };
    let of = |id: Option<ExchangeId>| id.and_then(|id| ledger.exchange(id));
    let control = of(trial.control);
    match trial.door {
        Door::Stream => stream(exchange, control),
        Door::End => end(exchange, control, of(trial.after)),
        Door::Call | Door::Read | Door::Prompt => gates::beside(exchange, control, true),
        _ => gates::beside(exchange, control, false),
    }
}

fn stream(exchange: &Exchange, control: Option<&Exchange>) -> GateOutcome {
    match exchange.status() {
        Some(401 | 403) => GateOutcome::Refused,
        // A server may keep to one stream for a session: a conflict shows that there is one.
        Some(200) if opens(exchange) => match control {
            Some(good) if opens(good) || good.status() == Some(409) => GateOutcome::Accepted,
            _ => GateOutcome::Unclear,
        },
        _ => GateOutcome::Unclear,
    }
}

/// A session has been ended by a stranger when it worked before and does not afterwards.
fn end(exchange: &Exchange, before: Option<&Exchange>, after: Option<&Exchange>) -> GateOutcome {
    match exchange.status() {
        Some(401 | 403) => GateOutcome::Refused,
        _ if accepts_end(exchange) => {
            if before.is_some_and(is_served) && after.is_some_and(is_gone) {
                GateOutcome::Accepted
            } else {
                GateOutcome::Unclear
            }
        }
        _ => GateOutcome::Unclear,
    }
}

/// Whether the answer to DELETE says that the session was ended.
pub(crate) fn accepts_end(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(200 | 202 | 204))
}

/// Whether an answer says that the session is not there any more.
pub(crate) fn is_gone(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(400 | 404 | 410))
}

/// Whether an answer is an event stream, ended or not.
pub(crate) fn opens(exchange: &Exchange) -> bool {
    let is_stream = |it: &crate::model::exchange::Response| {
        it.status == 200 && Media::of(&it.media_type()) == Media::EventStream
    };
    exchange.response().is_some_and(is_stream)
}

fn is_served(exchange: &Exchange) -> bool {
    gates::admits(exchange) == GateOutcome::Accepted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{HeaderField, Outcome};
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::target::Revision;
    use crate::oracle::testing::{call, http, reset, rpc_error, said, unauthorized};

    fn at(
        door: Door,
        stranger: Outcome,
        good: Option<Outcome>,
        after: Option<Outcome>,
    ) -> GateOutcome {
        let mut ledger = Ledger::default();
        let mut file = |outcome| {
            let key = ProbeKey::new(ProbeId::WrongTokenDoor).about(door.as_str());
            ledger.file(call(key, "garbage", "a", &serde_json::json!({}), outcome))
        };
        let control = good.map(&mut file);
        let exchange = file(stranger);
        let after = after.map(&mut file);
        let trial = DoorTrial {
            revision: Revision::R2025_06,
            door,
            identity: "garbage".into(),
            exchange,
            control,
            borrowed: false,
            after,
        };
        outcome(&ledger, &trial)
    }

    fn listed() -> Outcome {
        http(
            200,
            &[],
            r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}"#,
        )
    }

    fn events() -> Outcome {
        let Outcome::Response(mut stream) = http(200, &[], "") else {
            panic!("a response")
        };
        stream.headers = vec![HeaderField::new("content-type", "text/event-stream")];
        Outcome::Response(stream)
    }

    #[test]
    fn a_list_is_open_where_the_good_token_is_listed_the_tools_too() {
        let with = |good| at(Door::ToolList, listed(), good, None);
        assert_eq!(with(Some(listed())), GateOutcome::Accepted);
        assert_eq!(with(None), GateOutcome::Unclear);
        for good in [unauthorized(), reset(), http(503, &[], "")] {
            assert_eq!(with(Some(good)), GateOutcome::Unclear);
        }
        let refused = at(Door::ToolList, unauthorized(), Some(listed()), None);
        assert_eq!(refused, GateOutcome::Refused);
    }

    #[test]
    fn a_method_that_nobody_is_answered_is_no_open_door() {
        let none = || rpc_error(-32601, "Method not found");
        for door in [Door::Discover, Door::ToolList, Door::PromptList] {
            assert_eq!(
                at(door, none(), Some(none()), None),
                GateOutcome::Unclear,
                "{door:?}"
            );
        }
    }

    #[test]
    fn a_call_is_open_where_both_are_told_that_the_name_is_unknown() {
        let unknown = || rpc_error(-32602, "Unknown tool: a");
        assert_eq!(
            at(Door::Call, unknown(), Some(unknown()), None),
            GateOutcome::Accepted
        );
        assert_eq!(
            at(Door::Call, unknown(), Some(said("ran")), None),
            GateOutcome::Unclear
        );
        assert_eq!(
            at(Door::Call, unauthorized(), Some(unknown()), None),
            GateOutcome::Refused
        );
        let session = http(
            404,
            &[],
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#,
        );
        assert_eq!(
            at(Door::Call, session, Some(unknown()), None),
            GateOutcome::Unclear
        );
    }

    #[test]
    fn a_stream_is_open_where_the_good_token_opens_one_or_finds_it_taken() {
        let with = |good| at(Door::Stream, events(), good, None);
        assert_eq!(with(Some(events())), GateOutcome::Accepted);
        assert_eq!(with(Some(http(409, &[], ""))), GateOutcome::Accepted);
        assert_eq!(with(Some(http(405, &[], ""))), GateOutcome::Unclear);
        assert_eq!(with(None), GateOutcome::Unclear);
        for stranger in [http(405, &[], ""), http(200, &[], "{}"), reset()] {
            let seen = at(Door::Stream, stranger, Some(events()), None);
            assert_eq!(seen, GateOutcome::Unclear);
        }
        let refused = at(Door::Stream, unauthorized(), None, None);
        assert_eq!(refused, GateOutcome::Refused);
    }

    #[test]
    fn a_session_is_ended_by_a_stranger_only_where_it_stops_working() {
        let gone = || Some(http(404, &[], ""));
        let ended = |after| at(Door::End, http(204, &[], ""), Some(listed()), after);
        assert_eq!(ended(gone()), GateOutcome::Accepted);
        assert_eq!(ended(Some(listed())), GateOutcome::Unclear);
        assert_eq!(ended(Some(http(503, &[], ""))), GateOutcome::Unclear);
        assert_eq!(ended(Some(unauthorized())), GateOutcome::Unclear);
        assert_eq!(ended(None), GateOutcome::Unclear);
        let dead = at(Door::End, http(204, &[], ""), gone(), gone());
        assert_eq!(dead, GateOutcome::Unclear);
        for stranger in [405, 404] {
            let seen = at(
                Door::End,
                http(stranger, &[], ""),
                Some(listed()),
                Some(listed()),
            );
            assert_eq!(seen, GateOutcome::Unclear);
        }
        let refused = at(Door::End, http(403, &[], ""), Some(listed()), None);
        assert_eq!(refused, GateOutcome::Refused);
    }
}
