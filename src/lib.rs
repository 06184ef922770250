//! mcp-assay audits the authorization of MCP servers.
