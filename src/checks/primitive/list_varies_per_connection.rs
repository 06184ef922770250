//! PRIM-01: the list of tools depends on who asks, never on the connection.
//!
//! MCP 2026-07-28 tools page §Capabilities.

use crate::checks::evidence::Evidence;
use crate::checks::lists;
use crate::model::surface::SubjectKind;
use crate::model::verdict::Verdict;

/// Compares repeated complete lists of each identity.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    lists::judge_repeats(evidence, &[SubjectKind::Tool], |_| "tools", "tools")
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "list-varies-per-connection";

    fn world(lists: &[&[&str]]) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.valid("reader", &["r"]);
        for (attempt, names) in (0..).zip(lists) {
            world.listing("reader", attempt, names);
        }
        world
    }

    #[test]
    fn equal_lists_hold_and_another_order_warns() {
        assert_eq!(world(&[&["a", "b"], &["a", "b"]]).status(ID), Status::Pass);
        assert_eq!(world(&[&["a", "b"], &["b", "a"]]).status(ID), Status::Warn);
    }

    #[test]
    fn another_list_on_a_fresh_connection_is_broken() {
        assert_eq!(world(&[&["a", "b"], &["a"]]).status(ID), Status::Fail);
        assert_eq!(world(&[&["a"], &["b"], &["a"]]).status(ID), Status::Fail);
    }

    #[test]
    fn a_change_that_stays_is_a_change_over_time() {
        assert_eq!(
            world(&[&["a"], &["b"], &["b"]]).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn one_list_is_not_enough_and_older_revisions_are_silent() {
        assert_eq!(world(&[&["a"]]).status(ID), Status::Inconclusive);
        let mut old = world(&[&["a"], &["b"]]);
        old.revision(Revision::R2025_11);
        assert_eq!(old.status(ID), Status::NotApplicable);
    }
}
