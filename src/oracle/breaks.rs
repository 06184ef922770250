//! Which cells are not as they should be: by the operator's policy, by what the server says of itself,
//! or by what must hold whatever the policy.

use std::collections::{BTreeMap, BTreeSet};

use super::conformity::conformity;
use super::policy::intended;
use super::relations::{inconsistent, inversions, outdone};
use crate::model::identity::{Identities, Identity, IdentityKind};
use crate::model::matrix::{Access, Cell, Confidence, Matrix};
use crate::model::policy::{CellBreak, Conformity, Contradicts};
use crate::model::settings::PolicyEntry;
use crate::model::surface::{Subject, Surface};

/// Every such cell, in the order of the matrix; each by the first word that speaks against it.
pub fn breaks(
    matrix: &Matrix,
    surface: &Surface,
    identities: &Identities,
    policy: &[PolicyEntry],
) -> Vec<CellBreak> {
    let subjects: BTreeMap<&str, &Subject> = surface
        .subjects
        .iter()
        .map(|subject| (subject.id.as_str(), subject))
        .collect();
    let entries: BTreeMap<&str, &PolicyEntry> = subjects
        .iter()
        .filter_map(|(id, subject)| Some((*id, intended(policy, subject)?)))
        .collect();
    // A list that everybody shares hides nothing.
    let shown: BTreeSet<&str> = matrix
        .cells
        .iter()
        .filter(|cell| cell.listed == Some(true))
        .map(|cell| cell.subject.as_str())
        .collect();
    let mut related: BTreeMap<(&str, &str), Contradicts> = BTreeMap::new();
    for cell in inconsistent(matrix) {
        related.insert((&cell.subject, &cell.identity), Contradicts::Itself);
    }
    for pair in inversions(matrix, identities) {
        let place = (pair.open.subject.as_str(), pair.open.identity.as_str());
        related.insert(place, Contradicts::WiderToken);
    }
    for pair in outdone(matrix, identities) {
        let place = (pair.open.subject.as_str(), pair.open.identity.as_str());
        related.insert(place, Contradicts::StrongerToken);
    }
    let found = matrix.cells.iter().filter_map(|cell| {
        let identity = identities.named(&cell.identity)?;
        let id = cell.subject.as_str();
        let by = match entries.get(id) {
            Some(entry) => by_policy(entry, identity, cell),
            None => by_declaration(subjects.get(id).copied(), identity, cell),
        };
        let hidden = || {
            let hides = cell.listed == Some(false) && shown.contains(id);
            (hides && is_usable(identity) && ran(cell)).then_some(Contradicts::Listing)
        };
        let relation = || related.get(&(id, cell.identity.as_str())).copied();
        Some(CellBreak {
            subject: cell.subject.clone(),
            identity: cell.identity.clone(),
            by: by.or_else(hidden).or_else(relation)?,
        })
    });
    found.collect()
}

fn by_policy(entry: &PolicyEntry, identity: &Identity, cell: &Cell) -> Option<Contradicts> {
    match conformity(entry, identity, cell) {
        Conformity::TooOpen => Some(Contradicts::Policy),
        Conformity::TooClosed => Some(Contradicts::PolicyTooClosed),
        Conformity::Conforms | Conformity::NotDecided | Conformity::NoPolicy => None,
    }
}

/// An array of schemes is an OR: `noauth` among them makes the subject public.
fn by_declaration(
    subject: Option<&Subject>,
    identity: &Identity,
    cell: &Cell,
) -> Option<Contradicts> {
    let schemes = subject?.schemes.as_deref()?;
    let scoped = schemes.iter().all(|scheme| scheme.kind == "oauth2");
    if !scoped || schemes.is_empty() || !ran(cell) || identity.invalid.is_some() {
        return None;
    }
    let kept_out = if identity.kind.must_be_refused() {
        true
    } else {
        let held = identity.scopes()?;
        schemes.iter().all(|scheme| !scheme.scopes.is_subset(held))
    };
    kept_out.then_some(Contradicts::Declaration)
}

