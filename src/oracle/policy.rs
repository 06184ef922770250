//! What was seen to open each subject, and what the operator intends.

use std::collections::BTreeSet;

use crate::model::identity::{Identities, Identity, IdentityKind, ScopeSet};
use crate::model::matrix::{Access, Cell, Matrix};
use crate::model::report::{EffectivePolicy, EffectiveRule};
use crate::model::settings::PolicyEntry;

/// The policy that the cells describe: an observation, not a statement of intent.
pub fn effective(matrix: &Matrix, identities: &Identities) -> EffectivePolicy {
    let mut policy = EffectivePolicy::default();
    let mut order: Vec<&str> = Vec::new();
    for cell in &matrix.cells {
        if order.last() != Some(&cell.subject.as_str()) && !order.contains(&cell.subject.as_str()) {
            order.push(&cell.subject);
        }
    }
    let mut settled = !order.is_empty();
    let mut opening: BTreeSet<&String> = BTreeSet::new();
    let rules: Vec<EffectiveRule> = order
        .into_iter()
        .map(|subject| {
            let cells: Vec<&Cell> = matrix
                .cells
                .iter()
                .filter(|cell| cell.subject == subject && !cell.is_settled())
                .collect();
            rule(subject, &cells, identities)
        })
        .collect();
    for rule in &rules {
        match rule.gate.as_str() {
            ANY_TOKEN | NO_TOKEN => policy.unguarded.push(rule.subject.clone()),
            SCOPES => opening.extend(rule.opened_by.iter().flatten()),
            _ => settled = false,
        }
    }
    // A scope is idle only when every subject is settled and none of them needs it.
    if settled {
        let held: BTreeSet<&String> = identities
            .valid()
            .filter_map(Identity::scopes)
            .flatten()
            .collect();
        policy.idle_scopes = held
            .difference(&opening)
            .map(|scope| (*scope).clone())
            .collect();
    }
    policy.subjects = rules;
    policy
}

/// The operator's entry for a tool: the first whose pattern matches.
pub fn intended<'a>(policy: &'a [PolicyEntry], tool: &str) -> Option<&'a PolicyEntry> {
    policy
        .iter()
        .find(|entry| entry.tools.iter().any(|pattern| matches(pattern, tool)))
}

