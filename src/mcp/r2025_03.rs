//! 2025-03-26: Streamable HTTP with sessions; the revision is named in `initialize` only.

use super::Dialect;

pub(super) const DIALECT: Dialect = Dialect {
    accepts_both: true,
    version_header: None,
    session_header: Some("Mcp-Session-Id"),
    titled_client: false,
    per_request: false,
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{body, header, send};
    use super::super::{Operation, encode};
    use crate::model::target::Revision;

    #[test]
    fn every_post_accepts_both_answers_and_carries_the_session() {
        let mut context = send(Revision::R2025_03);
        context.session = Some("1868a90c");
        let encoded = encode(&Operation::Initialized, &context);
        assert_eq!(
            header(&encoded, "Accept"),
            Some("application/json, text/event-stream")
        );
        assert_eq!(header(&encoded, "Mcp-Session-Id"), Some("1868a90c"));
        assert_eq!(header(&encoded, "MCP-Protocol-Version"), None);
        assert_eq!(
            body(&encoded),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
        );
        assert_eq!(encoded.id, None);
    }

    #[test]
    fn initialize_opens_without_a_session() {
        let mut context = send(Revision::R2025_03);
        context.session = Some("stale");
        let encoded = encode(&Operation::Initialize, &context);
        assert_eq!(header(&encoded, "Mcp-Session-Id"), None);
        assert_eq!(encoded.id, Some(json!(1)));
    }
}
