//! EXT-03: a client assertion counts only with the client's own signature, for this server, now.
//!
//! RFC 7523 §3; client credentials extension §Client Authentication Methods.

use crate::checks::assertions::{self, Rule};
use crate::checks::evidence::Evidence;
use crate::model::token_endpoint::TokenQuestion;
use crate::model::verdict::Verdict;

/// Reads what forged client assertions got.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    assertions::judge(
        evidence,
        &Rule {
            question: TokenQuestion::ClientAssertion,
            noun: "client assertion",
            expected: "invalid_client",
            absent: "no metadata lists `private_key_jwt` or `client_secret_jwt`",
        },
    )
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{CLIENT, World};
    use crate::model::token_endpoint::TokenQuestion;
    use crate::model::verdict::Status;

    const ID: &str = "client-assertion-forged-accepted";

    fn status(client: Option<&str>, answers: &[&str]) -> Status {
        let mut world = World::new();
        world.token_endpoint();
        world.token_asked(TokenQuestion::UnknownGrant, None, "invalid_client");
        for answer in answers {
            world.token_asked(TokenQuestion::ClientAssertion, client, answer);
        }
        world.status(ID)
    }

    #[test]
    fn a_token_for_a_forged_assertion_is_broken() {
        assert_eq!(status(None, &["issued"]), Status::Fail);
        let one = ["invalid_client", "issued"];
        assert_eq!(status(Some(CLIENT), &one), Status::Fail);
    }

    #[test]
    fn a_refusal_counts_for_a_client_that_exists() {
        let refused = ["invalid_client", "invalid_client"];
        assert_eq!(status(Some(CLIENT), &refused), Status::Pass);
        assert_eq!(status(None, &refused), Status::Inconclusive);
    }

    #[test]
    fn pages_and_other_errors_leave_it_open() {
        assert_eq!(status(Some(CLIENT), &["page"]), Status::Inconclusive);
        let other = ["invalid_request"];
        assert_eq!(status(Some(CLIENT), &other), Status::Inconclusive);
    }

    #[test]
    fn without_assertions_it_does_not_apply() {
        assert_eq!(status(None, &[]), Status::NotApplicable);
    }
}
