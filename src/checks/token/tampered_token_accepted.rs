//! TOK-04: a copy of a token with edited claims or a broken signature is refused.
//!
//! OAuth 2.1 §5.2; RFC 9068 §4; MCP §Token Handling.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to edited copies of a valid token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    refused(
        evidence,
        Credential {
            kind: IdentityKind::Tampered,
            what: "an edited copy of a valid token",
            name: "tampered",
            decided_by: Some("--identity"),
            jwt_only: false,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::{Class, Confidence, GateOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "tampered-token-accepted";

    fn world(outcome: GateOutcome) -> World {
        let mut world = World::new();
        world.identity("tampered-payload", IdentityKind::Tampered, &[]);
        world.gate("tampered-payload", "list-tools", outcome, 200);
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        assert_eq!(world(GateOutcome::Refused).status(ID), Status::Pass);
        assert_eq!(world(GateOutcome::Accepted).status(ID), Status::Fail);
    }

    #[test]
    fn an_execution_is_a_proof() {
        let mut world = world(GateOutcome::Refused);
        let gate = world.gate("tampered-payload", "call-valid", GateOutcome::Accepted, 200);
        gate.class = Some(Class::ExecutedOk);
        let verdict = world.verdict(ID);
        assert_eq!(verdict.findings()[0].confidence, Confidence::Proven);
        assert_eq!(
            verdict.findings()[0].subject,
            "tampered-payload at call-valid"
        );
    }

    #[test]
    fn a_door_that_forgets_to_ask_says_nothing_about_signatures() {
        let mut world = world(GateOutcome::Refused);
        world.gate("anonymous", "list-tools", GateOutcome::Refused, 401);
        world.gate("anonymous", "unknown-name", GateOutcome::Accepted, 200);
        world.gate(
            "tampered-payload",
            "unknown-name",
            GateOutcome::Accepted,
            200,
        );
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn without_a_valid_token_there_is_nothing_to_edit() {
        assert_eq!(World::new().status(ID), Status::Inconclusive);
    }
}
