//! Cells and subjects: what a token opens now, and what there is to open.

use std::collections::BTreeMap;

use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Cell};
use crate::model::report::{Report, ReportMatrix, ReportSubject};
use crate::model::target::Revision;
use crate::model::verdict::Severity;
use crate::report::words;

use super::{Change, ChangeKind};

pub(super) fn compare(old: &Report, new: &Report, changes: &mut Vec<Change>) {
    let pairs: Vec<(&ReportMatrix, &ReportMatrix)> = new
        .matrices
        .iter()
        .filter_map(|now| {
            let mut before = old.matrices.iter();
            let same = |one: &&ReportMatrix| {
                one.revision == now.revision && one.transport == now.transport
            };
            before.find(same).map(|before| (before, now))
        })
        .collect();
    let mut found: Vec<(Change, Vec<Revision>)> = Vec::new();
    for (before, now) in &pairs {
        let mut own = Vec::new();
        matrix(before, now, (old, new), &mut own);
        for change in own {
            match found.iter_mut().find(|(known, _)| *known == change) {
                Some((_, revisions)) => revisions.push(now.revision),
                None => found.push((change, vec![now.revision])),
            }
        }
    }
    changes.extend(found.into_iter().map(|(change, revisions)| {
        let asked = pairs
            .iter()
            .filter(|(before, now)| asks(before, &change) && asks(now, &change));
        if revisions.len() == asked.count() {
            return change;
        }
        let names: Vec<&str> = revisions.iter().map(|one| one.as_str()).collect();
        let after = format!("{}, in MCP {} alone", change.after, words::list(&names));
        Change { after, ..change }
    }));
    subjects(old, new, changes);
}

/// Whether a matrix has the cell of a change.
fn asks(matrix: &ReportMatrix, change: &Change) -> bool {
    matrix.cells.iter().any(|cell| {
        cell.subject == change.subject && Some(&cell.identity) == change.identity.as_ref()
    })
}

/// Identities whose cells say nothing about the server, with the reason.
pub(super) fn incomparable(old: &Report, new: &Report) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for now in &new.identities.present {
        let reason = match old.identities.named(&now.name) {
            None => Some("the older run did not have it".to_owned()),
            Some(before) => differs(before, now),
        };
        found.extend(reason.map(|reason| (now.name.clone(), reason)));
    }
    for before in &old.identities.present {
        if new.identities.named(&before.name).is_none() {
            found.push((
                before.name.clone(),
                "the newer run does not have it".to_owned(),
            ));
        }
    }
    found
}

/// A token with other scopes opens other things, and no server is to blame.
fn differs(before: &Identity, now: &Identity) -> Option<String> {
    if before.kind != now.kind {
        return Some("it is another kind of token now".to_owned());
    }
    if let (Some(was), Some(is)) = (before.scopes(), now.scopes())
        && was != is
    {
        return Some("its scopes are not the same".to_owned());
    }
    if before.invalid.is_some() || now.invalid.is_some() {
        return Some("it was not usable in both runs".to_owned());
    }
    None
}

fn matrix(
    before: &ReportMatrix,
    now: &ReportMatrix,
    (old, new): (&Report, &Report),
    changes: &mut Vec<Change>,
) {
    let known: BTreeMap<(&str, &str), &Cell> = before
        .cells
        .iter()
        .map(|cell| ((&*cell.subject, &*cell.identity), cell))
        .collect();
    for cell in &now.cells {
        let Some(was) = known.get(&(&*cell.subject, &*cell.identity)) else {
            continue;
        };
        let identities = (
            old.identities.named(&cell.identity),
            new.identities.named(&cell.identity),
        );
        let (Some(one), Some(other)) = identities else {
            continue;
        };
        if differs(one, other).is_some() {
            continue;
        }
        if let Some((kind, severity)) = judged(was.access, cell.access, other.kind) {
            changes.push(Change {
                kind,
                severity,
                subject: cell.subject.clone(),
                identity: Some(cell.identity.clone()),
                before: was.access.as_str().to_owned(),
                after: cell.access.as_str().to_owned(),
                finding: None,
            });
        }
    }
}

