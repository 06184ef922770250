//! Which refused calls are asked again in other forms: a small, stated sample.

use std::collections::BTreeMap;

use crate::model::exchange::{ExchangeId, Ledger};
use crate::model::identity::{Identities, Identity};
use crate::model::matrix::{Access, Cell, Confidence, Layer, Matrix};
use crate::model::surface::{Subject, SubjectKind, Surface};
use crate::oracle::calibrate::Treatment;

/// A call that one identity was refused and the control was not.
#[derive(Clone, Debug, PartialEq)]
pub struct Guarded {
    /// The tool.
    pub subject: Subject,
    /// The arguments of the plain call.
    pub treatment: Treatment,
    /// Who was refused; absent where only the control could be asked.
    pub identity: Option<String>,
    /// Who got through, or as far as the arguments allow.
    pub control: String,
    /// The refusals.
    pub refused: Vec<ExchangeId>,
    /// The control's answers.
    pub granted: Vec<ExchangeId>,
    /// A read-only tool that the identity may call, and the control's answers to the same call.
    pub cover: Option<(Subject, Vec<ExchangeId>)>,
}

/// What the sample is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The cells of the audited revision.
    pub matrix: &'a Matrix,
    /// Who asked.
    pub identities: &'a Identities,
    /// What there is.
    pub surface: &'a Surface,
    /// How each subject was asked.
    pub treatments: &'a BTreeMap<String, Treatment>,
    /// Every exchange.
    pub ledger: &'a Ledger,
}

/// Calls that a valid identity was surely refused while the baseline got through: at most three
/// identities, those with a cover first, and two tools each, a readable one first.
pub fn guarded(known: &Known<'_>) -> Vec<Guarded> {
    let Some(baseline) = known.identities.baseline() else {
        return Vec::new();
    };
    let mut weak: Vec<(&Identity, Vec<Guarded>)> = known
        .identities
        .valid()
        .filter(|identity| identity.name != baseline.name && identity.invalid.is_none())
        .map(|identity| (identity, of(known, identity, baseline)))
        .filter(|(_, calls)| !calls.is_empty())
        .collect();
    weak.sort_by_key(|(identity, calls)| {
        let covered = calls.iter().any(|call| call.cover.is_some());
        (
            !covered,
            identity.scopes().map_or(0, std::collections::BTreeSet::len),
        )
    });
    weak.into_iter()
        .take(MOST_IDENTITIES)
        .flat_map(|(_, calls)| calls)
        .collect()
}

/// One resource and one prompt that a valid identity was surely refused while the baseline got them,
/// of the first identity that was refused any.
pub fn guarded_doors(known: &Known<'_>) -> Vec<Guarded> {
    let Some(baseline) = known.identities.baseline() else {
        return Vec::new();
    };
    let weaker = known
        .identities
        .valid()
        .filter(|identity| identity.name != baseline.name && identity.invalid.is_none());
    let doors = weaker.map(|identity| {
        let of = |kind| doors_of(known, identity, baseline, kind).next();
        let kinds = [SubjectKind::Resource, SubjectKind::Prompt];
        kinds.into_iter().filter_map(of).collect::<Vec<_>>()
    });
    let mut doors = doors.filter(|doors| !doors.is_empty());
    doors.next().unwrap_or_default()
}

fn doors_of<'k>(
    known: &'k Known<'k>,
    identity: &'k Identity,
    baseline: &'k Identity,
    kind: SubjectKind,
) -> impl Iterator<Item = Guarded> + 'k {
    let of_kind = move || {
        let subjects = known.surface.subjects.iter();
        subjects
            .filter(move |subject| subject.kind == kind)
            .filter_map(|subject| {
                let treatment = known.treatments.get(&subject.id)?;
                let own = known.matrix.cell(&subject.id, &identity.name)?;
                let theirs = known.matrix.cell(&subject.id, &baseline.name)?;
                let valid = matches!(treatment, Treatment::Valid { .. });
                (valid && theirs.access == Access::Allowed)
                    .then_some((subject, treatment, own, theirs))
            })
    };
    let cover = of_kind().find(|(_, _, own, _)| own.access == Access::Allowed);
    let cover = cover
        .map(|(subject, _, _, theirs)| (subject.clone(), answers(known, theirs, &baseline.name)));
    of_kind().filter(|(_, _, own, _)| is_refused(own)).map(
        move |(subject, treatment, own, theirs)| Guarded {
            subject: subject.clone(),
            treatment: treatment.clone(),
            identity: Some(identity.name.clone()),
            control: baseline.name.clone(),
            refused: answers(known, own, &identity.name),
            granted: answers(known, theirs, &baseline.name),
            cover: cover.clone(),
        },
    )
}

