//! ASE-11: authorization responses say which server they come from, and the metadata says so.
//!
//! MCP 2026-07-28 §Authorization Response Validation; RFC 9207 §3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Reads `authorization_response_iss_parameter_supported`.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers: Vec<_> = evidence
        .authorization_metadata()
        .filter(|(_, attempt)| {
            let grants = attempt.texts("grant_types_supported");
            grants.is_none_or(|grants| grants.contains(&"authorization_code"))
        })
        .collect();
    if servers.is_empty() {
        return Verdict::NotApplicable(
            "no metadata of an authorization server with an authorization endpoint was found"
                .to_owned(),
        );
    }
    let mut case = evidence.case();
    for (server, attempt) in servers {
        let (said, part) = match attempt.flag(MEMBER) {
            Some(true) => continue,
            Some(false) => ("false", Part::Pointer(format!("/{MEMBER}"))),
            None => ("absent", Part::Body),
        };
        let message = format!("{}: `{MEMBER}` is {said}, expected true", server.issuer);
        let draft = Draft::new(server.issuer.clone(), message);
        case.breach(draft.at(attempt.exchange, part, said));
    }
    case.verdict(Verdict::Held(
        "the `iss` parameter is advertised".to_owned(),
    ))
}

const MEMBER: &str = "authorization_response_iss_parameter_supported";

#[cfg(test)]
mod tests {
    use super::MEMBER;
    use crate::checks::testing::World;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "issuer-parameter-not-advertised";

    fn world(value: Value) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.sound_server(&[(MEMBER, value)]);
        world
    }

    #[test]
    fn an_advertised_parameter_holds() {
        assert_eq!(world(json!(true)).status(ID), Status::Pass);
    }

    #[test]
    fn silence_or_false_warns() {
        assert_eq!(world(Value::Null).status(ID), Status::Warn);
        assert_eq!(world(json!(false)).status(ID), Status::Warn);
    }

    #[test]
    fn older_revisions_do_not_have_it() {
        let mut world = world(Value::Null);
        world.revision(Revision::R2025_11);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
