//! A captured body: bounded, redacted, shared, and on disk instead of in memory when it is large.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A captured body: bounded, redacted, shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The redacted bytes that were kept.
    pub bytes: Kept,
    /// Whether bytes past the cap, the deadline or a broken connection are missing.
    pub truncated: bool,
    /// How many bytes arrived on the wire.
    pub length: u64,
    /// Lower-case hex SHA-256 of all bytes that arrived.
    pub sha256: String,
}

impl Body {
    /// The kept bytes.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        self.bytes.read()
    }

    /// The kept bytes as text, invalid UTF-8 replaced.
    pub fn text(&self) -> Cow<'_, str> {
        match self.bytes.read() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }
}

/// Where bodies go that are too large to stay in memory.
pub trait BodyStore: fmt::Debug + Send + Sync {
    /// Takes redacted bytes in as they arrive, and says how they are kept.
    fn put(self: Arc<Self>, bytes: Vec<u8>) -> Kept;

    /// The bytes with this digest; nothing when they cannot be had, which the store remembers.
    fn fetch(&self, sha256: &str) -> Vec<u8>;
}

/// Bytes in memory, or in a store.
#[derive(Clone)]
pub struct Kept(Place);

#[derive(Clone)]
enum Place {
    Here(Arc<[u8]>),
    There {
        store: Arc<dyn BodyStore>,
        sha256: Arc<str>,
        length: usize,
    },
}

impl Kept {
    /// Bytes that a store holds under their digest.
    pub fn stored(store: Arc<dyn BodyStore>, sha256: impl Into<Arc<str>>, length: usize) -> Self {
        Self(Place::There {
            store,
            sha256: sha256.into(),
            length,
        })
    }

    /// The bytes themselves.
    pub fn read(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Place::Here(bytes) => Cow::Borrowed(bytes),
            Place::There { store, sha256, .. } => Cow::Owned(store.fetch(sha256)),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Place::Here(bytes) => bytes.len(),
            Place::There { length, .. } => *length,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, when they are in memory and can be shared with equal ones.
    pub(super) const fn here(&mut self) -> Option<&mut Arc<[u8]>> {
        match &mut self.0 {
            Place::Here(bytes) => Some(bytes),
            Place::There { .. } => None,
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Here(bytes) => bytes.fmt(f),
            Place::There { sha256, length, .. } => write!(f, "{length} bytes stored as {sha256}"),
        }
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.read() == other.read()
    }
}

impl Eq for Kept {}

impl<T: Into<Arc<[u8]>>> From<T> for Kept {
    fn from(bytes: T) -> Self {
        Self(Place::Here(bytes.into()))
    }
}

#[derive(Serialize, Deserialize)]
struct BodyRecord {
    text: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    length: u64,
    sha256: String,
}

impl Serialize for Body {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BodyRecord {
            text: self.text().into_owned(),
            truncated: self.truncated,
            length: self.length,
            sha256: self.sha256.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let record = BodyRecord::deserialize(deserializer)?;
        Ok(Self {
            bytes: record.text.into_bytes().into(),
            truncated: record.truncated,
            length: record.length,
            sha256: record.sha256,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(&'static [u8]);

    impl BodyStore for Fixed {
        fn put(self: Arc<Self>, bytes: Vec<u8>) -> Kept {
            bytes.into()
        }

        fn fetch(&self, sha256: &str) -> Vec<u8> {
            assert_eq!(sha256, "ab");
            self.0.to_vec()
        }
    }

    fn body(bytes: Kept) -> Body {
        Body {
            bytes,
            truncated: true,
            length: 9,
            sha256: "ff".to_owned(),
        }
    }

    #[test]
    fn a_stored_body_reads_like_one_in_memory() {
        let stored = body(Kept::stored(Arc::new(Fixed(b"a\xffb")), "ab", 3));
        let held = body(b"a\xffb".as_slice().into());
        assert_eq!(stored, held);
        assert_eq!(stored.text(), held.text());
        assert_eq!((stored.bytes.len(), stored.bytes.is_empty()), (3, false));
        assert_eq!(
            serde_json::to_string(&stored).unwrap(),
            serde_json::to_string(&held).unwrap()
        );
        assert_eq!(
            format!("{:?}", stored.bytes),
            "3 bytes stored as ab",
            "what is large on disk stays small in a log"
        );
    }

    #[test]
    fn bodies_that_differ_are_not_equal_wherever_they_are() {
        let stored = body(Kept::stored(Arc::new(Fixed(b"abc")), "ab", 3));
        assert_ne!(stored, body(b"abd".as_slice().into()));
        assert_ne!(stored, body(b"ab".as_slice().into()));
    }
}
