//! One identity's answers about one subject, read against the positive control.

use std::collections::BTreeSet;

use super::call_steps;
use super::cascade::{Arguments, Context, Control, Observation, Principal, classify};
use super::differential::{Arm, SubjectTrials};
use super::observe::{Answer, Hint, Shape};
use super::signature::Signature;
use super::{effects, wording};
use crate::model::canary::Effect;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Class, Inference};
use crate::model::surface::ListOutcome;

/// The positive control of a subject: somebody got through, or as far as arguments allow.
#[derive(Clone, Debug)]
pub(super) struct Standard<'a> {
    /// Whose arm it is.
    pub(super) identity: &'a str,
    /// How far it got.
    pub(super) control: Control,
    /// Its answers that show it.
    pub(super) answers: Vec<&'a Answer>,
    /// Whether it got equally far after the others had asked (C1).
    pub(super) again: bool,
    /// Whether an answer in between failed for a passing reason.
    pub(super) disturbed: bool,
}

/// What one attempt shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The cascade's view of it.
    pub(super) seen: Observation,
    /// The comparable answer.
    pub(super) signature: Signature,
    /// Whether a success is no more than an acknowledgement.
    pub(super) acknowledges: bool,
    /// Whether a success would be believed without another to compare it with.
    pub(super) plausible: bool,
    /// Circumstances.
    pub(super) hints: BTreeSet<Hint>,
    /// What it was seen to bring about, where that was read back.
    pub(super) effect: Option<Effect>,
}

impl Finding {
    pub(super) fn is_pass(&self) -> bool {
        self.seen.inference == Inference::CallPassed
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self.seen.inference,
            Inference::CallRefused | Inference::RefusedDownstream | Inference::RefusedCauseUnknown
        )
    }

    /// Missing data rather than an answer (D25).
    pub(super) fn is_transient(&self) -> bool {
        is_transient(&self.seen, self.signature.shape)
    }
}

/// One arm's attempts.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// In attempt order.
    pub(super) findings: Vec<Finding>,
    /// In a second session.
    pub(super) fresh: Vec<Finding>,
    /// Whether the refusals equal the arm's own answer to a random name; none without baselines.
    pub(super) hidden: Option<bool>,
}

impl Reading {
    /// The attempts that show a refusal, all of the kind of the first.
    pub(super) fn refusals(&self) -> Vec<&Finding> {
        let mut refusals = self.findings.iter().filter(|finding| finding.is_refusal());
        let Some(first) = refusals.next() else {
            return Vec::new();
        };
        let same = refusals.filter(|finding| {
            finding.signature.same_frame(&first.signature)
                && finding.signature.similarity(&first.signature) >= SAME_REFUSAL
        });
        std::iter::once(first).chain(same).collect()
    }

    /// The first attempt that passed.
    pub(super) fn pass(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .chain(&self.fresh)
            .find(|finding| finding.is_pass())
    }

    /// How many attempts were missing data.
    pub(super) fn transients(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.is_transient())
            .count()
    }

    /// The attempt that says most when nothing was decided.
    pub(super) fn telling(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| !finding.is_transient())
            .or_else(|| self.findings.first())
    }
}

/// Whether an observation is missing data: a limit, an outage, a lost session, a lost answer.
pub(super) fn is_transient(seen: &Observation, shape: Shape) -> bool {
    matches!(
        seen.class,
        Class::RateLimited | Class::ServerFault | Class::SessionError | Class::VersionError
    ) || (seen.rule == "S1" && shape != Shape::Broken)
}

