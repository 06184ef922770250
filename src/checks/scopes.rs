//! Which scopes say something about the service, and how to name them in a sentence.

use super::evidence::Evidence;
use crate::model::identity::{Identity, ScopeSet};

/// The scopes that are the service's own, without those that OpenID Connect defines for everybody.
pub(crate) fn of_the_service(scopes: &ScopeSet) -> ScopeSet {
    let own = scopes.iter();
    own.filter(|scope| !STANDARD.contains(&scope.as_str()))
        .cloned()
        .collect()
}

/// An identity's own-service scopes, when its scopes are known.
pub(crate) fn held(identity: &Identity) -> Option<ScopeSet> {
    identity.scopes().map(of_the_service)
}

/// Scopes that the resource metadata lists or the first challenge names.
pub(crate) fn advertised(evidence: &Evidence<'_>) -> ScopeSet {
    let documents = evidence.resource_documents();
    let listed = documents.flat_map(|it| it.texts("scopes_supported").unwrap_or_default());
    let mut named: ScopeSet = listed.map(str::to_owned).collect();
    if let Some(challenge) = evidence.token_challenge() {
        let scopes = challenge.value.param("scope").unwrap_or_default();
        named.extend(scopes.split_ascii_whitespace().map(str::to_owned));
    }
    named
}

/// Scopes for a sentence: quoted, in order, shortened.
pub(crate) fn list<'a>(scopes: impl IntoIterator<Item = &'a String>) -> String {
    names(scopes.into_iter().map(String::as_str))
}

/// Names for a sentence: quoted, in order, shortened.
pub(crate) fn names<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = items.into_iter().map(|item| format!("`{item}`")).collect();
    if quoted.is_empty() {
        return "none".to_owned();
    }
    let more = quoted.len().saturating_sub(SHOWN);
    let shown: Vec<&str> = quoted.iter().take(SHOWN).map(String::as_str).collect();
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

const STANDARD: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];

const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openid_scopes_say_nothing_about_the_service() {
        let scopes = ["openid", "profile", "notes:read"];
        let scopes: ScopeSet = scopes.map(str::to_owned).into();
        assert_eq!(list(&of_the_service(&scopes)), "`notes:read`");
        assert_eq!(list(&ScopeSet::new()), "none");
    }

    #[test]
    fn long_lists_are_shortened_with_a_count() {
        let text = names(["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(text, "`a`, `b`, `c`, `d`, `e` and 2 more");
    }
}
