//! PRIM-17: what is denied looks like what does not exist, where a list hides it.
//!
//! Hardening: SCP-05 asks for a 403 that names the scope, which shows existence by design.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Access, Cell};
use crate::model::verdict::{Part, Verdict};

/// Reads the cells of everything that a caller's list leaves out and that was refused.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let collected = evidence.collected();
    let listed: BTreeSet<&str> = evidence
        .cells()
        .iter()
        .filter(|cell| cell.listed == Some(true))
        .map(|cell| cell.subject.as_str())
        .collect();
    let hidden: Vec<&Cell> = evidence
        .cells()
        .iter()
        .filter(|cell| {
            let identity = collected.identities.named(&cell.identity);
            let valid =
                identity.is_some_and(|it| it.kind == IdentityKind::Valid && it.invalid.is_none());
            valid
                && cell.listed == Some(false)
                && cell.access == Access::Denied
                && listed.contains(cell.subject.as_str())
        })
        .collect();
    if hidden.is_empty() {
        return Verdict::NotApplicable(
            "nothing that a list hides was refused when asked for by name".to_owned(),
        );
    }
    let mut case = evidence.case();
    for cell in &hidden {
        if cell.rule.as_deref() == Some(UNLIKE_MISSING) {
            case.breach(draft(cell));
        }
    }
    let challenged = hidden
        .iter()
        .filter(|cell| cell.rule.as_deref() == Some(CHALLENGED))
        .count();
    let otherwise = if challenged > 0 {
        Verdict::Observed(format!(
            "{challenged} of {} refusal(s) of hidden names say which scope is missing, which shows \
             that the name exists; MCP asks for that",
            hidden.len()
        ))
    } else {
        Verdict::Held(format!(
            "{} hidden name(s) were refused without showing that they exist",
            hidden.len()
        ))
    };
    case.verdict(otherwise)
}

fn draft(cell: &Cell) -> Draft {
    let message = format!(
        "`{}` is not in the list of `{}`, and asking for it is refused unlike a name that does not \
         exist; expected the same answer, or a challenge that names the scope",
        cell.subject, cell.identity
    );
    let mut draft = Draft::new(cell.subject.clone(), message).confidence(cell.confidence);
    if let Some(answer) = cell.exchanges.first() {
        draft = draft.at(*answer, Part::Status, "the refusal");
    }
    draft.also(&cell.exchanges, "a random name, or the control")
}

/// Refused unlike a random name (oracle D6).
const UNLIKE_MISSING: &str = "D6";

/// Refused with a challenge for this call (oracle D1).
const CHALLENGED: &str = "D1";

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::verdict::Status;

    const ID: &str = "refusal-reveals-existence";

    fn world(rule: &str) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.tool("create_note");
        world.cell("create_note", "admin", Access::Allowed);
        let cell = world.cell("create_note", "reader", Access::Denied);
        cell.listed = Some(false);
        cell.rule = Some(rule.to_owned());
        world
    }

    #[test]
    fn a_refusal_unlike_that_of_a_random_name_warns() {
        assert_eq!(world("D6").status(ID), Status::Warn);
    }

    #[test]
    fn the_answer_of_a_random_name_holds_and_a_challenge_is_observed() {
        assert_eq!(world("D4").status(ID), Status::Pass);
        assert_eq!(world("D1").status(ID), Status::Observed);
    }

    #[test]
    fn what_is_listed_needs_no_hiding() {
        let mut world = world("D6");
        world.collected.matrices[0].cells[1].listed = Some(true);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