/// Finds the positive control: the baseline when it got through, else another valid identity.
pub(super) fn standard<'a>(trials: &'a SubjectTrials<'a>) -> Option<Standard<'a>> {
    let is_baseline = |arm: &&Arm<'_>| Some(arm.identity.name.as_str()) == trials.baseline;
    let valid = |arm: &&'a Arm<'a>| arm.identity.kind == IdentityKind::Valid;
    // The baseline is the yardstick wherever it gets anywhere; a result that only another identity
    // got has nothing to be compared with.
    let baseline = trials.arms.iter().find(is_baseline);
    if let Some(standard) = baseline.and_then(|arm| stand(trials, arm)) {
        return Some(standard);
    }
    let others = trials
        .arms
        .iter()
        .filter(valid)
        .filter(|arm| !is_baseline(arm));
    let standing: Vec<Standard<'a>> = others
        .filter_map(|arm| stand(trials, arm))
        .filter(|standard| {
            let plausible = |answer: &&Answer| call_steps::is_plausible_success(answer);
            standard.control != Control::Executed || standard.answers.iter().all(plausible)
        })
        .collect();
    // Running says more than reaching validation.
    let ran = standing
        .iter()
        .position(|standard| standard.control == Control::Executed);
    standing.into_iter().nth(ran.unwrap_or(0))
}

/// Reads an arm's attempts.
pub(super) fn read(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    standard: Option<&Standard<'_>>,
) -> Reading {
    let own = standard.is_some_and(|standard| standard.identity == arm.identity.name);
    let garbage: Vec<&Signature> = trials
        .arms
        .iter()
        .filter(|other| other.identity.kind == IdentityKind::Garbage)
        .flat_map(|other| other.answers.iter().map(|answer| &answer.signature))
        .collect();
    let context = Context {
        principal: Some(if own {
            Principal::Privileged
        } else {
            principal(arm.identity.kind)
        }),
        garbage,
        privileged: standard
            .iter()
            .flat_map(|standard| standard.answers.iter().map(|answer| &answer.signature))
            .collect(),
        control: Some(standard.map_or_else(|| fallback(trials, arm), |standard| standard.control)),
        ..context(trials, arm)
    };
    let find = |answer: &&Answer| Finding {
        seen: effects::judged(classify(answer, &context), answer),
        signature: answer.signature.clone(),
        acknowledges: call_steps::is_acknowledgement(answer),
        plausible: call_steps::is_plausible_success(answer),
        hints: answer.hints.clone(),
        effect: answer.effect,
    };
    let findings: Vec<Finding> = arm.answers.iter().map(find).collect();
    let hidden = findings
        .iter()
        .find(|finding| finding.is_refusal())
        .and_then(|finding| context.equals_unknown(&finding.signature));
    Reading {
        findings,
        fresh: arm.fresh.iter().map(find).collect(),
        hidden,
    }
}

/// Who an identity stands for.
pub(super) const fn principal(kind: IdentityKind) -> Principal {
    match kind {
        IdentityKind::Valid => Principal::Underprivileged,
        IdentityKind::Anonymous => Principal::Anonymous,
        _ => Principal::Garbage,
    }
}

/// The status that a list's outcome stands for.
pub(super) const fn list_status(outcome: Option<&ListOutcome>) -> Option<u16> {
    match outcome {
        Some(ListOutcome::Complete | ListOutcome::Partial { .. } | ListOutcome::NotOffered) => {
            Some(200)
        }
        Some(ListOutcome::Refused { status }) => Some(*status),
        Some(ListOutcome::Failed { .. }) | None => None,
    }
}

