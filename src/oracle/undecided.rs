//! Cells of calls that neither passed nor were refused (oracle §6.1, rows D11 and D20 to D30).

use super::arms::{Finding, Reading, Standard};
use super::cascade::Control;
use super::cells::{by_arguments, by_call, by_canary, noun, open, untested};
use super::differential::{Arm, SubjectTrials};
use super::observe::Hint;
use super::refusals::challenged;
use crate::model::canary::Effect;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Access, Cell, Class, Confidence};

pub(super) fn undecided(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    mut cell: Cell,
    reading: &Reading,
    standard: Option<&Standard<'_>>,
) -> Cell {
    let Some(finding) = reading.telling() else {
        return untested(trials.subject, arm, "no answer was read".into(), None);
    };
    cell.class = Some(finding.seen.class);
    cell.challenged_scopes = challenged(finding);
    if finding.is_transient() {
        let reason = match finding.seen.class {
            Class::RateLimited => "a rate limit answered instead of a decision",
            Class::SessionError => "the session was refused, not the call",
            Class::VersionError => "the request's form was refused, not the call",
            Class::ServerFault => "the server failed",
            _ => "no usable answer came back; the call may have run",
        };
        return open(cell, "D25", reason.to_owned());
    }
    let Some(standard) = standard else {
        return without_standard(trials, arm, cell, finding);
    };
    match (finding.seen.class, standard.control) {
        (Class::InvalidArguments, Control::InvalidArguments) => reached(trials, arm, cell),
        (Class::ExecutedError, Control::Answered) => answered(trials, arm, cell),
        (Class::InvalidArguments, _) => {
            let reason = format!(
                "told that the arguments are invalid, which `{}` could use",
                standard.identity
            );
            open(cell, "D25", reason)
        }
        (Class::ElicitationOrInputRequired, _) => {
            let reason = "the server asks for input first, which is never given".to_owned();
            open(cell, "D30", reason)
        }
        _ if finding.hints.contains(&Hint::Cached) => {
            let reason = "the answer came from a cache, which may not know the identity".to_owned();
            open(cell, "D29", reason)
        }
        _ if finding.signature.shape.is_success() && finding.effect.is_some() => {
            let reason = "the answer says that the call ran, and nothing shows its effect";
            let mut cell = open(cell, "D17", reason.to_owned());
            cell.decided_by = by_canary(trials.subject);
            cell
        }
        _ if finding.signature.shape.is_success() => {
            let reason = format!(
                "a result that is neither the data that `{}` got nor a recognisable refusal",
                standard.identity
            );
            open(cell, "D18", reason)
        }
        _ => open(
            cell,
            "D23",
            "the answers do not tell a refusal from a failure".into(),
        ),
    }
}

/// D20 to D22: as far as the positive control, and no further.
fn reached(trials: &SubjectTrials<'_>, arm: &Arm<'_>, mut cell: Cell) -> Cell {
    cell.access = Access::Reached;
    cell.confidence = Confidence::Strong;
    cell.decided_by = by_call(trials.subject);
    let listed_elsewhere = trials.arms.iter().any(|other| other.listed == Some(true));
    let (rule, reason) = if arm.identity.kind.must_be_refused() {
        (
            "D21",
            "the call got as far as argument validation without a valid credential: authentication \
             does not come first; whether it would run is not shown",
        )
    } else if arm.listed == Some(false) && listed_elsewhere {
        cell.confidence = Confidence::Weak;
        (
            "D22",
            "hidden from this identity's list, yet its arguments were validated: the list filter is \
             not applied to calls; a gate may still sit behind validation",
        )
    } else {
        (
            "D20",
            "answered like the positive control by argument validation: a gate may sit behind \
             validation",
        )
    };
    cell.rule = Some(rule.into());
    cell.reason = Some(reason.into());
    cell
}

/// L6: the tool's own error, the same as the positive control got.
fn answered(trials: &SubjectTrials<'_>, arm: &Arm<'_>, mut cell: Cell) -> Cell {
    cell.access = Access::Reached;
    cell.confidence = Confidence::Strong;
    cell.rule = Some("L6".into());
    cell.decided_by = by_arguments(trials.subject);
    let stranger = arm.identity.kind.must_be_refused();
    cell.reason = Some(format!(
        "{} answered as to the positive control{}, with an error of its own to these values",
        noun(trials.subject),
        if stranger {
            ", without a valid credential"
        } else {
            ""
        }
    ));
    cell
}

/// Whether an arm was told that its call ran although nothing shows it.
fn answers_without_effect(arm: &Arm<'_>) -> bool {
    arm.answers.iter().any(|answer| {
        let unseen = matches!(answer.effect, Some(Effect::Absent | Effect::Unknown));
        unseen && answer.shape.is_success()
    })
}

fn without_standard(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    mut cell: Cell,
    finding: &Finding,
) -> Cell {
    let looked_for = matches!(finding.effect, Some(Effect::Absent | Effect::Unknown));
    let ran = finding.seen.class == Class::ExecutedOk && finding.plausible && !looked_for;
    if ran && arm.identity.kind.must_be_refused() {
        cell.access = Access::Allowed;
        cell.confidence = Confidence::Strong;
        let anonymous = arm.identity.kind == IdentityKind::Anonymous;
        cell.rule = Some(if anonymous { "D14" } else { "D15" }.into());
        cell.reason =
            Some("it returned a result; no other identity's result could be compared".into());
        return cell;
    }
    let (rule, reason) = match finding.seen.class {
        Class::UnknownTool | Class::HiddenUnknownTool => {
            ("D24", "the name is unknown to every identity".to_owned())
        }
        Class::UpstreamAuthFailure => (
            "D11",
            "a backend refuses the server for every identity".to_owned(),
        ),
        _ if trials.arms.iter().any(answers_without_effect) => (
            "D17",
            "the call was answered, and nobody's was seen to have an effect".to_owned(),
        ),
        _ => ("D23", "no identity got this call through".to_owned()),
    };
    let scopes = &cell.challenged_scopes;
    let decided_by = if scopes.is_empty() && trials.is_invalid() {
        by_call(trials.subject)
    } else if scopes.is_empty() {
        by_arguments(trials.subject).filter(|_| rule == "D23")
    } else {
        Some(format!("an identity that holds `{}`", scopes.join(" ")))
    };
    let mut cell = open(cell, rule, reason);
    cell.decided_by = decided_by;
    cell
}
