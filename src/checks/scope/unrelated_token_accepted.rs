//! SCP-10: a token without any of the server's scopes is refused where scopes are demanded.
//!
//! OAuth 2.1 §5.2.

use std::collections::BTreeSet;

use crate::checks::access::stated_or_derived;
use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection, ToolCell};
use crate::checks::scopes::{self, advertised, of_the_service};
use crate::checks::tokens::OPEN;
use crate::model::identity::{Identity, ScopeSet};
use crate::model::matrix::{Access, Confidence, Layer};
use crate::model::verdict::{Part, Verdict};

/// Looks at what valid tokens without a scope of this server can do.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let named = named(evidence);
    if named.is_empty() {
        return Verdict::NotApplicable("nothing names a scope of this server".to_owned());
    }
    let unrelated: Vec<&Identity> = evidence
        .usable()
        .filter(|identity| {
            let held = identity.scopes();
            held.is_some_and(|held| held.is_disjoint(&named))
        })
        .collect();
    if unrelated.is_empty() {
        return Verdict::undecided(
            "no valid token without any of the server's scopes",
            "[mint] scopes = \"each\", or an --identity with scopes of another service only",
        );
    }
    let cells: Vec<ToolCell<'_>> = evidence.valid_cells().collect();
    let protected: BTreeSet<&str> = cells
        .iter()
        .filter(|it| is_sure(it) && it.cell.layer != Some(Layer::ServerGate))
        .map(|it| it.tool.id.as_str())
        .collect();
    let mut case = evidence.case();
    let (mut refused, mut asked) = (0_usize, 0_usize);
    for identity in unrelated {
        let own: Vec<&ToolCell<'_>> = cells
            .iter()
            .filter(|it| it.identity.name == identity.name)
            .filter(|it| it.cell.access != Access::NotTested)
            .collect();
        asked += own.len();
        refused += own.iter().filter(|it| it.is_refused()).count();
        for it in own.iter().filter(|it| it.cell.access == Access::Allowed) {
            let demanded = stated_or_derived(evidence, it.tool)
                .is_some_and(|policy| policy.permits(it) == Some(false));
            if demanded || protected.contains(it.tool.id.as_str()) {
                let why = "which asks others for a scope";
                case.breach(draft(it, identity, why));
            }
        }
        if reaches_everything(&own, &cells) {
            let ran = own.iter().find(|it| it.cell.access == Access::Allowed);
            if let Some(it) = ran {
                let why = "as every other tool that any token can call, although scopes are named";
                case.breach(draft(it, identity, why));
            }
        }
    }
    if refused == 0 && case.is_clean() {
        let reason = format!(
            "none of {asked} call(s) of such a token was refused, and none is known to take a scope"
        );
        return Verdict::undecided(reason, "--allow call, or a [[policy]]");
    }
    case.verdict(Verdict::Held(format!(
        "{refused} of {asked} call(s) of tokens without a scope of this server were refused"
    )))
}

/// Every scope that anybody names as this server's.
fn named(evidence: &Evidence<'_>) -> ScopeSet {
    let mut named = advertised(evidence);
    named.extend(evidence.challenged_scopes());
    named.extend(evidence.collected().ladder.varied.iter().cloned());
    for entry in &evidence.collected().policy {
        named.extend(entry.require.iter().cloned());
    }
    for subject in &evidence.collected().surface.subjects {
        let declared = subject.schemes.iter().flatten();
        named.extend(declared.flat_map(|scheme| scheme.scopes.iter().cloned()));
    }
    of_the_service(&named)
}

fn is_sure(it: &ToolCell<'_>) -> bool {
    it.is_refused() && it.cell.confidence >= Confidence::Strong
}

/// Nothing is refused, two calls ran, and none ran for another token only.
fn reaches_everything(own: &[&ToolCell<'_>], all: &[ToolCell<'_>]) -> bool {
    let ran = |tool: &str| {
        own.iter()
            .any(|it| it.cell.access == Access::Allowed && it.tool.id == tool)
    };
    let count = own
        .iter()
        .filter(|it| it.cell.access == Access::Allowed)
        .count();
    let mut others = all.iter().filter(|it| it.cell.access == Access::Allowed);
    count > 1 && own.iter().all(|it| it.got_in()) && others.all(|it| ran(&it.tool.id))
}

fn draft(it: &ToolCell<'_>, identity: &Identity, why: &str) -> Draft {
    let held = identity.scopes().map(scopes::list).unwrap_or_default();
    let message = format!(
        "`{}`, whose token holds none of the server's scopes ({held}), called `{}`, {why}; expected \
         HTTP 403",
        identity.name, it.tool.name
    );
    let draft = Draft::new(it.cell.subject.clone(), message).confidence(it.cell.confidence);
    match it.answer() {
        Some(answer) => draft
            .at(answer, Part::Status, "the call ran")
            .also(&it.cell.exchanges, "a control"),
        None => draft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::discovery::AnonymousAccess;
    use crate::model::verdict::Status;

    const ID: &str = "unrelated-token-accepted";

    fn world(access: Access) -> World {
        let mut world = World::new();
        world.challenge("Bearer", &[("scope", "notes:read")]);
        world.valid("outsider", &["profile"]);
        world.valid("reader", &["notes:read"]);
        for tool in ["read_note", "list_notes"] {
            world.tool(tool);
            world.cell(tool, "outsider", access);
            world.cell(tool, "reader", Access::Allowed);
        }
        world
    }

    #[test]
    fn a_token_without_any_scope_of_the_server_is_refused() {
        assert_eq!(world(Access::Denied).status(ID), Status::Pass);
    }

    #[test]
    fn one_that_reaches_everything_breaks_it() {
        let world = world(Access::Allowed);
        assert_eq!(world.status(ID), Status::Fail);
        let verdict = world.verdict(ID);
        assert!(
            verdict.findings()[0]
                .message
                .contains("none of the server's scopes")
        );
    }

    #[test]
    fn one_that_runs_a_tool_that_others_are_refused_breaks_it() {
        let mut world = world(Access::Denied);
        world.valid("writer", &["notes:write"]);
        world.tool("search_notes");
        world.cell("search_notes", "writer", Access::Denied);
        world.cell("search_notes", "outsider", Access::Allowed);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_tool_for_everybody_is_no_breach_beside_refusals() {
        let mut world = world(Access::Denied);
        world.tool("whoami");
        world.cell("whoami", "outsider", Access::Allowed);
        world.cell("whoami", "reader", Access::Allowed);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn reaching_validation_alone_decides_nothing() {
        assert_eq!(world(Access::Reached).status(ID), Status::Inconclusive);
    }

    #[test]
    fn it_takes_such_a_token_and_a_server_that_names_scopes() {
        let mut none = World::new();
        none.challenge("Bearer", &[("scope", "notes:read")]);
        none.valid("reader", &["notes:read"]);
        assert_eq!(none.status(ID), Status::Inconclusive);
        let mut silent = World::new();
        silent.valid("outsider", &["profile"]);
        assert_eq!(silent.status(ID), Status::NotApplicable);
        let mut open = world(Access::Allowed);
        open.collected.discovery.challenges.clear();
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::NotApplicable);
    }
}
