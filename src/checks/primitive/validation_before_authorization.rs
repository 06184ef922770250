//! PRIM-05: the token is judged before the request, and the scope before the arguments.
//!
//! MCP §Access Token Privilege Restriction.

use crate::checks::access::{Intent, stated};
use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection, ToolCell};
use crate::checks::tokens::{OPEN, is_refusal};
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Class, GateObservation, GateOutcome, Layer};
use crate::model::verdict::{Part, Severity, Verdict};

/// Looks for validation or lookup results in answers to callers without a good token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    let strangers: Vec<&GateObservation> = STRANGERS
        .into_iter()
        .flat_map(|kind| evidence.gates(kind))
        .filter(|gate| gate.subject.is_some() || gate.door.starts_with("unknown-"))
        .collect();
    let mut case = evidence.case();
    let leaks = strangers.iter().filter(|gate| is_leak(gate));
    for gate in leaks.filter(|gate| is_refused_somewhere(evidence, gate)) {
        if lists_are_guarded(evidence) || is_refused_elsewhere(evidence, gate) {
            case.breach(leak(gate));
        } else if !is_public(evidence, gate) {
            let about = gate.subject.as_deref().unwrap_or("an unknown name");
            case.doubt(
                format!("{about} answers without a token, and nothing states whether it may"),
                Some("[[policy]]"),
            );
        }
    }
    for it in evidence.valid_cells() {
        if it.is_refused() && it.cell.layer == Some(Layer::ToolGateAfterValidation) {
            case.advise(late(&it));
        }
    }
    if strangers.is_empty() {
        case.doubt("no call was made without a good token", None);
    }
    case.verdict(Verdict::Held(
        "callers without a good token are refused before arguments and names are looked at"
            .to_owned(),
    ))
}

fn is_leak(gate: &GateObservation) -> bool {
    let looked = matches!(
        gate.class,
        Some(Class::InvalidArguments | Class::UnknownTool | Class::HiddenUnknownTool)
    );
    gate.outcome == GateOutcome::Accepted && looked
}

// A credential that is accepted everywhere is no question of order (TOK-02 and its like).
fn is_refused_somewhere(evidence: &Evidence<'_>, gate: &GateObservation) -> bool {
    let gates = &evidence.collected().gates;
    let own = |other: &&GateObservation| other.identity == gate.identity;
    let stated = evidence.identity(&gate.identity).map(|it| it.kind);
    stated == Some(IdentityKind::Anonymous) || gates.iter().filter(own).any(is_refusal)
}

fn lists_are_guarded(evidence: &Evidence<'_>) -> bool {
    let mut gates = evidence.gates(IdentityKind::Anonymous);
    gates.any(|gate| is_refusal(gate) && gate.door.starts_with("list-"))
}

fn is_refused_elsewhere(evidence: &Evidence<'_>, gate: &GateObservation) -> bool {
    let mut others = evidence.gates(IdentityKind::Anonymous);
    gate.subject.is_some() && others.any(|it| it.subject == gate.subject && is_refusal(it))
}

fn is_public(evidence: &Evidence<'_>, gate: &GateObservation) -> bool {
    let subject = gate.subject.as_deref();
    let tool = subject.and_then(|id| evidence.collected().surface.subject(id));
    let policy = tool.and_then(|tool| stated(evidence, tool));
    // On a server with public tools the lookup of a name has to come first.
    policy.is_some_and(|policy| policy.intent == Intent::Public) || gate.subject.is_none()
}

fn leak(gate: &GateObservation) -> Draft {
    let what = match gate.class {
        Some(Class::InvalidArguments) => "validated the arguments",
        _ => "looked the name up",
    };
    let about = gate
        .subject
        .as_deref()
        .map_or(String::new(), |it| format!(" of `{it}`"));
    let message = format!(
        "the server {what}{about} for `{}`; expected HTTP 401 before that",
        gate.identity
    );
    let subject = format!("{} for {}", gate.door, gate.identity);
    Draft::new(subject, message).at(gate.exchange, Part::Body, "the answer")
}

fn late(it: &ToolCell<'_>) -> Draft {
    let message = format!(
        "`{}` validates the arguments of `{}` before it refuses for want of a scope",
        it.tool.name, it.identity.name
    );
    let draft = Draft::new("order of scope and validation", message);
    let draft = match it.answer() {
        Some(answer) => draft.at(answer, Part::Status, "the refusal"),
        None => draft,
    };
    draft.also(&it.cell.exchanges, "the order").at_most(
        Severity::Info,
        "MCP leaves this order open; it shows the schema",
    )
}

const STRANGERS: [IdentityKind; 4] = [
    IdentityKind::Anonymous,
    IdentityKind::Garbage,
    IdentityKind::Tampered,
    IdentityKind::Unsigned,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::verdict::Status;

    const ID: &str = "validation-before-authorization";

    fn call(world: &mut World, outcome: GateOutcome, class: Class) {
        let gate = world.gate("anonymous", "call-invalid", outcome, 200);
        gate.subject = Some("tool/create_note".to_owned());
        gate.class = Some(class);
    }

    #[test]
    fn refusal_before_validation_holds() {
        let mut world = World::new();
        call(&mut world, GateOutcome::Refused, Class::Unauthenticated);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn validation_without_a_token_behind_a_guarded_list_is_broken() {
        let mut world = World::new();
        world.gate("anonymous", "list-tools", GateOutcome::Refused, 401);
        call(&mut world, GateOutcome::Accepted, Class::InvalidArguments);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_tool_that_refuses_valid_arguments_is_no_public_tool() {
        let mut world = World::new();
        world.gate("anonymous", "list-tools", GateOutcome::Accepted, 200);
        call(&mut world, GateOutcome::Accepted, Class::InvalidArguments);
        assert_eq!(world.status(ID), Status::Inconclusive);
        call(&mut world, GateOutcome::Refused, Class::Unauthenticated);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_forged_token_that_is_accepted_everywhere_is_another_check() {
        let mut world = World::new();
        world.gate("anonymous", "list-tools", GateOutcome::Refused, 401);
        world.identity("unsigned", IdentityKind::Unsigned, &[]);
        world.gate("unsigned", "list-tools", GateOutcome::Accepted, 200);
        let gate = world.gate("unsigned", "unknown-name", GateOutcome::Accepted, 200);
        gate.class = Some(Class::UnknownTool);
        assert_eq!(world.status(ID), Status::Pass);
        world.gate("unsigned", "list-prompts", GateOutcome::Refused, 401);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_public_tool_may_validate() {
        let mut world = World::new();
        world.tool("create_note");
        world.policy(&["create_note"], &[], true);
        call(&mut world, GateOutcome::Accepted, Class::InvalidArguments);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_scope_refusal_after_validation_only_warns() {
        let mut world = World::new();
        call(&mut world, GateOutcome::Refused, Class::Unauthenticated);
        world.valid("reader", &["r"]);
        world.tool("create_note");
        let cell = world.cell("create_note", "reader", Access::Denied);
        cell.layer = Some(Layer::ToolGateAfterValidation);
        assert_eq!(world.status(ID), Status::Warn);
    }
}