/// How far a valid identity got by itself.
fn stand<'a>(trials: &'a SubjectTrials<'a>, arm: &'a Arm<'a>) -> Option<Standard<'a>> {
    let context = Context {
        principal: Some(Principal::Privileged),
        ..context(trials, arm)
    };
    // A random name that succeeds for somebody makes the same success no control.
    let anybody = Context {
        unknown: trials
            .arms
            .iter()
            .flat_map(|arm| arm.unknown.iter().map(|answer| &answer.signature))
            .collect(),
        ..Context::default()
    };
    let broken = trials.broken();
    let reach = |answer: &Answer| -> Option<Control> {
        let read_back = answer.effect == Some(Effect::Shown);
        if !read_back && anybody.equals_unknown(&answer.signature) == Some(true) {
            return None;
        }
        if let Some(effect) = answer.effect {
            return effects::ran(answer, effect).then_some(Control::Executed);
        }
        if call_steps::shows_execution(answer) {
            return Some(Control::Executed);
        }
        let seen = classify(answer, &context);
        let refused =
            seen.class == Class::InvalidArguments && call_steps::shows_validation(answer, &broken);
        if trials.is_invalid() {
            return refused.then_some(Control::InvalidArguments);
        }
        answers_itself(answer, &seen).then_some(Control::Answered)
    };
    let reaches: Vec<(&Answer, Option<Control>)> = arm
        .answers
        .iter()
        .map(|answer| (*answer, reach(answer)))
        .collect();
    let control = reaches.iter().find_map(|(_, reach)| *reach)?;
    let same: Vec<&Answer> = reaches
        .iter()
        .filter(|(_, reach)| *reach == Some(control))
        .map(|(answer, _)| *answer)
        .collect();
    Some(Standard {
        identity: &arm.identity.name,
        control,
        again: same.len() >= 2
            && reaches
                .last()
                .is_some_and(|(_, last)| *last == Some(control)),
        disturbed: same.len() < reaches.len(),
        answers: same,
    })
}

/// Whether an error is the tool's own: it repeats an argument, and is neither a refusal, nor
/// masked, nor about the name.
fn answers_itself(answer: &Answer, seen: &Observation) -> bool {
    answer.shape.is_error()
        && answer.status < 300
        && answer.signature.echoes_argument()
        && matches!(seen.class, Class::ExecutedError)
        && !wording::authorization(&answer.text)
        && !wording::other_policy(&answer.text)
        && !wording::outage(&answer.text)
        && !wording::crash(&answer.text)
}

fn context<'a>(trials: &'a SubjectTrials<'a>, arm: &Arm<'a>) -> Context<'a> {
    Context {
        arguments: Some(if trials.is_invalid() {
            Arguments::SchemaInvalid
        } else {
            Arguments::Valid
        }),
        list_status: list_status(arm.list),
        listed: arm.listed,
        listed_for_privileged: trials
            .arms
            .iter()
            .find(|other| Some(other.identity.name.as_str()) == trials.baseline)
            .and_then(|other| other.listed),
        unknown: arm.unknown.iter().map(|answer| &answer.signature).collect(),
        broken: trials.broken(),
        ..Context::default()
    }
}

/// What stands in for the control when nobody got through.
fn fallback(trials: &SubjectTrials<'_>, asking: &Arm<'_>) -> Control {
    let baseline = trials
        .arms
        .iter()
        .find(|arm| Some(arm.identity.name.as_str()) == trials.baseline);
    let Some(baseline) = baseline.filter(|arm| !arm.answers.is_empty()) else {
        return Control::Error;
    };
    let context = Context {
        principal: Some(Principal::Privileged),
        ..context(trials, baseline)
    };
    let classes: Vec<Class> = baseline
        .answers
        .iter()
        .map(|answer| classify(answer, &context).class)
        .collect();
    let unlike = |answer: &&Answer| answer.status != 401;
    if asking.identity.kind.must_be_refused() && baseline.answers.iter().any(unlike) {
        // The baseline got past authentication, so a 401 to a stranger is the stranger's own.
        return Control::Error;
    }
    match classes.first() {
        Some(Class::UnknownTool | Class::HiddenUnknownTool) => Control::UnknownTool,
        Some(
            Class::Unauthenticated
            | Class::StepUpChallenge
            | Class::DeniedServerScope
            | Class::DeniedToolScope
            | Class::DeniedOtherPolicy,
        ) => Control::Denied,
        _ => Control::Error,
    }
}

const SAME_REFUSAL: u16 = 600;
