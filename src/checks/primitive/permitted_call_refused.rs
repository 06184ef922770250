//! PRIM-03, its other side: whoever the operator's policy lets in gets in.
//!
//! No clause: MCP does not say whom a server has to serve.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::intended::{demand, intended_cells};
use crate::model::identity::IdentityKind;
use crate::model::policy::Conformity;
use crate::model::verdict::{Part, Verdict};

/// Reads the cells that the operator's policy speaks of.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.collected().policy.is_empty() {
        return Verdict::NotApplicable(
            "no [[policy]] says whom the server should let in".to_owned(),
        );
    }
    let mut case = evidence.case();
    let mut judged = 0_usize;
    for it in intended_cells(evidence) {
        if it.permits != Some(true) {
            continue;
        }
        let (subject, who) = (&it.subject.id, &it.identity.name);
        match it.conformity {
            Conformity::TooClosed => {
                judged += 1;
                let held = match it.identity.kind {
                    IdentityKind::Valid => "the policy lets it in",
                    _ => "the policy makes it public",
                };
                let message = format!(
                    "`{who}` was refused `{subject}`, and {held}: it asks for {}",
                    demand(it.entry)
                );
                let draft = Draft::new(format!("{subject} for {who}"), message);
                let draft = draft.confidence(it.cell.confidence);
                case.advise(match it.cell.exchanges.first() {
                    Some(answer) => draft
                        .at(*answer, Part::Status, "the refusal")
                        .also(&it.cell.exchanges, "a control"),
                    None => draft,
                });
            }
            Conformity::Conforms => judged += 1,
            _ => {
                let reason = it.cell.reason.as_deref().unwrap_or("not decided");
                let reason = format!("`{subject}` for `{who}`: {reason}");
                case.doubt(reason, it.cell.decided_by.as_deref());
            }
        }
    }
    if judged == 0 && case.is_clean() {
        return Verdict::NotApplicable("the policy lets none of the identities in".to_owned());
    }
    case.verdict(Verdict::Held(format!("{judged} permitted cell(s) got in")))
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::World;
    use crate::model::matrix::{Access, Confidence};
    use crate::model::verdict::Status;

    const ID: &str = "permitted-call-refused";

    fn world(access: Access) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.tool("read_note");
        world.cell("read_note", "reader", access);
        world.policy(&["read_*"], &["r"], false);
        world
    }

    #[test]
    fn a_permitted_call_that_was_refused_warns_and_one_that_got_in_holds() {
        assert_eq!(world(Access::Denied).status(ID), Status::Warn);
        assert_eq!(world(Access::Allowed).status(ID), Status::Pass);
        assert_eq!(world(Access::Reached).status(ID), Status::Pass);
    }

    #[test]
    fn a_weak_refusal_leaves_it_open() {
        let mut world = world(Access::Denied);
        world.collected.matrices[0].cells[0].confidence = Confidence::Weak;
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_policy_or_for_those_it_keeps_out_it_does_not_apply() {
        let mut world = world(Access::Denied);
        world.collected.policy.clear();
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.policy(&["read_*"], &["w"], false);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_public_entry_that_refuses_strangers_is_named() {
        let mut world = World::new();
        world.tool("read_note");
        world.cell("read_note", "anonymous", Access::Denied);
        world.policy(&["*"], &[], true);
        let verdict = world.verdict(ID);
        assert!(verdict.findings()[0].message.contains("public"));
    }
}
