//! ASE-07: no token travels through the browser's address bar.
//!
//! OAuth 2.1 §4; RFC 9700 §2.1.2; RFC 8414 §2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Reads `response_types_supported` and `grant_types_supported`.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers: Vec<_> = evidence.authorization_metadata().collect();
    if servers.is_empty() {
        return Verdict::NotApplicable("no authorization server metadata was found".to_owned());
    }
    let mut case = evidence.case();
    for (server, attempt) in servers {
        let types = attempt.texts(TYPES).unwrap_or_default();
        let front = types
            .iter()
            .find(|it| it.split(' ').any(|part| part.ends_with("token")));
        let grants = attempt.texts(GRANTS).unwrap_or_default();
        let (message, member) = match front {
            Some(front) => (
                format!("`{TYPES}` lists `{front}`, expected `code` only"),
                TYPES,
            ),
            None if grants.contains(&"implicit") => (
                format!("`{GRANTS}` lists `implicit`, expected it absent"),
                GRANTS,
            ),
            None => continue,
        };
        let part = Part::Pointer(format!("/{member}"));
        let draft = Draft::new(server.issuer.clone(), message);
        case.breach(draft.at(attempt.exchange, part, "on offer"));
    }
    case.verdict(Verdict::Held(
        "no front-channel token is on offer".to_owned(),
    ))
}

const TYPES: &str = "response_types_supported";
const GRANTS: &str = "grant_types_supported";

#[cfg(test)]
mod tests {
    use super::{GRANTS, TYPES};
    use crate::checks::testing::World;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    fn status(member: &str, value: Value) -> Status {
        let mut world = World::new();
        world.sound_server(&[(member, value)]);
        world.status("implicit-flow-advertised")
    }

    #[test]
    fn code_alone_holds() {
        assert_eq!(status(TYPES, json!(["code", "none"])), Status::Pass);
        assert_eq!(status(GRANTS, Value::Null), Status::Pass);
    }

    #[test]
    fn every_response_type_with_a_token_warns() {
        for kind in ["token", "id_token", "id_token token", "code id_token"] {
            assert_eq!(status(TYPES, json!(["code", kind])), Status::Warn, "{kind}");
        }
    }

    #[test]
    fn the_implicit_grant_warns() {
        assert_eq!(status(GRANTS, json!(["implicit"])), Status::Warn);
    }
}
