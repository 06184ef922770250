//! SCP-02: no scope opens everything.
//!
//! MCP security guidance §Scope Minimization, Common Mistakes.

use std::collections::BTreeMap;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::exchange::ExchangeId;
use crate::model::identity::ScopeSet;
use crate::model::verdict::{Part, Verdict};

/// Reads scopes that are advertised, challenged and held.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let seen = seen(evidence);
    let all: ScopeSet = seen.keys().cloned().collect();
    let own = scopes::of_the_service(&all);
    if own.is_empty() {
        return Verdict::NotApplicable("no scope is advertised, challenged or held".to_owned());
    }
    let mut case = evidence.case();
    for scope in &own {
        let says = if is_omnibus(scope) {
            "is a name for everything"
        } else if own.len() == 1 && SINGLE.contains(&scope.as_str()) {
            "is the only scope there is"
        } else {
            continue;
        };
        let message = format!("the scope `{scope}` {says}; expected one scope per kind of access");
        let mut draft = Draft::new(scope.clone(), message);
        if let Some((at, part)) = seen.get(scope) {
            draft = draft.at(*at, part.clone(), "seen here");
        }
        case.breach(draft);
    }
    case.verdict(Verdict::Held(format!(
        "none of {} scopes opens everything",
        own.len()
    )))
}

fn is_omnibus(scope: &str) -> bool {
    let last = scope.rsplit([':', '.', '/']).next().unwrap_or(scope);
    OMNIBUS.contains(&last)
}

fn seen(evidence: &Evidence<'_>) -> BTreeMap<String, (ExchangeId, Part)> {
    let mut seen = BTreeMap::new();
    for attempt in evidence.resource_documents() {
        let scopes = attempt.texts("scopes_supported").unwrap_or_default();
        for scope in scopes {
            let part = Part::Pointer("/scopes_supported".to_owned());
            seen.entry(scope.to_owned())
                .or_insert((attempt.exchange, part));
        }
    }
    if let Some(challenge) = evidence.token_challenge() {
        let scopes = challenge.value.param("scope").unwrap_or_default();
        for scope in scopes.split_ascii_whitespace() {
            let part = Part::Header("WWW-Authenticate".to_owned());
            seen.entry(scope.to_owned())
                .or_insert((challenge.exchange, part));
        }
    }
    for it in evidence.valid_cells() {
        if let Some(answer) = it.answer() {
            for scope in &it.cell.challenged_scopes {
                seen.entry(scope.clone()).or_insert((answer, Part::Status));
            }
        }
    }
    for identity in evidence.collected().identities.valid() {
        if let Some(used) = evidence.first_use(identity) {
            for scope in identity.scopes().into_iter().flatten() {
                seen.entry(scope.clone()).or_insert((used, Part::Request));
            }
        }
    }
    seen
}

const OMNIBUS: [&str; 8] = [
    "*",
    "all",
    "full-access",
    "full_access",
    "fullaccess",
    "admin",
    "root",
    "superuser",
];

const SINGLE: [&str; 2] = ["mcp", "mcp:tools"];

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, resource_document};
    use crate::model::discovery::Route;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "omnibus-scope";

    fn status(scopes: &[&str]) -> Status {
        let mut world = World::new();
        let document = resource_document(&[("scopes_supported", json!(scopes))]);
        world.resource_metadata(Route::WellKnownInserted, &document);
        world.status(ID)
    }

    #[test]
    fn scopes_for_one_kind_of_access_hold() {
        assert_eq!(status(&["notes:read", "notes:write"]), Status::Pass);
        assert_eq!(
            status(&["administer", "notes.all.read", "mcp:tools", "mcp:read"]),
            Status::Pass
        );
    }

    #[test]
    fn names_for_everything_warn() {
        for scope in [
            "*",
            "notes:*",
            "api/all",
            "full_access",
            "x.full-access",
            "admin",
            "a:root",
        ] {
            assert_eq!(status(&["notes:read", scope]), Status::Warn, "{scope}");
        }
    }

    #[test]
    fn a_single_scope_for_the_whole_server_warns() {
        assert_eq!(status(&["mcp:tools", "openid"]), Status::Warn);
        assert_eq!(status(&["notes:read"]), Status::Pass);
    }

    #[test]
    fn scopes_of_tokens_count_as_well() {
        let mut world = World::new();
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.valid("root", &["superuser"]);
        world.answer(ProbeId::ListTools, "root", 200, &[], "{}");
        assert_eq!(world.status(ID), Status::Warn);
    }
}
