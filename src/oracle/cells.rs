//! The decision table: one arm's reading becomes one cell (oracle §6.1, §6.3, §6.4).

use super::arms::{Finding, Reading, Standard};
use super::calibrate::Treatment;
use super::cascade::Control;
use super::differential::{Arm, SubjectTrials};
use super::observe::Shape;
use crate::model::identity::IdentityKind;
use crate::model::matrix::{Access, Cell, Class, Confidence, Inference, Layer};
use crate::model::surface::{ListOutcome, Subject, SubjectKind};

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
        if !same_request(arm, standard) {
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

/// How many equal refusals a cell needs: more when anything passing was seen (oracle §10).
pub(super) fn repeats_needed(reading: &Reading, standard: Option<&Standard<'_>>) -> usize {
    let disturbed = reading.transients() > 0 || standard.is_some_and(|standard| standard.disturbed);
    if disturbed {
        REPEATS_WHEN_NOISY
    } else {
        REPEATS
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
        cell.confidence = if standard.again {
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
    if pass.acknowledges && tool && !reads {
        let reason = "the answer is a bare acknowledgement; a silent no-op would look the same until \
                      the effect is read back";
        return open(cell, "D17", reason.into());
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
        note(
            &mut cell,
            &format!("inconsistent: refused in {refusals} of {all} attempts"),
        );
    }
    cell
}

/// No credential or one that nobody issued: authentication, not scope.
fn stranger_refused(
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

fn refused(
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
    cell.challenged_scopes = challenged(refusal);
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
    cell.rule = Some(refusal_rule(trials, arm, reading, refusal).into());
    cell.confidence = confidence(reading, refusal, standard);
    cell.attempts = count(reading.refusals().len());
    explain(&mut cell, reading, refusal, standard);
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
) -> &'static str {
    let challenge = matches!(
        refusal.signature.shape,
        Shape::Challenge | Shape::MetaChallenge
    );
    match refusal.seen.inference {
        Inference::RefusedDownstream => "D10",
        Inference::RefusedCauseUnknown if refusal.signature.shape.is_success() => "D18",
        Inference::RefusedCauseUnknown if refusal.interim => "D26",
        Inference::RefusedCauseUnknown => "D9",
        _ if trials.is_invalid() => "D19",
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

fn undecided(
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
        _ if finding.cached => {
            let reason = "the answer came from a cache, which may not know the identity".to_owned();
            open(cell, "D29", reason)
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

fn without_standard(
    trials: &SubjectTrials<'_>,
    arm: &Arm<'_>,
    mut cell: Cell,
    finding: &Finding,
) -> Cell {
    let ran = finding.seen.class == Class::ExecutedOk && finding.plausible;
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
        _ => ("D23", "no identity got this call through".to_owned()),
    };
    let scopes = &cell.challenged_scopes;
    let decided_by = if scopes.is_empty() {
        by_call(trials.subject).filter(|_| trials.is_invalid())
    } else {
        Some(format!("an identity that holds `{}`", scopes.join(" ")))
    };
    let mut cell = open(cell, rule, reason);
    cell.decided_by = decided_by;
    cell
}

fn open(mut cell: Cell, rule: &str, reason: String) -> Cell {
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
        challenged_scopes: Vec::new(),
        exchanges: Vec::new(),
    }
}

fn evidence(
    arm: &Arm<'_>,
    standard: Option<&Standard<'_>>,
) -> Vec<crate::model::exchange::ExchangeId> {
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

fn same_request(arm: &Arm<'_>, standard: &Standard<'_>) -> bool {
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
            && sent.arguments == theirs.arguments
    })
}

fn challenged(finding: &Finding) -> Vec<String> {
    finding.signature.challenge_scopes.iter().cloned().collect()
}

fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

const REPEATS: usize = 2;
const REPEATS_WHEN_NOISY: usize = 5;
