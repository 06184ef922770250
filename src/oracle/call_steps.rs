//! Steps 12 to 16 of the cascade: what the JSON-RPC answer to the call itself says.

use serde_json::Value;

use super::cascade::{Arguments, Context, Control, Observation, Principal};
use super::observe::{Answer, Hint, Shape};
use super::{reading, wording};
use crate::model::matrix::{Class, Confidence, Inference, Layer};

/// The first of steps 12 to 16 that applies.
pub(super) fn classify(answer: &Answer, context: &Context<'_>) -> Observation {
    if matches!(answer.shape, Shape::InputRequired)
        || (answer.shape == Shape::ResultError && wording::confirmation(&answer.text))
    {
        return Observation::new(Class::ElicitationOrInputRequired, "S12", Layer::Unknown);
    }
    if answer.shape == Shape::Task {
        return Observation::new(Class::Ambiguous, "S12", Layer::Unknown);
    }
    if answer.shape.is_success() {
        return success(answer, context);
    }
    unknown_name(answer, context)
        .or_else(|| validation(answer, context))
        .unwrap_or_else(|| error(answer, context))
}

/// Step 13: like a name that does not exist.
fn unknown_name(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    if context.arguments == Some(Arguments::UnknownName) {
        return Some(Observation::new(Class::UnknownTool, "S13", Layer::Unknown));
    }
    let equal = context.equals_unknown(&answer.signature);
    let alike = equal.unwrap_or_else(|| wording::unknown_name(&answer.text));
    if !alike || context.arguments == Some(Arguments::MalformedEnvelope) {
        return None;
    }
    if context.control == Some(Control::UnknownTool) {
        return Some(Observation::new(Class::UnknownTool, "S13", Layer::Unknown));
    }
    if !context.is_comparable() {
        let class = if equal == Some(true) || context.listed == Some(false) {
            Class::UnknownTool
        } else {
            return None;
        };
        return Some(Observation::new(class, "S13", Layer::Unknown));
    }
    // A listed tool that "cannot find" something without a baseline may speak of its own data.
    if equal.is_none() && context.listed != Some(false) {
        return None;
    }
    let sure = if equal == Some(true) {
        Confidence::Strong
    } else {
        Confidence::Weak
    };
    let layer = gate_layer(context);
    Some(
        Observation::new(Class::HiddenUnknownTool, "S13", layer)
            .shows(Inference::CallRefused, sure),
    )
}

/// Step 14: the arguments are at fault.
fn validation(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    let invalid = matches!(
        context.arguments,
        Some(Arguments::SchemaInvalid | Arguments::MalformedEnvelope)
    );
    let found = || {
        Some(Observation::new(
            Class::InvalidArguments,
            "S14",
            Layer::Unknown,
        ))
    };
    if !invalid {
        // Valid arguments that one identity is told are invalid: a veto, not a class of its own.
        let vetoed = context.principal != Some(Principal::Privileged)
            && context.control != Some(Control::Denied)
            && wording::validation(&answer.text)
            && !wording::authorization(&answer.text);
        return if vetoed { found() } else { None };
    }
    if context.principal == Some(Principal::Privileged) || context.principal.is_none() {
        return if wording::generic(&answer.signature.text) && !names_broken(answer, &context.broken)
        {
            None
        } else {
            found()
        };
    }
    match context.equals_privileged(&answer.signature) {
        Some(true) if context.control == Some(Control::InvalidArguments) => return found(),
        Some(true) => return None,
        // The privileged answer is known and this one differs: words name the difference only.
        Some(false) if wording::authorization(&answer.text) => return None,
        _ => {}
    }
    shows_validation(answer, &context.broken)
        .then(found)
        .flatten()
}

/// Whether an answer shows by itself that the arguments were at fault: it names a property that
/// they broke, carries a list of issues, or words it.
pub(super) fn shows_validation(answer: &Answer, broken: &[&str]) -> bool {
    names_broken(answer, broken)
        || is_structured_validation(answer)
        || wording::validation(&answer.text)
}

