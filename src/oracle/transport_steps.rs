//! Steps 1 to 11 of the cascade: what the HTTP layer and the envelope decide.

use super::cascade::{Arguments, Context, Control, Observation, Principal};
use super::observe::{Answer, Hint, Shape};
use super::wording;
use crate::model::matrix::{Class, Confidence, Inference, Layer};

/// The first of steps 1 to 11 that applies.
pub(super) fn classify(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    no_answer(answer)
        .or_else(|| limited(answer))
        .or_else(|| fault(answer, context))
        .or_else(|| edge(answer, context))
        .or_else(|| version(answer, context))
        .or_else(|| session(answer))
        .or_else(|| challenge(answer, context))
        .or_else(|| unauthenticated(answer, context))
        .or_else(|| forbidden(answer, context))
        .or_else(|| other_status(answer, context))
}

/// Step 1: nothing came back that answers this request; it may have run.
fn no_answer(answer: &Answer) -> Option<Observation> {
    let lost = matches!(
        answer.shape,
        Shape::NoAnswer | Shape::Empty | Shape::Foreign | Shape::Broken
    );
    let late = matches!(answer.status, 504 | 524);
    (lost || late).then(|| Observation::new(Class::Ambiguous, "S1", Layer::Unknown))
}

/// Step 2: a limit, not a decision.
fn limited(answer: &Answer) -> Option<Observation> {
    let by_status = matches!(answer.status, 429 | 402)
        || (matches!(answer.status, 403 | 503) && answer.has(Hint::Limited));
    let by_words =
        (answer.shape.is_error() || answer.status >= 400) && wording::limit(&answer.text);
    (by_status || by_words).then(|| Observation::new(Class::RateLimited, "S2", Layer::Unknown))
}

/// Step 3: the server or a proxy failed.
fn fault(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    let error = answer.challenge().and_then(|token| token.param("error"));
    let known = answer.shape == Shape::ResultError
        && answer
            .text
            .trim_start()
            .starts_with("InternalServerException");
    if answer.status < 500 && !known && error != Some("temporarily_unavailable") {
        return None;
    }
    // Two requests without a usable credential fail alike and the privileged one works: verifiers
    // that throw instead of refusing look like this.
    let verifier_threw = context.is_stranger()
        && context.control == Some(Control::Executed)
        && answer.status == 500
        && context.list_status == Some(500);
    if verifier_threw {
        return Some(
            Observation::new(Class::Unauthenticated, "S3", Layer::ServerGate)
                .shows(Inference::CallRefused, Confidence::Weak),
        );
    }
    Some(Observation::new(Class::ServerFault, "S3", Layer::Unknown))
}

/// Steps 4 and 5: login pages, redirects, firewalls.
fn edge(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    if answer.shape == Shape::Redirect {
        return Some(Observation::new(Class::Unauthenticated, "S4", Layer::Edge));
    }
    if answer.status == 401 {
        // The platform in front wants its own credential: no statement about the MCP token.
        return answer
            .has(Hint::Edge)
            .then(|| Observation::new(Class::Unauthenticated, "S4", Layer::Edge));
    }
    if answer.shape == Shape::Html {
        let page = answer.text.to_ascii_lowercase();
        if page.contains("<form") && page.contains("action=") {
            return Some(Observation::new(Class::Unauthenticated, "S4", Layer::Edge));
        }
        if matches!(answer.status, 400 | 413 | 415) {
            return Some(Observation::new(Class::ServerFault, "S6", Layer::Unknown));
        }
        if answer.status == 404 {
            return None;
        }
    }
    if answer.shape == Shape::Html || answer.has(Hint::Edge) {
        return Some(
            Observation::new(Class::DeniedOtherPolicy, "S5", Layer::Edge).shows_if(
                context.control == Some(Control::Executed),
                Inference::RefusedCauseUnknown,
                Confidence::Weak,
            ),
        );
    }
    None
}

