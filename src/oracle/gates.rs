//! What each door did with each credential that no sound server accepts.

use crate::model::exchange::Ledger;
use crate::model::identity::Identities;
use crate::model::matrix::GateObservation;

/// One observation per identity, door and subject, in ledger order.
pub fn gates(_ledger: &Ledger, _identities: &Identities) -> Vec<GateObservation> {
    Vec::new()
}