fn judged(was: Access, is: Access, kind: IdentityKind) -> Option<(ChangeKind, Severity)> {
    use Access::{Allowed, Denied, Inconclusive, NotTested, Reached};
    let opened = if kind.must_be_refused() {
        Severity::Critical
    } else {
        Severity::High
    };
    match (was, is) {
        (Denied, Allowed) => Some((ChangeKind::CellOpened, opened)),
        // The call gets further than it did; a gate may still sit behind it.
        (Denied, Reached) => Some((ChangeKind::CellOpened, Severity::Medium)),
        (Allowed | Reached, Denied) => Some((ChangeKind::CellClosed, Severity::Info)),
        (Denied | Allowed | Reached, Inconclusive | NotTested)
        | (Inconclusive | NotTested, Denied | Allowed | Reached)
        | (Reached, Allowed)
        | (Allowed, Reached) => Some((ChangeKind::DecisionChanged, Severity::Info)),
        _ => None,
    }
}

fn subjects(old: &Report, new: &Report, changes: &mut Vec<Change>) {
    let (Some(before), Some(now)) = (old.matrices.first(), new.matrices.first()) else {
        return;
    };
    let known: BTreeMap<&str, &ReportSubject> = before
        .subjects
        .iter()
        .map(|subject| (&*subject.id, subject))
        .collect();
    // A report of an older version has no digests; in others a text that is not there has none.
    let digested = has_digests(before) && has_digests(now);
    for subject in &now.subjects {
        match known.get(&*subject.id) {
            None => changes.push(appeared(subject, now, new)),
            Some(was) => changes.extend(redefined(was, subject, digested)),
        }
    }
    for subject in &before.subjects {
        if !now.subjects.iter().any(|one| one.id == subject.id) {
            changes.push(change(
                ChangeKind::SubjectVanished,
                Severity::Info,
                &subject.id,
                "listed",
                "not listed",
            ));
        }
    }
}

fn appeared(subject: &ReportSubject, matrix: &ReportMatrix, report: &Report) -> Change {
    let cells = matrix
        .cells
        .iter()
        .filter(|cell| cell.subject == subject.id);
    let (mut strangers, mut allowed, mut closed) = (0, 0, 0);
    for cell in cells {
        let kind = report.identities.named(&cell.identity).map(|one| one.kind);
        match (kind, cell.access) {
            (Some(kind), Access::Allowed) if kind.must_be_refused() => strangers += 1,
            (Some(IdentityKind::Valid), Access::Allowed) => allowed += 1,
            (Some(IdentityKind::Valid), Access::Denied) => closed += 1,
            _ => {}
        }
    }
    let (kind, severity, word) = match (strangers, allowed, closed) {
        (1.., _, _) => (
            ChangeKind::UnguardedAppeared,
            Severity::High,
            "listed, open without a working token",
        ),
        (0, 1.., 0) => (
            ChangeKind::UnguardedAppeared,
            Severity::Medium,
            "listed, open to every working token tested",
        ),
        (0, _, 1..) => (
            ChangeKind::SubjectAppeared,
            Severity::Info,
            "listed, refused to some tokens",
        ),
        _ => (
            ChangeKind::SubjectAppeared,
            Severity::Info,
            "listed, not decided",
        ),
    };
    change(kind, severity, &subject.id, "not listed", word)
}

/// What a model reads about a tool, or a client sends to it, was approved as it was.
fn redefined(was: &ReportSubject, is: &ReportSubject, digested: bool) -> Option<Change> {
    let mut parts = Vec::new();
    if digested && was.description_sha256 != is.description_sha256 {
        parts.push("description");
    }
    if digested && was.schema_sha256 != is.schema_sha256 {
        parts.push("input schema");
    }
    if was.annotations != is.annotations {
        parts.push("annotations");
    }
    if was.declared != is.declared {
        parts.push("declared schemes");
    }
    (!parts.is_empty()).then(|| {
        let after = format!("{} changed", words::list(&parts));
        change(
            ChangeKind::DefinitionChanged,
            Severity::Medium,
            &is.id,
            "as approved",
            &after,
        )
    })
}

fn has_digests(matrix: &ReportMatrix) -> bool {
    let mut subjects = matrix.subjects.iter();
    subjects.any(|it| it.schema_sha256.is_some() || it.description_sha256.is_some())
}

pub(super) fn change(
    kind: ChangeKind,
    severity: Severity,
    subject: &str,
    before: &str,
    after: &str,
) -> Change {
    Change {
        kind,
        severity,
        subject: subject.to_owned(),
        identity: None,
        before: before.to_owned(),
        after: after.to_owned(),
        finding: None,
    }
}
