//! 2026-07-28: stateless; each request carries its metadata in `_meta` and mirrors parts of its
//! body into headers.

use serde_json::{Value, json};

use super::{Dialect, header};
use crate::model::target::Revision;

pub(super) const DIALECT: Dialect = Dialect {
    accepts_both: true,
    version_header: Some("MCP-Protocol-Version"),
    session_header: None,
    titled_client: true,
    per_request: true,
};

/// The `_meta` of every request.
pub(super) fn meta(client_info: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": Revision::R2026_07.as_str(),
        "io.modelcontextprotocol/clientInfo": client_info,
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// The headers that repeat the body: method, name, annotated parameters.
///
/// A schema with invalid annotations mirrors nothing; such a tool is not to be called
/// ([`header::annotation_problem`]).
pub(super) fn mirror(
    method: &str,
    params: &Value,
    schema: Option<&Value>,
) -> Vec<(String, String)> {
    let mut headers = vec![("Mcp-Method".to_owned(), header::encode_value(method))];
    let member = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return headers,
    };
    if let Some(name) = params.get(member).and_then(Value::as_str) {
        headers.push(("Mcp-Name".to_owned(), header::encode_value(name)));
    }
    if let (Some(schema), Some(arguments)) = (schema, params.get("arguments")) {
        headers.extend(header::param_headers(schema, arguments).unwrap_or_default());
    }
    headers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{body, header, send};
    use super::super::{Operation, encode};
    use crate::model::target::Revision;

    fn meta() -> serde_json::Value {
        json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {
                "name": "mcp-assay",
                "title": "mcp-assay run 5f0c2b7e",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "io.modelcontextprotocol/clientCapabilities": {},
        })
    }

    #[test]
    fn discovery_is_the_one_of_the_wire_guide() {
        let encoded = encode(&Operation::Discover, &send(Revision::R2026_07));
        let names: Vec<&str> = encoded
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "Content-Type",
                "Accept",
                "MCP-Protocol-Version",
                "Mcp-Method"
            ]
        );
        assert_eq!(header(&encoded, "Mcp-Method"), Some("server/discover"));
        assert_eq!(
            body(&encoded),
            json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover",
                "params": {"_meta": meta()}})
        );
    }

    #[test]
    fn a_page_request_puts_the_cursor_before_the_metadata() {
        let operation = Operation::ListTools { cursor: Some("c1") };
        let encoded = encode(&operation, &send(Revision::R2026_07));
        assert_eq!(
            body(&encoded)["params"],
            json!({"cursor": "c1", "_meta": meta()})
        );
        assert_eq!(header(&encoded, "Mcp-Name"), None);
    }

    #[test]
    fn calls_mirror_method_name_and_annotated_parameters() {
        let arguments = json!({"region": "us-west1", "query": "SELECT 1"});
        let schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "query": {"type": "string"}}});
        let operation = Operation::CallTool {
            name: "execute_sql",
            arguments: &arguments,
            schema: Some(&schema),
        };
        let encoded = encode(&operation, &send(Revision::R2026_07));
        assert_eq!(header(&encoded, "Mcp-Method"), Some("tools/call"));
        assert_eq!(header(&encoded, "Mcp-Name"), Some("execute_sql"));
        assert_eq!(header(&encoded, "Mcp-Param-Region"), Some("us-west1"));
        assert_eq!(header(&encoded, "Mcp-Param-Query"), None);
        assert_eq!(
            body(&encoded)["params"],
            json!({"name": "execute_sql", "arguments": arguments, "_meta": meta()})
        );
        let legacy = encode(&operation, &send(Revision::R2025_11));
        assert_eq!(header(&legacy, "Mcp-Param-Region"), None);
        assert_eq!(header(&legacy, "Mcp-Name"), None);
        assert_eq!(body(&legacy)["params"].get("_meta"), None);
    }

    #[test]
    fn reads_mirror_the_uri_and_prompts_the_name() {
        let uri = "file:///projects/myapp/config.json";
        let encoded = encode(&Operation::ReadResource { uri }, &send(Revision::R2026_07));
        assert_eq!(header(&encoded, "Mcp-Name"), Some(uri));
        let arguments = json!({"code": "x"});
        let operation = Operation::GetPrompt {
            name: "prüfe",
            arguments: &arguments,
        };
        let encoded = encode(&operation, &send(Revision::R2026_07));
        assert_eq!(header(&encoded, "Mcp-Name"), Some("=?base64?cHLDvGZl?="));
    }

    #[test]
    fn other_methods_get_their_metadata_too() {
        let operation = Operation::Raw {
            method: "subscriptions/listen",
            params: json!({"notifications": {"toolsListChanged": true}}),
        };
        let encoded = encode(&operation, &send(Revision::R2026_07));
        assert_eq!(header(&encoded, "Mcp-Method"), Some("subscriptions/listen"));
        assert_eq!(body(&encoded)["params"]["_meta"], meta());
    }
}
