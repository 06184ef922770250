//! 2025-11-25: as 2025-06-18, with the session header spelled anew.

use super::Dialect;

pub(super) const DIALECT: Dialect = Dialect {
    accepts_both: true,
    version_header: Some("MCP-Protocol-Version"),
    session_header: Some("MCP-Session-Id"),
    titled_client: true,
    per_request: false,
};

#[cfg(test)]
mod tests {
    use super::super::tests::{header, send};
    use super::super::{Operation, encode, has_sessions};
    use crate::model::target::Revision;

    #[test]
    fn closing_deletes_the_session_by_its_header() {
        let mut context = send(Revision::R2025_11);
        context.session = Some("abc");
        let encoded = encode(&Operation::CloseSession, &context);
        assert_eq!(encoded.method, "DELETE");
        assert_eq!(header(&encoded, "MCP-Session-Id"), Some("abc"));
        assert_eq!(header(&encoded, "MCP-Protocol-Version"), Some("2025-11-25"));
        assert!(encoded.body.is_none() && encoded.id.is_none());
    }

    #[test]
    fn only_the_streamable_legacy_revisions_have_sessions() {
        let with: Vec<Revision> = Revision::ALL
            .into_iter()
            .filter(|revision| has_sessions(*revision))
            .collect();
        assert_eq!(
            with,
            [Revision::R2025_03, Revision::R2025_06, Revision::R2025_11]
        );
    }
}
