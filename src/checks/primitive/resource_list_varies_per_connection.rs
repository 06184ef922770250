//! PRIM-13: lists of resources, templates and prompts depend on who asks, never on the connection.
//!
//! MCP 2026-07-28 resources page §Capabilities.

use crate::checks::evidence::Evidence;
use crate::checks::lists;
use crate::model::surface::SubjectKind;
use crate::model::verdict::Verdict;

/// Compares repeated complete lists of the baseline.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let listings = &evidence.collected().surface.listings;
    if !listings.iter().any(|it| KINDS.contains(&it.kind)) {
        return Verdict::NotApplicable("the server lists no resources".to_owned());
    }
    let noun = |kind| match kind {
        SubjectKind::ResourceTemplate => "resource templates",
        _ => "resources",
    };
    lists::judge_repeats(evidence, &KINDS, noun, "resources")
}

const KINDS: [SubjectKind; 2] = [SubjectKind::Resource, SubjectKind::ResourceTemplate];

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::surface::SubjectKind;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "resource-list-varies-per-connection";

    fn world(kind: SubjectKind, lists: &[&[&str]]) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.valid("reader", &["r"]);
        for (attempt, names) in (0..).zip(lists) {
            world.listing("reader", attempt, names);
            world.collected.surface.listings.last_mut().unwrap().kind = kind;
        }
        world
    }

    #[test]
    fn equal_lists_hold_and_other_lists_are_broken() {
        for kind in [SubjectKind::Resource, SubjectKind::ResourceTemplate] {
            let same: &[&[&str]] = &[&["a", "b"], &["a", "b"]];
            assert_eq!(world(kind, same).status(ID), Status::Pass);
            assert_eq!(world(kind, &[&["a"], &["a", "b"]]).status(ID), Status::Fail);
        }
    }

    #[test]
    fn kinds_are_not_compared_with_each_other() {
        let mut mixed = world(SubjectKind::Resource, &[&["a"], &["b"]]);
        mixed.collected.surface.listings[0].kind = SubjectKind::ResourceTemplate;
        assert_eq!(mixed.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_server_without_resources_and_an_older_revision_are_left_alone() {
        let tools = world(SubjectKind::Tool, &[&["a"], &["b"]]);
        assert_eq!(tools.status(ID), Status::NotApplicable);
        let mut old = world(SubjectKind::Resource, &[&["a"], &["b"]]);
        old.revision(Revision::R2025_11);
        assert_eq!(old.status(ID), Status::NotApplicable);
    }
}
