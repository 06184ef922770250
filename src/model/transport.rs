//! What the transport shows of itself beyond single exchanges.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;

/// What the session ids that a run was given have in common; the ids themselves are secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionIds {
    /// How many ids were compared.
    pub samples: usize,
    /// How many of them were different.
    pub different: usize,
    /// Characters of the longest.
    pub longest: usize,
    /// Positions at which they are not all equal.
    pub varying: usize,
    /// Symbols that the varying positions seem to be drawn from.
    pub alphabet: usize,
    /// Bits that a guesser has to get right, at most: varying positions times bits per symbol.
    pub bits: usize,
    /// The exchanges that issued them.
    pub exchanges: Vec<ExchangeId>,
}
