//! What remains of an answer when everything that varies by itself is masked, and how alike two are.

use std::collections::BTreeSet;

use super::observe::Shape;

/// A comparable answer (oracle §4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Structural class.
    pub shape: Shape,
    /// HTTP status; zero when there was no answer.
    pub status: u16,
    /// JSON-RPC error code.
    pub code: Option<i64>,
    /// `error` parameter of the challenge.
    pub challenge_error: Option<String>,
    /// Scopes of the challenge, as a set: some servers order them at random.
    pub challenge_scopes: BTreeSet<String>,
    /// Masked text and data.
    pub text: String,
    /// Content types of the result.
    pub contents: BTreeSet<String>,
    /// JSON skeleton of structured content.
    pub skeleton: String,
}
