//! The cells against what the operator intends, and where the two have drifted apart.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{covers, includes, permits};
use crate::model::identity::{Identities, Identity};
use crate::model::matrix::{Access, Cell, Confidence, Matrix};
use crate::model::policy::{ComparedSubject, Conformity, DriftEntry, PolicyComparison};
use crate::model::settings::PolicyEntry;
use crate::model::surface::{Subject, SubjectKind, Surface};

/// Compares every cell with the operator's policy; none without one.
pub fn compare(
    matrix: &Matrix,
    surface: &Surface,
    identities: &Identities,
    policy: &[PolicyEntry],
) -> Option<PolicyComparison> {
    if policy.is_empty() {
        return None;
    }
    let applies = |subject: &Subject| policy.iter().position(|entry| covers(entry, subject));
    let entries: BTreeMap<&str, Option<usize>> = surface
        .subjects
        .iter()
        .map(|subject| (subject.id.as_str(), applies(subject)))
        .collect();
    let mut comparison = PolicyComparison::default();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in &matrix.cells {
        let at = entries.get(cell.subject.as_str()).copied().flatten();
        let entry = at.and_then(|at| policy.get(at));
        let word = match (entry, identities.named(&cell.identity)) {
            (None, _) => Conformity::NoPolicy,
            (Some(_), None) => Conformity::NotDecided,
            (Some(entry), Some(identity)) => conformity(entry, identity, cell),
        };
        *comparison.counts.entry(word).or_default() += 1;
        let next = comparison.subjects.len();
        let place = *places.entry(cell.subject.as_str()).or_insert(next);
        if place == next {
            comparison.subjects.push(ComparedSubject {
                subject: cell.subject.clone(),
                entry: at.map(|at| at + 1),
                cells: BTreeMap::new(),
            });
        }
        if let Some(row) = comparison.subjects.get_mut(place) {
            row.cells.insert(cell.identity.clone(), word);
        }
    }
    drift(&mut comparison, surface, policy, &entries);
    Some(comparison)
}

/// How one cell compares with the entry that applies to it.
pub fn conformity(entry: &PolicyEntry, identity: &Identity, cell: &Cell) -> Conformity {
    if identity.invalid.is_some() {
        return Conformity::NotDecided;
    }
    let sure = cell.confidence >= Confidence::Strong;
    match (permits(entry, identity), cell.access) {
        (Some(false), Access::Denied) => Conformity::Conforms,
        (Some(false), Access::Allowed) if sure => Conformity::TooOpen,
        (Some(true), Access::Denied) if sure => Conformity::TooClosed,
        // A token that is refused now and then is not simply let in.
        (Some(true), Access::Allowed) if cell.rule.as_deref() == Some("D27") => {
            Conformity::NotDecided
        }
        (Some(true), Access::Allowed | Access::Reached) => Conformity::Conforms,
        _ => Conformity::NotDecided,
    }
}

fn drift(
    comparison: &mut PolicyComparison,
    surface: &Surface,
    policy: &[PolicyEntry],
    entries: &BTreeMap<&str, Option<usize>>,
) {
    let used: BTreeSet<usize> = entries.values().copied().flatten().collect();
    for (at, entry) in policy.iter().enumerate() {
        if used.contains(&at) {
            continue;
        }
        let drifted = DriftEntry {
            entry: at + 1,
            patterns: patterns(entry),
        };
        let covers_something = surface.subjects.iter().any(|it| covers(entry, it));
        let earlier = policy.get(..at).unwrap_or_default();
        if covers_something || is_shadowed(entry, earlier) {
            comparison.shadowed_entries.push(drifted);
        } else {
            comparison.idle_entries.push(drifted);
        }
    }
    // Only the kinds that the policy speaks of can be missing from it.
    let spoken: BTreeSet<SubjectKind> = surface
        .subjects
        .iter()
        .filter(|subject| {
            entries
                .get(subject.id.as_str())
                .copied()
                .flatten()
                .is_some()
        })
        .map(|subject| subject.kind)
        .chain([SubjectKind::Tool])
        .collect();
    comparison.without_entry = surface
        .subjects
        .iter()
        .filter(|subject| spoken.contains(&subject.kind))
        .filter(|subject| {
            entries
                .get(subject.id.as_str())
                .copied()
                .flatten()
                .is_none()
        })
        .map(|subject| subject.id.clone())
        .collect();
}

fn is_shadowed(entry: &PolicyEntry, earlier: &[PolicyEntry]) -> bool {
    let before: Vec<String> = earlier.iter().flat_map(patterns).collect();
    let mut own = patterns(entry).into_iter();
    own.all(|pattern| before.iter().any(|wide| includes(wide, &pattern)))
}

