//! Answers become observations, observations become cells, cells become an effective policy.
//!
//! Everything here is a pure function of the ledger. One answer alone never decides anything:
//! [`observe`] reads its bytes, [`cascade`] says what they mean in their context,
//! [`differential`] compares identities, and [`matrix`] assembles the cells.

pub mod admission;
pub mod calibrate;
pub mod cascade;
pub mod differential;
pub mod enforcement;
pub mod gates;
pub mod matrix;
pub mod observe;
pub mod policy;
pub mod posture;
pub mod signature;
pub mod wants;
