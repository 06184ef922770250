//! Answers become observations, observations become cells, cells become an effective policy.
//!
//! Everything here is a pure function of the ledger. One answer alone never decides anything:
//! [`observe`] reads its bytes, [`cascade`] says what they mean in their context,
//! [`differential`] compares identities, and [`matrix`] assembles the cells.

pub mod admission;
pub mod arguments;
mod arms;
pub mod breaks;
pub mod bypass;
pub mod calibrate;
mod call_steps;
pub mod canary;
pub mod cascade;
mod cells;
pub(crate) mod certificates;
pub mod client_documents;
pub mod conformity;
pub mod cut;
pub mod declared;
pub mod differential;
pub mod disclosure;
pub mod door_trials;
pub mod doors;
pub mod effective;
mod effects;
pub mod enforcement;
pub mod front_channel;
pub mod front_page;
mod front_state;
pub mod gates;
pub mod grants;
pub mod hardening;
pub mod idle;
mod intent;
pub mod ladder;
pub mod liveness;
pub mod matrix;
pub mod narrowing;
pub mod observe;
pub mod policy;
pub mod posture;
pub mod proofs;
mod reading;
pub mod redirects;
mod refusals;
pub mod relations;
mod scopes;
pub mod session_ids;
pub mod signature;
#[cfg(test)]
pub(crate) mod testing;
pub mod token_endpoint;
mod transport_steps;
pub mod traversal;
mod unconstrained;
mod undecided;
pub mod vectors;
pub mod wants;
mod wording;
