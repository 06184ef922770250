//! ASE-02: `plain` and unknown PKCE methods do not go through.
//!
//! OAuth 2.1 §4.1.1; RFC 7636 §4.2, §4.3.

use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::FrontAsk;
use crate::model::verdict::Verdict;

/// Compares requests with weak methods with the S256 request of the same client.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let mut plain = false;
    // OAuth 2.1 §4.1.1 binds the server to S256; refusing `plain` is only recommended.
    let asks = [FrontAsk::MethodPlain, FrontAsk::MethodUnknown];
    let mut refused = front::look(evidence, &mut case, &asks, |case, client, answer| {
        plain |= answer.ask == FrontAsk::MethodPlain;
        case.advise(front::draft(client, answer, "`invalid_request`"));
    });
    // No method means `plain` (RFC 7636 §4.3), but a server that refuses the word may read S256.
    if plain {
        let asks = [FrontAsk::ChallengeWithoutMethod];
        refused += front::look(evidence, &mut case, &asks, |case, client, answer| {
            case.advise(front::draft(client, answer, "`invalid_request`"));
        });
    }
    front::verdict(case, refused, "only S256 was taken")
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, refusal};
    use crate::model::authorization::FrontAsk;
    use crate::model::verdict::Status;

    const ID: &str = "plain-pkce-accepted";

    #[test]
    fn plain_warns_when_an_unknown_method_is_refused() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::MethodPlain, login()),
            (FrontAsk::MethodUnknown, refusal()),
        ]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_missing_method_says_nothing_where_plain_is_refused() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::MethodPlain, refusal()),
            (FrontAsk::MethodUnknown, refusal()),
            (FrontAsk::ChallengeWithoutMethod, login()),
        ]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn refusals_hold() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::MethodPlain, refusal()),
            (FrontAsk::MethodUnknown, refusal()),
        ]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn methods_that_nobody_looks_at_decide_nothing() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::MethodPlain, login()),
            (FrontAsk::MethodUnknown, login()),
        ]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
