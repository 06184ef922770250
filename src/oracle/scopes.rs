//! Whether two tokens differ in their scopes alone, and in how many (oracle §3.1, §6.4).

use std::collections::BTreeSet;

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

/// Whether `more` is `less` with exactly one scope added and nothing else changed: the scope flip.
pub(super) fn is_flip(less: &Identity, more: &Identity) -> bool {
    let (Some(narrow), Some(wide)) = (witnessed(less), witnessed(more)) else {
        return false;
    };
    narrow.is_subset(wide)
        && wide.len() == narrow.len() + 1
        && same_holder(less, more) == Some(true)
}

/// Raises or lowers a refusal by how well the scope is isolated as its cause.
pub(super) fn isolate(
    refused: &Identity,
    passing: &[&Identity],
    reading: &Reading,
    cell: &mut Cell,
) {
    let flip = passing.iter().find(|passing| is_flip(refused, passing));
    let refusal = reading.refusals();
    let Some(first) = refusal.first() else { return };
    if let Some(flip) = flip {
        let added: BTreeSet<&String> = match (witnessed(refused), witnessed(flip)) {
            (Some(narrow), Some(wide)) => wide.difference(narrow).collect(),
            _ => BTreeSet::new(),
        };
        let added: Vec<&str> = added.into_iter().map(String::as_str).collect();
        let text = format!(
            "adding only `{}` (`{}`) gets through",
            added.join(" "),
            flip.name
        );
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
