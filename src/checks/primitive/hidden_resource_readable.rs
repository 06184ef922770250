//! PRIM-14: a resource is read only by tokens that may read it.
//!
//! OAuth 2.1 §5.2; MCP resources page §Security Considerations.

use crate::checks::case::Case;
use crate::checks::doors::{self, DoorCell};
use crate::checks::evidence::Evidence;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::Access;
use crate::model::surface::SubjectKind;
use crate::model::verdict::Verdict;
use crate::oracle::doors::Shown;

/// Reads the cells of resources that others see and the caller does not, and of those that are
/// refused to a stronger caller.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let hidden = match doors::hidden(evidence, &KINDS) {
        Ok(hidden) => hidden,
        Err(undecided) => return undecided,
    };
    let mut case = evidence.case();
    doors::judge_hidden(evidence, &mut case, &hidden, "read");
    let compared = contradictions(evidence, &mut case);
    if hidden.is_empty() && compared == 0 && case.is_clean() {
        return Verdict::NotApplicable(
            "every caller sees the same resources, and none is refused to anybody".to_owned(),
        );
    }
    case.verdict(Verdict::Held(format!(
        "{} hidden and {compared} refused resource(s) stayed closed to weaker callers",
        hidden.len()
    )))
}

/// Taking scopes away never opens anything: what a stronger token is refused, a weaker one is not
/// given.
fn contradictions(evidence: &Evidence<'_>, case: &mut Case<'_>) -> usize {
    let cells: Vec<DoorCell<'_>> = doors::cells(evidence, &KINDS).collect();
    let refused = cells
        .iter()
        .filter(|it| it.cell.access == Access::Denied && it.identity.kind == IdentityKind::Valid);
    let mut compared = 0;
    for strong in refused {
        let same = |it: &&DoorCell<'_>| it.cell.subject == strong.cell.subject;
        let weaker = cells.iter().filter(same);
        for weak in weaker.filter(|it| holds_less(it.identity, strong.identity)) {
            compared += 1;
            if weak.cell.access == Access::Allowed
                && doors::reads(evidence, weak) == Shown::Disclosed
            {
                let message = format!(
                    "`{}` is refused to `{}` and read by `{}`, which holds less; expected a refusal",
                    weak.subject.name, strong.identity.name, weak.identity.name
                );
                let draft = doors::draft(weak, message);
                case.breach(draft.also(&strong.cell.exchanges, "the refusal"));
            }
        }
    }
    compared
}

fn holds_less(one: &Identity, other: &Identity) -> bool {
    match (one.kind, one.scopes(), other.scopes()) {
        (IdentityKind::Anonymous, ..) => true,
        (_, Some(less), Some(more)) => less.is_subset(more) && less != more,
        _ => false,
    }
}

const KINDS: [SubjectKind; 2] = [SubjectKind::Resource, SubjectKind::ResourceTemplate];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "hidden-resource-readable";
    const URI: &str = "note://9";

    fn world(access: Access, content: &str) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.door(SubjectKind::Resource, URI);
        world.door_cell(URI, "admin", Access::Allowed, "salaries");
        world.door_cell(URI, "reader", access, content).listed = Some(false);
        world
    }

    #[test]
    fn a_hidden_resource_that_is_read_is_broken() {
        assert_eq!(world(Access::Allowed, "salaries").status(ID), Status::Fail);
    }

    #[test]
    fn a_hidden_resource_that_is_refused_or_empty_holds() {
        assert_eq!(world(Access::Denied, "").status(ID), Status::Pass);
        assert_eq!(world(Access::Allowed, "").status(ID), Status::Pass);
    }

    #[test]
    fn other_content_decides_nothing() {
        let world = world(Access::Allowed, "a page for guests");
        assert_eq!(world.status(ID), Status::Inconclusive);
        let open = self::world(Access::Inconclusive, "");
        assert_eq!(open.status(ID), Status::Inconclusive);
    }

    #[test]
    fn what_everybody_sees_is_not_hidden() {
        let mut world = world(Access::Allowed, "salaries");
        world.collected.matrices[0].cells[1].listed = Some(true);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_weaker_token_must_not_read_what_a_stronger_one_is_refused() {
        let mut world = world(Access::Denied, "");
        world.valid("writer", &["r", "x"]);
        world.collected.identities.baseline = Some("admin".to_owned());
        world.door_cell(URI, "writer", Access::Denied, "");
        assert_eq!(world.status(ID), Status::Pass);
        let cells = &mut world.collected.matrices[0].cells;
        cells.remove(1);
        world.door_cell(URI, "reader", Access::Allowed, "salaries");
        assert_eq!(world.status(ID), Status::Fail);
    }
}
