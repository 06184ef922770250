//! What the checks of client ID metadata documents have in common.

use crate::model::client_documents::{ClientDocuments, DocumentAdmission, DocumentAttempt};
use crate::model::client_documents::{DocumentVariant, Reception};
use crate::model::verdict::{Part, Verdict};

use super::case::{Case, Draft};
use super::evidence::Evidence;

/// Lets a judge read every authorization server whose good document went on; says why the others
/// cannot be read.
pub(super) fn each(
    evidence: &Evidence<'_>,
    held: &str,
    mut judge: impl FnMut(&mut Case<'_>, &ClientDocuments),
) -> Verdict {
    let advertised = match advertised(evidence) {
        Ok(advertised) => advertised,
        Err(verdict) => return verdict,
    };
    let mut case = evidence.case();
    for documents in advertised {
        if documents.has_control() {
            judge(&mut case, documents);
        } else {
            case.doubt(documents.reason.clone(), documents.decided_by.as_deref());
        }
    }
    case.verdict(Verdict::Held(held.to_owned()))
}

/// The authorization servers that say they take documents.
///
/// # Errors
/// That there is none.
pub(super) fn advertised<'a>(evidence: &Evidence<'a>) -> Result<Vec<&'a ClientDocuments>, Verdict> {
    let all = &evidence.collected().client_documents;
    let advertised: Vec<_> = all
        .iter()
        .filter(|it| it.admission != DocumentAdmission::NotAdvertised)
        .collect();
    if advertised.is_empty() {
        let reason = "no authorization server says that it takes client ID metadata documents";
        return Err(Verdict::NotApplicable(reason.to_owned()));
    }
    Ok(advertised)
}

/// Reads the attempts whose fault is in the document; they tell nothing where it is not fetched.
pub(super) fn of_documents<'a>(
    case: &mut Case<'_>,
    documents: &'a ClientDocuments,
    variants: &[DocumentVariant],
) -> Vec<&'a DocumentAttempt> {
    if !documents.is_fetched_early() {
        case.doubt(
            "documents are fetched after the login only, which nobody here gets to",
            None,
        );
        return Vec::new();
    }
    let found = documents.attempts.iter();
    let found: Vec<_> = found.filter(|it| variants.contains(&it.variant)).collect();
    for attempt in &found {
        if attempt.reception == Reception::Unclear {
            let what = attempt.variant.what();
            case.doubt(
                format!("how {what} was received cannot be told: {}", attempt.what),
                None,
            );
        }
    }
    found
}

/// A finding about an attempt; the good document is its control.
pub(super) fn draft(
    documents: &ClientDocuments,
    attempt: &DocumentAttempt,
    happened: &str,
    expected: &str,
) -> Draft {
    let what = attempt.variant.what();
    let message = format!(
        "{}: {what} {happened} (`client_id` {}: {}); expected {expected}",
        documents.issuer, attempt.client_id, attempt.what
    );
    let draft = Draft::new(attempt.variant.as_str(), message).at(
        attempt.exchange,
        Part::Status,
        attempt.what.clone(),
    );
    match documents.attempt(DocumentVariant::Good) {
        Some(good) => draft.at(
            good.exchange,
            Part::Status,
            "the good document, for comparison",
        ),
        None => draft,
    }
}
