//! What is audited: the endpoint, its canonical resource identifier, and the protocol revision.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A dated revision of the Model Context Protocol, oldest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Revision {
    /// `2024-11-05`: HTTP+SSE with two endpoints.
    #[serde(rename = "2024-11-05")]
    R2024_11,
    /// `2025-03-26`: Streamable HTTP with sessions and batches.
    #[serde(rename = "2025-03-26")]
    R2025_03,
    /// `2025-06-18`: the server is an OAuth resource server; version header.
    #[serde(rename = "2025-06-18")]
    R2025_06,
    /// `2025-11-25`: scope challenges, client ID metadata documents.
    #[serde(rename = "2025-11-25")]
    R2025_11,
    /// `2026-07-28`: stateless requests, `server/discover`.
    #[serde(rename = "2026-07-28")]
    R2026_07,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] = [
        Self::R2024_11,
        Self::R2025_03,
        Self::R2025_06,
        Self::R2025_11,
        Self::R2026_07,
    ];

    /// The revision string that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::R2024_11 => "2024-11-05",
            Self::R2025_03 => "2025-03-26",
            Self::R2025_06 => "2025-06-18",
            Self::R2025_11 => "2025-11-25",
            Self::R2026_07 => "2026-07-28",
        }
    }

    /// Whether requests carry their own metadata and no session exists (2026-07-28 and later).
    pub const fn is_modern(self) -> bool {
        matches!(self, Self::R2026_07)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Revision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("`{text}` is not an MCP revision; known revisions: {known}")
            })
    }
}

/// How messages travel.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// One URL that takes POST (2025-03-26 and later).
    StreamableHttp,
    /// A GET event stream and a separate POST URL (2024-11-05).
    HttpSse,
}

/// The canonical resource identifier of an MCP server (RFC 8707 §2, MCP §Canonical Server URI).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ResourceId(pub String);

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the operator asked to audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The MCP endpoint as given.
    pub url: String,
    /// Its canonical resource identifier.
    pub resource: ResourceId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_round_trip_and_are_ordered_by_date() {
        for revision in Revision::ALL {
            assert_eq!(revision.as_str().parse(), Ok(revision));
        }
        assert!(Revision::ALL.is_sorted());
        assert!("2025-01-01".parse::<Revision>().is_err());
    }
}
