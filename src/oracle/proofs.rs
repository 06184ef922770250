//! What the target made of flawed proofs (RFC 9449): each means something between good ones only.

use super::gates;
use crate::model::exchange::{Exchange, ExchangeId, Ledger};
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::proof::ProofFlaw;

/// What became of one bound token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proofs<'a> {
    /// Whose token.
    pub(crate) identity: &'a str,
    /// The good request before the others.
    pub(crate) before: ExchangeId,
    /// The good request after them, where it still worked.
    pub(crate) after: Option<ExchangeId>,
    /// Each flaw and what it led to.
    pub(crate) tried: Vec<Tried>,
    /// Whether the target gives nonces: then these tell the age of a proof (RFC 9449 §4.3).
    pub(crate) nonces: bool,
}

/// One flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    /// What was wrong.
    pub(crate) flaw: ProofFlaw,
    /// What the target did.
    pub(crate) outcome: GateOutcome,
    /// The answer.
    pub(crate) exchange: ExchangeId,
}

/// The trials of a run; none when no token is bound, or the good request did not work.
pub(crate) fn read(ledger: &Ledger) -> Option<Proofs<'_>> {
    let trials = || {
        ledger
            .iter()
            .filter(|it| it.probe.id == ProbeId::FlawedProof)
    };
    let worked = |variant: &str| {
        let found = trials().find(|it| it.probe.variant.as_deref() == Some(variant))?;
        (gates::admits(found) == GateOutcome::Accepted).then_some(found)
    };
    let before = worked(BEFORE)?;
    let tried = trials().filter_map(|exchange| {
        let flaw = ProofFlaw::named(exchange.probe.variant.as_deref()?)?;
        Some(Tried {
            flaw,
            outcome: gates::admits(exchange),
            exchange: exchange.id,
        })
    });
    Some(Proofs {
        identity: &before.identity,
        before: before.id,
        after: worked(AFTER).map(|exchange| exchange.id),
        tried: tried.collect(),
        nonces: ledger.iter().any(|exchange| {
            let response = exchange.response();
            exchange.request.url == before.request.url
                && response.is_some_and(|it| it.header("dpop-nonce").is_some())
        }),
    })
}

/// Whether a token goes out with proofs: then its way in says nothing about a way without.
pub(crate) fn is_proven(ledger: &Ledger, identity: &str) -> bool {
    ledger.iter().any(|exchange: &Exchange| {
        let mut fields = exchange.request.headers.iter();
        exchange.identity == identity
            && exchange.probe.id == ProbeId::ListTools
            && fields.any(|field| field.name.eq_ignore_ascii_case("dpop"))
    })
}

/// The good request before the others.
pub(crate) const BEFORE: &str = "sound";
/// The good request after them.
pub(crate) const AFTER: &str = "sound-again";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{call, http, unauthorized};

    fn listed() -> Outcome {
        http(
            200,
            &[],
            r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}"#,
        )
    }

    fn ledger(answers: Vec<(&str, Outcome)>) -> Ledger {
        let mut ledger = Ledger::default();
        for (variant, outcome) in answers {
            let key = ProbeKey::new(ProbeId::FlawedProof).variant(variant);
            ledger.file(call(key, "machine", "", &json!({}), outcome));
        }
        ledger
    }

    #[test]
    fn each_flaw_is_read_between_the_controls() {
        let ledger = ledger(vec![
            (BEFORE, listed()),
            ("other-key", listed()),
            ("other-url", unauthorized()),
            ("no-such-flaw", listed()),
            (AFTER, unauthorized()),
        ]);
        let read = read(&ledger).unwrap();
        assert_eq!(
            (read.identity, read.after, read.nonces),
            ("machine", None, false)
        );
        let outcomes: Vec<_> = read.tried.iter().map(|it| (it.flaw, it.outcome)).collect();
        assert_eq!(
            outcomes,
            [
                (ProofFlaw::OtherKey, GateOutcome::Accepted),
                (ProofFlaw::OtherUrl, GateOutcome::Refused)
            ]
        );
    }

    #[test]
    fn without_a_good_request_nothing_is_read() {
        let refused = ledger(vec![(BEFORE, unauthorized()), ("bearer", listed())]);
        assert_eq!(read(&refused), None);
        assert_eq!(read(&Ledger::default()), None);
    }

    #[test]
    fn a_nonce_of_the_target_is_noticed() {
        let challenge = [("dpop-nonce", "n")];
        let ledger = ledger(vec![(BEFORE, listed()), ("old", http(401, &challenge, ""))]);
        assert!(read(&ledger).unwrap().nonces);
    }
}
