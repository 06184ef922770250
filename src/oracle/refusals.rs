//! Cells of refused calls (oracle §6.1, rows D1 to D10, D18, D19, D26).

use super::arms::{Finding, Reading, Standard};
use super::calibrate::Treatment;
use super::cascade::Control;
use super::cells::{count, note, open};
use super::differential::{Arm, SubjectTrials};
use super::observe::{Hint, Shape};
use super::undecided::undecided;
use crate::model::canary::Effect;
use crate::model::matrix::{Access, Cell, Class, Confidence, Inference, Layer};
use crate::model::surface::ListOutcome;

/// No credential or one that nobody issued: authentication, not scope.
pub(super) fn stranger_refused(
    mut cell: Cell,
    reading: &Reading,
    refusal: &Finding,
    standard: Option<&Standard<'_>>,
) -> Cell {
    let by_status = matches!(refusal.signature.status, 401 | 403);
    let repeated = reading.refusals().len() >= REPEATS;
    let server = refusal.seen.layer == Layer::ServerGate;
    cell.access = Access::Denied;
    cell.rule = Some("C5".into());
    cell.class = Some(refusal.seen.class);
    cell.layer = Some(refusal.seen.layer);
    cell.challenged_scopes = challenged(refusal);
    let sure = by_status && refusal.seen.inference == Inference::CallRefused;
    cell.confidence = if (sure && (standard.is_some() || server))
        || (repeated && standard.is_some() && refusal.seen.inference == Inference::CallRefused)
    {
        Confidence::Strong
    } else {
        Confidence::Weak
    };
    if standard.is_none() {
        note(
            &mut cell,
            "no identity got through, so only the missing credential is shown to matter",
        );
    }
    cell
}

pub(super) fn refused(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    mut cell: Cell,
    reading: &Reading,
    refusal: &Finding,
    standard: Option<&Standard<'_>>,
) -> Cell {
    let Some(standard) = standard else {
        return undecided(trials, arm, cell, reading, None);
    };
    cell.class = Some(refusal.seen.class);
    cell.layer = Some(refusal.seen.layer);
    // RFC 6750 §3.1: what a plain 401 names is for whoever has no token yet.
    let steps_up = refusal.signature.status != 401
        || refusal.signature.challenge_error.as_deref() == Some("insufficient_scope");
    if steps_up {
        cell.challenged_scopes = challenged(refusal);
    }
    let listed_call = matches!(trials.treatment, Treatment::ListedCall { .. });
    if !standard.again && !listed_call {
        let reason = format!(
            "`{}` was not seen to get through again afterwards, so an outage is not excluded",
            standard.identity
        );
        return open(cell, "C1", reason);
    }
    let list_refused = matches!(arm.list, Some(ListOutcome::Refused { status: 401 | 403 }));
    if list_refused {
        return server_gate(cell, refusal);
    }
    if !arm.alive {
        let reason =
            "nothing was seen to work with this token, so it may simply be dead".to_owned();
        return open(cell, "C2", reason);
    }
    let transients = reading.transients();
    if transients > 1 && transients * 5 > reading.findings.len() {
        let reason = format!(
            "{transients} of {} attempts were limits or outages",
            reading.findings.len()
        );
        return open(cell, "D25", reason);
    }
    if refusal.seen.layer == Layer::Edge {
        let reason = "a proxy in front answered, not the MCP server".to_owned();
        return open(cell, "D25", reason);
    }
    cell.access = Access::Denied;
    cell.rule = Some(refusal_rule(trials, arm, reading, refusal, standard).into());
    cell.confidence = confidence(reading, refusal, standard);
    cell.attempts = count(reading.refusals().len());
    explain(&mut cell, reading, refusal, standard);
    bound(&mut cell);
    if !standard.again {
        note(
            &mut cell,
            "the positive control was not repeated, since it may change state",
        );
    }
    cell
}

/// D7 and D8: the same gate stands before the list.
fn server_gate(mut cell: Cell, refusal: &Finding) -> Cell {
    cell.access = Access::Denied;
    cell.layer = Some(Layer::ServerGate);
    let unknown = refusal.seen.inference == Inference::RefusedCauseUnknown;
    cell.rule = Some(if unknown { "D8" } else { "D7" }.into());
    cell.confidence = if unknown {
        Confidence::Weak
    } else {
        Confidence::Strong
    };
    let reason = if unknown {
        "the list is refused as well, as for a token that nobody issued: the token may be invalid"
    } else {
        "the list is refused as well: this is a gate before the whole server and says nothing about \
         this subject"
    };
    cell.reason = Some(reason.into());
    cell.decided_by = Some("a token that passes the server gate and lacks only this scope".into());
    cell
}

