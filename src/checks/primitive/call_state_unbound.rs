//! PRIM-26: the state of an unfinished call cannot be altered or borrowed.
//!
//! MCP 2026-07-28 multi round-trip page §Server Requirements, items 4 and 5.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::handles::{HandleAsk, Role, StateTrial};
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::doors::{Shown, is_control, shown};

/// Reads what came of giving the state back altered and from another caller.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let states = &evidence.collected().handles.states;
    if states.is_empty() {
        return Verdict::NotApplicable(
            "no valid call that only reads asked back with a state".to_owned(),
        );
    }
    let mut case = evidence.case();
    for state in states {
        let owner = state.asks.iter().find(|ask| ask.role == Role::Owner);
        let control = owner.and_then(|ask| evidence.exchange(ask.exchange));
        let Some(control) = control.filter(|exchange| is_control(exchange)) else {
            case.doubt(
                format!(
                    "`{}` does not go on with its own state when every question is declined",
                    state.tool
                ),
                None,
            );
            continue;
        };
        for ask in state.asks.iter().filter(|ask| ask.role != Role::Owner) {
            let own = evidence.exchange(ask.exchange);
            match own.map(|own| shown(own, &[control], &[])) {
                Some(Shown::Disclosed) if ask.role == Role::Altered => {
                    case.breach(draft(state, ask, owner, "with one character changed"));
                }
                Some(Shown::Disclosed) => {
                    let said = format!("from `{}`, to whom it was not given", ask.identity);
                    let why = "binding a state to its caller is recommended";
                    case.advise(draft(state, ask, owner, &said).at_most(Severity::Medium, why));
                }
                Some(Shown::Refused | Shown::Missing | Shown::Empty) => {}
                Some(Shown::Unclear) | None => case.doubt(
                    format!(
                        "giving the state of `{}` back as `{}` was not clear",
                        state.tool, ask.identity
                    ),
                    None,
                ),
            }
        }
    }
    case.verdict(Verdict::Held(format!(
        "{} unfinished call(s) went on with their own state, and not with an altered or borrowed one",
        states.len()
    )))
}

fn draft(state: &StateTrial, ask: &HandleAsk, owner: Option<&HandleAsk>, how: &str) -> Draft {
    let message = format!(
        "`{}` goes on with a `requestState` {how}; expected an error",
        state.tool
    );
    let role = if ask.role == Role::Altered {
        "altered"
    } else {
        "borrowed"
    };
    let mut draft = Draft::new(format!("{}: {role} state", state.tool), message)
        .at(ask.exchange, Part::Body, "the call went on")
        .at(state.issued, Part::Body, "the state");
    if let Some(owner) = owner {
        draft = draft.at(owner.exchange, Part::Body, "the control");
    }
    draft
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "call-state-unbound";

    fn world(owner: bool, altered: bool, other: bool) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.valid("admin", &["r"]);
        let issued = world.answer(ProbeId::GiveBackState, "admin", 200, &[], "{}");
        let roles = [
            ("admin", Role::Altered, altered),
            ("colleague", Role::OtherUser, other),
            ("admin", Role::Owner, owner),
        ];
        let asks = roles.map(|(who, role, goes_on)| {
            let members = if goes_on {
                json!({"result": {"content": [{"type": "text", "text": "the minutes"}]}})
            } else {
                json!({"error": {"code": -32602, "message": "state"}})
            };
            HandleAsk {
                identity: who.to_owned(),
                role,
                what: "tools/call".to_owned(),
                exchange: world.rpc(ProbeKey::new(ProbeId::GiveBackState), who, &members),
            }
        });
        world.collected.handles.states.push(StateTrial {
            tool: "tool/read_minutes".to_owned(),
            issued,
            asks: asks.to_vec(),
        });
        world
    }

    #[test]
    fn an_altered_state_that_is_taken_is_broken() {
        assert_eq!(world(true, true, false).status(ID), Status::Fail);
        assert_eq!(world(true, false, false).status(ID), Status::Pass);
    }

    #[test]
    fn a_borrowed_state_that_is_taken_warns() {
        assert_eq!(world(true, false, true).status(ID), Status::Warn);
    }

    #[test]
    fn without_the_control_nothing_is_decided() {
        assert_eq!(world(false, false, false).status(ID), Status::Inconclusive);
    }

    #[test]
    fn calls_that_never_ask_back_and_older_revisions_do_not_apply() {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        assert_eq!(world.status(ID), Status::NotApplicable);
        let mut old = self::world(true, true, true);
        old.revision(Revision::R2025_11);
        assert_eq!(old.status(ID), Status::NotApplicable);
    }
}
