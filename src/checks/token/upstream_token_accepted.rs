//! TOK-15: a token for an API behind the server is refused; accepting it is the sign of passthrough.
//!
//! MCP §Access Token Privilege Restriction; Security Best Practices §Token Passthrough.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to a token for the API behind the server.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    refused(
        evidence,
        Credential {
            kind: IdentityKind::Upstream,
            what: "a genuine token for an API behind the server",
            name: "upstream",
            decided_by: Some("an [[identity]] with kind = \"upstream\""),
            jwt_only: false,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "upstream-token-accepted";

    fn world(outcome: GateOutcome) -> World {
        let mut world = World::new();
        world.identity("drive", IdentityKind::Upstream, &[]);
        world.gate("drive", "list-tools", outcome, 200);
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        assert_eq!(world(GateOutcome::Refused).status(ID), Status::Pass);
        assert_eq!(world(GateOutcome::Accepted).status(ID), Status::Fail);
    }

    #[test]
    fn a_door_that_is_open_to_everybody_shows_nothing() {
        let mut world = world(GateOutcome::Accepted);
        world.gate("anonymous", "list-tools", GateOutcome::Accepted, 200);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_such_a_token_the_configuration_is_named() {
        let Verdict::Inconclusive { decided_by, .. } = World::new().verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.unwrap().contains("kind = \"upstream\""));
    }
}