/// An entry's patterns as patterns of subject ids.
fn patterns(entry: &PolicyEntry) -> Vec<String> {
    let tools = entry
        .tools
        .iter()
        .map(|pattern| SubjectKind::Tool.subject_id(pattern));
    tools.chain(entry.subjects.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{cell, identities, matrix, scopes, tool};

    fn entry(tools: &[&str], require: &[&str]) -> PolicyEntry {
        PolicyEntry {
            tools: tools.iter().map(|it| (*it).to_owned()).collect(),
            require: scopes(require),
            ..PolicyEntry::default()
        }
    }

    fn surface(tools: &[&str]) -> Surface {
        Surface {
            subjects: tools.iter().map(|name| tool(name, None)).collect(),
            ..Surface::default()
        }
    }

    fn word(access: Access, require: &[&str]) -> Conformity {
        let identities = identities(&[("reader", &["read"])]);
        let cells = matrix(vec![cell("tool/a", "reader", access)]);
        let policy = [entry(&["a"], require)];
        let seen = compare(&cells, &surface(&["a"]), &identities, &policy).unwrap();
        seen.subjects[0].cells["reader"]
    }

    #[test]
    fn each_word_has_its_cell() {
        use Access::{Allowed, Denied, Inconclusive, Reached};
        assert_eq!(word(Allowed, &["read"]), Conformity::Conforms);
        assert_eq!(word(Reached, &["read"]), Conformity::Conforms);
        assert_eq!(word(Denied, &["read"]), Conformity::TooClosed);
        assert_eq!(word(Allowed, &["write"]), Conformity::TooOpen);
        assert_eq!(word(Denied, &["write"]), Conformity::Conforms);
        assert_eq!(word(Reached, &["write"]), Conformity::NotDecided);
        assert_eq!(word(Inconclusive, &["read"]), Conformity::NotDecided);
    }

    #[test]
    fn weak_and_mixed_cells_and_unknown_scopes_do_not_accuse() {
        let mut identities = identities(&[("reader", &["read"])]);
        let reader = identities.present.last_mut().unwrap();
        let mut weak = cell("tool/a", "reader", Access::Denied);
        weak.confidence = Confidence::Weak;
        assert_eq!(
            conformity(&entry(&["a"], &["read"]), reader, &weak),
            Conformity::NotDecided
        );
        let mut mixed = cell("tool/a", "reader", Access::Allowed);
        mixed.rule = Some("D27".into());
        assert_eq!(
            conformity(&entry(&["a"], &["read"]), reader, &mixed),
            Conformity::NotDecided
        );
        assert_eq!(
            conformity(&entry(&["a"], &["write"]), reader, &mixed),
            Conformity::TooOpen
        );
        reader.claims = None;
        let allowed = cell("tool/a", "reader", Access::Allowed);
        assert_eq!(
            conformity(&entry(&["a"], &["read"]), reader, &allowed),
            Conformity::NotDecided
        );
        reader.invalid = Some("widened".into());
        assert_eq!(
            conformity(&PolicyEntry::default(), reader, &allowed),
            Conformity::NotDecided
        );
    }

    #[test]
    fn without_a_policy_there_is_nothing_to_compare() {
        let cells = matrix(vec![cell("tool/a", "reader", Access::Allowed)]);
        assert!(compare(&cells, &surface(&["a"]), &identities(&[]), &[]).is_none());
    }

    #[test]
    fn entries_that_match_nothing_tools_without_entry_and_shadowed_entries_are_drift() {
        let policy = [
            entry(&["list_*"], &[]),
            entry(&["list_notes"], &["read"]),
            entry(&["gone_*"], &["read"]),
            entry(&["list_never_*"], &["read"]),
        ];
        let surface = surface(&["list_notes", "write_note"]);
        let cells = matrix(vec![cell("tool/list_notes", "reader", Access::Allowed)]);
        let seen = compare(&cells, &surface, &identities(&[]), &policy).unwrap();
        let numbers =
            |entries: &[DriftEntry]| entries.iter().map(|it| it.entry).collect::<Vec<_>>();
        assert_eq!(numbers(&seen.idle_entries), [3]);
        assert_eq!(numbers(&seen.shadowed_entries), [2, 4]);
        assert_eq!(seen.without_entry, ["tool/write_note"]);
        let exact = [entry(&["list_notes"], &[]), entry(&["write_*"], &["w"])];
        let seen = compare(&cells, &surface, &identities(&[]), &exact).unwrap();
        assert!(seen.idle_entries.is_empty() && seen.shadowed_entries.is_empty());
        assert!(seen.without_entry.is_empty());
    }
}
