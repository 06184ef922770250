//! The decision table: one arm's reading becomes one cell (oracle §6.1, §6.3, §6.4).

use serde_json::Value;

use super::arms::{Finding, Reading, Standard};
use super::calibrate::Treatment;
use super::canary;
use super::cascade::Control;
use super::differential::{Arm, SubjectTrials};
use super::observe::Sent;
use super::refusals::{refused, stranger_refused};
use super::undecided::undecided;
use crate::model::canary::Effect;
use crate::model::exchange::ExchangeId;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Access, Cell, Class, Confidence, Layer, Mixed};
use crate::model::surface::{Subject, SubjectKind};

/// The cell of an arm that answered.
pub(super) fn cell(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    reading: &Reading,
    standard: Option<&Standard<'_>>,
) -> Cell {
    let mut cell = blank(trials.subject, arm);
    cell.attempts = count(reading.findings.len());
    cell.exchanges = evidence(arm, standard);
    if let Some(invalid) = &arm.identity.invalid {
        return open(
            cell,
            "invalid",
            format!("the token is invalid for this cell: {invalid}"),
        );
    }
    if let Some(other) = arm.shares_session_with {
        let reason = format!("the session was shared with `{other}`, so the answer may be theirs");
        return open(cell, "C6", reason);
    }
    if let Some(standard) = standard {
        if standard.identity == arm.identity.name {
            return control(trials, cell, reading, standard);
        }
        if !same_request(trials, arm, standard) {
            let reason = format!(
                "the call differs from the one that `{}` sent",
                standard.identity
            );
            return open(cell, "C7", reason);
        }
    }
    if let Some(pass) = reading.pass() {
        return passed(trials, arm, cell, reading, pass);
    }
    let stranger = arm.identity.kind.must_be_refused();
    if let Some(refusal) = reading.refusals().first() {
        return if stranger {
            stranger_refused(cell, reading, refusal, standard)
        } else {
            refused(trials, arm, cell, reading, refusal, standard)
        };
    }
    undecided(trials, arm, cell, reading, standard)
}

/// The cell of an arm that was not asked.
pub(super) fn untested(
    subject: &Subject,
    arm: &Arm<'_>,
    reason: String,
    decided_by: Option<String>,
) -> Cell {
    Cell {
        access: Access::NotTested,
        reason: Some(reason),
        decided_by,
        tier: None,
        ..blank(subject, arm)
    }
}

/// The cell of an arm whose token stopped working before it could be asked.
pub(super) fn ended(subject: &Subject, arm: &Arm<'_>, at: ExchangeId) -> Cell {
    let reason = format!(
        "the token of `{}` stopped working during the run, as its refused list shows ({at}); what \
         it was answered since says nothing",
        arm.identity.name
    );
    let mut cell = open(blank(subject, arm), "expired", reason);
    cell.exchanges = vec![at];
    cell.decided_by = Some("a token that lives longer than the run".into());
    cell
}

/// Lowers a pass that nobody has seen in a second session.
pub(super) fn unconfirmed(cell: &mut Cell) {
    cell.confidence = cell.confidence.min(Confidence::Strong);
    note(cell, "seen in one session; not confirmed in a second one");
}

/// Adds a limit to what a cell says.
pub(super) fn note(cell: &mut Cell, text: &str) {
    match &mut cell.reason {
        Some(reason) => {
            reason.push_str("; ");
            reason.push_str(text);
        }
        None => cell.reason = Some(text.to_owned()),
    }
}

/// The flag that would let a valid call decide.
pub(super) fn by_call(subject: &Subject) -> Option<String> {
    (subject.kind == SubjectKind::Tool).then(|| {
        format!(
            "`--allow call` with a `[[tool]]` entry that gives `arguments` for `{}`",
            subject.name
        )
    })
}

/// The entry that would show whether a call has an effect.
pub(super) fn by_canary(subject: &Subject) -> Option<String> {
    (subject.kind == SubjectKind::Tool).then(|| {
        format!(
            "`--allow destructive` with a `[[tool]]` entry whose `canary` for `{}` says how its \
             effect is read back",
            subject.name
        )
    })
}

/// The entry that would make a call succeed.
pub(super) fn by_arguments(subject: &Subject) -> Option<String> {
    let (entry, values) = match subject.kind {
        SubjectKind::Tool => ("tool", "arguments"),
        SubjectKind::Prompt => ("prompt", "arguments"),
        SubjectKind::ResourceTemplate => ("resource_template", "variables"),
        _ => return None,
    };
    Some(format!(
        "a `[[{entry}]]` entry whose `{values}` for `{}` name something that exists",
        subject.name
    ))
}

/// What answers for a subject, in a sentence.
pub(super) const fn noun(subject: &Subject) -> &'static str {
    match subject.kind {
        SubjectKind::Tool => "the tool",
        SubjectKind::Prompt => "the prompt",
        _ => "the resource",
    }
}

fn control(
    trials: &SubjectTrials<'_>,
    mut cell: Cell,
    reading: &Reading,
    standard: &Standard<'_>,
) -> Cell {
    cell.rule = Some("C1".into());
    cell.attempts = count(standard.answers.len());
    if standard.control == Control::Executed {
        cell.access = Access::Allowed;
        cell.class = Some(Class::ExecutedOk);
        let is_baseline = Some(standard.identity) == trials.baseline;
        cell.confidence = if standard.again && is_baseline {
            Confidence::Proven
        } else {
            Confidence::Strong
        };
        if trials.is_invalid() {
            note(
                &mut cell,
                "it ran although the arguments break every required property",
            );
        }
    } else if standard.control == Control::Answered {
        cell.access = Access::Reached;
        cell.class = Some(Class::ExecutedError);
        cell.confidence = Confidence::Strong;
        cell.reason = Some(format!(
            "{} answered with an error of its own to these values",
            noun(trials.subject)
        ));
        cell.decided_by = by_arguments(trials.subject);
    } else {
        cell.access = Access::Reached;
        cell.class = Some(Class::InvalidArguments);
        cell.confidence = Confidence::Strong;
        cell.reason = Some("the arguments were refused as intended; nothing ran".into());
        cell.decided_by = by_call(trials.subject);
    }
    if reading.transients() > 0 {
        note(&mut cell, "at least one attempt was disturbed");
    }
    cell
}

