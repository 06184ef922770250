//! Repeated lists of one identity: the same, in another order, or another list.

use std::collections::BTreeSet;

use crate::model::surface::{Listing, SubjectKind};
use crate::model::verdict::{Part, Severity, Verdict};

use super::case::{Case, Draft};
use super::evidence::Evidence;
use super::scopes;

/// Compares repeated complete lists of each identity, kind by kind; `noun` names one kind in the
/// plural.
pub(crate) fn judge_repeats(
    evidence: &Evidence<'_>,
    kinds: &[SubjectKind],
    noun: impl Fn(SubjectKind) -> &'static str,
    what: &str,
) -> Verdict {
    let listings = &evidence.collected().surface.listings;
    let complete: Vec<&Listing> = listings
        .iter()
        .filter(|it| kinds.contains(&it.kind) && it.is_complete())
        .collect();
    let mut case = evidence.case();
    let mut compared = BTreeSet::new();
    for first in complete.iter().filter(|it| it.attempt == 0) {
        let mut again: Vec<&Listing> = complete
            .iter()
            .filter(|it| it.identity == first.identity && it.kind == first.kind && it.attempt > 0)
            .copied()
            .collect();
        again.sort_by_key(|it| it.attempt);
        if !again.is_empty() {
            compared.insert(first.identity.as_str());
            compare(&mut case, first, &again, noun(first.kind));
        }
    }
    if compared.is_empty() {
        return Verdict::inconclusive(format!("no identity read a complete list of {what} twice"));
    }
    case.verdict(Verdict::Held(format!(
        "{} identity(ies) got the same {what} on a fresh connection",
        compared.len()
    )))
}

fn compare(case: &mut Case<'_>, first: &Listing, again: &[&Listing], noun: &str) {
    let Some(other) = again.iter().find(|it| set(it) != set(first)) else {
        if let Some(other) = again.iter().find(|it| it.names != first.names) {
            let message = format!("`{}` got the same {noun} in another order", first.identity);
            let why = "a stable order is only recommended";
            case.advise(draft(first, other, message).at_most(Severity::Info, why));
        }
        return;
    };
    // A later list that confirms the change is a change over time, which is legal.
    let settled = again
        .iter()
        .filter(|it| it.attempt > other.attempt)
        .any(|it| set(it) == set(other));
    if settled {
        let reason = format!(
            "the {noun} of `{}` changed once during the run",
            first.identity
        );
        return case.doubt(reason, None);
    }
    let difference = set(first)
        .symmetric_difference(&set(other))
        .copied()
        .collect::<Vec<_>>();
    let message = format!(
        "`{}` got different {noun} on a fresh connection: {} differ(s)",
        first.identity,
        scopes::names(difference)
    );
    case.breach(draft(first, other, message));
}

fn draft(first: &Listing, other: &Listing, message: String) -> Draft {
    let subject = match first.kind {
        SubjectKind::Tool => first.identity.clone(),
        kind => format!("{}: {}", first.identity, kind.as_str()),
    };
    let mut draft = Draft::new(subject, message);
    for (listing, says) in [(other, "the second list"), (first, "the first list")] {
        if let Some(exchange) = listing.exchanges.first() {
            draft = draft.at(*exchange, Part::Body, says);
        }
    }
    draft
}

fn set(listing: &Listing) -> BTreeSet<&str> {
    listing.names.iter().map(String::as_str).collect()
}
