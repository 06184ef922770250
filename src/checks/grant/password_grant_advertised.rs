//! ASE-08: users never type their password into a client.
//!
//! RFC 9700 §2.4; OAuth 2.1 §4.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Reads `grant_types_supported`. A listing alone does not show that our client may use it.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers: Vec<_> = evidence.authorization_metadata().collect();
    if servers.is_empty() {
        return Verdict::NotApplicable("no authorization server metadata was found".to_owned());
    }
    let mut case = evidence.case();
    for (server, attempt) in servers {
        let grants = attempt.texts(MEMBER).unwrap_or_default();
        if grants.contains(&"password") {
            let message = format!("`{MEMBER}` lists `password`, expected it absent");
            let part = Part::Pointer(format!("/{MEMBER}"));
            let draft = Draft::new(server.issuer.clone(), message);
            case.advise(draft.at(attempt.exchange, part, "on offer"));
        }
    }
    case.verdict(Verdict::Held(
        "the password grant is not on offer".to_owned(),
    ))
}

const MEMBER: &str = "grant_types_supported";

#[cfg(test)]
mod tests {
    use super::MEMBER;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "password-grant-advertised";

    fn status(grants: Value) -> Status {
        let mut world = World::new();
        world.sound_server(&[(MEMBER, grants)]);
        world.status(ID)
    }

    #[test]
    fn other_grants_or_silence_hold() {
        assert_eq!(status(json!(["authorization_code"])), Status::Pass);
        assert_eq!(status(Value::Null), Status::Pass);
    }

    #[test]
    fn a_listing_warns_and_does_not_fail() {
        assert_eq!(
            status(json!(["authorization_code", "password"])),
            Status::Warn
        );
    }

    #[test]
    fn without_metadata_it_does_not_apply() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
