//! What became of one registration among those that the run asked for.

use crate::model::consequence::AuthorizationTrial;
use crate::model::exchange::Exchange;
use crate::model::registration::{
    Registration, RegistrationAttempt, RegistrationOutcome, StrangerToken,
};

use super::evidence::Evidence;

/// What became of it.
#[derive(Clone, Debug)]
pub(super) enum Asked<'a> {
    /// A client exists.
    Registered(&'a RegistrationAttempt),
    /// It was refused for what it asked.
    Refused,
    /// It stays open, and why.
    Open(String),
    /// It was not wanted, or nothing could be registered at all.
    Never,
}

/// What became of the registration with this name.
pub(super) fn asked<'a>(registration: &'a Registration, variant: &str) -> Asked<'a> {
    let mut attempts = registration.attempts.iter();
    let Some(attempt) = attempts.find(|attempt| attempt.variant == variant) else {
        let mut untried = registration.consequences.untried.iter();
        let untried = untried.find(|it| it.variant == variant);
        return untried.map_or(Asked::Never, |it| {
            Asked::Open(format!("`{variant}` was not tried: {}", it.why))
        });
    };
    match &attempt.outcome {
        RegistrationOutcome::Registered => Asked::Registered(attempt),
        RegistrationOutcome::Limited => {
            Asked::Open(format!("`{variant}` was answered with a limit"))
        }
        RegistrationOutcome::Unclear { what } => {
            let what = super::case::shorten(what, 80);
            Asked::Open(format!("`{variant}` got no readable answer: {what}"))
        }
        _ => Asked::Refused,
    }
}

/// The question to the authorization endpoint with this name.
pub(super) fn authorization<'a>(
    registration: &'a Registration,
    variant: &str,
) -> Option<&'a AuthorizationTrial> {
    let mut trials = registration.consequences.authorizations.iter();
    trials.find(|trial| trial.variant == variant)
}

/// What came of a machine client that a stranger asked for.
#[derive(Clone, Debug)]
pub(super) enum Machine<'a> {
    /// A token was issued.
    Issued(&'a StrangerToken, &'a RegistrationAttempt),
    /// The registration, the grant or the token was refused.
    Refused,
    /// It stays open, and why.
    Open(String),
    /// It was not wanted, or nothing could be registered at all.
    Never,
}

/// What came of it; a grant counts only with the token endpoint's answer.
pub(super) fn machine<'a>(evidence: &Evidence<'a>, registration: &'a Registration) -> Machine<'a> {
    let attempt = match asked(registration, "client-credentials") {
        Asked::Refused => return Machine::Refused,
        Asked::Open(why) => return Machine::Open(why),
        Asked::Never => return Machine::Never,
        Asked::Registered(attempt) => attempt,
    };
    let grants = attempt.echoed.grants.as_ref();
    if grants.is_some_and(|grants| !grants.iter().any(|it| it == "client_credentials")) {
        return Machine::Refused;
    }
    let Some(stranger) = &registration.stranger_token else {
        return Machine::Open(
            "`client_credentials` was kept, and no token could be asked for: no client secret or no \
             token endpoint is known"
                .to_owned(),
        );
    };
    let answer = evidence.exchange(stranger.exchange);
    match answer.and_then(Exchange::status) {
        _ if stranger.issued => Machine::Issued(stranger, attempt),
        Some(status) if (400..500).contains(&status) && status != 429 => Machine::Refused,
        Some(status) => Machine::Open(format!(
            "`client_credentials` was kept, and the token endpoint answered HTTP {status}"
        )),
        None => Machine::Open(
            "`client_credentials` was kept, and the token endpoint did not answer".to_owned(),
        ),
    }
}
