//! REG-18: a document is validated, and the redirect URI of a request is one that it lists.
//!
//! MCP §Implementation Requirements; Client ID Metadata Document §4.1, §4.5.

use crate::checks::documents::{draft, each, of_documents};
use crate::checks::evidence::Evidence;
use crate::model::client_documents::{DocumentVariant as V, Reception};
use crate::model::verdict::{Severity, Verdict};

/// Compares documents with one fault each with the good one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    each(
        evidence,
        "every faulty document was refused",
        |case, documents| {
            for attempt in of_documents(case, documents, &FAULTY) {
                if attempt.reception != Reception::GoesOn {
                    continue;
                }
                let draft = draft(documents, attempt, "was admitted", "an error page");
                match attempt.variant {
                    V::NoClientName => {
                        let why = "only the consent page suffers";
                        case.breach(draft.at_most(Severity::Low, why));
                    }
                    V::MediaType => {
                        let why = "no rule asks for the media type, and hosts that take uploads \
                               serve text";
                        case.advise(draft.at_most(Severity::Info, why));
                    }
                    _ => case.breach(draft),
                }
            }
        },
    )
}

const FAULTY: [V; 7] = [
    V::OtherClientId,
    V::NoClientName,
    V::NoRedirectUris,
    V::NotJson,
    V::MediaType,
    V::Missing,
    V::ForeignRedirect,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "faulty-client-document-accepted";

    #[test]
    fn a_faulty_document_that_goes_on_like_the_good_one_is_broken() {
        for (variant, severity) in [
            (V::OtherClientId, Severity::High),
            (V::ForeignRedirect, Severity::High),
            (V::NotJson, Severity::High),
            (V::NoClientName, Severity::Low),
        ] {
            let mut world = World::new();
            world.documents(&[(variant, Reception::GoesOn)]);
            assert_eq!(world.status(ID), Status::Fail, "{variant:?}");
            assert_eq!(world.verdict(ID).findings()[0].severity, severity);
        }
    }

    #[test]
    fn a_wrong_media_type_only_warns() {
        let mut world = World::new();
        world.documents(&[(V::MediaType, Reception::GoesOn)]);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn refusals_hold() {
        let mut world = World::new();
        world.documents(&FAULTY.map(|variant| (variant, Reception::Refused)));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn an_unclear_answer_or_a_fetch_after_the_login_decides_nothing() {
        let mut world = World::new();
        world.documents(&[(V::NotJson, Reception::Unclear)]);
        assert_eq!(world.status(ID), Status::Inconclusive);
        let mut late = World::new();
        let documents = late.documents(&[(V::NotJson, Reception::GoesOn)]);
        documents.attempts[1].fetches.clear();
        assert_eq!(late.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_good_document_that_goes_on_the_reason_and_the_flag_are_named() {
        let mut world = World::new();
        let documents = world.documents(&[]);
        documents.attempts.clear();
        documents.decided_by = Some("--allow register".to_owned());
        let Verdict::Inconclusive { decided_by, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some("--allow register"));
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