/// Step 6: the request's form is at fault, not its sender.
fn version(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    let wrong_version = || Some(Observation::new(Class::VersionError, "S6", Layer::Unknown));
    let wrong_form = || Some(Observation::new(Class::ServerFault, "S6", Layer::Unknown));
    if answer.shape.is_success() {
        return None;
    }
    match answer.code() {
        Some(-32022..=-32020) => return wrong_version(),
        Some(-32700) => return wrong_form(),
        Some(-32601) if answer.status == 404 => return wrong_version(),
        _ => {}
    }
    let envelope = answer.shape == Shape::RpcError || answer.shape == Shape::Bare;
    if envelope && wording::version(&answer.text) {
        return wrong_version();
    }
    let no_tool = context.arguments == Some(Arguments::NotApplicable);
    if no_tool && envelope && !matches!(answer.status, 401 | 403) {
        return wrong_version();
    }
    let form_status = matches!(answer.status, 405 | 406 | 413 | 415);
    if form_status || (answer.status == 400 && envelope && wording::http_form(&answer.text)) {
        return wrong_form();
    }
    None
}

/// Step 7: the session is at fault; reopen it and repeat once.
fn session(answer: &Answer) -> Option<Observation> {
    let lost = answer.status == 404
        && answer.sent.session.is_some()
        && matches!(answer.shape, Shape::Bare | Shape::RpcError);
    let refused = matches!(answer.status, 400 | 401 | 403 | 404 | 422);
    let by_words =
        (refused || answer.shape == Shape::RpcError || answer.shape == Shape::ResultError)
            && answer.shape != Shape::Challenge
            && wording::session(&answer.text);
    (lost || by_words).then(|| Observation::new(Class::SessionError, "S7", Layer::Unknown))
}

/// Steps 8 and 9: a machine-readable challenge.
fn challenge(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    let in_band = answer.shape == Shape::MetaChallenge;
    if answer.shape != Shape::Challenge && !in_band {
        return None;
    }
    let error = answer.signature.challenge_error.as_deref();
    if matches!(
        error,
        Some("insufficient_user_authentication" | "use_dpop_nonce")
    ) {
        return Some(Observation::new(
            Class::StepUpChallenge,
            "S9",
            Layer::Unknown,
        ));
    }
    let scope_denial = in_band || error == Some("insufficient_scope") || answer.status == 403;
    if !scope_denial {
        return None;
    }
    if context.is_stranger() && !context.list_served() {
        return None;
    }
    let refused = Inference::CallRefused;
    if context.list_refused() {
        return Some(
            Observation::new(Class::DeniedServerScope, "S8", Layer::ServerGate).shows_if(
                context.is_comparable(),
                refused,
                Confidence::Strong,
            ),
        );
    }
    let layer = match context.arguments {
        Some(Arguments::SchemaInvalid) => Layer::ToolGateBeforeValidation,
        _ => Layer::ToolGate,
    };
    let sure = if context.list_served() {
        Confidence::Strong
    } else {
        Confidence::Weak
    };
    Some(
        Observation::new(Class::StepUpChallenge, "S8", layer).shows_if(
            context.is_comparable(),
            refused,
            sure,
        ),
    )
}

