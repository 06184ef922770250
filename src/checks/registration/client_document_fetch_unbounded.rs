//! REG-20: whoever fetches documents follows no redirect and gives up on too much and too slow.
//!
//! MCP §Authorization Server Abuse Protection; Client ID Metadata Document §6.5, §6.6.

use crate::checks::case::Draft;
use crate::checks::documents::{draft, each, of_documents};
use crate::checks::evidence::Evidence;
use crate::model::client_documents::{
    ClientDocuments, DocumentAttempt, DocumentVariant as V, Reception,
};
use crate::model::verdict::Verdict;

/// Reads what was taken of documents that no careful fetcher takes.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let held = "redirects, large, endless and slow documents were given up";
    each(evidence, held, |case, documents| {
        for attempt in of_documents(case, documents, &HEAVY) {
            if let Some(draft) = carelessness(documents, attempt) {
                case.breach(draft);
            }
        }
    })
}

fn carelessness(documents: &ClientDocuments, attempt: &DocumentAttempt) -> Option<Draft> {
    // A server that goes on without any document has not read this one either.
    let missing = documents.attempt(V::Missing);
    let blind = missing.is_some_and(|it| it.reception == Reception::GoesOn);
    let goes_on = attempt.reception == Reception::GoesOn && !blind;
    let taken = attempt.fetches.iter().map(|it| it.bytes).max().unwrap_or(0);
    let (happened, expected) = match attempt.variant {
        V::Redirected if goes_on || !attempt.followed.is_empty() => (
            format!("led to {} fetch(es) of its target", attempt.followed.len()),
            "the redirect to count as an error, as later drafts ask (-01 §4)",
        ),
        V::Large if goes_on => (
            "was read to its end and admitted".to_owned(),
            "a limit of about 5 kB (§6.6)",
        ),
        V::Endless if attempt.waited_to_the_end() => (
            format!("was read until the auditor ended it after {taken} bytes"),
            "a limit of about 5 kB (§6.6)",
        ),
        V::Slow if goes_on || attempt.waited_to_the_end() => (
            format!(
                "was waited for until the auditor ended it after {} ms",
                time(attempt)
            ),
            "a deadline of a few seconds",
        ),
        _ => return None,
    };
    Some(draft(documents, attempt, &happened, expected))
}

fn time(attempt: &DocumentAttempt) -> u64 {
    let took = |(began, ended): (u64, u64)| ended.saturating_sub(began);
    let spans = attempt.fetches.iter().map(|it| (it.began_ms, it.ended_ms));
    spans.map(took).max().unwrap_or(0)
}

const HEAVY: [V; 4] = [V::Redirected, V::Large, V::Endless, V::Slow];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::client_documents::DocumentFetch;
    use crate::model::verdict::Status;

    const ID: &str = "client-document-fetch-unbounded";

    #[test]
    fn a_followed_redirect_warns_whatever_came_of_it() {
        let mut world = World::new();
        let documents = world.documents(&[(V::Redirected, Reception::Refused)]);
        documents.attempts[2].followed = vec![DocumentFetch::default()];
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn patience_to_the_end_warns_and_a_cut_does_not() {
        for variant in [V::Endless, V::Slow] {
            for (outlasted, answered_ms, expected) in [
                (true, 900, Status::Warn),
                (true, 100, Status::Pass),
                (false, 900, Status::Pass),
            ] {
                let mut world = World::new();
                let documents = world.documents(&[(variant, Reception::Refused)]);
                let attempt = &mut documents.attempts[2];
                attempt.answered_ms = answered_ms;
                attempt.fetches[0].outlasted = outlasted;
                attempt.fetches[0].ended_ms = 500;
                assert_eq!(world.status(ID), expected, "{variant:?} {outlasted}");
            }
        }
    }

    #[test]
    fn going_on_without_any_document_is_no_sign_of_reading_one() {
        let mut world = World::new();
        world.documents(&[
            (V::Missing, Reception::GoesOn),
            (V::Large, Reception::GoesOn),
            (V::Redirected, Reception::GoesOn),
        ]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_large_document_that_is_admitted_warns() {
        let mut world = World::new();
        world.documents(&[(V::Large, Reception::GoesOn)]);
        assert_eq!(world.status(ID), Status::Warn);
        let mut refused = World::new();
        refused.documents(&HEAVY.map(|variant| (variant, Reception::Refused)));
        assert_eq!(refused.status(ID), Status::Pass);
    }
}
