//! TOK-07: a genuine token of an issuer that the target does not name is refused.
//!
//! MCP §Token Handling; RFC 9068 §4; RFC 8725 §3.8.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to a token of another issuer; one whose `iss` the target names is no witness.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(issuer) = named(evidence) {
        return Verdict::inconclusive(format!(
            "the token given as another issuer's says `iss` is `{issuer}`, which the server names \
             as its own"
        ));
    }
    refused(
        evidence,
        Credential {
            kind: IdentityKind::ForeignIssuer,
            what: "a genuine token of another issuer",
            name: "foreign-issuer",
            decided_by: Some("an [[identity]] with kind = \"foreign-issuer\""),
            jwt_only: false,
        },
    )
}

/// The issuer of such a token, when the target names it.
fn named<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    let servers = &evidence.discovery().authorization_servers;
    let mut issuers = evidence
        .identities(IdentityKind::ForeignIssuer)
        .filter_map(|identity| identity.claims.as_ref()?.issuer.as_deref());
    issuers.find(|issuer| servers.iter().any(|server| server.issuer == *issuer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ISSUER, World};
    use crate::model::identity::Claims;
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "foreign-issuer-accepted";

    fn world(issuer: &str, outcome: GateOutcome) -> World {
        let mut world = World::new();
        world.sound_server(&[]);
        let identity = world.identity("tenant", IdentityKind::ForeignIssuer, &[]);
        identity.claims = Some(Claims {
            issuer: Some(issuer.to_owned()),
            ..Claims::default()
        });
        world.gate("tenant", "list-tools", outcome, 200);
        world
    }

    #[test]
    fn refusal_holds_and_acceptance_is_broken() {
        let other = "https://other.example";
        assert_eq!(world(other, GateOutcome::Refused).status(ID), Status::Pass);
        assert_eq!(world(other, GateOutcome::Accepted).status(ID), Status::Fail);
    }

    #[test]
    fn a_token_of_the_named_issuer_is_no_witness() {
        let world = world(ISSUER, GateOutcome::Accepted);
        let Verdict::Inconclusive { reason, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains(ISSUER), "{reason}");
    }

    #[test]
    fn without_such_a_token_the_configuration_is_named() {
        let Verdict::Inconclusive { decided_by, .. } = World::new().verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(decided_by.unwrap().contains("kind = \"foreign-issuer\""));
    }
}
