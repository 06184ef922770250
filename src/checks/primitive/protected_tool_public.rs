//! PRIM-04: tools that are meant to need a user refuse callers without a token.
//!
//! MCP §Error Handling, §Access Token Privilege Restriction.

use crate::checks::access::{Intent, stated};
use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection, ToolCell};
use crate::checks::scopes;
use crate::checks::tokens::OPEN;
use crate::model::matrix::Access;
use crate::model::verdict::{Part, Severity, Verdict};

/// Compares calls without a token with what the operator or the tool says.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let cells: Vec<ToolCell<'_>> = evidence.anonymous_cells().collect();
    let tested = |it: &&ToolCell<'_>| it.cell.access != Access::NotTested;
    if !cells.iter().any(|it| tested(&it)) {
        return Verdict::inconclusive("no tool was called without a token");
    }
    let mut case = evidence.case();
    let mut unstated = Vec::new();
    for it in &cells {
        let policy = stated(evidence, it.tool);
        let protected = policy
            .as_ref()
            .filter(|policy| policy.intent != Intent::Public);
        match (it.got_in(), protected, &policy) {
            (true, Some(policy), _) => {
                case.breach(open(it, &policy.demand(), policy.source));
            }
            (true, None, None) => unstated.push(it.tool.name.as_str()),
            _ => {}
        }
        if protected.is_some() && it.cell.access == Access::Inconclusive {
            let reason = it.cell.reason.as_deref().unwrap_or("not decided");
            let reason = format!("`{}` without a token: {reason}", it.tool.name);
            case.doubt(reason, it.cell.decided_by.as_deref());
        }
    }
    let refused = cells.iter().filter(|it| it.is_refused()).count();
    case.verdict(if unstated.is_empty() {
        Verdict::Held(format!("{refused} tool(s) refused a call without a token"))
    } else if evidence.protection() == Protection::Open {
        Verdict::NotApplicable(OPEN.to_owned())
    } else {
        Verdict::Observed(format!(
            "{} answer(s) without a token, {refused} other tool(s) refuse; nothing states which \
             are meant to be public",
            scopes::names(unstated)
        ))
    })
}

fn open(it: &ToolCell<'_>, demand: &str, source: &str) -> Draft {
    let did = match it.cell.access {
        Access::Allowed => "ran",
        _ => "validated the arguments of",
    };
    let message = format!(
        "the server {did} `{}` without a token although it asks for {demand} by {source}; \
         expected HTTP 401",
        it.tool.name
    );
    let mut draft = Draft::new(it.cell.subject.clone(), message).confidence(it.cell.confidence);
    if it.cell.access != Access::Allowed {
        let why = "it was not seen to run: a gate may sit behind argument validation";
        draft = draft.at_most(Severity::Medium, why);
    }
    match it.answer() {
        Some(answer) => draft.at(answer, Part::Status, "not refused"),
        None => draft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::discovery::AnonymousAccess;
    use crate::model::verdict::Status;

    const ID: &str = "protected-tool-public";

    fn world(access: Access) -> World {
        let mut world = World::new();
        world.tool("create_note");
        world.cell("create_note", "anonymous", access);
        world
    }

    #[test]
    fn a_protected_tool_that_answers_without_a_token_is_broken() {
        let mut severities = Vec::new();
        for access in [Access::Allowed, Access::Reached] {
            let mut world = world(access);
            world.policy(&["create_note"], &["w"], false);
            assert_eq!(world.status(ID), Status::Fail);
            severities.push(world.verdict(ID).findings()[0].severity);
        }
        assert!(severities[0] > severities[1], "{severities:?}");
        assert_eq!(severities[1], Severity::Medium);
    }

    #[test]
    fn a_protected_tool_that_refuses_holds() {
        let mut world = world(Access::Denied);
        world.policy(&["create_note"], &["w"], false);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_tool_that_is_stated_to_be_public_may_answer() {
        let mut world = world(Access::Allowed);
        world.policy(&["create_note"], &[], true);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn without_a_statement_a_mixed_server_is_only_described() {
        assert_eq!(world(Access::Allowed).status(ID), Status::Observed);
        let mut open = world(Access::Allowed);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::NotApplicable);
    }

    #[test]
    fn nothing_called_decides_nothing() {
        assert_eq!(world(Access::NotTested).status(ID), Status::Inconclusive);
    }
}
