//! Which repeats and confirmations the decisions still lack.

use super::matrix::MatrixInput;
use crate::model::probe::{ProbeId, ProbeKey};

/// A request that would settle a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    /// The kind of call.
    pub probe: ProbeId,
    /// Subject id.
    pub subject: String,
    /// Identity name.
    pub identity: String,
    /// `fresh-session` when it has to go over a second session.
    pub variant: Option<String>,
    /// Repetition.
    pub attempt: u16,
    /// What it is for.
    pub purpose: &'static str,
}

impl Want {
    /// The key under which the exchange is filed.
    pub fn key(&self) -> ProbeKey {
        let key = ProbeKey::new(self.probe)
            .about(&self.subject)
            .attempt(self.attempt);
        match &self.variant {
            Some(variant) => key.variant(variant),
            None => key,
        }
    }
}

/// What to send next; empty when nothing is left to ask.
pub fn wants(_input: &MatrixInput<'_>) -> Vec<Want> {
    Vec::new()
}
