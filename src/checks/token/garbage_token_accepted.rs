//! TOK-02: a token that no server ever issued is refused with 401 and `invalid_token`.
//!
//! MCP §Token Handling; OAuth 2.1 §5.3; RFC 6750 §3.1.

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, challenge_params, examine};
use crate::model::exchange::Exchange;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{GateObservation, GateOutcome};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the answers to a token made of random characters, or with a broken signature.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let credential = Credential {
        kind: IdentityKind::Garbage,
        what: "a token that nobody issued",
        name: "garbage",
        decided_by: None,
        jwt_only: false,
    };
    let (mut case, doors) = match examine(evidence, credential) {
        Ok(examined) => examined,
        Err(verdict) => return verdict,
    };
    for gate in evidence.gates(IdentityKind::Garbage) {
        if let Some(exchange) = evidence.exchange(gate.exchange) {
            look(evidence, &mut case, gate, exchange);
        }
    }
    case.verdict(Verdict::Held(format!(
        "a token that nobody issued was refused at every guarded door that was tried ({doors})"
    )))
}

fn look(evidence: &Evidence<'_>, case: &mut Case<'_>, gate: &GateObservation, exchange: &Exchange) {
    let status = exchange.status().unwrap_or_default();
    if gate.outcome == GateOutcome::Unclear && status >= 500 && works(evidence, exchange) {
        let message = format!(
            "`{}` answers HTTP {status} to a token that nobody issued; expected HTTP 401",
            gate.door
        );
        let draft = Draft::new(format!("error at {}", gate.door), message);
        let draft = draft.at(gate.exchange, Part::Status, "a server error");
        case.breach(draft.at_most(Severity::Low, "nothing was disclosed"));
    }
    let params = exchange.response().and_then(challenge_params);
    let invalid = |(name, value): &(String, String)| name == "error" && value == "invalid_token";
    // A challenge without any parameter is DISC-05's.
    let usable = params.filter(|params| !params.is_empty());
    if status == 401 && usable.is_some_and(|params| !params.iter().any(invalid)) {
        let message = "the challenge to a token that nobody issued lacks error=\"invalid_token\"";
        let draft = Draft::new("error parameter", message);
        let part = Part::Header("WWW-Authenticate".to_owned());
        let why = "a client cannot tell a bad token from a missing one";
        case.advise(
            draft
                .at(gate.exchange, part, "the challenge")
                .at_most(Severity::Info, why),
        );
    }
}

fn works(evidence: &Evidence<'_>, exchange: &Exchange) -> bool {
    let Some(baseline) = evidence.baseline() else {
        return false;
    };
    evidence.probed(exchange.probe.id).any(|other| {
        other.identity == baseline.name && other.status().is_some_and(|status| status < 500)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "garbage-token-accepted";

    fn world() -> World {
        let mut world = World::new();
        world.identity("garbage", IdentityKind::Garbage, &[]);
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        let mut world = world();
        world.gate("garbage", "list-tools", GateOutcome::Refused, 401);
        assert_eq!(world.status(ID), Status::Pass);
        world.gate("garbage", "call-invalid", GateOutcome::Accepted, 200);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_door_that_is_open_to_everybody_shows_nothing() {
        let mut world = world();
        world.gate("anonymous", "list-tools", GateOutcome::Accepted, 200);
        world.gate("garbage", "list-tools", GateOutcome::Accepted, 200);
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.gate("garbage", "call-invalid", GateOutcome::Refused, 401);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_door_that_forgets_to_ask_accepts_garbage_too() {
        let mut world = world();
        world.gate("anonymous", "list-tools", GateOutcome::Refused, 401);
        world.gate("anonymous", "call-valid", GateOutcome::Accepted, 200);
        world.gate("garbage", "list-tools", GateOutcome::Refused, 401);
        world.gate("garbage", "call-valid", GateOutcome::Accepted, 200);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_server_error_is_broken_when_the_door_works_for_others() {
        let mut world = world();
        world.gate("garbage", "list-tools", GateOutcome::Unclear, 500);
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.valid("admin", &["a"]);
        world.answer(ProbeId::ListTools, "admin", 200, &[], "{}");
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Low);
    }

    #[test]
    fn a_challenge_without_the_error_code_only_warns() {
        for (value, expected) in [
            ("Bearer realm=\"x\"", Status::Warn),
            ("Bearer realm=\"x\", error=\"invalid_token\"", Status::Pass),
            ("Bearer", Status::Pass),
        ] {
            let mut world = world();
            let headers = [("WWW-Authenticate", value)];
            let id = world.answer(ProbeId::ListTools, "garbage", 401, &headers, "");
            world
                .gate("garbage", "list-tools", GateOutcome::Refused, 401)
                .exchange = id;
            assert_eq!(world.status(ID), expected, "{value}");
        }
    }
}
