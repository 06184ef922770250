//! TOK-01: a request that needs a token and brings none is refused.
//!
//! MCP §Error Handling.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::scopes;
use crate::checks::tokens::{OPEN, depth, is_forgotten, is_refusal};
use crate::model::identity::IdentityKind;
use crate::model::matrix::{GateObservation, GateOutcome};
use crate::model::verdict::{Part, Verdict};

/// Looks for an inner door that lets in what an outer door of the same server refused.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let gates: Vec<_> = evidence.gates(IdentityKind::Anonymous).collect();
    if gates.is_empty() {
        return match evidence.anonymous_refusal() {
            Some(_) => Verdict::inconclusive("only the first door was tried without a token"),
            None => Verdict::inconclusive("no request without a token was sent"),
        };
    }
    let refused: Vec<_> = gates.iter().filter(|gate| is_refusal(gate)).collect();
    let mut case = evidence.case();
    let accepted = gates
        .iter()
        .filter(|gate| gate.outcome == GateOutcome::Accepted);
    let mut open = Vec::new();
    for gate in accepted {
        open.push(gate.door.as_str());
        if is_forgotten(evidence, gate) {
            case.breach(let_in(gate, &refused));
        }
    }
    if refused.is_empty() && open.is_empty() {
        return Verdict::inconclusive("no door gave a request without a token a readable answer");
    }
    open.sort_unstable();
    open.dedup();
    case.verdict(if open.is_empty() {
        Verdict::Held(format!(
            "refused at all {} doors that were tried",
            refused.len()
        ))
    } else {
        Verdict::Observed(format!(
            "posture mixed: {} answer without a token, other doors ask for one",
            scopes::names(open)
        ))
    })
}

fn let_in(gate: &GateObservation, refused: &[&&GateObservation]) -> Draft {
    let about = gate
        .subject
        .as_deref()
        .map_or(String::new(), |it| format!(" for `{it}`"));
    let refusal = refused.iter().find(|it| depth(it) < depth(gate));
    let outer = refusal.map_or("another door", |it| it.door.as_str());
    let message = format!(
        "`{}`{about} answers without a token although `{outer}` asks for one; expected HTTP 401",
        gate.door
    );
    let draft = Draft::new(gate.door.clone(), message).at(gate.exchange, Part::Status, "let in");
    match refusal {
        Some(refusal) => draft.at(refusal.exchange, Part::Status, "refused"),
        None => draft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::discovery::AnonymousAccess;
    use crate::model::verdict::Status;

    const ID: &str = "missing-token-accepted";

    fn status(doors: &[(&str, GateOutcome)]) -> Status {
        let mut world = World::new();
        for (door, outcome) in doors {
            world.gate("anonymous", door, *outcome, 200);
        }
        world.status(ID)
    }

    #[test]
    fn refusal_everywhere_holds() {
        let doors = [
            ("list-tools", GateOutcome::Refused),
            ("call-invalid", GateOutcome::RefusedInBand),
        ];
        assert_eq!(status(&doors), Status::Pass);
    }

    #[test]
    fn a_call_that_answers_behind_a_refused_list_is_broken() {
        let doors = [
            ("list-tools", GateOutcome::Refused),
            ("call-invalid", GateOutcome::Accepted),
        ];
        assert_eq!(status(&doors), Status::Fail);
    }

    #[test]
    fn a_list_that_answers_behind_a_refused_session_is_broken() {
        let doors = [
            ("open-session", GateOutcome::Refused),
            ("list-tools", GateOutcome::Accepted),
        ];
        assert_eq!(status(&doors), Status::Fail);
    }

    #[test]
    fn a_public_list_before_guarded_calls_is_a_posture() {
        let doors = [
            ("open-session", GateOutcome::Accepted),
            ("list-tools", GateOutcome::Accepted),
            ("call-invalid", GateOutcome::Refused),
            ("call-valid", GateOutcome::Accepted),
        ];
        assert_eq!(status(&doors), Status::Observed);
    }

    #[test]
    fn a_server_that_asks_nobody_is_not_accused() {
        let mut world = World::new();
        world.collected.discovery.anonymous = AnonymousAccess::Served;
        world.gate("anonymous", "list-tools", GateOutcome::Accepted, 200);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