/// Step 15: an error that only the differential can place.
fn error(answer: &Answer, context: &Context<'_>) -> Observation {
    let named = |class| Observation::new(class, "S15", Layer::Unknown);
    let generic = wording::generic(&answer.signature.text) || wording::crash(&answer.text);
    let upstream = wording::upstream(&answer.text);
    if matches!(
        context.arguments,
        Some(Arguments::SchemaInvalid | Arguments::MalformedEnvelope)
    ) {
        return refused_before_validation(answer, context);
    }
    match (context.principal, context.control) {
        (Some(Principal::Privileged) | None, Some(Control::Denied)) => {
            named(Class::DeniedOtherPolicy)
        }
        (Some(Principal::Privileged) | None, _) if upstream => named(Class::UpstreamAuthFailure),
        (Some(Principal::Privileged) | None, _) if generic => named(Class::Ambiguous),
        (Some(Principal::Privileged) | None, _) => named(Class::ExecutedError),
        (_, Some(Control::Denied)) => named(Class::DeniedOtherPolicy),
        (_, Some(Control::Error)) if upstream => named(Class::UpstreamAuthFailure),
        (_, Some(Control::Executed)) => refused(answer, context, generic, upstream),
        (_, Some(Control::Answered)) => unlike_the_answer(answer, context, generic),
        _ => named(Class::Ambiguous),
    }
}

/// The privileged identity ran the same call; this one got an error.
fn refused(answer: &Answer, context: &Context<'_>, generic: bool, upstream: bool) -> Observation {
    let weak = Confidence::Weak;
    if wording::outage(&answer.text) && !wording::authorization(&answer.text) {
        return Observation::new(Class::ServerFault, "S3", Layer::Unknown);
    }
    if upstream {
        return Observation::new(Class::UpstreamAuthFailure, "S15", Layer::Backend)
            .shows(Inference::RefusedDownstream, weak);
    }
    if answer.has(Hint::Interim) || generic {
        // Masked errors and refusals after progress do not tell a gate from a crash.
        return Observation::new(Class::Ambiguous, "S15", Layer::Unknown)
            .shows(Inference::RefusedCauseUnknown, weak);
    }
    let class = if context.is_stranger() {
        Class::Unauthenticated
    } else if wording::other_policy(&answer.text) {
        Class::DeniedOtherPolicy
    } else {
        Class::DeniedToolScope
    };
    Observation::new(class, "S15", Layer::ToolGate).shows(Inference::CallRefused, weak)
}

/// The privileged identity got an error of the tool itself (L6); this one got an error as well.
fn unlike_the_answer(answer: &Answer, context: &Context<'_>, generic: bool) -> Observation {
    if context.equals_privileged(&answer.signature) == Some(true) {
        return Observation::new(Class::ExecutedError, "S15", Layer::Unknown);
    }
    let shown = !generic && wording::authorization(&answer.text);
    let class = match (shown, context.is_stranger()) {
        (true, true) => Class::Unauthenticated,
        (true, false) => Class::DeniedToolScope,
        (false, _) => Class::Ambiguous,
    };
    Observation::new(class, "S15", Layer::ToolGate).shows_if(
        shown,
        Inference::CallRefused,
        Confidence::Weak,
    )
}

/// Arguments were invalid and the answer is no validation error.
fn refused_before_validation(answer: &Answer, context: &Context<'_>) -> Observation {
    let differs = context.equals_privileged(&answer.signature) == Some(false);
    let generic = wording::generic(&answer.signature.text) || wording::crash(&answer.text);
    if differs && generic && context.control == Some(Control::InvalidArguments) {
        // The privileged identity is never answered like this (D9).
        return Observation::new(Class::Ambiguous, "S15", gate_layer(context))
            .shows(Inference::RefusedCauseUnknown, Confidence::Weak);
    }
    // Without the privileged bytes a class difference has to be named before it counts.
    let shown = context.control == Some(Control::InvalidArguments)
        && !generic
        && (differs || (context.privileged.is_empty() && wording::authorization(&answer.text)));
    let class = match (shown, context.is_stranger()) {
        (true, true) => Class::Unauthenticated,
        (true, false) => Class::DeniedToolScope,
        (false, _) => Class::Ambiguous,
    };
    Observation::new(class, "S15", gate_layer(context)).shows_if(
        shown && context.principal.is_some(),
        Inference::CallRefused,
        Confidence::Weak,
    )
}

