//! What the doors did that only wrong tokens try.

use super::gates;
use crate::codec::jsonrpc::Media;
use crate::model::exchange::{Exchange, ExchangeId, Ledger};
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;

/// What one of them did with one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DoorSeen<'a> {
    /// Whose credential.
    pub(crate) identity: &'a str,
    /// Which door.
    pub(crate) door: &'a str,
    /// What it did.
    pub(crate) outcome: GateOutcome,
    /// The answer that shows it.
    pub(crate) exchange: ExchangeId,
}

/// One per identity and door; the last answer counts, since a refusal ends the questions.
pub(crate) fn at_other_doors(ledger: &Ledger) -> Vec<DoorSeen<'_>> {
    let mut found: Vec<DoorSeen<'_>> = Vec::new();
    for exchange in ledger.iter() {
        let Some(door) = exchange.probe.subject.as_deref() else {
            continue;
        };
        if exchange.probe.id != ProbeId::WrongTokenDoor {
            continue;
        }
        let seen = DoorSeen {
            identity: &exchange.identity,
            door,
            outcome: outcome(exchange, door),
            exchange: exchange.id,
        };
        let known = found
            .iter_mut()
            .find(|known| known.identity == seen.identity && known.door == seen.door);
        match known {
            Some(known) => *known = seen,
            None => found.push(seen),
        }
    }
    found
}

fn outcome(exchange: &Exchange, door: &str) -> GateOutcome {
    let Some(response) = exchange.response() else {
        return GateOutcome::Unclear;
    };
    match (door, response.status) {
        (STREAM | DELETE, 401 | 403) => GateOutcome::Refused,
        (STREAM, 200) if Media::of(&response.media_type()) == Media::EventStream => {
            GateOutcome::Accepted
        }
        (DELETE, 200 | 202 | 204) => GateOutcome::Accepted,
        (STREAM | DELETE, _) => GateOutcome::Unclear,
        _ => gates::admits(exchange),
    }
}

/// The event stream.
pub(crate) const STREAM: &str = "get-stream";
/// The end of a session.
pub(crate) const DELETE: &str = "delete-session";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{HeaderField, Outcome};
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{call, http, unauthorized};

    fn at(door: &str, outcomes: Vec<Outcome>) -> GateOutcome {
        let mut ledger = Ledger::default();
        for outcome in outcomes {
            let key = ProbeKey::new(ProbeId::WrongTokenDoor).about(door);
            ledger.file(call(key, "garbage", "a", &serde_json::json!({}), outcome));
        }
        let found = at_other_doors(&ledger);
        assert_eq!(found.len(), 1);
        found[0].outcome
    }

    #[test]
    fn a_stream_that_opens_accepts_and_a_missing_one_says_nothing() {
        let Outcome::Response(mut stream) = http(200, &[], "") else {
            panic!("a response")
        };
        stream.headers = vec![HeaderField::new("content-type", "text/event-stream")];
        let stream = Outcome::Response(stream);
        assert_eq!(at(STREAM, vec![stream]), GateOutcome::Accepted);
        assert_eq!(at(STREAM, vec![http(200, &[], "{}")]), GateOutcome::Unclear);
        assert_eq!(at(STREAM, vec![http(405, &[], "")]), GateOutcome::Unclear);
        assert_eq!(at(STREAM, vec![unauthorized()]), GateOutcome::Refused);
    }

    #[test]
    fn a_session_that_ends_accepts_and_an_unknown_one_says_nothing() {
        assert_eq!(at(DELETE, vec![http(204, &[], "")]), GateOutcome::Accepted);
        assert_eq!(at(DELETE, vec![http(404, &[], "")]), GateOutcome::Unclear);
        assert_eq!(at(DELETE, vec![http(403, &[], "")]), GateOutcome::Refused);
    }

    #[test]
    fn the_list_counts_and_not_the_session_before_it() {
        let result = |body: &str| http(200, &[], body);
        let opened = result(r#"{"jsonrpc":"2.0","id":7,"result":{"capabilities":{}}}"#);
        assert_eq!(
            at("tools/list in 2025-06-18", vec![opened, unauthorized()]),
            GateOutcome::Refused
        );
    }
}
