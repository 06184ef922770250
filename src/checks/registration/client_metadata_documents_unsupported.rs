//! REG-17: the authorization server accepts client ID metadata documents and says so.
//!
//! MCP §Client ID Metadata Documents; 2026-07-28 §Advertising CIMD Support.

use super::registration_deprecated_only::{accepts_documents, is_preregistered};
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Reads `client_id_metadata_document_supported`.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers: Vec<_> = evidence.authorization_metadata().collect();
    if servers.is_empty() {
        return Verdict::NotApplicable("no authorization server metadata was found".to_owned());
    }
    let mut case = evidence.case();
    let mut without = 0_usize;
    for (server, attempt) in servers {
        if accepts_documents(attempt) {
            continue;
        }
        without += 1;
        if is_preregistered(evidence) {
            continue;
        }
        let (said, part) = match attempt.flag(MEMBER) {
            Some(_) => ("false", Part::Pointer(format!("/{MEMBER}"))),
            None => ("absent", Part::Body),
        };
        let message = format!("{}: `{MEMBER}` is {said}, expected true", server.issuer);
        let draft = Draft::new(server.issuer.clone(), message);
        case.breach(draft.at(attempt.exchange, part, said));
    }
    case.verdict(match without {
        0 => Verdict::Held("client ID metadata documents are accepted".to_owned()),
        _ => Verdict::Observed(
            "client ID metadata documents are not accepted; clients are registered beforehand"
                .to_owned(),
        ),
    })
}

const MEMBER: &str = "client_id_metadata_document_supported";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Provenance;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "client-metadata-documents-unsupported";

    #[test]
    fn an_advertised_mechanism_holds() {
        let mut world = World::new();
        world.sound_server(&[]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn an_absent_or_false_member_warns() {
        for value in [Value::Null, json!(false), json!("true")] {
            let mut world = World::new();
            world.sound_server(&[(MEMBER, value.clone())]);
            assert_eq!(world.status(ID), Status::Warn, "{value}");
        }
    }

    #[test]
    fn visible_pre_registration_makes_it_a_fact() {
        let mut world = World::new();
        world.sound_server(&[(MEMBER, Value::Null)]);
        world.valid("machine", &["a"]).provenance = Provenance::Minted {
            grant: "client_credentials".to_owned(),
            client_id: "machine".to_owned(),
            token_endpoint: "https://auth.example.com/token".to_owned(),
        };
        assert_eq!(world.status(ID), Status::Observed);
    }
}
