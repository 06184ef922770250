//! mcp-assay audits the authorization of MCP servers.
//!
//! `Target → discover → enrol → enumerate → plan → run → classify → judge → render`:
//! everything that opens a socket comes before everything that has an opinion, and the two meet
//! only in an append-only ledger that is redacted as it is written.

pub mod audit;
pub mod checks;
pub mod cli;
pub mod codec;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod evidence;
pub mod mcp;
pub mod model;
pub mod oracle;
#[cfg(feature = "demo")]
pub mod rehearsal;
pub mod report;
pub mod stage;
pub mod wire;
