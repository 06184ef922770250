//! PRIM-03: a caller cannot use a tool that its token does not authorize.
//!
//! MCP tools page §Security Considerations; OAuth 2.1 §5.2.

use crate::checks::access::{Policy, stated_or_derived};
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::{Evidence, ToolCell};
use crate::checks::intended::{demand, intended_cells};
use crate::checks::logins;
use crate::model::identity::IdentityKind;
use crate::model::matrix::Access;
use crate::model::policy::Conformity;
use crate::model::surface::SubjectKind;
use crate::model::verdict::{Part, Verdict};

/// Compares cells with what the operator, the tool or the server's own refusals say.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let cells: Vec<ToolCell<'_>> = evidence.valid_cells().collect();
    if cells.is_empty() {
        return logins::no_token(
            evidence,
            "no tool was called with a valid token",
            "--identity",
        );
    }
    let mut case = evidence.case();
    let mut judged = 0_usize;
    for it in &cells {
        let Some(policy) = stated_or_derived(evidence, it.tool) else {
            continue;
        };
        match policy.permits(it) {
            Some(false) => {
                judged += 1;
                forbidden(&mut case, it, &policy);
            }
            Some(true) => judged += 1,
            None => case.doubt(
                format!("the scopes of `{}` are not known", it.identity.name),
                Some("scopes = […] of the [[identity]]"),
            ),
        }
    }
    judged += beside_tools(evidence, &mut case);
    if judged == 0 && case.is_clean() {
        return without_policy(&cells);
    }
    case.verdict(Verdict::Held(format!(
        "{judged} cell(s) agree with what is stated or derived"
    )))
}

fn forbidden(case: &mut Case<'_>, it: &ToolCell<'_>, policy: &Policy) {
    let (tool, who) = (&it.tool.name, &it.identity.name);
    let (demand, source) = (policy.demand(), policy.source);
    match it.cell.access {
        Access::Denied => {}
        Access::Allowed => {
            let message = format!(
                "`{who}` called `{tool}`, which asks for {demand} by {source}; \
                 expected HTTP 403"
            );
            let draft = Draft::new(it.cell.subject.clone(), message);
            case.breach(cited(draft, it, "the call ran"));
        }
        Access::Reached => case.doubt(
            format!(
                "`{tool}` asks for {demand} by {source}; `{who}` without it got as far as \
                 argument validation, and a gate may sit behind that"
            ),
            Some(it.cell.decided_by.as_deref().unwrap_or("--allow call")),
        ),
        Access::Inconclusive | Access::NotTested => {
            let reason = it.cell.reason.as_deref().unwrap_or("not decided");
            let reason = format!("`{tool}` for `{who}`: {reason}");
            case.doubt(reason, it.cell.decided_by.as_deref());
        }
    }
}

/// Resources and prompts are judged by the operator's policy alone: nothing else says whose they are.
fn beside_tools(evidence: &Evidence<'_>, case: &mut Case<'_>) -> usize {
    let cells = intended_cells(evidence);
    let others = cells.iter().filter(|it| {
        let valid = it.identity.kind == IdentityKind::Valid && it.identity.invalid.is_none();
        it.subject.kind != SubjectKind::Tool && valid
    });
    let mut judged = 0;
    for it in others {
        match it.conformity {
            Conformity::TooOpen => {
                let message = format!(
                    "`{}` got `{}`, which asks for {} by the operator's policy; expected HTTP 403",
                    it.identity.name,
                    it.subject.id,
                    demand(it.entry)
                );
                let draft = Draft::new(it.cell.subject.clone(), message);
                let draft = draft.confidence(it.cell.confidence);
                if let Some(answer) = it.cell.exchanges.first() {
                    let draft = draft.at(*answer, Part::Status, "what was handed out");
                    case.breach(draft.also(&it.cell.exchanges, "a control"));
                }
            }
            Conformity::Conforms | Conformity::TooClosed => judged += 1,
            Conformity::NotDecided | Conformity::NoPolicy => {
                let reason = it.cell.reason.as_deref().unwrap_or("not decided");
                let reason = format!("`{}` for `{}`: {reason}", it.subject.id, it.identity.name);
                case.doubt(reason, it.cell.decided_by.as_deref());
            }
        }
    }
    judged
}

fn cited(draft: Draft, it: &ToolCell<'_>, says: &str) -> Draft {
    let draft = draft.confidence(it.cell.confidence);
    match it.answer() {
        Some(answer) => draft
            .at(answer, Part::Status, says)
            .also(&it.cell.exchanges, "a control"),
        None => draft,
    }
}

