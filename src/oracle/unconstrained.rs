//! Registrations that should have been refused or cut down: what separates D3 from D4.

use crate::model::registration::{CreatedClient, RegistrationAttempt, RegistrationOutcome};

use super::redirects;

/// Whether the client was given something that a stranger must not have.
pub(super) fn is_loose(attempt: &RegistrationAttempt, clients: &[CreatedClient]) -> bool {
    attempt.outcome == RegistrationOutcome::Registered
        && ((keeps_bad_redirect(attempt) && !is_refused_later(attempt, clients))
            || keeps_bad_grant(attempt)
            || keeps_every_scope(attempt))
}

/// A limit or an unreadable answer to a hostile redirect URI: neither accepted nor refused.
pub(super) fn is_open_question(attempt: &RegistrationAttempt) -> bool {
    let unread = matches!(
        attempt.outcome,
        RegistrationOutcome::Limited | RegistrationOutcome::Unclear { .. }
    );
    let mut asked = attempt.requested_redirects.iter();
    unread && asked.any(|uri| is_bad_redirect(uri))
}

/// Dropping the bad redirect URI and keeping the good one is a refusal.
fn keeps_bad_redirect(attempt: &RegistrationAttempt) -> bool {
    let echoed = |asked: &String| match &attempt.echoed_redirects {
        Some(echoed) => echoed.contains(asked),
        None => true,
    };
    let mut asked = attempt.requested_redirects.iter();
    asked.any(|asked| is_bad_redirect(asked) && echoed(asked))
}

/// Stored, and yet of no use to an attacker.
fn is_refused_later(attempt: &RegistrationAttempt, clients: &[CreatedClient]) -> bool {
    clients.iter().any(|client| {
        client.exchange == attempt.exchange
            && client
                .usable
                .as_ref()
                .is_some_and(|usability| usability.accepted == Some(false))
    })
}

/// Private-use schemes are RFC 8252 §7.1 practice and not counted.
fn is_bad_redirect(uri: &str) -> bool {
    redirects::weakness(uri).is_some_and(|weakness| !weakness.tolerable)
}

/// A grant in which no user consents. `client_credentials` counts with its token only.
fn keeps_bad_grant(attempt: &RegistrationAttempt) -> bool {
    let mut kept = attempt.echoed.grants.iter().flatten();
    kept.any(|grant| {
        ["password", "implicit"].contains(&grant.as_str())
            || grant.ends_with(":token-exchange")
            || grant.ends_with(":jwt-bearer")
    })
}

/// More than was published, for a client that nobody knows.
fn keeps_every_scope(attempt: &RegistrationAttempt) -> bool {
    let (Some(asked), Some(echoed)) = (&attempt.requested.scope, &attempt.echoed.scope) else {
        return false;
    };
    let kept = |scope: &str| echoed.split_ascii_whitespace().any(|it| it == scope);
    !asked.is_empty() && asked.split_ascii_whitespace().all(kept)
}
