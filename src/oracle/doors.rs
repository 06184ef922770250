//! What a read of something shows beside the control's answer and the answer for a random name.

use super::observe::{Answer, observe};
use super::signature::{Noise, Signature};
use crate::model::exchange::{Exchange, Ledger};
use crate::model::handles::{HandleAsk, ObjectOutcome, Role};

/// What one answer shows about the thing that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The same content that the control got.
    Disclosed,
    /// A success without content (oracle D16).
    Empty,
    /// The answer that a random name gets.
    Missing,
    /// A refusal that a random name does not get, or that nothing was compared with.
    Refused,
    /// None of these.
    Unclear,
}

/// Reads an answer against the controls: what somebody entitled got for the same request, and what
/// the same caller got for a name that does not exist.
pub fn shown(own: &Exchange, entitled: &[&Exchange], unknown: &[&Exchange]) -> Shown {
    let own = observe(own);
    if equals(&own, unknown) {
        return Shown::Missing;
    }
    if own.shape.is_success() && own.status < 300 {
        return if own.signature.is_empty() {
            Shown::Empty
        } else if equals(&own, entitled) {
            Shown::Disclosed
        } else {
            Shown::Unclear
        };
    }
    if own.shape.is_error() || (400..500).contains(&own.status) && own.status != 429 {
        Shown::Refused
    } else {
        Shown::Unclear
    }
}

/// What the answers for an object come to: the owner's are the control.
pub fn object(ledger: &Ledger, asks: &[HandleAsk]) -> (ObjectOutcome, String) {
    let of = |role: Role| -> Vec<&Exchange> {
        let mine = asks.iter().filter(|ask| ask.role == role);
        mine.filter_map(|ask| ledger.exchange(ask.exchange))
            .collect()
    };
    let owner = of(Role::Owner);
    if owner.is_empty() || !owner.iter().all(|exchange| is_control(exchange)) {
        let reason = "its owner did not get it, so a refusal to others says nothing";
        return (ObjectOutcome::Undecided, reason.to_owned());
    }
    let got = |role: Role| of(role).into_iter().map(|it| shown(it, &owner, &[])).next();
    let (other, anonymous) = (got(Role::OtherUser), got(Role::Anonymous));
    match (anonymous, other) {
        (Some(Shown::Disclosed), _) => (
            ObjectOutcome::Anyone,
            "whoever asks without a token gets what its owner gets".to_owned(),
        ),
        (_, Some(Shown::Disclosed)) => (
            ObjectOutcome::OtherUser,
            "another user gets what its owner gets".to_owned(),
        ),
        (_, None) => (
            ObjectOutcome::Undecided,
            "no other user asked for it".to_owned(),
        ),
        (_, Some(Shown::Unclear)) | (Some(Shown::Unclear), _) => (
            ObjectOutcome::Undecided,
            "somebody else got an answer that is neither the owner's nor a refusal".to_owned(),
        ),
        _ => (
            ObjectOutcome::OwnerOnly,
            "its owner got it, and everybody else who asked was refused".to_owned(),
        ),
    }
}

/// Whether an answer is a success with content: what a control has to be.
pub fn is_control(exchange: &Exchange) -> bool {
    let answer = observe(exchange);
    answer.shape.is_success() && answer.status < 300 && !answer.signature.is_empty()
}

fn equals(own: &Answer, others: &[&Exchange]) -> bool {
    let answers: Vec<Answer> = others.iter().map(|other| observe(other)).collect();
    let signatures: Vec<&Signature> = answers.iter().map(|answer| &answer.signature).collect();
    let noise = Noise::learn(&signatures);
    signatures
        .iter()
        .any(|signature| noise.equal(signature, &own.signature))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::oracle::testing::{call, http, reset, rpc_error, said, unauthorized};

    fn exchange(outcome: Outcome) -> Exchange {
        let key = ProbeKey::new(ProbeId::CallValid);
        call(key, "reader", "read_note", &json!({"id": "1"}), outcome)
    }

    fn against(own: Outcome) -> Shown {
        let (entitled, unknown) = (
            exchange(said("the salaries of everybody")),
            exchange(rpc_error(-32602, "Unknown")),
        );
        shown(&exchange(own), &[&entitled], &[&unknown])
    }

    #[test]
    fn only_the_content_of_the_control_is_a_disclosure() {
        assert_eq!(against(said("the salaries of everybody")), Shown::Disclosed);
        assert_eq!(against(said("nothing to see here")), Shown::Unclear);
        assert_eq!(against(said("")), Shown::Empty);
        assert!(is_control(&exchange(said("x"))));
        assert!(!is_control(&exchange(said(""))));
    }

    #[test]
    fn refusals_are_told_from_names_that_do_not_exist() {
        assert_eq!(against(rpc_error(-32602, "Unknown")), Shown::Missing);
        assert_eq!(against(rpc_error(-32003, "not yours")), Shown::Refused);
        assert_eq!(against(unauthorized()), Shown::Refused);
        assert_eq!(against(http(429, &[], "")), Shown::Unclear);
        assert_eq!(against(reset()), Shown::Unclear);
    }
}
