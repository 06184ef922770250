//! One subject's answers across identities become cells (oracle §6, §8, §9).

use std::collections::BTreeSet;

use super::arms::{self, Finding, Reading, Standard};
use super::calibrate::Treatment;
use super::cascade::Control;
use super::cells;
use super::observe::Answer;
use super::scopes;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Cell, Confidence};
use crate::model::probe::Tier;
use crate::model::surface::{ListOutcome, Subject};

/// What one identity got.
#[derive(Clone, Debug)]
pub struct Arm<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// Whether its list names the subject.
    pub listed: Option<bool>,
    /// How its list ended.
    pub list: Option<&'a ListOutcome>,
    /// Answers in attempt order.
    pub answers: Vec<&'a Answer>,
    /// Answers in a second session.
    pub fresh: Vec<&'a Answer>,
    /// Answers to random names.
    pub unknown: Vec<&'a Answer>,
    /// Whether the identity got something through elsewhere (C2).
    pub alive: bool,
    /// Another identity that was seen on the same session (C6).
    pub shares_session_with: Option<&'a str>,
    /// Highest tier used.
    pub tier: Option<Tier>,
}

/// Everything one subject was asked.
#[derive(Clone, Debug)]
pub struct SubjectTrials<'a> {
    /// The subject.
    pub subject: &'a Subject,
    /// How it was asked.
    pub treatment: &'a Treatment,
    /// Name of the strongest valid identity.
    pub baseline: Option<&'a str>,
    /// One arm per identity, in column order.
    pub arms: Vec<Arm<'a>>,
}

impl SubjectTrials<'_> {
    /// Whether the arguments break the schema.
    pub(super) const fn is_invalid(&self) -> bool {
        matches!(self.treatment, Treatment::Invalid { .. })
    }

    /// The properties that the arguments break.
    pub(super) fn broken(&self) -> Vec<&str> {
        match self.treatment {
            Treatment::Invalid { broken, .. } => broken.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// A subject's arms, read and compared.
pub(super) struct Decided<'a> {
    /// The positive control, when some identity got through.
    pub(super) standard: Option<Standard<'a>>,
    /// One reading per arm; none where nothing was sent.
    pub(super) readings: Vec<Option<Reading>>,
    /// One cell per arm.
    pub(super) cells: Vec<Cell>,
}

/// One cell per arm, in the order of the arms.
pub fn decide(trials: &SubjectTrials<'_>) -> Vec<Cell> {
    compare(trials).cells
}

pub(super) fn compare<'a>(trials: &'a SubjectTrials<'a>) -> Decided<'a> {
    if let Treatment::NotTested { reason, decided_by } = trials.treatment {
        let cells = trials
            .arms
            .iter()
            .map(|arm| cells::untested(trials.subject, arm, reason.clone(), decided_by.clone()));
        return Decided {
            standard: None,
            readings: trials.arms.iter().map(|_| None).collect(),
            cells: cells.collect(),
        };
    }
    let standard = arms::standard(trials);
    let readings: Vec<Option<Reading>> = trials
        .arms
        .iter()
        .map(|arm| (!arm.answers.is_empty()).then(|| arms::read(trials, arm, standard.as_ref())))
        .collect();
    let mut cells: Vec<Cell> = trials
        .arms
        .iter()
        .zip(&readings)
        .map(|(arm, reading)| match reading {
            Some(reading) => cells::cell(trials, arm, reading, standard.as_ref()),
            None => cells::untested(trials.subject, arm, unsent(arm), None),
        })
        .collect();
    isolate_the_scope(trials, &readings, standard.as_ref(), &mut cells);
    alarms(trials, &readings, &mut cells);
    Decided {
        standard,
        readings,
        cells,
    }
}

/// Which arms passed where they should be confirmed in a second session before anybody is alarmed.
pub(super) fn alarming(trials: &SubjectTrials<'_>, cells: &[Cell]) -> BTreeSet<usize> {
    let listed_by_others = trials.arms.iter().any(|arm| arm.listed == Some(true));
    let refused = |index: usize| {
        cells
            .get(index)
            .is_some_and(|cell| cell.access == Access::Denied)
    };
    let denied: Vec<&Identity> = trials
        .arms
        .iter()
        .enumerate()
        .filter(|(index, arm)| refused(*index) && !arm.identity.kind.must_be_refused())
        .map(|(_, arm)| arm.identity)
        .collect();
    let passed = trials
        .arms
        .iter()
        .zip(cells)
        .enumerate()
        .filter(|(_, (arm, cell))| {
            if cell.access != Access::Allowed {
                return false;
            }
            let hidden = arm.listed == Some(false) && listed_by_others;
            let stranger = arm.identity.kind.must_be_refused();
            let less = denied
                .iter()
                .any(|other| scopes::holds_less(arm.identity, other));
            hidden || stranger || less
        });
    passed.map(|(index, _)| index).collect()
}

/// D1 to D4: a refusal is proven when another token that differs in one scope only gets through,
/// and weak when every token that gets through belongs to somebody else.
fn isolate_the_scope(
    trials: &SubjectTrials<'_>,
    readings: &[Option<Reading>],
    standard: Option<&Standard<'_>>,
    cells: &mut [Cell],
) {
    let passing: Vec<&Identity> = trials
        .arms
        .iter()
        .zip(cells.iter())
        .filter(|(arm, cell)| {
            let furthest = trials.is_invalid()
                || standard.is_some_and(|standard| standard.control == Control::Answered);
            let through =
                cell.access == Access::Allowed || (furthest && cell.access == Access::Reached);
            // A token that is let in only now and then shows no cause.
            let steady =
                cell.confidence >= Confidence::Strong && cell.rule.as_deref() != Some("D27");
            let usable = arm.identity.kind == IdentityKind::Valid && arm.identity.invalid.is_none();
            through && steady && usable
        })
        .map(|(arm, _)| arm.identity)
        .collect();
    for ((arm, reading), cell) in trials.arms.iter().zip(readings).zip(cells.iter_mut()) {
        let Some(reading) = reading else { continue };
        if cell.access != Access::Denied || arm.identity.kind.must_be_refused() {
            continue;
        }
        scopes::isolate(arm.identity, &passing, reading, cell);
    }
}

fn alarms(trials: &SubjectTrials<'_>, readings: &[Option<Reading>], cells: &mut [Cell]) {
    for index in alarming(trials, cells) {
        let (Some(cell), Some(Some(reading))) = (cells.get_mut(index), readings.get(index)) else {
            continue;
        };
        let confirmed = reading.fresh.iter().any(Finding::is_pass);
        if !confirmed && reading.fresh.iter().all(|finding| !finding.is_refusal()) {
            cells::unconfirmed(cell);
        }
    }
}

fn unsent(arm: &Arm<'_>) -> String {
    match arm.list {
        Some(ListOutcome::Refused { status }) => format!(
            "no call was sent: the list was already refused to `{}` with HTTP {status}",
            arm.identity.name
        ),
        _ => format!("no call was sent for `{}`", arm.identity.name),
    }
}

#[cfg(test)]
#[path = "controls_tests.rs"]
mod controls_tests;
#[cfg(test)]
#[path = "flip_tests.rs"]
mod flip_tests;
#[cfg(test)]
#[path = "differential_tests.rs"]
mod tests;