/// One read-only tool that the baseline called, with another one as cover: what can be asked where
/// nobody was refused anything.
pub fn readable(known: &Known<'_>) -> Option<Guarded> {
    let baseline = known.identities.baseline()?;
    let mut calls = known.surface.subjects.iter().filter_map(|subject| {
        let treatment = known.treatments.get(&subject.id)?;
        let cell = known.matrix.cell(&subject.id, &baseline.name)?;
        let reads = matches!(treatment, Treatment::Valid { .. });
        (subject.kind == SubjectKind::Tool && reads && cell.access == Access::Allowed)
            .then(|| (subject, treatment, answers(known, cell, &baseline.name)))
    });
    let (subject, treatment, granted) = calls.next()?;
    Some(Guarded {
        subject: subject.clone(),
        treatment: treatment.clone(),
        identity: None,
        control: baseline.name.clone(),
        refused: Vec::new(),
        granted,
        cover: calls
            .next()
            .map(|(subject, _, granted)| (subject.clone(), granted)),
    })
}

fn of(known: &Known<'_>, identity: &Identity, baseline: &Identity) -> Vec<Guarded> {
    let cover = cover(known, identity, baseline);
    let mut calls: Vec<Guarded> = known
        .surface
        .subjects
        .iter()
        .filter_map(|subject| {
            let treatment = known.treatments.get(&subject.id)?;
            let denied = known.matrix.cell(&subject.id, &identity.name)?;
            let granted = known.matrix.cell(&subject.id, &baseline.name)?;
            let fits = subject.kind == SubjectKind::Tool
                && is_refused(denied)
                && is_granted(granted, treatment);
            fits.then(|| Guarded {
                subject: subject.clone(),
                treatment: treatment.clone(),
                identity: Some(identity.name.clone()),
                control: baseline.name.clone(),
                refused: answers(known, denied, &identity.name),
                granted: answers(known, granted, &baseline.name),
                cover: cover.clone(),
            })
        })
        .collect();
    // A call that can run is a better witness than one that only reaches validation.
    calls.sort_by_key(|call| !matches!(call.treatment, Treatment::Valid { .. }));
    let readable = calls
        .iter()
        .filter(|call| matches!(call.treatment, Treatment::Valid { .. }))
        .count();
    // One of each kind where there are both.
    if readable > 1 && readable < calls.len() {
        calls.drain(1..readable);
    }
    calls.truncate(MOST_SUBJECTS);
    calls
}

/// A gate before the whole server says nothing about the tool behind it.
fn is_refused(cell: &Cell) -> bool {
    cell.access == Access::Denied
        && cell.confidence >= Confidence::Strong
        && !matches!(cell.layer, Some(Layer::ServerGate | Layer::Edge))
}

fn is_granted(cell: &Cell, treatment: &Treatment) -> bool {
    match treatment {
        Treatment::Valid { .. } => cell.access == Access::Allowed,
        Treatment::Invalid { .. } => cell.access == Access::Reached,
        // What the operator listed runs once, and what changes state only as the operator said.
        Treatment::ListedCall { .. } | Treatment::Canary { .. } | Treatment::NotTested { .. } => {
            false
        }
    }
}

fn cover(
    known: &Known<'_>,
    identity: &Identity,
    baseline: &Identity,
) -> Option<(Subject, Vec<ExchangeId>)> {
    known.surface.subjects.iter().find_map(|subject| {
        let reads = matches!(known.treatments.get(&subject.id)?, Treatment::Valid { .. });
        let own = known.matrix.cell(&subject.id, &identity.name)?;
        let theirs = known.matrix.cell(&subject.id, &baseline.name)?;
        let open = own.access == Access::Allowed && theirs.access == Access::Allowed;
        (subject.kind == SubjectKind::Tool && reads && open)
            .then(|| (subject.clone(), answers(known, theirs, &baseline.name)))
    })
}

/// An identity's own answers among the evidence of its cell.
fn answers(known: &Known<'_>, cell: &Cell, identity: &str) -> Vec<ExchangeId> {
    let own = cell.exchanges.iter().filter(|id| {
        known.ledger.exchange(**id).is_some_and(|exchange| {
            exchange.identity == identity
                && exchange.probe.subject.as_deref() == Some(cell.subject.as_str())
        })
    });
    own.copied().collect()
}

/// Identities whose refusals are tried again: more cost more and show the same gate.
pub const MOST_IDENTITIES: usize = 3;

/// Resources and prompts: one of each.
pub const MOST_DOORS: usize = 2;

/// Tools for each of them: one that can run and one that cannot.
pub const MOST_SUBJECTS: usize = 2;

#[cfg(test)]
#[path = "sample_tests.rs"]
mod tests;
