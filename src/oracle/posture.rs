//! From registration attempts to the posture of an authorization server (D0…D5).

use std::collections::BTreeSet;

use super::unconstrained;
use crate::model::exchange::ExchangeId;
use crate::model::matrix::Confidence;
use crate::model::registration::{
    CreatedClient, Posture, RegistrationAttempt, RegistrationOutcome, StrangerToken,
};

/// What is known of one authorization server's registration.
#[derive(Clone, Copy, Debug)]
pub struct PostureInput<'a> {
    /// Whether its metadata was read.
    pub metadata_read: bool,
    /// The endpoint it advertises.
    pub advertised: Option<&'a str>,
    /// Every request, in order.
    pub attempts: &'a [RegistrationAttempt],
    /// Every client that came of them.
    pub clients: &'a [CreatedClient],
    /// What a stranger's client got from the token endpoint.
    pub stranger: Option<&'a StrangerToken>,
    /// What a stranger's client got for a code that came without any login.
    pub unattended: Option<&'a StrangerToken>,
    /// Whether registering was allowed.
    pub may_register: bool,
}

/// The posture and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostureVerdict {
    /// The posture.
    pub posture: Posture,
    /// How sure.
    pub confidence: Confidence,
    /// Why, or what would determine it.
    pub reason: String,
    /// The flag that would determine it.
    pub decided_by: Option<String>,
    /// The exchanges it rests on.
    pub exchanges: Vec<ExchangeId>,
}

/// Determines the posture.
///
/// Open is shown by a client that came to be; closed only by a gate that answers before the body is
/// read. A refused body shows neither: servers refuse a loopback client and accept another.
pub fn posture(input: &PostureInput<'_>) -> PostureVerdict {
    if let Some(verdict) = opened(input) {
        return verdict;
    }
    let advertised: Vec<&RegistrationAttempt> = input
        .attempts
        .iter()
        .filter(|attempt| {
            input
                .advertised
                .is_some_and(|endpoint| attempt.endpoint == endpoint)
        })
        .collect();
    if input.advertised.is_none() {
        return unadvertised(input);
    }
    if advertised.is_empty() {
        return undetermined(
            input,
            &[],
            "the advertised registration endpoint was not asked",
        );
    }
    closed(input, &advertised)
}

const OF_ITSELF: &str = "a client registered by a stranger got a token without any user, and the \
                         MCP server accepted it";
const BY_CODE: &str = "a client registered by a stranger got a code without any login and a token \
                       for it, and the MCP server accepted that token";

/// A stranger's client exists.
fn opened(input: &PostureInput<'_>) -> Option<PostureVerdict> {
    let registered: Vec<&RegistrationAttempt> = input
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome == RegistrationOutcome::Registered)
        .collect();
    if registered.is_empty() {
        return None;
    }
    let works = |token: &&StrangerToken| token.issued && token.accepted == Some(true);
    let by_itself = input.stranger.filter(works).map(|it| (it, OF_ITSELF));
    let by_code = input.unattended.filter(works).map(|it| (it, BY_CODE));
    if let Some((token, reason)) = by_itself.or(by_code) {
        let mut verdict = verdict(Posture::D5, Confidence::Proven, reason, &registered);
        verdict.exchanges.push(token.exchange);
        verdict.exchanges.extend(token.list_exchange);
        return Some(verdict);
    }
    let usable: Vec<Option<bool>> = input
        .clients
        .iter()
        .filter_map(|client| client.usable.as_ref())
        .map(|usability| usability.accepted)
        .collect();
    let works = usable.contains(&Some(true));
    if is_one_client_for_all(input.clients) && !works {
        return Some(undetermined(
            input,
            &registered,
            "every request is answered with the same `client_id`: nothing is registered, and whether \
             a stranger can use that client was not seen",
        ));
    }
    if !works && !usable.is_empty() && usable.iter().all(|accepted| *accepted == Some(false)) {
        return Some(undetermined(
            input,
            &registered,
            "a client was registered, but the authorization endpoint does not accept it: it may wait \
             for approval",
        ));
    }
    Some(constrained(input, &registered, works))
}

