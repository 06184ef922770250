//! PRIM-20: prompts follow the caller's authorization.
//!
//! MCP prompts page §Security.

use crate::checks::doors;
use crate::checks::evidence::Evidence;
use crate::model::surface::SubjectKind;
use crate::model::verdict::Verdict;

/// Reads the cells of prompts that others see and the caller does not.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let hidden = match doors::hidden(evidence, &[SubjectKind::Prompt]) {
        Ok(hidden) => hidden,
        Err(undecided) => return undecided,
    };
    if hidden.is_empty() {
        return Verdict::NotApplicable("every caller sees the same prompts".to_owned());
    }
    let mut case = evidence.case();
    doors::judge_hidden(evidence, &mut case, &hidden, "obtained");
    case.verdict(Verdict::Held(format!(
        "{} hidden prompt(s) were refused when asked for by name",
        hidden.len()
    )))
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::surface::SubjectKind;
    use crate::model::verdict::Status;

    const ID: &str = "hidden-prompt-obtainable";

    fn world(access: Access, content: &str) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.door(SubjectKind::Prompt, "compare");
        world.door_cell("compare", "admin", Access::Allowed, "pay of Ada");
        world.door_cell("compare", "reader", access, content).listed = Some(false);
        world
    }

    #[test]
    fn a_hidden_prompt_that_is_handed_out_is_broken() {
        assert_eq!(
            world(Access::Allowed, "pay of Ada").status(ID),
            Status::Fail
        );
    }

    #[test]
    fn a_hidden_prompt_that_is_refused_holds() {
        assert_eq!(world(Access::Denied, "").status(ID), Status::Pass);
    }

    #[test]
    fn a_prompt_that_was_not_decided_stays_open() {
        assert_eq!(
            world(Access::NotTested, "").status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn resources_say_nothing_about_prompts() {
        let mut world = world(Access::Allowed, "pay of Ada");
        world.collected.surface.subjects[0].kind = SubjectKind::Resource;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