fn passed(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    mut cell: Cell,
    reading: &Reading,
    pass: &Finding,
) -> Cell {
    let reads = trials
        .subject
        .annotations
        .is_some_and(|hints| hints.read_only == Some(true));
    let tool = trials.subject.kind == SubjectKind::Tool;
    cell.class = Some(Class::ExecutedOk);
    let read_back = pass.effect.is_some();
    if pass.acknowledges && tool && !reads && !read_back {
        let reason = "the answer is a bare acknowledgement; a silent no-op would look the same until \
                      the effect is read back";
        let mut cell = open(cell, "D17", reason.into());
        cell.decided_by = by_canary(trials.subject);
        return cell;
    }
    if pass.effect == Some(Effect::Shown) {
        note(
            &mut cell,
            if pass.signature.shape.is_success() {
                "its effect on an object of the run's own was read back"
            } else {
                "the answer is no success, yet the effect on an object of the run's own was read back"
            },
        );
    }
    cell.access = Access::Allowed;
    cell.confidence = pass.seen.confidence;
    let listed_elsewhere = trials.arms.iter().any(|other| other.listed == Some(true));
    let rule = match arm.identity.kind {
        IdentityKind::Anonymous => "D14",
        kind if kind.must_be_refused() => "D15",
        _ if arm.listed == Some(false) && listed_elsewhere => "D13",
        _ if pass.signature.status >= 400 => "D28",
        _ if pass.seen.confidence == Confidence::Proven => "D12",
        _ => "D16",
    };
    cell.rule = Some(rule.into());
    match rule {
        "D13" => {
            cell.layer = Some(Layer::ListingOnly);
            note(
                &mut cell,
                "hidden from this identity's list, yet the call ran",
            );
        }
        "D16" => note(
            &mut cell,
            "it ran; the data differ from what the positive control got",
        ),
        "D28" => note(&mut cell, "the data came with an HTTP error status"),
        _ => {}
    }
    let refusals = reading
        .findings
        .iter()
        .chain(&reading.fresh)
        .filter(|finding| finding.is_refusal());
    let refusals = refusals.count();
    if refusals > 0 {
        cell.rule = Some("D27".into());
        cell.confidence = Confidence::Proven;
        let all = reading.findings.len() + reading.fresh.len();
        let passes = reading.findings.iter().chain(&reading.fresh);
        cell.mixed = Some(Mixed {
            passed: count(passes.filter(|finding| finding.is_pass()).count()),
            refused: count(refusals),
        });
        note(
            &mut cell,
            &format!("inconsistent: refused in {refusals} of {all} attempts"),
        );
    }
    cell
}

pub(super) fn open(mut cell: Cell, rule: &str, reason: String) -> Cell {
    cell.access = Access::Inconclusive;
    cell.confidence = Confidence::Inconclusive;
    cell.rule = Some(rule.into());
    cell.reason = Some(reason);
    cell
}

fn blank(subject: &Subject, arm: &Arm<'_>) -> Cell {
    Cell {
        subject: subject.id.clone(),
        identity: arm.identity.name.clone(),
        listed: arm.listed,
        access: Access::Inconclusive,
        class: None,
        layer: None,
        confidence: Confidence::Inconclusive,
        tier: arm.tier,
        rule: None,
        reason: None,
        decided_by: None,
        attempts: 0,
        mixed: None,
        passes_at_most: None,
        challenged_scopes: Vec::new(),
        flips: Vec::new(),
        exchanges: Vec::new(),
    }
}

fn evidence(arm: &Arm<'_>, standard: Option<&Standard<'_>>) -> Vec<ExchangeId> {
    let own = arm.answers.iter().chain(&arm.fresh).copied();
    let controls = standard
        .iter()
        .flat_map(|standard| standard.answers.iter().copied());
    let mut exchanges = Vec::new();
    for answer in own.chain(controls).chain(arm.unknown.iter().copied()) {
        if !exchanges.contains(&answer.exchange) {
            exchanges.push(answer.exchange);
        }
    }
    exchanges
}

/// Every caller has a word of its own, and an object where the call needs one.
fn same_arguments(trials: &SubjectTrials<'_>, mine: &Sent, theirs: &Sent) -> bool {
    if mine.arguments == theirs.arguments {
        return true;
    }
    let (Some(mine), Some(theirs)) = (&mine.arguments, &theirs.arguments) else {
        return false;
    };
    if let Treatment::Canary { arguments } = trials.treatment {
        return canary::fits(arguments, mine) && canary::fits(arguments, theirs);
    }
    let plain = |arguments: &Value| canary::masked(&arguments.to_string(), "");
    plain(mine) == plain(theirs)
}

fn same_request(trials: &SubjectTrials<'_>, arm: &Arm<'_>, standard: &Standard<'_>) -> bool {
    let Some(theirs) = standard.answers.first().map(|answer| &answer.sent) else {
        return false;
    };
    let mut mine = arm
        .answers
        .iter()
        .chain(&arm.fresh)
        .map(|answer| &answer.sent);
    mine.all(|sent| {
        sent.method == theirs.method
            && sent.name == theirs.name
            && same_arguments(trials, sent, theirs)
    })
}

pub(super) fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