/// Step 16: a result; only its comparison with the privileged one decides.
fn success(answer: &Answer, context: &Context<'_>) -> Observation {
    let named = |class| Observation::new(class, "S16", Layer::Unknown);
    if answer.status >= 400 {
        let mut content = answer.signature.clone();
        content.status = 200;
        let disclosed = context.equals_privileged(&content) == Some(true);
        return named(if disclosed {
            Class::ExecutedOk
        } else {
            Class::Ambiguous
        })
        .shows_if(disclosed, Inference::CallPassed, Confidence::Strong);
    }
    if answer.has(Hint::Cached) {
        return named(Class::Ambiguous);
    }
    if matches!(context.principal, Some(Principal::Privileged) | None) {
        let broken_backend = context.control == Some(Control::Error) && failure(answer).is_some();
        return named(if broken_backend {
            Class::UpstreamAuthFailure
        } else {
            Class::ExecutedOk
        });
    }
    if context.control != Some(Control::Executed) {
        // The privileged identity got further than this failure in the form of a result (D18).
        return match failure(answer).filter(|_| context.is_comparable()) {
            Some(failed) => failed.observation(),
            None => named(Class::ExecutedOk),
        };
    }
    match context.equals_privileged(&answer.signature) {
        // Nothing came back for anybody, so nothing could be withheld: executed, no more.
        Some(true) if answer.signature.is_empty() => {
            named(Class::ExecutedOk).shows(Inference::CallPassed, Confidence::Strong)
        }
        Some(true) => named(Class::ExecutedOk).shows(Inference::CallPassed, Confidence::Proven),
        Some(false) => different_success(answer, context),
        None => lone_success(answer),
    }
}

/// Success-shaped, but not what the privileged identity got (§6.2, D16 to D18).
fn different_success(answer: &Answer, context: &Context<'_>) -> Observation {
    if context.equals_unknown(&answer.signature) == Some(true) {
        return Observation::new(Class::HiddenUnknownTool, "S13", Layer::ToolGate)
            .shows(Inference::RefusedCauseUnknown, Confidence::Weak);
    }
    let signature = &answer.signature;
    let failed = failure(answer);
    let filtered = context.privileged.iter().any(|privileged| {
        let same_members =
            !signature.skeleton.is_empty() && signature.skeleton == privileged.skeleton;
        let emptied = signature.skeleton == "[]" && privileged.skeleton.starts_with('[');
        let subset = signature.contained_in(privileged) >= MOSTLY_CONTAINED;
        let data = failed.is_none()
            && !wording::announces_nothing_done(&answer.text)
            && !(wording::is_short(&answer.text) && wording::authorization(&answer.text));
        same_members || emptied || (subset && data)
    });
    if filtered
        && failed.is_none_or(|failed| failed == Failure::Flag)
        && answer.shape == Shape::ResultOk
    {
        return Observation::new(Class::ExecutedOk, "S16", Layer::Unknown)
            .shows(Inference::CallPassed, Confidence::Strong);
    }
    match failed {
        Some(failed) => failed.observation(),
        None => Observation::new(Class::Ambiguous, "S16", Layer::Unknown),
    }
}

/// Success-shaped, and nothing to compare it with.
fn lone_success(answer: &Answer) -> Observation {
    if let Some(failed) = failure(answer) {
        return failed.observation();
    }
    if asks_for_confirmation(answer) {
        return Observation::new(Class::ElicitationOrInputRequired, "S12", Layer::Unknown);
    }
    let plausible = is_plausible_success(answer);
    let class = if plausible {
        Class::ExecutedOk
    } else {
        Class::Ambiguous
    };
    Observation::new(class, "S16", Layer::Unknown).shows_if(
        plausible,
        Inference::CallPassed,
        Confidence::Weak,
    )
}

