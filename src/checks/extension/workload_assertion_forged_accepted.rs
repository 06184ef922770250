//! EXT-08: a workload's token counts only from an issuer that somebody configured.
//!
//! Workload identity federation (draft) §JWT Validation, §Trust Configuration.

use crate::checks::assertions::{self, Rule};
use crate::checks::evidence::Evidence;
use crate::model::token_endpoint::TokenQuestion;
use crate::model::verdict::Verdict;

/// Reads what a workload's token of an unknown issuer got.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    assertions::judge(
        evidence,
        &Rule {
            question: TokenQuestion::WorkloadAssertion,
            noun: "workload assertion",
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

    const ID: &str = "workload-assertion-forged-accepted";

    fn status(client: Option<&str>, answer: &str) -> Status {
        let mut world = World::new();
        world.token_endpoint();
        world.token_asked(TokenQuestion::WorkloadAssertion, client, answer);
        world.status(ID)
    }

    #[test]
    fn a_token_for_an_unknown_issuer_is_broken() {
        assert_eq!(status(None, "issued"), Status::Fail);
        assert_eq!(status(Some(CLIENT), "issued"), Status::Fail);
    }

    #[test]
    fn a_refused_assertion_holds() {
        assert_eq!(status(None, "invalid_grant"), Status::Pass);
        assert_eq!(status(None, "invalid_client"), Status::Inconclusive);
        assert_eq!(status(None, "page"), Status::Inconclusive);
    }

    #[test]
    fn without_the_grant_it_does_not_apply() {
        let mut world = World::new();
        world.token_endpoint();
        assert_eq!(world.status(ID), Status::NotApplicable);
        let gone = status(None, "unsupported_grant_type");
        assert_eq!(gone, Status::NotApplicable);
    }
}
