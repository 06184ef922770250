//! SCP-09: at least one operation's outcome depends on the token's scopes.
//!
//! OAuth 2.1 §5.2; MCP §Token Handling.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection, ToolCell};
use crate::checks::scopes::{self, advertised};
use crate::checks::tokens::OPEN;
use crate::model::identity::{Identity, ScopeSet};
use crate::model::matrix::{Access, Confidence};
use crate::model::verdict::{Part, Verdict};

/// Compares what differently scoped tokens can do.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let known: Vec<(&Identity, ScopeSet)> = evidence
        .usable()
        .filter_map(|identity| Some((identity, scopes::held(identity)?)))
        .collect();
    let distinct: BTreeSet<&ScopeSet> = known.iter().map(|(_, scopes)| scopes).collect();
    if distinct.len() < 2 {
        return Verdict::undecided(
            "fewer than two valid tokens with different known scopes",
            "a second --identity, or [mint] scopes = \"each\"",
        );
    }
    let cells: Vec<ToolCell<'_>> = evidence
        .valid_cells()
        .filter(|it| {
            known
                .iter()
                .any(|(identity, _)| identity.name == it.identity.name)
        })
        .collect();
    if let Some((refused, admitted)) = dependence(&cells) {
        return Verdict::Held(format!(
            "`{}` is refused to `{}` and not to `{}`",
            refused.tool.name, refused.identity.name, admitted.identity.name
        ));
    }
    if cells.iter().all(|it| it.cell.access != Access::Allowed) {
        return undecided(&cells, "no call of a differently scoped token ran");
    }
    let Some(why) = contradiction(evidence, &known, &cells) else {
        return undecided(
            &cells,
            "no outcome depends on scopes, as far as calls were tried",
        );
    };
    let mut case = evidence.case();
    let draft = broken(&cells, &why);
    if names_scopes(evidence) {
        case.breach(draft);
    } else {
        case.advise(draft);
    }
    case.verdict(Verdict::inconclusive("nothing was found"))
}

fn dependence<'c, 'a>(cells: &'c [ToolCell<'a>]) -> Option<(&'c ToolCell<'a>, &'c ToolCell<'a>)> {
    let refused = |it: &&ToolCell<'a>| it.is_refused() && it.cell.confidence >= Confidence::Strong;
    cells.iter().filter(refused).find_map(|it| {
        let same_tool = |other: &&ToolCell<'a>| other.tool.id == it.tool.id && other.got_in();
        Some((it, cells.iter().find(same_tool)?))
    })
}

