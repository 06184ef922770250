//! EXT-04: whether the metadata announces enterprise-managed authorization, and could serve it.
//!
//! Enterprise-managed authorization §6.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Reads `authorization_grant_profiles_supported` and the grant it needs.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let servers: Vec<_> = evidence.authorization_metadata().collect();
    if servers.is_empty() {
        return Verdict::NotApplicable("no authorization server metadata was found".to_owned());
    }
    let mut case = evidence.case();
    let mut announced = Vec::new();
    for (server, attempt) in servers {
        if !attempt.takes_identity_assertions() {
            continue;
        }
        announced.push(server.issuer.as_str());
        let grants = attempt.texts("grant_types_supported").unwrap_or_default();
        if !grants.contains(&GRANT) {
            let message = format!(
                "`{PROFILES}` lists `{PROFILE}`, and `grant_types_supported` does not list \
                 `{GRANT}`, which it needs"
            );
            let draft = Draft::new(server.issuer.clone(), message);
            let part = Part::Pointer(format!("/{PROFILES}"));
            case.advise(draft.at(attempt.exchange, part, "announced"));
        }
    }
    let observed = if announced.is_empty() {
        "enterprise-managed authorization is not announced".to_owned()
    } else {
        let issuers = announced.join(", ");
        format!("enterprise-managed authorization is announced by {issuers}")
    };
    case.verdict(Verdict::Observed(observed))
}

const PROFILES: &str = "authorization_grant_profiles_supported";
const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "enterprise-authorization-announced";

    #[test]
    fn silence_and_a_complete_announcement_are_facts() {
        let mut world = World::new();
        world.sound_server(&[]);
        assert_eq!(world.status(ID), Status::Observed);
        let mut world = World::new();
        world.sound_server(&[
            (PROFILES, json!([PROFILE])),
            (
                "grant_types_supported",
                json!(["authorization_code", GRANT]),
            ),
        ]);
        assert_eq!(world.status(ID), Status::Observed);
        let Verdict::Observed(text) = world.verdict(ID) else {
            panic!("expected a fact");
        };
        assert!(text.contains("announced by"), "{text}");
    }

    #[test]
    fn an_announcement_without_its_grant_warns() {
        let mut world = World::new();
        world.sound_server(&[(PROFILES, json!([PROFILE]))]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn without_metadata_it_does_not_apply() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
