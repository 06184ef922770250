//! mcp-assay audits the authorization of MCP servers.

#[cfg(feature = "demo")]
pub mod demo;