fn without_policy(cells: &[ToolCell<'_>]) -> Verdict {
    let count = |access: Access| cells.iter().filter(|it| it.cell.access == access).count();
    Verdict::Observed(format!(
        "no stated policy to compare with ([[policy]], securitySchemes or refusals that name \
         scopes): {} allowed, {} denied, {} reached, {} undecided",
        count(Access::Allowed),
        count(Access::Denied),
        count(Access::Reached),
        count(Access::Inconclusive) + count(Access::NotTested)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Confidence;
    use crate::model::surface::DeclaredScheme;
    use crate::model::verdict::Status;

    const ID: &str = "unauthorized-tool-callable";

    fn world(access: Access) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.tool("create_note");
        world.cell("create_note", "admin", Access::Allowed);
        world.cell("create_note", "reader", access);
        world
    }

    fn with_policy(access: Access) -> World {
        let mut world = world(access);
        world.policy(&["create_*"], &["w"], false);
        world
    }

    #[test]
    fn a_forbidden_call_that_ran_is_broken_and_names_its_policy_source() {
        let world = with_policy(Access::Allowed);
        assert_eq!(world.status(ID), Status::Fail);
        let message = world.verdict(ID).findings()[0].message.clone();
        assert!(message.contains("the operator's policy"), "{message}");
    }

    #[test]
    fn a_forbidden_call_that_was_refused_holds() {
        assert_eq!(with_policy(Access::Denied).status(ID), Status::Pass);
    }

    #[test]
    fn a_forbidden_call_that_was_only_validated_is_undecided() {
        let verdict = with_policy(Access::Reached).verdict(ID);
        assert!(matches!(
            verdict,
            Verdict::Inconclusive {
                decided_by: Some(_),
                ..
            }
        ));
    }

    #[test]
    fn without_a_policy_nothing_is_ever_broken() {
        assert_eq!(world(Access::Allowed).status(ID), Status::Observed);
    }

    #[test]
    fn a_declaration_and_a_proven_refusal_are_policies_too() {
        let mut declared = world(Access::Allowed);
        declared.collected.surface.subjects[0].schemes = Some(vec![DeclaredScheme {
            kind: "oauth2".to_owned(),
            scopes: ["w".to_owned()].into(),
        }]);
        assert_eq!(declared.status(ID), Status::Fail);
        let mut derived = world(Access::Allowed);
        derived.valid("other", &["x"]);
        let cell = derived.cell("create_note", "other", Access::Denied);
        cell.confidence = Confidence::Proven;
        cell.challenged_scopes = vec!["w".to_owned()];
        cell.flips = vec!["w".to_owned()];
        assert_eq!(derived.status(ID), Status::Fail);
        // What turned it was not named, or not it alone.
        for flips in [vec!["x"], vec!["w", "x"]] {
            let flips = flips.into_iter().map(str::to_owned).collect();
            derived.collected.matrices[0].cells[2].flips = flips;
            assert_eq!(derived.status(ID), Status::Observed);
        }
        derived.collected.matrices[0].cells[2].flips = vec!["w".to_owned()];
        derived.collected.matrices[0].cells[2].confidence = Confidence::Strong;
        assert_eq!(derived.status(ID), Status::Observed);
    }

    #[test]
    fn a_permitted_call_that_was_refused_is_no_breach() {
        let mut world = world(Access::Denied);
        world.policy(&["*"], &["r"], false);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn any_of_lets_in_whoever_holds_one_and_deny_nobody() {
        let mut either = with_policy(Access::Allowed);
        either.collected.policy[0].any_of = vec![["r".to_owned()].into(), ["x".to_owned()].into()];
        either.collected.policy[0].require.clear();
        assert_eq!(either.status(ID), Status::Pass);
        let mut nobody = with_policy(Access::Denied);
        nobody.collected.policy[0].deny = true;
        assert_eq!(nobody.status(ID), Status::Fail);
    }

    #[test]
    fn a_resource_is_judged_by_the_operators_policy_alone() {
        let resource = |policy: bool, access: Access| {
            let mut world = with_policy(Access::Denied);
            world.tool("note://1");
            world.cell("note://1", "reader", access);
            let subject = world.collected.surface.subjects.last_mut().unwrap();
            subject.kind = SubjectKind::Resource;
            subject.id = "resource/note://1".to_owned();
            let cell = world.collected.matrices[0].cells.last_mut().unwrap();
            cell.subject = "resource/note://1".to_owned();
            if policy {
                world.collected.policy[0].subjects = vec!["resource/*".to_owned()];
            }
            world.status(ID)
        };
        assert_eq!(resource(true, Access::Allowed), Status::Fail);
        assert_eq!(resource(true, Access::Denied), Status::Pass);
        assert_eq!(resource(true, Access::Inconclusive), Status::Inconclusive);
        assert_eq!(resource(false, Access::Allowed), Status::Pass);
    }
}
