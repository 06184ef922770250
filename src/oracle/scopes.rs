//! Whether two tokens differ in their scopes alone, and in how many (oracle §3.1, §6.4).

use super::arms::Reading;
use super::cells::note;
use crate::model::identity::{Identity, Provenance, ScopeSet};
use crate::model::matrix::{Cell, Confidence, Inference};

/// Scopes that were seen, not believed: in the token's claims or in the token response.
pub(super) fn witnessed(identity: &Identity) -> Option<&ScopeSet> {
    let claimed = identity
        .claims
        .as_ref()
        .and_then(|claims| claims.scopes.as_ref());
    claimed.or(identity.granted.as_ref())
}

/// Whether two tokens belong to the same subject and client; `None` when that cannot be seen.
pub(super) fn same_holder(one: &Identity, other: &Identity) -> Option<bool> {
    let (mine, theirs) = (facts(one), facts(other));
    let mut known = false;
    for (a, b) in mine.into_iter().zip(theirs) {
        if let (Some(a), Some(b)) = (a, b) {
            if a != b {
                return Some(false);
            }
            known = true;
        }
    }
    known.then_some(true)
}

/// Whether `one` holds a proper subset of the scopes of `other`, as far as can be seen.
pub(super) fn holds_less(one: &Identity, other: &Identity) -> bool {
    match (one.scopes(), other.scopes()) {
        (Some(less), Some(more)) => less.is_subset(more) && less != more,
        _ => false,
    }
}

/// The scope that `more` holds beyond `less`, when that is one scope and nothing else changed.
pub(super) fn flip<'a>(less: &Identity, more: &'a Identity) -> Option<&'a str> {
    let (narrow, wide) = (witnessed(less)?, witnessed(more)?);
    let mut added = wide.iter().filter(|scope| !narrow.contains(*scope));
    let (Some(scope), None) = (added.next(), added.next()) else {
        return None;
    };
    (narrow.is_subset(wide) && same_holder(less, more) == Some(true)).then_some(scope.as_str())
}

/// Raises or lowers a refusal by how well the scope is isolated as its cause.
pub(super) fn isolate(
    refused: &Identity,
    passing: &[&Identity],
    reading: &Reading,
    cell: &mut Cell,
) {
    let refusal = reading.refusals();
    let Some(first) = refusal.first() else { return };
    let mut flips: Vec<(&str, &str)> = Vec::new();
    for passing in passing {
        let scope = flip(refused, passing);
        if let Some(scope) = scope.filter(|scope| flips.iter().all(|(known, _)| known != scope)) {
            flips.push((scope, &passing.name));
        }
    }
    if !flips.is_empty() {
        cell.flips = flips.iter().map(|(scope, _)| (*scope).to_owned()).collect();
        let ways: Vec<String> = flips
            .iter()
            .map(|(scope, who)| format!("adding only `{scope}` (`{who}`)"))
            .collect();
        let text = format!("{} gets through", ways.join(" or "));
        match first.seen.inference {
            Inference::CallRefused if cell.confidence >= Confidence::Strong => {
                cell.confidence = Confidence::Proven;
                if cell.rule.as_deref() == Some("D3") {
                    cell.rule = Some("D2".into());
                }
                note(cell, &text);
            }
            // A crash on a missing claim is excluded once the claim alone makes it work.
            Inference::RefusedCauseUnknown if cell.attempts >= 2 => {
                cell.confidence = Confidence::Strong;
                note(cell, &text);
            }
            _ => {}
        }
        return;
    }
    if passing
        .iter()
        .any(|passing| same_holder(refused, passing) == Some(true))
    {
        return;
    }
    let differ = !passing.is_empty()
        && passing
            .iter()
            .all(|passing| same_holder(refused, passing) == Some(false));
    if differ {
        cell.confidence = cell.confidence.min(Confidence::Weak);
        note(
            cell,
            "every token that gets through has another subject or client, so role, tenant or plan \
             may be the cause",
        );
    } else if !passing.is_empty() {
        note(
            cell,
            "the tokens do not show whether they differ in their scopes alone",
        );
    }
}

/// Subject, client and issuer, as far as they can be seen.
fn facts(identity: &Identity) -> [Option<&str>; 3] {
    let claims = identity.claims.as_ref();
    let minted = match &identity.provenance {
        Provenance::Minted { client_id, .. } => Some(client_id.as_str()),
        _ => None,
    };
    [
        claims.and_then(|claims| claims.subject.as_deref()),
        minted.or_else(|| claims.and_then(|claims| claims.client_id.as_deref())),
        claims.and_then(|claims| claims.issuer.as_deref()),
    ]
}