/// Whether a result would be taken for an execution with nothing to compare it with.
pub(super) fn is_plausible_success(answer: &Answer) -> bool {
    shows_execution(answer)
        && !answer.has(Hint::Warned)
        && !answer.has(Hint::Cached)
        && !is_acknowledgement(answer)
}

/// Whether a result shows that something ran: no failure in the form of a result, no announcement
/// that nothing was done, no request for confirmation.
pub(super) fn shows_execution(answer: &Answer) -> bool {
    answer.shape.is_success()
        && answer.status < 300
        && failure(answer).is_none()
        && !asks_for_confirmation(answer)
        && !wording::announces_nothing_done(&answer.text)
}

fn asks_for_confirmation(answer: &Answer) -> bool {
    wording::confirmation(&answer.text) && wording::is_short(&answer.text)
}

/// How a success-shaped answer reports a failure in its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// `ok: false`, `error: …`.
    Flag,
    /// A failure flag beside a member that names required scopes.
    Scope,
    /// An HTTP status of 401 or 403 as data.
    Status,
}

impl Failure {
    fn observation(self) -> Observation {
        match self {
            Self::Flag => Observation::new(Class::Ambiguous, "S16", Layer::Unknown)
                .shows(Inference::RefusedCauseUnknown, Confidence::Weak),
            Self::Scope => Observation::new(Class::DeniedToolScope, "S16", Layer::ToolGate)
                .shows(Inference::CallRefused, Confidence::Weak),
            Self::Status => Observation::new(Class::UpstreamAuthFailure, "S16", Layer::Backend)
                .shows(Inference::RefusedDownstream, Confidence::Weak),
        }
    }
}

/// The failure that structured content, or a text that is JSON itself, reports.
pub(super) fn failure(answer: &Answer) -> Option<Failure> {
    let structured = reading::structured(answer.message.as_ref()?)?;
    let members = structured.as_object()?;
    let is_false = |name: &str| members.get(name) == Some(&Value::Bool(false));
    let error = members.get("error").or_else(|| members.get("errors"));
    let error = error.filter(|error| !matches!(error, Value::Null | Value::Bool(false)));
    let refused_status = |value: &Value| {
        ["status", "statusCode", "status_code", "code"]
            .iter()
            .filter_map(|name| value.get(*name)?.as_i64())
            .any(|status| matches!(status, 401 | 403))
    };
    let flagged = ["ok", "success", "allowed", "authorized", "permitted"]
        .iter()
        .any(|name| is_false(name));
    let scoped = members.keys().any(|name| {
        let name = name.to_lowercase();
        name.contains("scope")
            && ["require", "need", "miss"]
                .iter()
                .any(|part| name.contains(part))
    });
    if scoped && (flagged || error.is_some()) {
        return Some(Failure::Scope);
    }
    if error.is_some_and(refused_status) || (refused_status(&structured) && members.len() <= 4) {
        return Some(Failure::Status);
    }
    (flagged || error.is_some()).then_some(Failure::Flag)
}

/// A result that says no more than that it is one.
pub(super) fn is_acknowledgement(answer: &Answer) -> bool {
    let said = answer.text.chars().any(char::is_alphanumeric);
    answer.shape == Shape::ResultEmpty || (said && wording::acknowledges(&answer.text))
}

fn gate_layer(context: &Context<'_>) -> Layer {
    match context.arguments {
        Some(Arguments::SchemaInvalid) => Layer::ToolGateBeforeValidation,
        _ => Layer::ToolGate,
    }
}

/// Whether the message names a property that the arguments broke: the evidence that needs no
/// language.
fn names_broken(answer: &Answer, broken: &[&str]) -> bool {
    let text = answer.text.as_str();
    broken.iter().any(|property| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
            .any(|word| word == *property)
    })
}

fn is_structured_validation(answer: &Answer) -> bool {
    let data = answer
        .message
        .as_ref()
        .and_then(|message| message.pointer("/error/data"));
    let members = [
        "validation_errors",
        "validationErrors",
        "issues",
        "fieldErrors",
    ];
    data.is_some_and(|data| members.iter().any(|name| data.get(*name).is_some()))
}

const MOSTLY_CONTAINED: u16 = 800;