/// Open: with or without limits on what may be registered.
fn constrained(
    input: &PostureInput<'_>,
    registered: &[&RegistrationAttempt],
    works: bool,
) -> PostureVerdict {
    let kept = input
        .attempts
        .iter()
        .filter(|attempt| unconstrained::is_loose(attempt, input.clients));
    let accepted: Vec<&RegistrationAttempt> = kept.collect();
    if !accepted.is_empty() {
        let variants: Vec<&str> = accepted
            .iter()
            .map(|attempt| attempt.variant.as_str())
            .collect();
        let reason = format!(
            "anybody can register a client, also one that must be refused or cut down ({})",
            variants.join(", ")
        );
        return verdict(Posture::D4, Confidence::Proven, &reason, &accepted);
    }
    let refused: Vec<&str> = input
        .attempts
        .iter()
        .filter(|attempt| matches!(attempt.outcome, RegistrationOutcome::RefusedMetadata { .. }))
        .filter(|attempt| !is_probe(attempt))
        .map(|attempt| attempt.variant.as_str())
        .collect();
    let open: Vec<&str> = input
        .attempts
        .iter()
        .filter(|attempt| unconstrained::is_open_question(attempt))
        .map(|attempt| attempt.variant.as_str())
        .collect();
    let issued = |token: &&StrangerToken| token.issued;
    let unattended = input.unattended.filter(issued);
    if let Some(token) = input.stranger.filter(issued).or(unattended) {
        let reason = "anybody can register a client, also one that gets a token without any user; the \
                      MCP server was not seen to accept it";
        let mut verdict = verdict(Posture::D4, Confidence::Proven, reason, registered);
        verdict.exchanges.push(token.exchange);
        verdict.exchanges.extend(token.list_exchange);
        return verdict;
    }
    let (reason, confidence) = if !open.is_empty() {
        (
            format!(
                "anybody can register a client; refused were: {}; without a readable answer were: {}",
                if refused.is_empty() {
                    "none".to_owned()
                } else {
                    refused.join(", ")
                },
                open.join(", ")
            ),
            Confidence::Weak,
        )
    } else if refused.is_empty() {
        (
            "anybody can register a client; whether the redirect URIs are limited was not tested"
                .to_owned(),
            Confidence::Weak,
        )
    } else {
        let confidence = if works {
            Confidence::Proven
        } else {
            Confidence::Strong
        };
        (
            format!(
                "anybody can register a client; refused were: {}",
                refused.join(", ")
            ),
            confidence,
        )
    };
    verdict(Posture::D3, confidence, &reason, registered)
}

/// No endpoint is advertised; guessed ones were perhaps tried.
fn unadvertised(input: &PostureInput<'_>) -> PostureVerdict {
    let all: Vec<&RegistrationAttempt> = input.attempts.iter().collect();
    // A guessed path that answers 401 is often a catch-all, and no gate of anything.
    let alive: Vec<&RegistrationAttempt> = all
        .iter()
        .copied()
        .filter(|attempt| {
            matches!(
                attempt.outcome,
                RegistrationOutcome::RefusedMetadata { .. }
                    | RegistrationOutcome::NeedsSoftwareStatement
            )
        })
        .collect();
    if !alive.is_empty() {
        return undetermined(
            input,
            &alive,
            "no endpoint is advertised, yet an unadvertised one reads registrations",
        );
    }
    if !input.metadata_read {
        let absent = all
            .iter()
            .all(|attempt| attempt.outcome == RegistrationOutcome::Absent);
        if absent && !all.is_empty() {
            return verdict(
                Posture::D0,
                Confidence::Weak,
                "no metadata could be read, and the usual registration paths do not exist",
                &all,
            );
        }
        return undetermined(
            input,
            &all,
            "no authorization server metadata could be read",
        );
    }
    verdict(
        Posture::D0,
        Confidence::Strong,
        "the metadata advertises no registration endpoint",
        &all,
    )
}

