//! PRIM-02: a tool that is missing from the caller's list cannot be called by its name.
//!
//! MCP tools page §Security Considerations; OAuth 2.1 §5.2.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, ToolCell};
use crate::model::identity::IdentityKind;
use crate::model::matrix::Access;
use crate::model::surface::{Listing, SubjectKind};
use crate::model::verdict::{Part, Verdict};

/// Reads the cells of tools that others see and the caller does not.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    // What is hidden by chance is not hidden from anybody.
    if let Some(who) = unstable(evidence) {
        return Verdict::inconclusive(format!(
            "`{who}` got other tools on another connection, so what a list leaves out says nothing"
        ));
    }
    let hidden: Vec<ToolCell<'_>> = evidence
        .tool_cells()
        .filter(|it| it.cell.listed == Some(false) && !is_ever_listed(evidence, it))
        .filter(|it| {
            evidence
                .baseline()
                .is_none_or(|widest| widest.name != it.identity.name)
        })
        .filter(|it| !it.identity.kind.must_be_refused() || is_anonymous(it))
        .filter(|it| is_listed_for_another(evidence, it))
        .collect();
    if hidden.is_empty() {
        return Verdict::NotApplicable("every caller sees the same tools".to_owned());
    }
    let mut case = evidence.case();
    for it in &hidden {
        let (tool, who) = (&it.tool.name, &it.identity.name);
        match it.cell.access {
            Access::Allowed => case.breach(callable(it)),
            Access::Denied => {}
            Access::Reached => case.doubt(
                format!(
                    "`{tool}` is hidden from `{who}`, yet its arguments were validated; \
                     a gate may sit behind validation"
                ),
                Some(it.cell.decided_by.as_deref().unwrap_or("--allow call")),
            ),
            Access::Inconclusive | Access::NotTested => {
                let reason = it.cell.reason.as_deref().unwrap_or("not decided");
                let reason = format!("`{tool}` is hidden from `{who}`: {reason}");
                case.doubt(reason, it.cell.decided_by.as_deref());
            }
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} hidden tool(s) were refused when called by name",
        hidden.len()
    )))
}

fn callable(it: &ToolCell<'_>) -> Draft {
    let message = format!(
        "`{}` is not in the list of `{}`, and `{}` called it; expected a refusal",
        it.tool.name, it.identity.name, it.identity.name
    );
    let mut draft = Draft::new(it.cell.subject.clone(), message).confidence(it.cell.confidence);
    if let Some(answer) = it.answer() {
        draft = draft.at(answer, Part::Status, "the call ran");
    }
    draft.also(&it.cell.exchanges, "a control")
}

// A list that varies is no policy (PRIM-01).
fn is_ever_listed(evidence: &Evidence<'_>, it: &ToolCell<'_>) -> bool {
    let listings = evidence.collected().surface.listings.iter();
    let mut own = listings.filter(|listing| listing.identity == it.identity.name);
    own.any(|listing| listing.kind == it.tool.kind && listing.names.contains(&it.tool.name))
}

/// An identity whose complete lists differ.
fn unstable<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    let listings = &evidence.collected().surface.listings;
    let complete = |it: &&Listing| it.kind == SubjectKind::Tool && it.is_complete();
    let names = |it: &Listing| it.names.iter().cloned().collect::<BTreeSet<String>>();
    let mut first = listings.iter().filter(complete);
    let found = first.find(|first| {
        let mut others = listings.iter().filter(complete);
        others.any(|other| other.identity == first.identity && names(other) != names(first))
    })?;
    Some(&found.identity)
}

fn is_anonymous(it: &ToolCell<'_>) -> bool {
    it.identity.kind == IdentityKind::Anonymous
}

fn is_listed_for_another(evidence: &Evidence<'_>, it: &ToolCell<'_>) -> bool {
    evidence
        .valid_cells_of(it.tool)
        .any(|other| other.cell.listed == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "hidden-tool-callable";

    fn world(access: Access) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.tool("create_note");
        world.cell("create_note", "admin", Access::Allowed);
        world.cell("create_note", "reader", access).listed = Some(false);
        world
    }

    #[test]
    fn a_hidden_tool_that_runs_is_broken() {
        assert_eq!(world(Access::Allowed).status(ID), Status::Fail);
    }

    #[test]
    fn a_hidden_tool_that_is_refused_holds() {
        assert_eq!(world(Access::Denied).status(ID), Status::Pass);
    }

    #[test]
    fn a_validation_error_decides_nothing_and_names_the_flag() {
        let Verdict::Inconclusive { decided_by, .. } = world(Access::Reached).verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some("--allow call"));
    }

    #[test]
    fn a_tool_that_nobody_sees_is_configuration() {
        let mut world = world(Access::Allowed);
        world.collected.matrices[0].cells[0].listed = Some(false);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_list_that_varies_hides_nothing() {
        let mut world = world(Access::Allowed);
        world.listing("reader", 1, &["create_note"]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn the_strongest_identity_is_no_witness() {
        let mut world = world(Access::Allowed);
        world.collected.identities.baseline = Some("reader".to_owned());
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn equal_lists_do_not_apply() {
        let mut world = world(Access::Allowed);
        world.collected.matrices[0].cells[1].listed = Some(true);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn lists_that_vary_decide_nothing() {
        let mut world = world(Access::Allowed);
        assert_eq!(world.status(ID), Status::Fail);
        world.listing("reader", 0, &["read_note"]);
        world.listing("reader", 1, &["read_note", "list_notes"]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
