//! TOK-05: a token that says `alg: none` is refused, however it is spelled.
//!
//! RFC 9068 §2.1, §4; RFC 8725 §3.1.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to unsigned copies of a valid token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    refused(
        evidence,
        Credential {
            kind: IdentityKind::Unsigned,
            what: "an unsigned copy of a valid token",
            name: "unsigned",
            decided_by: Some("--identity"),
            jwt_only: true,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Claims;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "unsigned-token-accepted";

    fn world(outcome: GateOutcome) -> World {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]).claims = Some(Claims::default());
        world.identity("unsigned", IdentityKind::Unsigned, &[]);
        world.gate("unsigned", "list-tools", outcome, 200);
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        assert_eq!(world(GateOutcome::Refused).status(ID), Status::Pass);
        assert_eq!(world(GateOutcome::Accepted).status(ID), Status::Fail);
    }

    #[test]
    fn an_opaque_token_has_no_unsigned_copy() {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