/// The advertised endpoint made no client.
fn closed(input: &PostureInput<'_>, attempts: &[&RegistrationAttempt]) -> PostureVerdict {
    let (probes, whole): (Vec<&RegistrationAttempt>, Vec<&RegistrationAttempt>) =
        attempts.iter().partition(|attempt| is_probe(attempt));
    // A whole request says more than a truncated one: some gates stand behind the parser.
    let telling = if whole.is_empty() {
        probes
    } else {
        whole.clone()
    };
    let having = |wanted: fn(&RegistrationOutcome) -> bool| -> Vec<&RegistrationAttempt> {
        telling
            .iter()
            .copied()
            .filter(|attempt| wanted(&attempt.outcome))
            .collect()
    };
    let limited = having(|outcome| *outcome == RegistrationOutcome::Limited);
    let read = having(|outcome| matches!(outcome, RegistrationOutcome::RefusedMetadata { .. }));
    let token = having(|outcome| *outcome == RegistrationOutcome::NeedsToken);
    let statement = having(|outcome| *outcome == RegistrationOutcome::NeedsSoftwareStatement);
    let source = having(|outcome| *outcome == RegistrationOutcome::RefusedBySource);
    let absent = having(|outcome| *outcome == RegistrationOutcome::Absent);
    if !read.is_empty() {
        let reason = if whole.is_empty() {
            "the endpoint reads anonymous requests; whether it registers a client was not tried"
        } else {
            "the endpoint reads anonymous requests and refused the clients that were tried; another \
             client may be accepted"
        };
        return undetermined(input, attempts, reason);
    }
    if !token.is_empty() {
        let reason = "registration asks for an initial access token";
        return verdict(Posture::D1, Confidence::Strong, reason, &token);
    }
    if !statement.is_empty() {
        let reason = "registration asks for a trusted software statement";
        return verdict(Posture::D2, Confidence::Strong, reason, &statement);
    }
    if !source.is_empty() {
        let reason = "refused with a bare 403: a rule about the source, which may differ from another \
                      network";
        return verdict(Posture::D1p, Confidence::Weak, reason, &source);
    }
    let reason = if !limited.is_empty() {
        "a limit answered instead of a decision"
    } else if absent.len() == telling.len() {
        "an endpoint is advertised, but nothing answers there"
    } else {
        "the answers do not tell a gate from a fault"
    };
    undetermined(input, attempts, reason)
}

/// A request that cannot register anybody.
fn is_probe(attempt: &RegistrationAttempt) -> bool {
    ["truncated", "shadow"]
        .iter()
        .any(|probe| attempt.variant.starts_with(probe))
}

fn is_one_client_for_all(clients: &[CreatedClient]) -> bool {
    let ids: BTreeSet<&str> = clients
        .iter()
        .map(|client| client.client_id.as_str())
        .collect();
    clients.len() >= 2 && ids.len() == 1
}

fn verdict(
    posture: Posture,
    confidence: Confidence,
    reason: &str,
    attempts: &[&RegistrationAttempt],
) -> PostureVerdict {
    PostureVerdict {
        posture,
        confidence,
        reason: reason.to_owned(),
        decided_by: None,
        exchanges: attempts.iter().map(|attempt| attempt.exchange).collect(),
    }
}

fn undetermined(
    input: &PostureInput<'_>,
    attempts: &[&RegistrationAttempt],
    reason: &str,
) -> PostureVerdict {
    let mut verdict = verdict(
        Posture::Undetermined,
        Confidence::Inconclusive,
        reason,
        attempts,
    );
    verdict.decided_by = (!input.may_register).then(|| "`--allow register`".to_owned());
    verdict
}

#[cfg(test)]
#[path = "posture_tests.rs"]
mod tests;
