//! ASE-07: no token travels through the front channel.
//!
//! RFC 9700 §2.1.2; OAuth 2.1 §4.

use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::FrontAsk;
use crate::model::verdict::Verdict;

/// Compares requests for a token in the redirect with the code request of the same client.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let asks = [FrontAsk::ResponseTypeToken, FrontAsk::ResponseTypeCodeToken];
    let refused = front::look(evidence, &mut case, &asks, |case, client, answer| {
        let expected = "`unsupported_response_type` or `unauthorized_client`";
        case.breach(front::draft(client, answer, expected));
    });
    front::verdict(
        case,
        refused,
        "requests for a token in the redirect were refused",
    )
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, login, refusal};
    use crate::model::authorization::FrontAsk;
    use crate::model::verdict::Status;

    const ID: &str = "implicit-flow-honoured";

    #[test]
    fn a_token_request_that_goes_on_warns() {
        let mut world = World::new();
        world.front(&[
            (FrontAsk::ResponseTypeToken, login()),
            (FrontAsk::ResponseTypeUnknown, refusal()),
        ]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_refusal_holds_and_a_late_look_decides_nothing() {
        let mut world = World::new();
        world.front(&[(FrontAsk::ResponseTypeToken, refusal())]);
        assert_eq!(world.status(ID), Status::Pass);
        let mut late = World::new();
        late.front(&[
            (FrontAsk::ResponseTypeToken, login()),
            (FrontAsk::ResponseTypeUnknown, login()),
        ]);
        assert_eq!(late.status(ID), Status::Inconclusive);
    }
}
