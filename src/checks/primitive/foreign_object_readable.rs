//! PRIM-22: a handle made for one user is worthless to another.
//!
//! MCP Security Best Practices §State Handle Hijacking; tools page §Stateful Tools.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::handles::{ObjectOutcome, ObjectTrial, Role};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads who got the objects that the operator named.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let objects = &evidence.collected().objects;
    if objects.is_empty() {
        return Verdict::undecided(
            "no object was named, so none was tried with another user",
            NAMED,
        );
    }
    let mut case = evidence.case();
    let mut kept = 0_usize;
    for it in objects {
        match it.outcome {
            ObjectOutcome::OwnerOnly => kept += 1,
            ObjectOutcome::OtherUser | ObjectOutcome::Anyone => {
                let draft = draft(it);
                if let Some(by) = it.decided_by.as_deref().filter(|_| !it.private) {
                    case.doubt(
                        format!(
                            "{}: {}, and nobody said whether it is private",
                            it.name, it.reason
                        ),
                        Some(by),
                    );
                } else if it.private {
                    case.breach(draft);
                } else {
                    let why = "the operator does not call it private";
                    case.advise(draft.at_most(Severity::Info, why));
                }
            }
            ObjectOutcome::Undecided => case.doubt(
                format!("`{}` of `{}`: {}", it.name, it.owner, it.reason),
                it.decided_by.as_deref(),
            ),
        }
    }
    case.verdict(Verdict::Held(format!(
        "{kept} object(s) were handed to their owners and refused to another user and without a token"
    )))
}

fn draft(it: &ObjectTrial) -> Draft {
    let role = match it.outcome {
        ObjectOutcome::Anyone => Role::Anonymous,
        _ => Role::OtherUser,
    };
    let who = it.asks.iter().find(|ask| ask.role == role);
    let name = who.map_or("somebody else", |ask| ask.identity.as_str());
    let did = match who.map(|ask| ask.what.as_str()) {
        Some("change") => "changed it",
        _ => "gets the same",
    };
    let message = format!(
        "`{}` belongs to the user of `{}`, and `{name}` {did}; expected a refusal",
        it.name, it.owner
    );
    let mut draft = Draft::new(it.name.clone(), message);
    if let Some(ask) = who {
        draft = draft.at(ask.exchange, Part::Body, "the object");
    }
    let controls: Vec<_> = it
        .asks
        .iter()
        .filter(|ask| ask.role == Role::Owner)
        .map(|ask| ask.exchange)
        .collect();
    draft.also(&controls, "its owner")
}

const NAMED: &str = "an `[[object]]` entry with its owner, and an `[[identity]]` of \
                     `kind = \"other-user\"`";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::handles::HandleAsk;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "foreign-object-readable";

    fn world(outcome: ObjectOutcome, private: bool) -> World {
        let mut world = World::new();
        world.revision(crate::model::target::Revision::R2026_07);
        world.valid("admin", &["r"]);
        let roles = [
            ("admin", Role::Owner),
            ("colleague", Role::OtherUser),
            ("anonymous", Role::Anonymous),
        ];
        let asks = roles.map(|(identity, role)| HandleAsk {
            identity: identity.to_owned(),
            role,
            what: "read".to_owned(),
            exchange: world.answer(ProbeId::ReadObject, identity, 200, &[], "{}"),
        });
        world.collected.objects.push(ObjectTrial {
            name: "tool/get_note {\"id\":\"7\"}".to_owned(),
            owner: "admin".to_owned(),
            private,
            asks: asks.to_vec(),
            outcome,
            reason: "as built".to_owned(),
            decided_by: None,
        });
        world
    }

    #[test]
    fn an_object_that_another_user_gets_warns() {
        for outcome in [ObjectOutcome::OtherUser, ObjectOutcome::Anyone] {
            let world = world(outcome, true);
            assert_eq!(world.status(ID), Status::Warn);
            assert_eq!(world.verdict(ID).findings()[0].severity, Severity::High);
        }
    }

    #[test]
    fn what_is_not_private_is_mentioned_only() {
        let world = world(ObjectOutcome::OtherUser, false);
        assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Info);
    }

    #[test]
    fn an_object_of_the_run_waits_for_the_word_whether_it_is_private() {
        let mut unsaid = world(ObjectOutcome::OtherUser, false);
        unsaid.collected.objects[0].decided_by = Some("`private = true`".to_owned());
        assert_eq!(unsaid.status(ID), Status::Inconclusive);
        let mut said = world(ObjectOutcome::OtherUser, true);
        for ask in &mut said.collected.objects[0].asks {
            ask.what = "change".to_owned();
        }
        let message = said.verdict(ID).findings()[0].message.clone();
        assert!(message.contains("changed it"), "{message}");
    }

    #[test]
    fn an_object_that_is_kept_holds() {
        assert_eq!(
            world(ObjectOutcome::OwnerOnly, true).status(ID),
            Status::Pass
        );
    }

    #[test]
    fn without_an_object_or_a_control_it_stays_open() {
        assert_eq!(
            world(ObjectOutcome::Undecided, true).status(ID),
            Status::Inconclusive
        );
        let mut none = World::new();
        none.revision(crate::model::target::Revision::R2026_07);
        let Verdict::Inconclusive { decided_by, .. } = none.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.unwrap().contains("[[object]]"));
    }
}
