//! Bytes to types and back: total, free of panics, free of I/O.
//!
//! Everything that arrives here was written by a peer, so every parser bounds what it keeps and
//! reports what it could not read instead of giving up.
#![deny(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable
)]

pub mod assertion;
pub mod challenge;
mod challenge_scan;
pub mod host;
pub mod jose;
pub mod json;
pub mod jsonrpc;
mod jwk;
pub mod metadata;
pub mod pkce;
pub mod schema;
mod schema_bounds;
mod schema_text;
mod schema_value;
pub mod sse;
pub mod uri;
pub mod uri_template;