fn ran(cell: &Cell) -> bool {
    cell.access == Access::Allowed && cell.confidence >= Confidence::Strong
}

fn is_usable(identity: &Identity) -> bool {
    identity.kind == IdentityKind::Valid && identity.invalid.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::surface::DeclaredScheme;
    use crate::oracle::testing::{cell, identities, matrix, scopes, tool};
    use Access::{Allowed, Denied};

    const TWO: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];

    fn found(
        row: &[(&str, Access)],
        policy: &[PolicyEntry],
        change: impl FnOnce(&mut Subject, &mut Vec<Cell>),
    ) -> Vec<(String, Contradicts)> {
        let cells = row.iter().map(|(who, access)| cell("tool/a", who, *access));
        let mut cells: Vec<Cell> = cells.collect();
        let mut subject = tool("a", None);
        change(&mut subject, &mut cells);
        let surface = Surface {
            subjects: vec![subject],
            ..Surface::default()
        };
        breaks(&matrix(cells), &surface, &identities(TWO), policy)
            .into_iter()
            .map(|it| (it.identity, it.by))
            .collect()
    }

    fn policy(require: &[&str]) -> Vec<PolicyEntry> {
        vec![PolicyEntry {
            tools: vec!["a".into()],
            require: scopes(require),
            ..PolicyEntry::default()
        }]
    }

    #[test]
    fn the_policy_speaks_in_both_directions_and_before_the_declaration() {
        let row = [("reader", Allowed), ("admin", Denied)];
        let both = found(&row, &policy(&["write"]), |_, _| {});
        let expected = [
            ("reader".to_owned(), Contradicts::Policy),
            ("admin".to_owned(), Contradicts::PolicyTooClosed),
        ];
        assert_eq!(both, expected);
        let declares = |subject: &mut Subject, _: &mut Vec<Cell>| {
            subject.schemes = Some(vec![DeclaredScheme {
                kind: "oauth2".into(),
                scopes: scopes(&["write"]),
            }]);
        };
        let row = [("reader", Allowed), ("admin", Allowed)];
        assert!(found(&row, &policy(&["read"]), declares).is_empty());
        let by = found(&row, &[], declares);
        assert_eq!(by, [("reader".to_owned(), Contradicts::Declaration)]);
    }

    #[test]
    fn what_a_list_hides_and_a_call_opens_is_marked_once_somebody_sees_it() {
        let row = [("reader", Allowed), ("admin", Allowed)];
        let hidden = found(&row, &[], |_, cells| cells[0].listed = Some(false));
        assert_eq!(hidden, [("reader".to_owned(), Contradicts::Listing)]);
        let nobody = found(&row, &[], |_, cells| {
            for cell in cells.iter_mut() {
                cell.listed = Some(false);
            }
        });
        assert!(nobody.is_empty());
    }

    #[test]
    fn relations_need_no_policy_and_a_sound_row_has_no_mark() {
        let inverted = found(&[("reader", Allowed), ("admin", Denied)], &[], |_, _| {});
        assert_eq!(inverted, [("reader".to_owned(), Contradicts::WiderToken)]);
        let stranger = [
            ("anonymous", Allowed),
            ("reader", Denied),
            ("admin", Allowed),
        ];
        let stranger = found(&stranger, &[], |_, _| {});
        assert_eq!(
            stranger,
            [("anonymous".to_owned(), Contradicts::StrongerToken)]
        );
        let mixed = [("reader", Allowed), ("admin", Allowed)];
        let mixed = found(&mixed, &[], |_, cells| cells[0].rule = Some("D27".into()));
        assert_eq!(mixed, [("reader".to_owned(), Contradicts::Itself)]);
        let sound = [
            ("anonymous", Denied),
            ("reader", Denied),
            ("admin", Allowed),
        ];
        assert!(found(&sound, &[], |_, _| {}).is_empty());
    }
}
