//! ASE-02: the weak PKCE method is not on offer.
//!
//! OAuth 2.1 §4.1.1; RFC 7636 §4.2; MCP §Authorization Code Protection.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Reads `code_challenge_methods_supported`. A listing alone shows an offer, not its acceptance.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let listed: Vec<_> = evidence
        .authorization_metadata()
        .filter_map(|(server, attempt)| Some((server, attempt, attempt.texts(MEMBER)?)))
        .collect();
    if listed.is_empty() {
        return Verdict::NotApplicable("no metadata lists PKCE methods".to_owned());
    }
    let mut case = evidence.case();
    for (server, attempt, methods) in listed {
        if methods.contains(&"plain") {
            let message = format!("`{MEMBER}` is {methods:?}, expected S256 only");
            let part = Part::Pointer(format!("/{MEMBER}"));
            let draft = Draft::new(server.issuer.clone(), message);
            case.advise(draft.at(attempt.exchange, part, "plain is listed"));
        }
    }
    case.verdict(Verdict::Held("plain is not listed".to_owned()))
}

const MEMBER: &str = "code_challenge_methods_supported";

#[cfg(test)]
mod tests {
    use super::MEMBER;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    fn status(methods: Value) -> Status {
        let mut world = World::new();
        world.sound_server(&[(MEMBER, methods)]);
        world.status("plain-pkce-advertised")
    }

    #[test]
    fn s256_alone_holds() {
        assert_eq!(status(json!(["S256"])), Status::Pass);
    }

    #[test]
    fn plain_warns_although_the_requirement_binds() {
        assert_eq!(status(json!(["S256", "plain"])), Status::Warn);
    }

    #[test]
    fn silence_is_another_check() {
        assert_eq!(status(Value::Null), Status::NotApplicable);
    }
}
