//! DISC-10: the metadata says that PKCE with S256 is supported.
//!
//! MCP §Authorization Code Protection; RFC 8414 §2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::discovery::MetadataAttempt;
use crate::model::verdict::{Part, Verdict};

/// Reads `code_challenge_methods_supported`.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers: Vec<_> = evidence
        .authorization_metadata()
        .filter(|(_, attempt)| has_code_flow(attempt))
        .collect();
    if servers.is_empty() {
        return Verdict::NotApplicable(
            "no metadata of an authorization server with an authorization endpoint was found"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    for (server, attempt) in servers {
        let methods = attempt.texts(MEMBER);
        if methods.as_ref().is_some_and(|it| it.contains(&"S256")) {
            continue;
        }
        let (message, part) = match methods {
            Some(methods) => (
                format!("`{MEMBER}` is {methods:?}, expected it to contain S256"),
                Part::Pointer(format!("/{MEMBER}")),
            ),
            None => (
                format!("`{MEMBER}` is absent, expected it to contain S256"),
                Part::Body,
            ),
        };
        case.breach(Draft::new(server.issuer.clone(), message).at(
            attempt.exchange,
            part,
            "a client must stop here",
        ));
    }
    case.verdict(Verdict::Held("S256 is advertised".to_owned()))
}

fn has_code_flow(attempt: &MetadataAttempt) -> bool {
    let grants = attempt.texts("grant_types_supported");
    grants.is_none_or(|grants| grants.contains(&"authorization_code"))
}

const MEMBER: &str = "code_challenge_methods_supported";

#[cfg(test)]
mod tests {
    use super::MEMBER;
    use crate::checks::testing::World;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    fn world(methods: Value) -> World {
        let mut world = World::new();
        world.sound_server(&[(MEMBER, methods)]);
        world
    }

    const ID: &str = "pkce-not-advertised";

    #[test]
    fn s256_holds_even_beside_plain() {
        assert_eq!(world(json!(["S256"])).status(ID), Status::Pass);
        assert_eq!(world(json!(["plain", "S256"])).status(ID), Status::Pass);
    }

    #[test]
    fn plain_alone_or_silence_is_broken() {
        assert_eq!(world(json!(["plain"])).status(ID), Status::Fail);
        assert_eq!(world(Value::Null).status(ID), Status::Fail);
    }

    #[test]
    fn older_revisions_do_not_ask_for_the_advertisement() {
        let mut world = world(Value::Null);
        world.revision(Revision::R2025_06);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_server_without_the_code_grant_needs_no_pkce() {
        let mut world = World::new();
        world.sound_server(&[
            (MEMBER, Value::Null),
            ("grant_types_supported", json!(["client_credentials"])),
        ]);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
