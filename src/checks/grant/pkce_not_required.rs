//! ASE-01: an authorization request without PKCE is refused.
//!
//! OAuth 2.1 §4.1.1, §7.5; RFC 9700 §2.1.1.

use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::FrontAsk;
use crate::model::verdict::Verdict;

/// Compares requests without a challenge with the good one of the same client.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let asks = [FrontAsk::ChallengeMissing, FrontAsk::MethodWithoutChallenge];
    let refused = front::look(evidence, &mut case, &asks, |case, client, answer| {
        case.breach(front::draft(client, answer, "`invalid_request`"));
    });
    front::verdict(case, refused, "requests without a challenge were refused")
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, refusal};
    use crate::model::authorization::FrontAsk;
    use crate::model::verdict::Status;

    const ID: &str = "pkce-not-required";

    #[test]
    fn a_login_page_without_a_challenge_is_broken_when_other_mistakes_are_refused() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::ChallengeMissing, login()),
            (FrontAsk::MethodUnknown, refusal()),
        ]);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn a_refusal_holds() {
        let mut world = World::new();
        world.front(&[(FrontAsk::ChallengeMissing, refusal())]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_login_page_for_everything_decides_nothing() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::ChallengeMissing, login()),
            (FrontAsk::MethodUnknown, login()),
        ]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_client_nothing_is_asked() {
        let mut world = World::new();
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.front(&[]);
        world.collected.front_channels[0].clients.clear();
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
