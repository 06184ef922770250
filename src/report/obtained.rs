//! How each identity's token was had: by which grant, what was asked, what was granted, until when.

use crate::model::identity::{Identity, Provenance, ScopeSet};
use crate::model::report::Report;

use super::stamp;

/// One line; nothing for tokens that were given or derived.
pub(super) fn obtained(report: &Report, identity: &Identity) -> Option<String> {
    let Provenance::Minted {
        grant, client_id, ..
    } = &identity.provenance
    else {
        return None;
    };
    let asked = identity.requested.as_ref().map_or_else(
        || "no scope asked".to_owned(),
        |scopes| format!("asked {}", list(scopes)),
    );
    let granted = match (&identity.granted, &identity.claims) {
        (Some(scopes), _) => format!("granted {}", list(scopes)),
        (None, Some(claims)) if claims.scopes.is_some() => format!(
            "granted {} by the token itself",
            list(claims.scopes.as_ref()?)
        ),
        // RFC 6749 §5.1: an answer without `scope` grants what was asked for.
        (None, _) => "the answer names no scope, so it is taken to grant what was asked".to_owned(),
    };
    let bound = identity
        .claims
        .as_ref()
        .is_some_and(|claims| claims.key_bound);
    let bound = if bound { ", bound to a key" } else { "" };
    Some(format!(
        "by {} as client {client_id}{bound}; {asked}; {granted}; {}",
        word(grant),
        until(report, identity)
    ))
}

/// What the ladder was made from, what was passed over, and why it is incomplete.
pub(super) fn ladder(report: &Report) -> Vec<String> {
    let ladder = &report.ladder;
    let mut lines = Vec::new();
    if let Some(grant) = &ladder.grant {
        lines.push(format!("from {} by {}", ladder.from, word(grant)));
    }
    for passed in &ladder.passed_over {
        let (identity, grant) = (&passed.identity, word(&passed.grant));
        lines.push(format!("not from {identity} by {grant}: {}", passed.reason));
    }
    lines.extend(ladder.problem.clone());
    lines
}

fn until(report: &Report, identity: &Identity) -> String {
    let obtained = identity.exchange.and_then(|id| report.ledger.exchange(id));
    match (identity.expires_in, obtained) {
        (Some(seconds), Some(exchange)) => {
            let since = exchange.started_ms.saturating_add(exchange.elapsed_ms);
            let end = since.saturating_add(seconds.saturating_mul(1000));
            let end = stamp::after(&report.engagement.started, end);
            let end = end.split('.').next().unwrap_or_default().to_owned();
            format!("until {end}Z ({seconds} s)")
        }
        (Some(seconds), None) => format!("for {seconds} s"),
        (None, _) => match identity
            .claims
            .as_ref()
            .and_then(|claims| claims.expires_at)
        {
            Some(at) => {
                let at = stamp::at(at).unwrap_or_else(|| at.to_string());
                format!("until {at} by the token itself, the answer names no lifetime")
            }
            None => "until when is not told".to_owned(),
        },
    }
}

/// The last part of a grant's URN says enough.
fn word(grant: &str) -> &str {
    grant.rsplit(':').next().unwrap_or(grant)
}

fn list(scopes: &ScopeSet) -> String {
    if scopes.is_empty() {
        return "nothing".to_owned();
    }
    scopes
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}
