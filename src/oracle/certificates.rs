//! What a bound token opened with its certificate, without it, and with another one.

use super::gates::admits;
use crate::model::exchange::{Exchange, ExchangeId, Ledger};
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;

/// With the operator's certificate, first.
pub(crate) const BEFORE: &str = "given-before";
/// Without any.
pub(crate) const WITHOUT: &str = "without";
/// With one that the run made for itself.
pub(crate) const OTHER: &str = "other";
/// With the operator's again.
pub(crate) const AFTER: &str = "given-after";

/// The answers to one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificates<'a> {
    /// Whose token it is.
    pub(crate) identity: &'a str,
    /// Where the certificate opened the door.
    pub(crate) control: Option<ExchangeId>,
    /// Whether it did so again, after the rest.
    pub(crate) lasts: bool,
    /// The others: what was shown, what came of it, where.
    pub(crate) tried: Vec<(&'a str, GateOutcome, ExchangeId)>,
}

/// Reads them; none where no certificate was shown.
pub(crate) fn read(ledger: &Ledger) -> Option<Certificates<'_>> {
    let all: Vec<&Exchange> = ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::BoundCertificate)
        .collect();
    let identity = all.first()?.identity.as_str();
    let opened = |variant: &str| {
        let mut own = all.iter();
        let found = own.find(|it| it.probe.variant.as_deref() == Some(variant))?;
        (admits(found) == GateOutcome::Accepted).then_some(found.id)
    };
    let tried = all.iter().filter_map(|exchange| {
        let variant = exchange.probe.variant.as_deref()?;
        let wrong = [WITHOUT, OTHER].contains(&variant);
        wrong.then(|| (variant, admits(exchange), exchange.id))
    });
    Some(Certificates {
        identity,
        control: opened(BEFORE),
        lasts: opened(AFTER).is_some(),
        tried: tried.collect(),
    })
}
