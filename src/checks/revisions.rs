//! Which of the revisions that are served ask for a token at all. One that does not has one defect,
//! which `revision-asks-no-token` reports; what else is open there follows from it.

use super::answers::{is_served, status};
use super::evidence::Evidence;
use super::tokens::is_refusal;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::IdentityKind;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;

/// What a revision did with a list that came without a token.
pub(crate) struct Seen {
    /// The revision.
    pub(crate) revision: String,
    /// Whether it asked for a token.
    pub(crate) asks: bool,
    /// The answer.
    pub(crate) exchange: ExchangeId,
}

/// Every revision whose list was asked for without a token.
pub(crate) fn seen(evidence: &Evidence<'_>) -> Vec<Seen> {
    let audited = audited(evidence).into_iter();
    let others = evidence.probed(ProbeId::EraList).filter_map(elsewhere);
    audited.chain(others).collect()
}

/// The revisions that ask for no token where another one does.
pub(crate) fn without_gate(evidence: &Evidence<'_>) -> Vec<String> {
    let seen = seen(evidence);
    if !seen.iter().any(|it| it.asks) {
        return Vec::new();
    }
    let open = seen.into_iter().filter(|it| !it.asks);
    open.map(|it| it.revision).collect()
}

/// The audited revision, at its list or at the session before it.
fn audited(evidence: &Evidence<'_>) -> Option<Seen> {
    let revision = evidence.discovery().revision()?.to_string();
    let gates = || evidence.gates(IdentityKind::Anonymous);
    let refused = gates().find(|gate| DOORS.contains(&gate.door.as_str()) && is_refusal(gate));
    let accepted =
        || gates().find(|gate| gate.door == LIST && gate.outcome == GateOutcome::Accepted);
    let gate = refused.or_else(accepted)?;
    Some(Seen {
        revision,
        asks: gate.outcome != GateOutcome::Accepted,
        exchange: gate.exchange,
    })
}

/// Another revision; an answer that is neither a result nor a demand for a token says nothing.
fn elsewhere(exchange: &Exchange) -> Option<Seen> {
    if exchange.identity != "anonymous" {
        return None;
    }
    let asks = matches!(status(exchange), Some(401 | 403));
    (asks || is_served(exchange)).then(|| Seen {
        revision: exchange.probe.variant.clone().unwrap_or_default(),
        asks,
        exchange: exchange.id,
    })
}

const LIST: &str = "list-tools";
const DOORS: [&str; 2] = [LIST, "open-session"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World};
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{http, unauthorized};

    fn world(refused_here: bool, refused_there: bool) -> World {
        let mut world = World::new();
        let outcome = |refused| {
            if refused {
                GateOutcome::Refused
            } else {
                GateOutcome::Accepted
            }
        };
        world.gate("anonymous", LIST, outcome(refused_here), 401);
        let key = ProbeKey::new(ProbeId::EraList).variant("2025-03-26");
        let listed = http(
            200,
            &[],
            r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#,
        );
        let answer = if refused_there {
            unauthorized()
        } else {
            listed
        };
        world.ask(key, "anonymous", ENDPOINT, answer);
        world
    }

    fn open(world: &World) -> Vec<String> {
        without_gate(&world.evidence("revision-asks-no-token"))
    }

    #[test]
    fn the_revision_without_a_gate_is_named_where_another_has_one() {
        assert_eq!(open(&world(true, false)), ["2025-03-26"]);
        assert_eq!(open(&world(false, true)), ["2025-11-25"]);
    }

    #[test]
    fn revisions_that_agree_are_not_named() {
        assert!(open(&world(true, true)).is_empty());
        assert!(open(&world(false, false)).is_empty());
    }
}
