//! What must hold between cells whatever the policy: fewer scopes open no more, strangers get no
//! more than a valid token, and the same question gets the same answer (oracle §13). That adding what
//! a challenge names turns its refusal (M5) is read off the trials of the ladder.

use std::collections::BTreeMap;

use super::effective::is_about_the_token;
use super::scopes::{holds_less, same_holder};
use crate::model::identity::{Identities, Identity, IdentityKind};
use crate::model::matrix::{Access, Cell, Confidence, Layer, Matrix};

/// Two cells of one subject that cannot both be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The cell that got in.
    pub open: &'a Cell,
    /// The cell that was refused although it should get at least as far.
    pub shut: &'a Cell,
    /// Whether the call ran, and not only got past the gate.
    pub ran: bool,
    /// Whether both tokens belong to the same subject and client, where that can be seen.
    pub same_holder: Option<bool>,
}

/// M1: a token that holds less got into what one that holds more was refused. At most one pair a
/// subject, the surest.
pub fn inversions<'a>(matrix: &'a Matrix, identities: &Identities) -> Vec<Pair<'a>> {
    worst(matrix, identities, |open, shut| {
        is_usable(open) && is_usable(shut) && holds_less(open, shut)
    })
}

/// M3: a caller without a valid token got into what a valid token was refused.
pub fn outdone<'a>(matrix: &'a Matrix, identities: &Identities) -> Vec<Pair<'a>> {
    worst(matrix, identities, |open, shut| {
        matches!(open.kind, IdentityKind::Anonymous | IdentityKind::Garbage) && is_usable(shut)
    })
}

/// M4 and M6: cells whose repetitions were both let in and refused.
pub fn inconsistent(matrix: &Matrix) -> impl Iterator<Item = &Cell> {
    matrix
        .cells
        .iter()
        .filter(|cell| cell.rule.as_deref() == Some("D27"))
}

fn worst<'a>(
    matrix: &'a Matrix,
    identities: &Identities,
    wrong: impl Fn(&Identity, &Identity) -> bool,
) -> Vec<Pair<'a>> {
    let named: BTreeMap<&str, &Identity> = identities
        .present
        .iter()
        .map(|identity| (identity.name.as_str(), identity))
        .collect();
    let mut subjects: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    for cell in &matrix.cells {
        let row = rows.entry(&cell.subject).or_insert_with(|| {
            subjects.push(&cell.subject);
            Vec::new()
        });
        row.push(cell);
    }
    let pairs = subjects.iter().filter_map(|subject| {
        let cells = rows.get(subject)?;
        let mut found: Vec<Pair<'a>> = Vec::new();
        for open in cells.iter().filter(|cell| got_in(cell)) {
            for shut in cells.iter().filter(|cell| is_shut(cell, open)) {
                let who = (
                    named.get(open.identity.as_str()),
                    named.get(shut.identity.as_str()),
                );
                let (Some(one), Some(other)) = who else {
                    continue;
                };
                if wrong(one, other) {
                    found.push(Pair {
                        open,
                        shut,
                        ran: open.access == Access::Allowed,
                        same_holder: same_holder(one, other),
                    });
                }
            }
        }
        found.into_iter().max_by_key(|pair| {
            (
                pair.ran,
                pair.same_holder == Some(true),
                pair.same_holder.is_none(),
            )
        })
    });
    pairs.collect()
}

/// Let in for sure; an answer that other attempts contradict is a matter of its own.
fn got_in(cell: &Cell) -> bool {
    matches!(cell.access, Access::Allowed | Access::Reached)
        && cell.confidence >= Confidence::Strong
        && cell.rule.as_deref() != Some("D27")
}

/// Refused for sure, at a gate that the other call passed.
fn is_shut(cell: &Cell, open: &Cell) -> bool {
    let same_gate = open.access == Access::Allowed || cell.layer != Some(Layer::ServerGate);
    cell.access == Access::Denied
        && cell.confidence >= Confidence::Strong
        && is_about_the_token(cell)
        && same_gate
}

fn is_usable(identity: &Identity) -> bool {
    identity.kind == IdentityKind::Valid && identity.invalid.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{cell, identities, matrix};
    use Access::{Allowed, Denied, Inconclusive, Reached};

    const TWO: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];

    fn cells(row: &[(&str, Access)]) -> Matrix {
        matrix(
            row.iter()
                .map(|(who, access)| cell("tool/a", who, *access))
                .collect(),
        )
    }

    #[test]
    fn fewer_scopes_that_open_more_are_an_inversion_and_more_scopes_are_not() {
        let inverted = cells(&[("reader", Allowed), ("admin", Denied)]);
        let found = inversions(&inverted, &identities(TWO));
        assert_eq!(found.len(), 1);
        assert!(found[0].ran && found[0].same_holder == Some(true));
        let sound = cells(&[("reader", Denied), ("admin", Allowed)]);
        assert!(inversions(&sound, &identities(TWO)).is_empty());
        let unrelated: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["write"])];
        assert!(inversions(&inverted, &identities(unrelated)).is_empty());
    }

    #[test]
    fn weak_undecided_mixed_and_invalid_cells_invert_nothing() {
        for row in [
            [("reader", Inconclusive), ("admin", Denied)],
            [("reader", Allowed), ("admin", Inconclusive)],
        ] {
            assert!(inversions(&cells(&row), &identities(TWO)).is_empty());
        }
        let row = [("reader", Allowed), ("admin", Denied)];
        for change in [
            (|cells: &mut Vec<Cell>| cells[1].confidence = Confidence::Weak) as fn(&mut Vec<Cell>),
            |cells| cells[1].layer = Some(Layer::Backend),
            |cells| cells[0].rule = Some("D27".into()),
        ] {
            let mut matrix = cells(&row);
            change(&mut matrix.cells);
            assert!(inversions(&matrix, &identities(TWO)).is_empty());
        }
        let mut invalid = identities(TWO);
        invalid.present.last_mut().unwrap().invalid = Some("widened".into());
        assert!(inversions(&cells(&row), &invalid).is_empty());
    }

    #[test]
    fn past_the_tool_gate_counts_and_past_the_server_gate_does_not() {
        let mut matrix = cells(&[("reader", Reached), ("admin", Denied)]);
        assert!(!inversions(&matrix, &identities(TWO))[0].ran);
        matrix.cells[1].layer = Some(Layer::ServerGate);
        assert!(inversions(&matrix, &identities(TWO)).is_empty());
    }

    #[test]
    fn strangers_outdo_a_token_only_where_it_is_refused() {
        let found = cells(&[
            ("anonymous", Allowed),
            ("reader", Denied),
            ("admin", Allowed),
        ]);
        assert_eq!(outdone(&found, &identities(TWO)).len(), 1);
        let public = cells(&[
            ("anonymous", Allowed),
            ("reader", Allowed),
            ("admin", Allowed),
        ]);
        assert!(outdone(&public, &identities(TWO)).is_empty());
        let guarded = cells(&[
            ("anonymous", Denied),
            ("reader", Denied),
            ("admin", Allowed),
        ]);
        assert!(outdone(&guarded, &identities(TWO)).is_empty());
    }

    #[test]
    fn mixed_repetitions_are_inconsistent() {
        let mut matrix = cells(&[("reader", Allowed), ("admin", Allowed)]);
        assert_eq!(inconsistent(&matrix).count(), 0);
        matrix.cells[0].rule = Some("D27".into());
        assert_eq!(inconsistent(&matrix).count(), 1);
    }
}
