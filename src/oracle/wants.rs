//! Which repeats and confirmations the decisions still lack.

use super::arms::{Finding, Reading, Standard};
use super::calibrate::Treatment;
use super::differential::{self, Arm, SubjectTrials};
use super::matrix::{FRESH_SESSION, MatrixInput, Trials, probe_of};
use super::refusals;
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
        let answers = trials.answers(input, subject);
        let asked = trials.of(input, subject, &answers);
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
            let lacking = missing_repeats(&asked, reading, cell, standard, input.repeat);
            for ahead in 0..lacking {
                repeats.push(want(arm, false, ahead, REPEAT));
            }
            if wants_retry(&asked, arm, reading) {
                repeats.push(want(arm, false, 0, "retry after a limit or outage"));
            }
        }
        for (arm, reading) in asked.arms.iter().zip(&decided.readings) {
            let paired = reading.as_ref().filter(|_| is_standard(arm, standard));
            let lacking = paired.map_or(0, |it| missing_passes(&asked, it, input.repeat));
            for ahead in 0..lacking {
                repeats.push(want(arm, false, ahead, "the control beside a repeat"));
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
    // The same attempt of everybody together, the control among them: outages hit both arms.
    repeats.sort_by_key(|want| want.attempt);
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
    repeat: u16,
) -> u16 {
    let refusals = reading.refusals();
    let Some(first) = refusals.first() else {
        return missing_passes(asked, reading, repeat);
    };
    // One gate before the whole server is repeated by every other subject.
    let server = matches!(first.seen.layer, Layer::ServerGate | Layer::Edge)
        || cell.layer == Some(Layer::ServerGate);
    let passed = reading.pass().is_some();
    if server || !is_repeatable(asked, reading) {
        return 0;
    }
    if passed {
        return missing_passes(asked, reading, repeat);
    }
    let wanted = usize::from(repeat);
    let needed = refusals::repeats_needed(reading, standard).max(wanted);
    let lacking = needed.saturating_sub(refusals.len());
    let most = match asked.treatment {
        Treatment::Canary { .. } => MOST_CANARIES,
        _ => MOST_ATTEMPTS.max(wanted),
    };
    let room = most.saturating_sub(reading.findings.len());
    u16::try_from(lacking.min(room)).unwrap_or(0)
}

/// What only reads is asked as often as the operator wants, even where it passed: equal calls may
/// end differently.
fn missing_passes(asked: &SubjectTrials<'_>, reading: &Reading, repeat: u16) -> u16 {
    let reads = matches!(asked.treatment, Treatment::Valid { .. });
    let seen = u16::try_from(reading.findings.len()).unwrap_or(u16::MAX);
    if reads {
        repeat.saturating_sub(seen)
    } else {
        0
    }
}

fn wants_retry(asked: &SubjectTrials<'_>, arm: &Arm<'_>, reading: &Reading) -> bool {
    let decided = reading
        .findings
        .iter()
        .any(|finding| !finding.is_transient());
    let tries = reading.transients();
    let canary = matches!(asked.treatment, Treatment::Canary { .. });
    if canary && arm.answers.len() >= MOST_CANARIES {
        return false;
    }
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

/// What a call is for that was refused before.
pub const REPEAT: &str = "repeat of a refusal";

const MOST_ATTEMPTS: usize = 8;
/// Every one of these makes an object and removes it.
pub const MOST_CANARIES: usize = 3;
const MOST_RETRIES: usize = 3;
const MOST_CONFIRMATIONS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::surface::ListOutcome;
    use crate::oracle::testing::{
        Bench, failed, http, reset, rpc_error, said, step_up, unauthorized,
    };

    const TWO: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];

    fn unknown(name: &str) -> Outcome {
        rpc_error(-32602, &format!("Unknown tool: {name}"))
    }

    fn bench() -> Bench {
        Bench::valid(TWO)
            .unknown("reader", unknown)
            .unknown("admin", unknown)
            .got("admin", vec![said("some data"), said("some data")])
    }

    fn asked(bench: &Bench) -> Vec<(String, Option<String>, u16)> {
        wants(&bench.input())
            .into_iter()
            .map(|want| (want.identity, want.variant, want.attempt))
            .collect()
    }

    #[test]
    fn a_refusal_seen_once_is_repeated_once() {
        let once = bench().got("reader", vec![failed("no")]);
        assert_eq!(asked(&once), [("reader".to_owned(), None, 1)]);
        let twice = bench().got("reader", vec![failed("no"), failed("no")]);
        assert!(asked(&twice).is_empty());
    }

    #[test]
    fn a_wanted_number_of_attempts_is_made_by_both_arms_in_turn() {
        let bench = bench().got("reader", vec![said("some data")]);
        let input = MatrixInput {
            repeat: 4,
            ..bench.input()
        };
        let wanted: Vec<(String, u16)> = wants(&input)
            .into_iter()
            .map(|want| (want.identity, want.attempt))
            .collect();
        let turn = |name: &str, attempt: u16| (name.to_owned(), attempt);
        assert_eq!(
            wanted,
            [
                turn("reader", 1),
                turn("reader", 2),
                turn("admin", 2),
                turn("reader", 3),
                turn("admin", 3)
            ]
        );
    }

    #[test]
    fn refusals_are_repeated_as_often_as_wanted() {
        let bench = bench().got("reader", vec![failed("no"), failed("no")]);
        let input = MatrixInput {
            repeat: 10,
            ..bench.input()
        };
        let of_reader = wants(&input);
        let of_reader = of_reader.iter().filter(|want| want.identity == "reader");
        assert_eq!(of_reader.count(), 8);
    }

    #[test]
    fn noise_asks_for_five() {
        let noisy = bench().got("reader", vec![http(429, &[], ""), failed("no")]);
        assert_eq!(asked(&noisy).len(), 4);
        assert_eq!(asked(&noisy)[0], ("reader".to_owned(), None, 2));
    }

    #[test]
    fn a_gate_before_the_whole_server_is_not_repeated_tool_by_tool() {
        let gated = bench()
            .got("anonymous", vec![unauthorized()])
            .got("reader", vec![step_up("mcp")])
            .list("reader", &ListOutcome::Refused { status: 403 }, false);
        assert!(asked(&gated).is_empty());
    }

    #[test]
    fn a_limit_is_retried_at_most_three_times() {
        let limit = || http(429, &[], "");
        assert_eq!(asked(&bench().got("reader", vec![limit()])).len(), 1);
        let four = vec![limit(), limit(), limit(), limit()];
        assert!(asked(&bench().got("reader", four)).is_empty());
    }

    #[test]
    fn a_lost_answer_is_retried_only_for_reads() {
        assert_eq!(asked(&bench().got("reader", vec![reset()])).len(), 1);
        let invalid = failed("'id' is not of type 'string'");
        let writing = Bench::invalid(TWO)
            .got("admin", vec![invalid.clone(), invalid])
            .got("reader", vec![reset()]);
        assert!(asked(&writing).is_empty());
    }

    #[test]
    fn an_alarm_is_confirmed_in_a_second_session_once() {
        let alarm = bench().got("reader", vec![said("some data")]).list(
            "reader",
            &ListOutcome::Complete,
            false,
        );
        assert_eq!(
            asked(&alarm),
            [("reader".to_owned(), Some("fresh-session".to_owned()), 0)]
        );
        assert!(asked(&alarm.fresh("reader", said("some data"))).is_empty());
        let plain = bench().got("reader", vec![said("some data")]);
        assert!(asked(&plain).is_empty());
    }

    #[test]
    fn the_control_is_repeated_after_a_refusal_and_last() {
        let before = Bench::valid(TWO)
            .got("admin", vec![said("some data")])
            .got("reader", vec![failed("no")]);
        let wanted = asked(&before);
        assert_eq!(wanted.last(), Some(&("admin".to_owned(), None, 1)));
        let passed = Bench::valid(TWO)
            .got("admin", vec![said("some data")])
            .got("reader", vec![said("some data")]);
        assert!(asked(&passed).is_empty());
    }

    #[test]
    fn rounds_end_even_when_every_answer_differs() {
        let mut bench = bench();
        for round in 0..20 {
            let wanted = wants(&bench.input());
            if wanted.is_empty() {
                return;
            }
            for want in wanted {
                let text = failed(&format!(
                    "reason {} {round} for {}",
                    "x".repeat(round),
                    want.attempt
                ));
                bench = bench.got(&want.identity, vec![text]);
            }
        }
        panic!("still asking");
    }

    #[test]
    fn keys_carry_the_variant_and_the_attempt() {
        let want = Want {
            probe: ProbeId::CallValid,
            subject: "tool/a".into(),
            identity: "reader".into(),
            variant: Some(FRESH_SESSION.into()),
            attempt: 1,
            purpose: "",
        };
        let key = want.key();
        assert_eq!(key.variant.as_deref(), Some("fresh-session"));
        assert_eq!((key.attempt, key.subject.as_deref()), (1, Some("tool/a")));
    }
}
