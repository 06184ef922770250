//! 2024-11-05: HTTP+SSE. GET opens the stream, its `endpoint` event says where to POST, and the
//! session is part of that URL.

use super::Dialect;

pub(super) const DIALECT: Dialect = Dialect {
    accepts_both: false,
    version_header: None,
    session_header: None,
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
    fn the_stream_is_opened_with_a_bare_get() {
        let encoded = encode(&Operation::OpenStream, &send(Revision::R2024_11));
        assert_eq!(encoded.method, "GET");
        assert_eq!(
            encoded.headers,
            [("Accept".to_owned(), "text/event-stream".to_owned())]
        );
        assert!(encoded.body.is_none() && encoded.id.is_none());
    }

    #[test]
    fn initialize_names_the_revision_and_no_later_member() {
        let encoded = encode(&Operation::Initialize, &send(Revision::R2024_11));
        assert_eq!(
            body(&encoded),
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2024-11-05", "capabilities": {},
            "clientInfo": {
                "name": "mcp-assay",
                "version": concat!(env!("CARGO_PKG_VERSION"), "+5f0c2b7e")
            }}})
        );
        assert_eq!(encoded.headers.len(), 1);
        assert_eq!(header(&encoded, "Content-Type"), Some("application/json"));
    }

    #[test]
    fn a_session_is_never_put_into_a_header() {
        let mut context = send(Revision::R2024_11);
        context.session = Some("s");
        let encoded = encode(&Operation::ListTools { cursor: None }, &context);
        assert_eq!(encoded.headers.len(), 1);
    }
}