fn contradiction(
    evidence: &Evidence<'_>,
    known: &[(&Identity, ScopeSet)],
    cells: &[ToolCell<'_>],
) -> Option<String> {
    let ran = |name: &str| {
        let mut own = cells.iter().filter(|it| it.identity.name == name);
        own.any(|it| it.cell.access == Access::Allowed)
    };
    // A tool or two may be meant for any token, so it must get as far as everybody else.
    let unrelated = known.iter().find(|(identity, scopes)| {
        is_unrelated(evidence, scopes) && reaches_everything(cells, &identity.name)
    });
    if let Some((identity, held)) = unrelated {
        return Some(format!(
            "the token of `{}`, which holds none of the server's scopes ({}), calls tools like any \
             other",
            identity.name,
            scopes::list(held)
        ));
    }
    let disjoint = known.iter().enumerate().find_map(|(at, (one, held))| {
        let mut others = known.iter().skip(at + 1);
        let (other, _) = others.find(|(other, scopes)| {
            ran(&one.name) && ran(&other.name) && scopes.is_disjoint(held)
        })?;
        Some(format!(
            "the tokens of `{}` and `{}` share no scope",
            one.name, other.name
        ))
    });
    if let Some(names) = disjoint.filter(|_| same_tools(cells)) {
        return Some(format!("{names} and can call the same tools"));
    }
    let all_ran = cells.iter().all(|it| it.cell.access == Access::Allowed);
    let changes = cells.iter().any(|it| {
        let read_only = it.tool.annotations.and_then(|hints| hints.read_only);
        read_only != Some(true)
    });
    (all_ran && changes).then(|| {
        format!(
            "every one of {} calls ran, whatever the token's scopes",
            cells.len()
        )
    })
}

fn reaches_everything(cells: &[ToolCell<'_>], name: &str) -> bool {
    let (own, others): (Vec<_>, Vec<_>) = cells.iter().partition(|it| it.identity.name == name);
    let ran = |tool: &str| {
        let allowed = |it: &&&ToolCell<'_>| it.cell.access == Access::Allowed;
        own.iter().filter(allowed).any(|it| it.tool.id == tool)
    };
    let count = own
        .iter()
        .filter(|it| it.cell.access == Access::Allowed)
        .count();
    let mut others = others.iter().filter(|it| it.cell.access == Access::Allowed);
    own.iter().all(|it| it.got_in())
        && others.all(|it| ran(&it.tool.id))
        && (count > 1 || count == own.len())
        && count > 0
}

fn is_unrelated(evidence: &Evidence<'_>, held: &ScopeSet) -> bool {
    let mut named = advertised(evidence);
    named.extend(evidence.challenged_scopes());
    let named = scopes::of_the_service(&named);
    held.is_empty() || (!named.is_empty() && held.is_disjoint(&named))
}

fn same_tools(cells: &[ToolCell<'_>]) -> bool {
    let all_ran = cells.iter().all(|it| it.cell.access == Access::Allowed);
    let tools: BTreeSet<&str> = cells.iter().map(|it| it.tool.id.as_str()).collect();
    all_ran && !tools.is_empty()
}

fn names_scopes(evidence: &Evidence<'_>) -> bool {
    !advertised(evidence).is_empty() || !evidence.challenged_scopes().is_empty()
}

fn undecided(cells: &[ToolCell<'_>], reason: &str) -> Verdict {
    let open: Vec<_> = cells
        .iter()
        .filter(|it| !it.cell.access.is_decided())
        .collect();
    let flag = open.iter().find_map(|it| it.cell.decided_by.clone());
    Verdict::Inconclusive {
        reason: match open.len() {
            0 => reason.to_owned(),
            count => format!("{reason}; {count} of {} cells are not decided", cells.len()),
        },
        decided_by: flag.or_else(|| (!open.is_empty()).then(|| "--allow call".to_owned())),
    }
}

fn broken(cells: &[ToolCell<'_>], why: &str) -> Draft {
    let ran = cells.iter().filter(|it| it.cell.access == Access::Allowed);
    let complete = cells.iter().all(|it| it.cell.access == Access::Allowed);
    let message = format!("{why}; expected at least one call to depend on scopes");
    let mut draft = Draft::new("scopes", message).confidence(if complete {
        Confidence::Proven
    } else {
        Confidence::Strong
    });
    for answer in ran.filter_map(ToolCell::answer).take(4) {
        draft = draft.at(answer, Part::Status, "the call ran");
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::{AnonymousAccess, Route};
    use crate::model::verdict::Status;

    const ID: &str = "scopes-not-enforced";

    fn world(narrow: &[&str]) -> World {
        let mut world = World::new();
        world.resource_metadata(Route::WellKnownInserted, &resource_document(&[]));
        world.valid("narrow", narrow);
        world.valid("wide", &["notes:read", "notes:write"]);
        world.annotated_tool("read_note", true);
        world.annotated_tool("create_note", false);
        for name in ["narrow", "wide"] {
            world.cell("read_note", name, Access::Allowed);
        }
        world.cell("create_note", "wide", Access::Reached);
        world
    }

    #[test]
    fn one_scope_dependent_call_holds() {
        let mut world = world(&["notes:read"]);
        world.cell("create_note", "narrow", Access::Denied);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_gate_that_may_sit_behind_validation_is_not_missed() {
        let mut world = world(&["notes:read"]);
        world.cell("create_note", "narrow", Access::Reached);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_token_with_unrelated_scopes_that_calls_tools_is_broken() {
        let mut world = world(&["profile"]);
        world.cell("create_note", "narrow", Access::Reached);
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.annotated_tool("list_notes", true);
        world.cell("list_notes", "wide", Access::Allowed);
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.cell("list_notes", "narrow", Access::Allowed);
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(
            world.verdict(ID).findings()[0].confidence,
            Confidence::Strong
        );
    }

    #[test]
    fn state_changing_tools_that_run_for_every_scope_are_broken() {
        let mut world = World::new();
        world.resource_metadata(Route::WellKnownInserted, &resource_document(&[]));
        world.valid("narrow", &["notes:read"]);
        world.valid("wide", &["notes:read", "notes:write"]);
        world.annotated_tool("create_note", false);
        for name in ["narrow", "wide"] {
            world.cell("create_note", name, Access::Allowed);
        }
        assert_eq!(world.status(ID), Status::Fail);
        world.collected.discovery.resource_metadata.clear();
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn read_tools_that_both_tokens_may_call_decide_nothing() {
        let mut world = World::new();
        world.valid("narrow", &["notes:read"]);
        world.valid("wide", &["notes:read", "notes:write"]);
        world.annotated_tool("read_note", true);
        for name in ["narrow", "wide"] {
            world.cell("read_note", name, Access::Allowed);
        }
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_server_that_asks_for_no_token_has_no_scopes_to_enforce() {
        let mut world = world(&["notes:read"]);
        world.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn one_token_is_not_an_experiment() {
        let mut world = World::new();
        world.valid("only", &["notes:read"]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
