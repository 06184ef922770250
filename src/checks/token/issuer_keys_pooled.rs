//! TOK-18: a token that one issuer signed in the name of another is refused.
//!
//! No clause; compare MCP §Authorization Server Location, RFC 9728 §7.6.

use crate::checks::evidence::Evidence;
use crate::checks::tokens::{Credential, refused};
use crate::model::identity::IdentityKind;
use crate::model::verdict::Verdict;

/// Reads the answers to a token that one issuer signed in the name of another.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let given = evidence.identities(IdentityKind::CrossIssuer).count();
    let servers = &evidence.discovery().authorization_servers;
    let listed = servers.iter().filter(|server| !server.assumed).count();
    if given == 0 && listed < 2 {
        return Verdict::NotApplicable(format!(
            "{listed} authorization server is listed; the question needs two"
        ));
    }
    refused(
        evidence,
        Credential {
            kind: IdentityKind::CrossIssuer,
            what: "a token that one issuer signed in the name of another",
            name: "cross-issuer",
            decided_by: Some("an [[identity]] with kind = \"cross-issuer\""),
            jwt_only: false,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ISSUER, World};
    use crate::model::matrix::GateOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "issuer-keys-pooled";

    #[test]
    fn refusal_holds_and_acceptance_warns() {
        for (outcome, expected) in [
            (GateOutcome::Refused, Status::Pass),
            (GateOutcome::Accepted, Status::Warn),
        ] {
            let mut world = World::new();
            world.identity("cross", IdentityKind::CrossIssuer, &[]);
            world.gate("cross", "list-tools", outcome, 200);
            assert_eq!(world.status(ID), expected);
        }
    }

    #[test]
    fn a_single_issuer_raises_no_question_and_two_do() {
        let mut world = World::new();
        world.server(ISSUER);
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.server("https://second.example");
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn an_assumed_issuer_does_not_count() {
        let mut world = World::new();
        world.server(ISSUER);
        world.server("https://second.example").assumed = true;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
