//! What the run did not decide, in one list: cells, checks, identities, and what was never asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::audit::Collected;
use crate::model::matrix::{Access, Cell};
use crate::model::probe::Unsettleable;
use crate::model::report::CoverageRow;
use crate::model::verdict::Status;

use super::text::{Page, Tone};
use super::{Style, safe, words};

/// Collects everything undecided, each (subject, reason, flag) once.
pub(super) fn undecided(collected: &Collected, coverage: &[CoverageRow]) -> Vec<Unsettleable> {
    let everything = collected
        .discovery
        .unusable
        .iter()
        .map(|reason| Unsettleable {
            what: "everything about the target".to_owned(),
            reason: reason.clone(),
            decided_by: None,
        });
    let cells = collected
        .matrix()
        .into_iter()
        .flat_map(|matrix| &matrix.cells)
        .filter(|cell| !cell.access.is_decided())
        .map(from_cell);
    let checks = coverage
        .iter()
        .filter(|row| row.status == Status::Inconclusive)
        .map(|row| Unsettleable {
            what: row.check.clone(),
            reason: row.reason.clone(),
            decided_by: row.decided_by.clone(),
        });
    let missing = collected
        .identities
        .missing
        .iter()
        .map(|missing| Unsettleable {
            what: format!("identity/{}", missing.name),
            reason: missing.reason.clone(),
            decided_by: Some(format!("a token for {}", missing.name)),
        });
    let invalid = collected.identities.present.iter().filter_map(|identity| {
        Some(Unsettleable {
            what: format!("identity/{}", identity.name),
            reason: identity.invalid.clone()?,
            decided_by: Some(format!("another token for {}", identity.name)),
        })
    });
    let never_asked = collected
        .unsettled
        .iter()
        .chain(&collected.plan.unsettleable)
        .cloned();
    let mut seen = BTreeSet::new();
    everything
        .chain(cells)
        .chain(missing)
        .chain(invalid)
        .chain(checks)
        .chain(never_asked)
        .filter(|item| {
            seen.insert((
                item.what.clone(),
                item.reason.clone(),
                item.decided_by.clone(),
            ))
        })
        .collect()
}

/// Writes what was not decided, grouped by reason and flag, largest group first.
pub(super) fn write(page: &mut Page, items: &[Unsettleable], style: Style) {
    if items.is_empty() {
        page.section("NOT DECIDED: nothing");
        return;
    }
    page.section(&format!("NOT DECIDED ({})", items.len()));
    let groups = groups(items);
    let shown = if style.full { groups.len() } else { CAUSES };
    let rest = groups.len().saturating_sub(shown);
    for ((reason, flag), what) in groups.into_iter().take(shown) {
        page.blank();
        let count = what.len().to_string();
        page.pair(2, COUNT, (Tone::Caution, &count), (Tone::Plain, reason));
        let flag = flag.unwrap_or("no flag of this tool");
        page.labelled(2 + COUNT, "decided by", Tone::Cool, flag);
        let shown = if style.full { what.len() } else { NAMES };
        let mut names: Vec<String> = what
            .iter()
            .take(shown)
            .map(|name| safe::fit_middle(name, NAME))
            .collect();
        let rest = what.len() - names.len();
        if rest > 0 {
            names.push(format!("… {rest} more"));
        }
        page.text(2 + COUNT, Tone::Muted, &names.join(", "));
    }
    if rest > 0 {
        page.blank();
        let text = format!("{}; `--full` shows all", words::count(rest, "more cause"));
        page.text(2, Tone::Muted, &text);
    }
}

/// Why something is not decided, and the flag that would decide it.
pub(super) type Cause<'a> = (&'a str, Option<&'a str>);

/// What was not decided by its cause: what is about the server as a whole before what is about one
/// tool each, and there the largest group first.
pub(super) fn groups(items: &[Unsettleable]) -> Vec<(Cause<'_>, Vec<&str>)> {
    let mut groups: BTreeMap<Cause<'_>, Vec<&str>> = BTreeMap::new();
    for item in items {
        groups
            .entry((&item.reason, item.decided_by.as_deref()))
            .or_default()
            .push(&item.what);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, what)| {
        let of_subjects = what.iter().all(|name| name.contains('/'));
        (of_subjects, Reverse(what.len()))
    });
    groups
}

fn from_cell(cell: &Cell) -> Unsettleable {
    let reason = cell.reason.clone().unwrap_or_else(|| {
        match cell.access {
            Access::Reached => "the call got to argument validation; a gate may sit behind it",
            Access::NotTested => "nothing was sent",
            _ => "the answers do not decide",
        }
        .to_owned()
    });
    Unsettleable {
        what: cell.subject.clone(),
        reason,
        decided_by: cell.decided_by.clone(),
    }
}

/// Causes that are shown unless all are asked for.
pub(super) const CAUSES: usize = 40;
const COUNT: usize = 6;
const NAMES: usize = 12;
const NAME: usize = 60;
