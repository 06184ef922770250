//! REG-01: how clients come to be known; dynamic registration alone is the way that ends.
//!
//! MCP §Client Registration Approaches; 2026-07-28 §Dynamic Client Registration.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::discovery::MetadataAttempt;
use crate::model::identity::Provenance;
use crate::model::target::Revision;
use crate::model::verdict::{Part, Verdict};

/// Reads which ways each authorization server offers.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.discovery().authorization_servers.is_empty() {
        return Verdict::NotApplicable("no authorization server is named".to_owned());
    }
    let servers: Vec<_> = evidence.authorization_metadata().collect();
    if servers.is_empty() {
        return Verdict::inconclusive("no authorization server metadata was found");
    }
    let registered = is_preregistered(evidence);
    let mut case = evidence.case();
    let mut ways = Vec::new();
    for (server, attempt) in servers {
        let dynamic = attempt.text(ENDPOINT).is_some();
        let document = accepts_documents(attempt);
        ways.push(format!(
            "{}: {}",
            server.issuer,
            describe(dynamic, document, registered)
        ));
        if dynamic && !document && !registered && evidence.since(Revision::R2025_11) {
            let message = format!(
                "{} offers dynamic registration as the only visible way to become a client; \
                 expected client ID metadata documents or pre-registration beside it",
                server.issuer
            );
            let part = Part::Pointer(format!("/{ENDPOINT}"));
            case.breach(Draft::new(server.issuer.clone(), message).at(
                attempt.exchange,
                part,
                "the only way offered",
            ));
        }
    }
    case.verdict(Verdict::Observed(ways.join("; ")))
}

/// Whether the metadata says that client ID metadata documents are accepted.
pub(crate) fn accepts_documents(attempt: &MetadataAttempt) -> bool {
    attempt.flag("client_id_metadata_document_supported") == Some(true)
}

/// Whether the operator's own clients show that clients can be registered beforehand.
pub(crate) fn is_preregistered(evidence: &Evidence<'_>) -> bool {
    let mut valid = evidence.collected().identities.valid();
    valid.any(|identity| matches!(identity.provenance, Provenance::Minted { .. }))
}

fn describe(dynamic: bool, document: bool, registered: bool) -> String {
    let ways = [
        (dynamic, "dynamic registration"),
        (document, "client ID metadata documents"),
        (registered, "pre-registration"),
    ];
    let offered: Vec<_> = ways
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, way)| *way)
        .collect();
    match offered.as_slice() {
        [] => "no way is advertised, so clients must be registered beforehand".to_owned(),
        offered => offered.join(", "),
    }
}

const ENDPOINT: &str = "registration_endpoint";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "registration-deprecated-only";
    const CIMD: &str = "client_id_metadata_document_supported";

    fn dynamic_only() -> World {
        let mut world = World::new();
        let endpoint = json!("https://auth.example.com/register");
        world.sound_server(&[(ENDPOINT, endpoint), (CIMD, Value::Null)]);
        world
    }

    #[test]
    fn dynamic_registration_alone_warns_since_2025_11_25() {
        let mut world = dynamic_only();
        assert_eq!(world.status(ID), Status::Warn);
        world.revision(Revision::R2025_06);
        assert_eq!(world.status(ID), Status::Observed);
    }

    #[test]
    fn another_way_beside_it_is_only_reported() {
        let mut world = World::new();
        let endpoint = json!("https://auth.example.com/register");
        world.sound_server(&[(ENDPOINT, endpoint)]);
        assert_eq!(world.status(ID), Status::Observed);
        let mut world = dynamic_only();
        world.valid("machine", &["a"]).provenance = Provenance::Minted {
            grant: "client_credentials".to_owned(),
            client_id: "machine".to_owned(),
            token_endpoint: "https://auth.example.com/token".to_owned(),
        };
        assert_eq!(world.status(ID), Status::Observed);
    }

    #[test]
    fn without_metadata_nothing_is_known() {
        let mut world = World::new();
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.server("https://auth.example.com");
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
