//! TOK-08: a genuine token of the same authorization server for another resource is refused.
//!
//! MCP §Token Handling, §Access Token Privilege Restriction; RFC 8707 §2; RFC 9068 §4.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to a token for a sibling resource.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    refused(
        evidence,
        Credential {
            kind: IdentityKind::ForeignAudience,
            what: "a genuine token for another resource",
            name: "foreign",
            decided_by: Some("an [[identity]] with kind = \"foreign-audience\""),
            jwt_only: false,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::GateOutcome;
    use crate::model::target::Revision;
    use crate::model::verdict::{Basis, Status};

    const ID: &str = "foreign-audience-accepted";

    fn world(outcome: GateOutcome) -> World {
        let mut world = World::new();
        world.identity("sibling", IdentityKind::ForeignAudience, &[]);
        world.gate("sibling", "call-valid", outcome, 200);
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        assert_eq!(world(GateOutcome::Refused).status(ID), Status::Pass);
        assert_eq!(world(GateOutcome::Accepted).status(ID), Status::Fail);
    }

    #[test]
    fn before_2025_06_18_the_rule_is_only_referenced() {
        let mut world = world(GateOutcome::Accepted);
        world.revision(Revision::R2025_03);
        let check = crate::checks::find(ID).unwrap();
        let judged = crate::checks::judge::judge(&world.collected, &[check]);
        assert_eq!(judged.coverage[0].basis, Basis::R);
        assert!(judged.coverage[0].wording.contains("by reference"));
    }

    #[test]
    fn without_such_a_token_the_configuration_is_named() {
        let verdict = World::new().verdict(ID);
        assert!(matches!(
            verdict,
            Verdict::Inconclusive {
                decided_by: Some(_),
                ..
            }
        ));
    }
}
