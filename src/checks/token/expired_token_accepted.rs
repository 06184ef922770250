//! TOK-03: a genuine token past its expiry is refused.
//!
//! MCP §Token Handling; OAuth 2.1 §5.2.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to an expired token; one that may still be inside the skew decides nothing.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let verdict = refused(
        evidence,
        Credential {
            kind: IdentityKind::Expired,
            what: "an expired token",
            name: "expired",
            decided_by: Some("an [[identity]] with kind = \"expired\""),
            jwt_only: false,
        },
    );
    match (&verdict, freshest(evidence), evidence.started()) {
        (Verdict::Broken(_), Some(expiry), Some(now)) if now < expiry => Verdict::inconclusive(
            "the token given as expired was accepted, and had not expired when the run started",
        ),
        (Verdict::Broken(_), Some(expiry), Some(now)) if now < expiry.saturating_add(SKEW) => {
            Verdict::inconclusive(format!(
                "the expired token was accepted, but it expired less than {SKEW} s ago"
            ))
        }
        _ => verdict,
    }
}

fn freshest(evidence: &Evidence<'_>) -> Option<i64> {
    let expired = evidence.identities(IdentityKind::Expired);
    expired
        .filter_map(|identity| identity.claims.as_ref()?.expires_at)
        .max()
}

const SKEW: i64 = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Claims;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "expired-token-accepted";
    const STARTED: i64 = 1_785_000_000;

    fn world(expiry: i64, outcome: GateOutcome) -> World {
        let mut world = World::new();
        let identity = world.identity("expired", IdentityKind::Expired, &[]);
        identity.claims = Some(Claims {
            expires_at: Some(expiry),
            ..Claims::default()
        });
        world.gate("expired", "list-tools", outcome, 200);
        world
    }

    #[test]
    fn a_long_expired_token_that_works_is_broken() {
        let world = world(STARTED - 4000, GateOutcome::Accepted);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_token_inside_the_skew_decides_nothing() {
        let world = world(STARTED - 10, GateOutcome::Accepted);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_token_that_has_not_expired_is_no_witness() {
        let world = world(STARTED + 600, GateOutcome::Accepted);
        let Verdict::Inconclusive { reason, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains("had not expired"), "{reason}");
    }

    #[test]
    fn refusal_holds() {
        let world = world(STARTED - 10, GateOutcome::Refused);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn without_an_expired_token_the_configuration_is_named() {
        let verdict = World::new().verdict(ID);
        let Verdict::Inconclusive { decided_by, .. } = verdict else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.unwrap().contains("kind = \"expired\""));
    }
}