/// Step 10: no or no valid credential, unless the context says otherwise.
fn unauthenticated(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    let malformed = answer.status == 400 && answer.shape == Shape::Challenge;
    if malformed {
        return Some(Observation::new(
            Class::Unauthenticated,
            "S10",
            Layer::ServerGate,
        ));
    }
    if answer.status != 401 {
        return None;
    }
    let layer = if context.list_served() {
        Layer::ToolGate
    } else {
        Layer::ServerGate
    };
    let candidate = Observation::new(Class::Unauthenticated, "S10", layer);
    if context.is_stranger() && context.control == Some(Control::Denied) {
        return Some(candidate);
    }
    if context.is_stranger() {
        let sure = if answer.challenge().is_some() || context.list_refused() {
            Confidence::Strong
        } else {
            Confidence::Weak
        };
        return Some(candidate.shows(Inference::CallRefused, sure));
    }
    if context.list_served() && !context.is_comparable() {
        let class = if wording::upstream(&answer.text) || describes_upstream(answer) {
            Class::UpstreamAuthFailure
        } else {
            Class::Unauthenticated
        };
        return Some(Observation { class, ..candidate });
    }
    if context.principal == Some(Principal::Underprivileged) && context.list_served() {
        // The token is good for the list, so the 401 is about this call.
        return Some(
            Observation {
                class: Class::DeniedToolScope,
                ..candidate
            }
            .shows(Inference::CallRefused, Confidence::Weak),
        );
    }
    if context.principal == Some(Principal::Underprivileged) {
        // Some gates answer a valid token without the scope exactly like a broken one.
        return Some(
            Observation {
                class: Class::Ambiguous,
                ..candidate
            }
            .shows_if(
                context.is_comparable(),
                Inference::RefusedCauseUnknown,
                Confidence::Weak,
            ),
        );
    }
    Some(candidate)
}

/// Step 11: a bare 403 needs the list as its control.
fn forbidden(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    let disclosed = answer.shape.is_success();
    if answer.status != 403 || disclosed {
        return None;
    }
    if context.principal == Some(Principal::Privileged) {
        return Some(Observation::new(
            Class::DeniedOtherPolicy,
            "S11",
            Layer::Unknown,
        ));
    }
    let backed = context.is_comparable();
    if context.is_stranger() {
        let class = if backed {
            Class::Unauthenticated
        } else {
            Class::Ambiguous
        };
        return Some(Observation::new(class, "S11", Layer::ServerGate).shows_if(
            backed,
            Inference::CallRefused,
            Confidence::Weak,
        ));
    }
    if context.list_refused() {
        return Some(
            Observation::new(Class::DeniedOtherPolicy, "S11", Layer::ServerGate).shows_if(
                backed,
                Inference::CallRefused,
                Confidence::Weak,
            ),
        );
    }
    if !context.list_served() {
        return Some(
            Observation::new(Class::Ambiguous, "S11", Layer::Unknown).shows_if(
                backed,
                Inference::RefusedCauseUnknown,
                Confidence::Weak,
            ),
        );
    }
    let class = if !backed {
        Class::Ambiguous
    } else if context.equals_unknown(&answer.signature) == Some(true) {
        Class::HiddenUnknownTool
    } else if wording::other_policy(&answer.text) {
        Class::DeniedOtherPolicy
    } else {
        Class::DeniedToolScope
    };
    Some(Observation::new(class, "S11", Layer::ToolGate).shows_if(
        backed,
        Inference::CallRefused,
        Confidence::Weak,
    ))
}

/// Refusals by status that no step names: 404 and the rest of 4xx without a message.
fn other_status(answer: &Answer, context: &Context<'_>) -> Option<Observation> {
    if !matches!(answer.shape, Shape::Bare | Shape::Html | Shape::Challenge) {
        return None;
    }
    if context.arguments == Some(Arguments::UnknownName) {
        return Some(Observation::new(Class::UnknownTool, "S13", Layer::Unknown));
    }
    if context.arguments == Some(Arguments::MalformedEnvelope) {
        return Some(Observation::new(Class::ServerFault, "S6", Layer::Unknown));
    }
    if context.control == Some(Control::Denied) {
        return Some(Observation::new(
            Class::DeniedOtherPolicy,
            "S11",
            Layer::Unknown,
        ));
    }
    Some(
        Observation::new(Class::Ambiguous, "S11", Layer::Unknown).shows_if(
            context.is_comparable() && !context.is_stranger(),
            Inference::RefusedCauseUnknown,
            Confidence::Weak,
        ),
    )
}

fn describes_upstream(answer: &Answer) -> bool {
    let described = answer
        .challenge()
        .and_then(|token| token.param("error_description"));
    described.is_some_and(wording::upstream)
}
