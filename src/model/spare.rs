//! Tokens of the run that nobody uses any more and that may still be good.

use secrecy::SecretString;

use super::grant::GrantRequest;

/// A token that another replaced, or that came beside the one that was wanted; to be given back.
#[derive(Clone, Debug)]
pub struct SpareToken {
    /// What it is called in the report.
    pub name: String,
    /// The operator identity that it was obtained for or from.
    pub source: String,
    /// What it was asked with.
    pub request: GrantRequest,
    /// The token; never written anywhere.
    pub token: SecretString,
    /// `access_token` or `refresh_token`.
    pub hint: &'static str,
    /// Milliseconds into the run when it ends by itself, where that is known.
    pub ends_ms: Option<u64>,
}

impl SpareToken {
    /// Whether it has ended by itself.
    pub fn has_ended(&self, now_ms: u64) -> bool {
        self.ends_ms.is_some_and(|end| end <= now_ms)
    }

    /// What is left of its life.
    pub fn seconds_left(&self, now_ms: u64) -> Option<u64> {
        self.ends_ms.map(|end| end.saturating_sub(now_ms) / 1000)
    }
}
