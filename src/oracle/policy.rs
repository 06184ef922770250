//! What was seen to open each subject, and what the operator intends.

use crate::model::identity::Identities;
use crate::model::matrix::Matrix;
use crate::model::report::EffectivePolicy;
use crate::model::settings::PolicyEntry;

/// The policy that the cells describe.
pub fn effective(_matrix: &Matrix, _identities: &Identities) -> EffectivePolicy {
    EffectivePolicy::default()
}

/// The operator's entry for a tool: the first whose pattern matches.
pub fn intended<'a>(policy: &'a [PolicyEntry], tool: &str) -> Option<&'a PolicyEntry> {
    policy
        .iter()
        .find(|entry| entry.tools.iter().any(|pattern| matches(pattern, tool)))
}

/// Whether a pattern with `*` matches a name.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}
