//! Findings: which are new, worse, gone, and which nobody can tell about.

use crate::checks::own;
use crate::model::report::Report;
use crate::model::verdict::{Severity, Status};

use super::{Change, ChangeKind};
use crate::report::facts::{self, Item};

pub(super) fn compare(old: &Report, new: &Report, changes: &mut Vec<Change>) {
    let (before, after) = (about_the_server(old), about_the_server(new));
    for item in &after {
        let was = before.iter().find(|one| same(one, item));
        changes.extend(match was {
            None => Some(appeared(item, old)),
            Some(was) => moved(was, item),
        });
    }
    for was in &before {
        if !after.iter().any(|item| same(was, item)) {
            changes.push(gone(was, new));
        }
    }
}

/// What an operator's own configuration lacks is no change of the server.
fn about_the_server(report: &Report) -> Vec<Item<'_>> {
    let mut items = facts::items(report);
    items.retain(|item| own::page(&item.finding.check).is_none());
    items
}

/// Check and subject; a fingerprint also holds the target, which may have moved.
fn same(one: &Item<'_>, other: &Item<'_>) -> bool {
    one.finding.check == other.finding.check && one.finding.subject == other.finding.subject
}

fn appeared(item: &Item<'_>, old: &Report) -> Change {
    let before = facts::row(old, &item.finding.check);
    let before = before.map_or("the check did not run".to_owned(), |row| {
        format!("the check said {}", row.status.as_str())
    });
    if item.acceptance.is_some() {
        return change(
            ChangeKind::FindingMilder,
            item,
            before,
            "found and accepted",
        );
    }
    change(
        ChangeKind::FindingAppeared,
        item,
        before,
        &item.finding.message,
    )
}

fn moved(was: &Item<'_>, item: &Item<'_>) -> Option<Change> {
    let word = |item: &Item<'_>| {
        let accepted = item.acceptance.map_or("", |_| ", accepted");
        format!("{}{accepted}", item.finding.severity.as_str())
    };
    let kind = match (was.acceptance.is_some(), item.acceptance.is_some()) {
        (true, false) => ChangeKind::FindingWorse,
        (false, true) => ChangeKind::FindingMilder,
        (true, true) => return None,
        (false, false) => match item.finding.severity.cmp(&was.finding.severity) {
            std::cmp::Ordering::Greater => ChangeKind::FindingWorse,
            std::cmp::Ordering::Less => ChangeKind::FindingMilder,
            std::cmp::Ordering::Equal => return None,
        },
    };
    Some(change(kind, item, word(was), &word(item)))
}

/// A finding is gone only where its check was judged again.
fn gone(was: &Item<'_>, new: &Report) -> Change {
    let row = facts::row(new, &was.finding.check);
    let (kind, after) = match row.map(|row| row.status) {
        None => (
            ChangeKind::FindingUndecided,
            "the check did not run".to_owned(),
        ),
        Some(status @ (Status::Inconclusive | Status::NotApplicable)) => (
            ChangeKind::FindingUndecided,
            format!("the check says {}", status.as_str()),
        ),
        Some(status) => (
            ChangeKind::FindingGone,
            format!("the check says {}", status.as_str()),
        ),
    };
    change(kind, was, was.finding.message.clone(), &after)
}

fn change(kind: ChangeKind, item: &Item<'_>, before: String, after: &str) -> Change {
    let finding = item.finding;
    Change {
        kind,
        severity: if kind.is_worse() {
            finding.severity
        } else {
            Severity::Info
        },
        subject: format!("{} on {}", finding.check, finding.subject),
        identity: None,
        before,
        after: after.to_owned(),
        finding: Some(finding.fingerprint.clone()),
    }
}
