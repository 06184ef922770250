//! What a request on somebody else's session came to.

use crate::model::bypass::{Passage, SessionUse};
use crate::model::exchange::Ledger;
use crate::oracle::observe::{Answer, Shape, observe};
use crate::oracle::signature::Noise;

/// What it came to, and why.
pub fn borrowed(ledger: &Ledger, used: &SessionUse) -> (Passage, String) {
    let answer = |id| ledger.exchange(id).map(observe);
    let say = |passage, reason: &str| (passage, reason.to_owned());
    let (Some(control), Some(own)) = (answer(used.control), answer(used.exchange)) else {
        return say(Passage::Open, "nothing was sent");
    };
    if is_missing(&control) || (control.status >= 400 || control.shape == Shape::RpcError) {
        return say(
            Passage::Open,
            "the opener's own request on the session was not answered",
        );
    }
    if is_missing(&own) {
        return say(Passage::Open, "the answer is missing: a limit or an outage");
    }
    if used.request == "DELETE" {
        return if own.status < 300 {
            say(Passage::Through, "the session was ended")
        } else {
            say(Passage::Held, "it was refused")
        };
    }
    if own.status >= 300 || own.shape == Shape::RpcError {
        return say(Passage::Held, "it was refused");
    }
    if used.refused.is_empty() {
        return if own.shape.is_success() {
            say(Passage::Through, "it was answered with a result")
        } else {
            say(
                Passage::Open,
                "the answer is neither a result nor a refusal",
            )
        };
    }
    let noise = Noise::default();
    let like_refusal = used
        .refused
        .iter()
        .filter_map(|id| answer(*id))
        .any(|refused| is_missing(&refused) || noise.equal(&refused.signature, &own.signature));
    if !like_refusal && noise.equal(&control.signature, &own.signature) {
        return say(Passage::Through, "it was answered as the opener is");
    }
    if like_refusal || own.shape.is_error() {
        say(Passage::Held, "it was refused as on a session of its own")
    } else {
        say(
            Passage::Open,
            "the answer is not the one that the opener gets",
        )
    }
}

const fn is_missing(answer: &Answer) -> bool {
    answer.status == 429 || answer.status >= 500 || matches!(answer.shape, Shape::NoAnswer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::target::Revision;
    use crate::oracle::testing::{call, failed, http, reset, said, step_up};

    fn read(request: &str, control: Outcome, own: Outcome, refused: Option<Outcome>) -> Passage {
        let mut ledger = Ledger::default();
        let mut ask = |outcome: Outcome| {
            let key = ProbeKey::new(ProbeId::BorrowedSession);
            ledger.file(call(key, "x", "read_note", &json!({}), outcome))
        };
        let used = SessionUse {
            revision: Revision::R2025_11,
            opener: "admin".into(),
            user: "reader".into(),
            request: request.into(),
            control: ask(control),
            exchange: ask(own),
            refused: refused.into_iter().map(&mut ask).collect(),
            passage: Passage::Open,
            reason: String::new(),
        };
        borrowed(&ledger, &used).0
    }

    #[test]
    fn a_result_to_a_stranger_is_through_and_a_refusal_holds() {
        assert_eq!(
            read("tools/list", said("a"), said("a"), None),
            Passage::Through
        );
        for status in [400, 401, 403, 404] {
            let refusal = http(status, &[], "");
            assert_eq!(read("tools/list", said("a"), refusal, None), Passage::Held);
        }
    }

    #[test]
    fn ending_a_session_counts_by_its_status() {
        let gone = http(204, &[], "");
        assert_eq!(read("DELETE", said("a"), gone, None), Passage::Through);
        let refused = http(401, &[], "");
        assert_eq!(read("DELETE", said("a"), refused, None), Passage::Held);
    }

    #[test]
    fn a_lent_right_is_the_openers_answer_unlike_the_own_refusal() {
        let milk = || said("buy some milk");
        let denied = || step_up("notes:read");
        assert_eq!(
            read("tool/x", milk(), milk(), Some(denied())),
            Passage::Through
        );
        assert_eq!(
            read("tool/x", milk(), denied(), Some(denied())),
            Passage::Held
        );
        assert_eq!(read("tool/x", milk(), milk(), Some(milk())), Passage::Held);
        let fault = || failed("missing id");
        assert_eq!(
            read("tool/x", fault(), fault(), Some(fault())),
            Passage::Held
        );
    }

    #[test]
    fn missing_answers_decide_nothing() {
        assert_eq!(read("tools/list", reset(), said("a"), None), Passage::Open);
        assert_eq!(read("tools/list", said("a"), reset(), None), Passage::Open);
        let limited = http(429, &[], "");
        assert_eq!(read("tools/list", said("a"), limited, None), Passage::Open);
    }
}
