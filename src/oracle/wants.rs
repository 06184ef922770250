//! Which repeats and confirmations the decisions still lack.

use super::arms::{Finding, Reading, Standard};
use super::calibrate::Treatment;
use super::cells;
use super::differential::{self, Arm, SubjectTrials};
use super::matrix::{FRESH_SESSION, MatrixInput, Trials, probe_of};
use crate::model::matrix::{Cell, Layer};
use crate::model::probe::{ProbeId, ProbeKey};

/// A request that would settle a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    /// The kind of call.
    pub probe: ProbeId,
    /// Subject id.
    pub subject: String,
    /// Identity name.
    pub identity: String,
    /// `fresh-session` when it has to go over a second session.
    pub variant: Option<String>,
    /// Repetition.
    pub attempt: u16,
    /// What it is for.
    pub purpose: &'static str,
}

impl Want {
    /// The key under which the exchange is filed.
    pub fn key(&self) -> ProbeKey {
        let key = ProbeKey::new(self.probe)
            .about(&self.subject)
            .attempt(self.attempt);
        match &self.variant {
            Some(variant) => key.variant(variant),
            None => key,
        }
    }
}

/// What to send next, in this order; empty when nothing is left to ask.
///
/// Repeats of refusals come first, then confirmations of passes in a second session, then the
/// positive control again, so that it is seen to work after the others. Each cell is asked at most
/// eight times and twice in a second session, so the rounds end.
pub fn wants(input: &MatrixInput<'_>) -> Vec<Want> {
    let trials = Trials::read(input);
    let mut repeats = Vec::new();
    let mut confirmations = Vec::new();
    let mut controls = Vec::new();
    for subject in &input.surface.subjects {
        let asked = trials.of(input, subject);
        let Some(probe) = probe_of(subject, asked.treatment) else {
            continue;
        };
        let decided = differential::compare(&asked);
        let want = |arm: &Arm<'_>, fresh: bool, ahead: u16, purpose: &'static str| {
            let name = &arm.identity.name;
            let next = trials.next_attempt(name, probe, &subject.id, fresh);
            Want {
                probe,
                subject: subject.id.clone(),
                identity: name.clone(),
                variant: fresh.then(|| FRESH_SESSION.to_owned()),
                attempt: next.saturating_add(ahead),
                purpose,
            }
        };
        let standard = decided.standard.as_ref();
        let mut needs_control = false;
        for ((arm, reading), cell) in asked.arms.iter().zip(&decided.readings).zip(&decided.cells) {
            let Some(reading) = reading else { continue };
            if is_standard(arm, standard) || arm.identity.invalid.is_some() {
                continue;
            }
            needs_control |= rests_on_control(arm, reading);
            for ahead in 0..missing_repeats(&asked, reading, cell, standard) {
                repeats.push(want(arm, false, ahead, "repeat of a refusal"));
            }
            if wants_retry(&asked, arm, reading) {
                repeats.push(want(arm, false, 0, "retry after a limit or outage"));
            }
        }
        for index in differential::alarming(&asked, &decided.cells) {
            let (Some(arm), Some(Some(reading))) =
                (asked.arms.get(index), decided.readings.get(index))
            else {
                continue;
            };
            if wants_confirmation(&asked, arm, reading) {
                confirmations.push(want(arm, true, 0, "confirmation in a second session"));
            }
        }
        let listed_call = matches!(asked.treatment, Treatment::ListedCall { .. });
        let control = standard.filter(|standard| needs_control && !standard.again && !listed_call);
        let arm = control.and_then(|standard| {
            asked
                .arms
                .iter()
                .find(|arm| is_standard(arm, Some(standard)))
        });
        if let Some(arm) = arm.filter(|arm| arm.answers.len() < MOST_ATTEMPTS) {
            controls.push(want(arm, false, 0, "positive control afterwards"));
        }
    }
    repeats
        .into_iter()
        .chain(confirmations)
        .chain(controls)
        .collect()
}

fn is_standard(arm: &Arm<'_>, standard: Option<&Standard<'_>>) -> bool {
    standard.is_some_and(|standard| standard.identity == arm.identity.name)
}

/// A refusal of a valid token stands only when the control works before and after (C1).
fn rests_on_control(arm: &Arm<'_>, reading: &Reading) -> bool {
    !arm.identity.kind.must_be_refused() && reading.findings.iter().any(Finding::is_refusal)
}

fn missing_repeats(
    asked: &SubjectTrials<'_>,
    reading: &Reading,
    cell: &Cell,
    standard: Option<&Standard<'_>>,
) -> u16 {
    let refusals = reading.refusals();
    let Some(first) = refusals.first() else {
        return 0;
    };
    // One gate before the whole server is repeated by every other subject.
    let server = matches!(first.seen.layer, Layer::ServerGate | Layer::Edge)
        || cell.layer == Some(Layer::ServerGate);
    let passed = reading.pass().is_some();
    if server || passed || !is_repeatable(asked, reading) {
        return 0;
    }
    let lacking = cells::repeats_needed(reading, standard).saturating_sub(refusals.len());
    let room = MOST_ATTEMPTS.saturating_sub(reading.findings.len());
    u16::try_from(lacking.min(room)).unwrap_or(0)
}

fn wants_retry(asked: &SubjectTrials<'_>, arm: &Arm<'_>, reading: &Reading) -> bool {
    let decided = reading
        .findings
        .iter()
        .any(|finding| !finding.is_transient());
    let tries = reading.transients();
    !decided
        && (1..=MOST_RETRIES).contains(&tries)
        && arm.answers.len() < MOST_ATTEMPTS
        && is_repeatable(asked, reading)
}

fn wants_confirmation(asked: &SubjectTrials<'_>, arm: &Arm<'_>, reading: &Reading) -> bool {
    let seen = reading.fresh.iter().any(|finding| !finding.is_transient());
    let listed_call = matches!(asked.treatment, Treatment::ListedCall { .. });
    !seen && arm.fresh.len() < MOST_CONFIRMATIONS && !listed_call
}

/// A call that may have run without an answer is repeated only when it reads (oracle §7.5).
fn is_repeatable(asked: &SubjectTrials<'_>, reading: &Reading) -> bool {
    let lost = reading
        .findings
        .iter()
        .any(|finding| finding.seen.rule == "S1");
    !lost || matches!(asked.treatment, Treatment::Valid { .. })
}

const MOST_ATTEMPTS: usize = 8;
const MOST_RETRIES: usize = 3;
const MOST_CONFIRMATIONS: usize = 2;
