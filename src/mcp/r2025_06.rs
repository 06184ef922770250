//! 2025-06-18: as 2025-03-26, and every request after `initialize` names the revision.

use super::Dialect;

pub(super) const DIALECT: Dialect = Dialect {
    accepts_both: true,
    version_header: Some("MCP-Protocol-Version"),
    session_header: Some("Mcp-Session-Id"),
    titled_client: true,
    per_request: false,
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{body, header, send};
    use super::super::{Operation, encode};
    use crate::model::target::Revision;

    #[test]
    fn the_list_request_is_the_one_of_the_wire_guide() {
        let mut context = send(Revision::R2025_06);
        context.session = Some("1868a90c");
        context.id = 2;
        let encoded = encode(&Operation::ListTools { cursor: None }, &context);
        assert_eq!(
            encoded.body.as_deref(),
            Some(br#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}"#.as_slice())
        );
        assert_eq!(header(&encoded, "Mcp-Session-Id"), Some("1868a90c"));
        assert_eq!(header(&encoded, "MCP-Protocol-Version"), Some("2025-06-18"));
    }

    #[test]
    fn initialize_itself_carries_no_version_header() {
        let encoded = encode(&Operation::Initialize, &send(Revision::R2025_06));
        assert_eq!(header(&encoded, "MCP-Protocol-Version"), None);
        let info = &body(&encoded)["params"]["clientInfo"];
        assert_eq!(info["title"], json!("mcp-assay run 5f0c2b7e"));
        assert_eq!(info["version"], json!(env!("CARGO_PKG_VERSION")));
    }
}
