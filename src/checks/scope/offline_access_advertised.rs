//! SCP-07: neither metadata nor challenges ask for `offline_access`.
//!
//! MCP 2026-07-28 §Refresh Tokens.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::verdict::{Part, Verdict};

/// Searches the metadata, the first challenges, and the challenges of refusals.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut read = 0_usize;
    for document in evidence.resource_documents() {
        let Some(listed) = document.texts("scopes_supported") else {
            continue;
        };
        read += 1;
        if listed.contains(&SCOPE) {
            let part = Part::Pointer("/scopes_supported".to_owned());
            case.breach(found("scopes_supported", "the resource metadata lists").at(
                document.exchange,
                part,
                "the metadata",
            ));
        }
    }
    for sourced in &evidence.discovery().challenges {
        let challenge = sourced.value.token_challenge();
        let Some(scopes) = challenge.and_then(|challenge| challenge.param("scope")) else {
            continue;
        };
        read += 1;
        if scopes.split_ascii_whitespace().any(|scope| scope == SCOPE) {
            let part = Part::Header("WWW-Authenticate".to_owned());
            case.breach(found("challenge", "the first challenge asks for").at(
                sourced.exchange,
                part,
                "the challenge",
            ));
        }
    }
    for it in evidence.valid_cells() {
        let named = &it.cell.challenged_scopes;
        read += usize::from(!named.is_empty());
        let asks = named.iter().any(|scope| scope == SCOPE);
        if let Some(answer) = it.answer().filter(|_| asks) {
            case.breach(found("refusals", "a refused call asks for").at(
                answer,
                Part::Status,
                "the refusal",
            ));
        }
    }
    if read == 0 {
        return Verdict::NotApplicable("nothing names a scope".to_owned());
    }
    case.verdict(Verdict::Held(format!(
        "{read} place(s) that name scopes, none of them `{SCOPE}`"
    )))
}

fn found(subject: &str, what: &str) -> Draft {
    let message = format!(
        "{what} `{SCOPE}`, expected only scopes of the server's own: whether to ask for a refresh \
         token is the client's decision"
    );
    Draft::new(subject, message)
}

const SCOPE: &str = "offline_access";

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::Route;
    use crate::model::matrix::Access;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "offline-access-advertised";

    fn world() -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world
    }

    #[test]
    fn metadata_that_lists_it_falls_short_and_other_scopes_do_not() {
        let scopes = |listed: &[&str]| {
            let mut world = world();
            let document = resource_document(&[("scopes_supported", json!(listed))]);
            world.resource_metadata(Route::WellKnownInserted, &document);
            world.status(ID)
        };
        assert_eq!(scopes(&["notes:read", "offline_access"]), Status::Warn);
        assert_eq!(
            scopes(&["notes:read", "offline_access_notes"]),
            Status::Pass
        );
    }

    #[test]
    fn a_challenge_that_asks_for_it_falls_short() {
        let mut asks = world();
        asks.challenge("Bearer", &[("scope", "notes:read offline_access")]);
        assert_eq!(asks.status(ID), Status::Warn);
        let mut plain = world();
        plain.challenge("Bearer", &[("scope", "notes:read")]);
        assert_eq!(plain.status(ID), Status::Pass);
    }

    #[test]
    fn a_refusal_that_asks_for_it_falls_short() {
        let mut world = world();
        world.valid("reader", &["notes:read"]);
        world.tool("create_note");
        let cell = world.cell("create_note", "reader", Access::Denied);
        cell.challenged_scopes = vec!["offline_access".to_owned()];
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn older_revisions_and_silent_servers_do_not_apply() {
        let mut old = World::new();
        old.challenge("Bearer", &[("scope", "offline_access")]);
        assert_eq!(old.status(ID), Status::NotApplicable);
        assert_eq!(world().status(ID), Status::NotApplicable);
    }
}