/// Whether the operator's entry lets an identity use the tool; `None` when its scopes are unknown.
pub fn permits(entry: &PolicyEntry, identity: &Identity) -> Option<bool> {
    if entry.public {
        return Some(true);
    }
    if identity.kind != IdentityKind::Valid {
        return Some(false);
    }
    if entry.require.is_empty() {
        return Some(true);
    }
    identity
        .scopes()
        .map(|scopes| entry.require.is_subset(scopes))
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

fn rule(subject: &str, cells: &[&Cell], identities: &Identities) -> EffectiveRule {
    let mut opened: Vec<ScopeSet> = Vec::new();
    let mut refused: Vec<ScopeSet> = Vec::new();
    let mut without_token = false;
    let mut settled = true;
    let mut unknown_scopes = false;
    let mut asked = BTreeSet::new();
    for cell in cells {
        let Some(identity) = identities.named(&cell.identity) else {
            continue;
        };
        if identity.kind == IdentityKind::Anonymous {
            without_token |= cell.access == Access::Allowed;
        }
        if identity.kind != IdentityKind::Valid || identity.invalid.is_some() {
            continue;
        }
        let scopes = identity.scopes();
        settled &= cell.access.is_decided();
        unknown_scopes |= scopes.is_none();
        let Some(scopes) = scopes else { continue };
        match cell.access {
            Access::Allowed => opened.push(scopes.clone()),
            Access::Denied => refused.push(scopes.clone()),
            _ => continue,
        }
        asked.insert(scopes.clone());
    }
    let any_denied = cells.iter().any(|cell| {
        let valid = identities
            .named(&cell.identity)
            .is_some_and(|identity| identity.kind == IdentityKind::Valid);
        valid && cell.access == Access::Denied
    });
    let gate = if without_token {
        NO_TOKEN
    } else if !opened.is_empty() && !refused.is_empty() {
        SCOPES
    } else if settled && !any_denied && asked.len() >= 2 && !unknown_scopes {
        ANY_TOKEN
    } else {
        UNDETERMINED
    };
    EffectiveRule {
        subject: subject.to_owned(),
        opened_by: smallest(opened),
        refused_for: distinct(refused),
        gate: gate.to_owned(),
    }
}

/// The sets that contain no other.
fn smallest(sets: Vec<ScopeSet>) -> Vec<ScopeSet> {
    let sets = distinct(sets);
    let minimal = sets.iter().filter(|set| {
        !sets
            .iter()
            .any(|other| other.is_subset(set) && other != *set)
    });
    minimal.cloned().collect()
}

fn distinct(sets: Vec<ScopeSet>) -> Vec<ScopeSet> {
    let sets: BTreeSet<ScopeSet> = sets.into_iter().collect();
    sets.into_iter().collect()
}

const NO_TOKEN: &str = "no token";
const ANY_TOKEN: &str = "any token";
const SCOPES: &str = "scopes";
const UNDETERMINED: &str = "not determined";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{cell, identities, matrix};

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name) in [
            ("*", "x"),
            ("write_*", "write_note"),
            ("*_note", "write_note"),
            ("a*b*c", "aXbYc"),
            ("read", "read"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("write_*", "rewrite_note"),
            ("read", "reader"),
            ("a*b*c", "acb"),
            ("", "x"),
            ("ab*b", "ab"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn the_smallest_opening_set_is_reported_and_the_rest_of_the_scopes_is_idle() {
        let identities = identities(&[
            ("none", &[]),
            ("reader", &["read"]),
            ("admin", &["read", "write", "extra"]),
            ("writer", &["read", "write"]),
        ]);
        let matrix = matrix(vec![
            cell("tool/a", "none", Access::Denied),
            cell("tool/a", "reader", Access::Denied),
            cell("tool/a", "admin", Access::Allowed),
            cell("tool/a", "writer", Access::Allowed),
            cell("tool/b", "none", Access::Allowed),
            cell("tool/b", "reader", Access::Allowed),
            cell("tool/b", "admin", Access::Allowed),
            cell("tool/b", "writer", Access::Allowed),
        ]);
        let policy = effective(&matrix, &identities);
        let [a, b] = policy.subjects.as_slice() else {
            panic!("two rules")
        };
        assert_eq!(a.gate, "scopes");
        assert_eq!(a.opened_by.len(), 1);
        assert!(a.opened_by[0].contains("write") && !a.opened_by[0].contains("extra"));
        assert_eq!(b.gate, "any token");
        assert_eq!(policy.unguarded, ["tool/b"]);
        assert_eq!(policy.idle_scopes, ["extra"]);
    }

    #[test]
    fn nothing_is_called_idle_or_open_while_a_cell_is_undecided() {
        let identities = identities(&[("reader", &["read"]), ("admin", &["read", "write"])]);
        let matrix = matrix(vec![
            cell("tool/a", "reader", Access::Reached),
            cell("tool/a", "admin", Access::Reached),
        ]);
        let policy = effective(&matrix, &identities);
        assert_eq!(policy.subjects[0].gate, "not determined");
        assert!(policy.idle_scopes.is_empty() && policy.unguarded.is_empty());
    }

    #[test]
    fn an_anonymous_pass_needs_no_token() {
        let identities = identities(&[("reader", &["read"])]);
        let matrix = matrix(vec![
            cell("tool/a", "anonymous", Access::Allowed),
            cell("tool/a", "reader", Access::Allowed),
        ]);
        assert_eq!(effective(&matrix, &identities).subjects[0].gate, "no token");
    }
}
