//! Bytes of an answer as they arrive: all of them counted and hashed, the first of them kept.

use sha2::{Digest, Sha256};

use crate::model::hex::hex;

/// A body that is being read.
#[derive(Clone)]
pub(super) struct Capture {
    kept: Vec<u8>,
    keep: usize,
    total: u64,
    hash: Sha256,
}

impl Capture {
    /// Keeps at most `keep` bytes.
    pub(super) fn new(keep: usize) -> Self {
        Self {
            kept: Vec::new(),
            keep,
            total: 0,
            hash: Sha256::new(),
        }
    }

    /// The capture of bytes that are at hand; all of them are kept.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut capture = Self::new(bytes.len());
        capture.push(bytes);
        capture
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = self.keep.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.total = self.total.saturating_add(bytes.len() as u64);
        self.hash.update(bytes);
    }

    /// The bytes that were kept.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How many bytes arrived.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Whether more arrived than was kept.
    pub(super) fn overflowed(&self) -> bool {
        self.total > self.kept.len() as u64
    }

    /// Lower-case hex SHA-256 of all bytes that arrived.
    pub(super) fn sha256(&self) -> String {
        hex(&self.hash.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_hashed_and_only_the_beginning_kept() {
        let mut capture = Capture::new(4);
        capture.push(b"abc");
        assert!(!capture.overflowed());
        capture.push(b"def");
        assert!(capture.overflowed());
        assert_eq!(capture.kept(), b"abcd");
        assert_eq!(capture.total(), 6);
        assert_eq!(capture.sha256(), Capture::of(b"abcdef").sha256());
        assert_eq!(
            Capture::of(b"").sha256(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
