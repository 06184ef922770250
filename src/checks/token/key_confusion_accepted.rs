//! TOK-06: a token signed by means the attacker controls is refused.
//!
//! RFC 8725 §3.1, §3.10; RFC 9068 §4.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

/// Reads the answers to copies signed with the public key as a shared secret, and the like.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let credential = Credential {
        kind: IdentityKind::KeyConfusion,
        what: "a copy of a valid token signed with a key that everybody has",
        name: "key-confusion",
        decided_by: Some("--identity"),
        jwt_only: true,
    };
    let mut copies = evidence.identities(IdentityKind::KeyConfusion);
    let tried = copies.any(|copy| copy.name.starts_with(credential.name));
    let keys = evidence
        .probed(ProbeId::KeySet)
        .any(|exchange| exchange.status() == Some(200));
    match refused(evidence, credential) {
        Verdict::Inconclusive { .. } | Verdict::Held(_) if !tried && !keys && has_jwt(evidence) => {
            Verdict::inconclusive(
                "no key set of the authorization server could be read, so no copy was signed with a \
                 public key",
            )
        }
        verdict => verdict,
    }
}

fn has_jwt(evidence: &Evidence<'_>) -> bool {
    let mut valid = evidence.identities(IdentityKind::Valid);
    valid.any(|identity| identity.claims.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Claims;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "key-confusion-accepted";

    fn world() -> World {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]).claims = Some(Claims::default());
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        for (outcome, expected) in [
            (GateOutcome::Refused, Status::Pass),
            (GateOutcome::Accepted, Status::Fail),
        ] {
            let mut world = world();
            world.identity("key-confusion", IdentityKind::KeyConfusion, &[]);
            world.gate("key-confusion", "list-tools", outcome, 200);
            assert_eq!(world.status(ID), expected);
        }
    }

    #[test]
    fn a_missing_key_set_is_given_as_the_reason() {
        let Verdict::Inconclusive { reason, .. } = world().verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains("no key set"), "{reason}");
    }

    #[test]
    fn other_copies_do_not_make_up_for_a_missing_key_set() {
        for (outcome, expected) in [
            (GateOutcome::Refused, Status::Inconclusive),
            (GateOutcome::Accepted, Status::Fail),
        ] {
            let mut world = world();
            world.identity("embedded-key", IdentityKind::KeyConfusion, &[]);
            world.gate("embedded-key", "list-tools", outcome, 200);
            assert_eq!(world.status(ID), expected);
        }
    }

    #[test]
    fn without_a_valid_token_the_flag_is_named() {
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
