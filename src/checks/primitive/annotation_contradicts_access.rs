//! PRIM-12: tools that may change state are not open to tokens that are kept from their siblings.
//!
//! MCP tools page: annotations are hints and never a control.

use crate::checks::access::{before_validation, is_narrower, opened_by_scope, stated};
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::{Evidence, ToolCell};
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Access, Confidence};
use crate::model::surface::{Subject, SubjectKind};
use crate::model::verdict::{Part, Severity, Verdict};

/// Crosses the hints with what narrow tokens and callers without one can do.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let subjects = evidence.collected().surface.subjects.iter();
    let tools: Vec<&Subject> = subjects.filter(|it| it.kind == SubjectKind::Tool).collect();
    if tools.is_empty() {
        return Verdict::NotApplicable("no tool is listed".to_owned());
    }
    let mut case = evidence.case();
    for tool in &tools {
        if is_read_only(tool) && DOES.contains(&verb(&tool.name)) {
            case.advise(misnamed(tool));
        }
    }
    // Where no tool says that it only reads, silence about the others says nothing.
    if !tools.iter().any(|tool| is_read_only(tool)) {
        return case.verdict(Verdict::Observed(
            "no tool is annotated as read-only".to_owned(),
        ));
    }
    let narrow: Vec<ToolCell<'_>> = evidence
        .tool_cells()
        .filter(|it| {
            matches!(
                it.identity.kind,
                IdentityKind::Valid | IdentityKind::Anonymous
            )
        })
        .filter(|it| is_narrower(evidence, it))
        .collect();
    for it in narrow.iter().filter(|it| !is_read_only(it.tool)) {
        look(evidence, &mut case, it, &narrow);
    }
    case.verdict(Verdict::Held(format!(
        "no state-changing tool of {} stands out as open to a narrow token",
        tools.len()
    )))
}

fn look(evidence: &Evidence<'_>, case: &mut Case<'_>, it: &ToolCell<'_>, narrow: &[ToolCell<'_>]) {
    let stated = stated(evidence, it.tool).and_then(|policy| policy.permits(it));
    if stated == Some(true) || !it.got_in() || opened_by_scope(evidence, it) {
        return;
    }
    let siblings = narrow.iter().filter(|other| {
        other.identity.name == it.identity.name
            && other.tool.id != it.tool.id
            && before_validation(evidence, other)
    });
    let guarded = siblings.clone().count();
    let (did, confidence) = match it.cell.access {
        Access::Allowed => ("ran", it.cell.confidence),
        Access::Reached if guarded > 0 => (
            "got past the gate that refuses its siblings",
            Confidence::Weak,
        ),
        _ => return,
    };
    let message = format!(
        "`{}` is not annotated as read-only and {did} for `{}`, which is refused {guarded} other \
         tool(s) before validation: worth a review",
        it.tool.name, it.identity.name
    );
    let mut draft = Draft::new(it.cell.subject.clone(), message).confidence(confidence);
    if let Some(answer) = it.answer() {
        draft = draft.at(answer, Part::Status, "not refused");
    }
    for answer in siblings.filter_map(ToolCell::answer).take(2) {
        draft = draft.at(answer, Part::Status, "a sibling is refused");
    }
    case.advise(draft);
}

fn misnamed(tool: &Subject) -> Draft {
    let message = format!(
        "`{}` is annotated as read-only, and its name says it acts",
        tool.name
    );
    Draft::new(format!("{} annotation", tool.id), message)
        .at(tool.exchange, Part::Status, "the list")
        .confidence(Confidence::Weak)
        .at_most(Severity::Info, "names prove nothing")
}

fn is_read_only(tool: &Subject) -> bool {
    tool.annotations.and_then(|hints| hints.read_only) == Some(true)
}

fn verb(name: &str) -> &str {
    let end = name
        .char_indices()
        .skip(1)
        .find(|(_, character)| !character.is_ascii_lowercase() && !character.is_ascii_digit());
    end.map_or(name, |(at, _)| name.get(..at).unwrap_or(name))
}

const DOES: [&str; 8] = [
    "delete", "remove", "drop", "purge", "destroy", "send", "pay", "transfer",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Layer;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "annotation-contradicts-access";

    fn world(access: Access) -> World {
        let mut world = World::new();
        world.answer(ProbeId::ListTools, "admin", 200, &[], "{}");
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.annotated_tool("read_note", true);
        world.annotated_tool("create_note", false);
        world.tool("delete_note");
        world.cell("read_note", "reader", Access::Allowed);
        world.cell("delete_note", "reader", Access::Denied).layer =
            Some(Layer::ToolGateBeforeValidation);
        world.cell("create_note", "reader", access);
        world
    }

    #[test]
    fn an_unguarded_tool_among_guarded_ones_is_worth_a_review() {
        let world = world(Access::Reached);
        assert_eq!(world.status(ID), Status::Warn);
        let verdict = world.verdict(ID);
        assert_eq!(verdict.findings()[0].subject, "tool/create_note");
        assert_eq!(verdict.findings()[0].confidence, Confidence::Weak);
    }

    #[test]
    fn guarded_tools_hold() {
        assert_eq!(world(Access::Denied).status(ID), Status::Pass);
    }

    #[test]
    fn validation_alone_says_nothing_where_no_gate_was_seen_before_it() {
        let mut world = world(Access::Reached);
        let cell = &mut world.collected.matrices[0].cells[1];
        cell.access = Access::Reached;
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_stated_permission_is_respected() {
        let mut world = world(Access::Allowed);
        assert_eq!(world.status(ID), Status::Warn);
        world.policy(&["create_note"], &["r"], false);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_server_that_annotates_nothing_is_only_described() {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.tool("create_note");
        world.cell("create_note", "reader", Access::Allowed);
        assert_eq!(world.status(ID), Status::Observed);
    }

    #[test]
    fn a_read_only_hint_on_an_acting_name_is_a_note() {
        let mut world = world(Access::Denied);
        world.annotated_tool("sendMail", true);
        assert_eq!(world.status(ID), Status::Warn);
        assert_eq!(verb("sendMail"), "send");
        assert_eq!(verb("sender_list"), "sender");
        assert_eq!(verb("list_deleted"), "list");
        assert_eq!(verb(""), "");
        assert_eq!(verb("éa"), "éa");
    }
}
