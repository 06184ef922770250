//! EXT-05: an identity assertion counts only from a trusted identity provider.
//!
//! Enterprise-managed authorization §5.1, §7.4.

use crate::checks::assertions::{self, Rule};
use crate::checks::evidence::Evidence;
use crate::model::token_endpoint::TokenQuestion;
use crate::model::verdict::Verdict;

/// Reads what forged identity assertions got.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    assertions::judge(
        evidence,
        &Rule {
            question: TokenQuestion::IdentityAssertion,
            noun: "identity assertion",
            expected: "invalid_grant",
            absent: "no metadata lists the JWT bearer grant",
        },
    )
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{CLIENT, World};
    use crate::model::token_endpoint::TokenQuestion;
    use crate::model::verdict::Status;

    const ID: &str = "identity-assertion-forged-accepted";

    fn status(client: Option<&str>, answers: &[&str]) -> Status {
        let mut world = World::new();
        world.token_endpoint();
        for answer in answers {
            world.token_asked(TokenQuestion::IdentityAssertion, client, answer);
        }
        world.status(ID)
    }

    #[test]
    fn a_token_for_a_forged_assertion_is_broken() {
        assert_eq!(status(None, &["issued"]), Status::Fail);
        assert_eq!(
            status(Some(CLIENT), &["invalid_grant", "issued"]),
            Status::Fail
        );
    }

    #[test]
    fn a_refused_assertion_holds_for_anybody() {
        assert_eq!(status(None, &["invalid_grant"]), Status::Pass);
        assert_eq!(status(Some(CLIENT), &["invalid_grant"]), Status::Pass);
    }

    #[test]
    fn a_refused_client_leaves_the_assertion_open() {
        assert_eq!(status(None, &["invalid_client"]), Status::Inconclusive);
        let mixed = ["unauthorized_client"];
        assert_eq!(status(Some(CLIENT), &mixed), Status::Inconclusive);
    }

    #[test]
    fn a_grant_that_is_not_there_does_not_apply() {
        assert_eq!(status(None, &[]), Status::NotApplicable);
        let gone = ["unsupported_grant_type"];
        assert_eq!(status(None, &gone), Status::NotApplicable);
    }
}
