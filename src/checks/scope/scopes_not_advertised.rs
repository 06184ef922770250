//! SCP-01: the metadata says which scopes a client should ask for.
//!
//! RFC 9728 §2; MCP §Scope Selection Strategy.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::verdict::{Part, Verdict};

/// Reads `scopes_supported` and, where it is absent, the challenge.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(document) = evidence.discovery().chosen_resource_metadata() else {
        return Verdict::NotApplicable("no protected resource metadata was found".to_owned());
    };
    let advertised = document.texts(MEMBER).unwrap_or_default();
    if !advertised.is_empty() {
        let count = advertised.len();
        return Verdict::Held(format!("`{MEMBER}` names {count} scope(s)"));
    }
    let challenged = evidence.token_challenge();
    if challenged.is_some_and(|it| it.value.param("scope").is_some()) {
        return Verdict::Held("the challenge names the scopes instead".to_owned());
    }
    if !has_scope_model(evidence) {
        return Verdict::Observed("no scope model: nothing names a scope anywhere".to_owned());
    }
    let message = format!(
        "`{MEMBER}` is absent from {} and the challenge has no `scope`; clients then ask for none \
         and get the authorization server's defaults",
        document.url
    );
    let mut case = evidence.case();
    case.breach(Draft::new(MEMBER, message).at(document.exchange, Part::Body, "no scopes"));
    case.verdict(Verdict::inconclusive("nothing was found"))
}

fn has_scope_model(evidence: &Evidence<'_>) -> bool {
    let mut servers = evidence.authorization_metadata();
    let listed = servers.any(|(_, attempt)| {
        let scopes = attempt.texts(MEMBER).unwrap_or_default();
        let scopes = scopes.into_iter().map(str::to_owned).collect();
        !scopes::of_the_service(&scopes).is_empty()
    });
    listed
        || !scopes::of_the_service(&evidence.held_scopes()).is_empty()
        || !evidence.challenged_scopes().is_empty()
}

const MEMBER: &str = "scopes_supported";

#[cfg(test)]
mod tests {
    use super::MEMBER;
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::Route;
    use crate::model::verdict::Status;
    use serde_json::{Value, json};

    const ID: &str = "scopes-not-advertised";

    fn world(scopes: Value) -> World {
        let mut world = World::new();
        let document = resource_document(&[(MEMBER, scopes)]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world
    }

    #[test]
    fn advertised_scopes_hold() {
        assert_eq!(world(json!(["notes:read"])).status(ID), Status::Pass);
    }

    #[test]
    fn silence_warns_where_scopes_are_in_use() {
        let mut world = world(Value::Null);
        world.valid("reader", &["notes:read"]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_scope_in_the_challenge_is_enough() {
        let mut world = world(json!([]));
        world.valid("reader", &["notes:read"]);
        world.challenge("Bearer", &[("scope", "notes:read")]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_server_without_scopes_is_only_described() {
        let mut world = world(Value::Null);
        world.valid("reader", &["openid"]);
        assert_eq!(world.status(ID), Status::Observed);
    }
}