fn refusal_rule(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    reading: &Reading,
    refusal: &Finding,
    standard: &Standard<'_>,
) -> &'static str {
    let challenge = matches!(
        refusal.signature.shape,
        Shape::Challenge | Shape::MetaChallenge
    );
    match refusal.seen.inference {
        Inference::RefusedDownstream => "D10",
        Inference::RefusedCauseUnknown if refusal.signature.shape.is_success() => "D18",
        Inference::RefusedCauseUnknown if refusal.hints.contains(&Hint::Interim) => "D26",
        Inference::RefusedCauseUnknown => "D9",
        _ if trials.is_invalid() || standard.control == Control::Answered => "D19",
        _ if challenge && refusal.seen.class == Class::StepUpChallenge => "D1",
        _ if reading.hidden == Some(true) && arm.listed == Some(true) => "D5",
        _ if reading.hidden == Some(true) => "D4",
        _ if reading.hidden == Some(false) && arm.listed == Some(false) => "D6",
        _ => "D3",
    }
}

fn confidence(reading: &Reading, refusal: &Finding, standard: &Standard<'_>) -> Confidence {
    let challenge = matches!(
        refusal.signature.shape,
        Shape::Challenge | Shape::MetaChallenge
    );
    let repeats = reading.refusals().len();
    let repeated = repeats >= repeats_needed(reading, Some(standard));
    let by_status = matches!(refusal.signature.status, 401 | 403);
    match refusal.seen.inference {
        Inference::RefusedCauseUnknown => Confidence::Weak,
        _ if challenge && refusal.seen.confidence == Confidence::Strong => Confidence::Strong,
        _ if !repeated => Confidence::Weak,
        // Without the random-name baseline a hidden tool and a missing one look alike (C3).
        _ if reading.hidden.is_none() && !by_status => Confidence::Weak,
        _ => Confidence::Strong,
    }
}

fn explain(cell: &mut Cell, reading: &Reading, refusal: &Finding, standard: &Standard<'_>) {
    let by_status = matches!(refusal.signature.status, 401 | 403);
    let repeats = reading.refusals().len();
    match cell.rule.as_deref() {
        Some("D5") => note(cell, "listed, yet answered like a name that does not exist"),
        Some("D6") => note(
            cell,
            "refused unlike a name that does not exist: its existence shows",
        ),
        Some("D9") => note(
            cell,
            "the error says nothing; a crash on a missing claim would look the same",
        ),
        Some("D10") => note(
            cell,
            "a backend refused; the MCP server itself may enforce nothing",
        ),
        Some("D18") if refusal.effect == Some(Effect::Absent) => note(
            cell,
            "answered like a success, and nothing came of it, while the positive control's call had \
             its effect",
        ),
        Some("D18") => note(cell, "a refusal in the form of an ordinary result"),
        Some("D26") => note(
            cell,
            "progress came before the refusal: side effects are possible",
        ),
        _ => {}
    }
    let needed = repeats_needed(reading, Some(standard));
    let challenge = matches!(
        refusal.signature.shape,
        Shape::Challenge | Shape::MetaChallenge
    );
    if repeats < needed && !challenge {
        note(
            cell,
            &format!("seen {repeats} of the {needed} times that it takes"),
        );
    }
    if reading.hidden.is_none() && !by_status {
        note(cell, "no answer to a random name to compare with");
    }
}

/// What so few attempts leave open, were each of them decided by chance (oracle §10).
fn bound(cell: &mut Cell) {
    cell.passes_at_most = passes_at_most(cell.attempts);
    if cell.attempts > count(REPEATS) {
        let (refused, most) = (cell.attempts, cell.passes_at_most.unwrap_or(100));
        note(
            cell,
            &format!(
                "refused in {refused} of {refused} attempts, so with 95 % confidence at most {most} % \
                 of such calls pass"
            ),
        );
    }
}

fn passes_at_most(refusals: u16) -> Option<u8> {
    if refusals == 0 {
        return None;
    }
    let share = 1.0 - 0.05_f64.powf(1.0 / f64::from(refusals));
    (0..=100).find(|percent| f64::from(*percent) >= share * 100.0)
}

/// How many equal refusals a cell needs: more when anything passing was seen (oracle §10).
pub(super) fn repeats_needed(reading: &Reading, standard: Option<&Standard<'_>>) -> usize {
    let disturbed = reading.transients() > 0 || standard.is_some_and(|standard| standard.disturbed);
    if disturbed {
        REPEATS_WHEN_NOISY
    } else {
        REPEATS
    }
}

pub(super) fn challenged(finding: &Finding) -> Vec<String> {
    finding.signature.challenge_scopes.iter().cloned().collect()
}

const REPEATS: usize = 2;
const REPEATS_WHEN_NOISY: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_shrinks_with_the_attempts() {
        let bounds = [0, 1, 2, 3, 10, 30, 59].map(passes_at_most);
        assert_eq!(
            bounds,
            [
                None,
                Some(95),
                Some(78),
                Some(64),
                Some(26),
                Some(10),
                Some(5)
            ]
        );
    }
}
