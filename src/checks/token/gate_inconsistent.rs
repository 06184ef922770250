//! TOK-02: a wrong token that the usual doors refuse is refused at every other door as well.
//!
//! MCP §Token Handling; MCP §Error Handling.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::revisions;
use crate::checks::tokens::OPEN;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::wrong_tokens::{DoorSeen, at_other_doors};

/// Compares what the tool list did with a wrong token, and with none, with what other doors did.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let seen = at_other_doors(&evidence.collected().ledger);
    if seen.is_empty() {
        return Verdict::Inconclusive {
            reason: "other doors are only tried once a valid token shows that they are there"
                .to_owned(),
            decided_by: Some("--identity".to_owned()),
        };
    }
    // Who gets in at the usual door is no witness: public lists are public everywhere.
    let witnessed: Vec<&DoorSeen<'_>> = seen
        .iter()
        .filter(|door| is_refused(evidence, door.identity))
        .collect();
    if witnessed.is_empty() {
        return Verdict::NotApplicable(
            "the tool list is public, so other doors may be as well".to_owned(),
        );
    }
    let mut case = evidence.case();
    let ungated = revisions::without_gate(evidence);
    let follows = |door: &DoorSeen<'_>| {
        let revision = door.door.strip_prefix(REVISION);
        revision.is_some_and(|revision| ungated.iter().any(|open| open == revision))
    };
    let (following, witnessed): (Vec<_>, Vec<_>) =
        witnessed.into_iter().partition(|door| follows(door));
    for door in witnessed
        .iter()
        .filter(|door| door.outcome == GateOutcome::Accepted)
    {
        let message = format!(
            "`{}` let `{}` in, which `tools/list` refuses; expected HTTP 401 at both",
            door.door, door.identity
        );
        case.breach(
            Draft::new(format!("{} at {}", door.identity, door.door), message).at(
                door.exchange,
                Part::Status,
                "accepted",
            ),
        );
    }
    let refused = witnessed
        .iter()
        .filter(|door| door.outcome == GateOutcome::Refused);
    let refused = refused.count();
    if witnessed.is_empty() {
        return Verdict::NotApplicable(format!(
            "the doors that were tried are those of {}, which asks for no token at all: see \
             `revision-asks-no-token`",
            ungated.join(", ")
        ));
    }
    if refused == 0 && case.is_clean() {
        case.doubt(
            "no other door gave an answer that can be read as a yes or a no",
            None,
        );
    }
    case.verdict(Verdict::Held(format!(
        "what `tools/list` refuses was refused in {refused} of {} attempts at other doors{}",
        witnessed.len(),
        if following.is_empty() {
            ""
        } else {
            ", a revision that asks for no token left out (`revision-asks-no-token`)"
        }
    )))
}

/// Whether the usual doors refuse an identity.
fn is_refused(evidence: &Evidence<'_>, identity: &str) -> bool {
    let list = ProbeId::ListTools.as_str();
    let gates = evidence.collected().gates.iter();
    let mut own = gates.filter(|gate| gate.identity == identity && gate.door == list);
    own.next()
        .is_some_and(|gate| gate.outcome == GateOutcome::Refused)
}

/// How the door of another revision is called.
const REVISION: &str = "tools/list in ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, response};
    use crate::model::identity::IdentityKind;
    use crate::model::probe::ProbeKey;
    use crate::model::verdict::Status;
    use crate::oracle::wrong_tokens::DELETE;

    const ID: &str = "gate-inconsistent";

    fn world(list: GateOutcome, delete: u16) -> World {
        let mut world = World::new();
        world.identity("garbage", IdentityKind::Garbage, &[]);
        world.gate("garbage", "list-tools", list, 401);
        let key = ProbeKey::new(ProbeId::WrongTokenDoor).about(DELETE);
        world.ask(key, "garbage", ENDPOINT, response(delete, &[], ""));
        world
    }

    #[test]
    fn a_door_that_lets_in_what_the_list_refuses_is_broken() {
        assert_eq!(world(GateOutcome::Refused, 204).status(ID), Status::Fail);
        assert_eq!(world(GateOutcome::Refused, 401).status(ID), Status::Pass);
    }

    #[test]
    fn a_revision_without_a_gate_is_left_to_the_finding_that_names_it() {
        let door = ProbeKey::new(ProbeId::WrongTokenDoor).about("tools/list in 2025-03-26");
        let listed = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;
        let with = |delete, ungated| {
            let mut world = world(GateOutcome::Refused, delete);
            world.gate("anonymous", "list-tools", GateOutcome::Refused, 401);
            world.ask(
                door.clone(),
                "garbage",
                ENDPOINT,
                response(200, &[], listed),
            );
            if ungated {
                let list = ProbeKey::new(ProbeId::EraList).variant("2025-03-26");
                world.ask(list, "anonymous", ENDPOINT, response(200, &[], listed));
            }
            world
        };
        let world = with(401, true);
        assert_eq!(world.status(ID), Status::Pass);
        assert_eq!(world.status("revision-asks-no-token"), Status::Fail);
        // Another door is another defect, and so is a gate that only a wrong token passes.
        assert_eq!(with(204, true).verdict(ID).findings().len(), 1);
        assert_eq!(with(401, false).verdict(ID).findings().len(), 1);
    }

    #[test]
    fn a_public_list_makes_nobody_a_witness() {
        let mut world = world(GateOutcome::Accepted, 204);
        world.gate("anonymous", "call-valid", GateOutcome::Refused, 401);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn an_answer_about_the_session_says_nothing() {
        assert_eq!(
            world(GateOutcome::Refused, 404).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn without_a_valid_token_the_flag_is_named() {
        let verdict = World::new().verdict(ID);
        assert!(matches!(
            verdict,
            Verdict::Inconclusive {
                decided_by: Some(_),
                ..
            }
        ));
    }
}
