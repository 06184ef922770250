//! REG-19: a URL that cannot be a client identifier is refused, and nobody fetches it.
//!
//! Client ID Metadata Document §3.

use crate::checks::documents::{draft, each};
use crate::checks::evidence::Evidence;
use crate::model::client_documents::{
    ClientDocuments, DocumentAttempt, DocumentVariant as V, Reception,
};
use crate::model::verdict::{Severity, Verdict};

/// Compares malformed client identifiers with a well-formed one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    each(
        evidence,
        "every malformed client ID was refused unfetched",
        |case, documents| {
            for attempt in documents
                .attempts
                .iter()
                .filter(|it| FAULTY.contains(&it.variant))
            {
                let fetched = attempt.fetches.iter().any(|fetch| !fetch.handshake);
                match attempt.reception {
                    Reception::GoesOn => {
                        let expected = "an error page before any fetch";
                        case.breach(draft(documents, attempt, "was admitted", expected));
                    }
                    _ if fetched => {
                        let draft = draft(documents, attempt, "was fetched", "no fetch");
                        let why = "its client was refused in the end";
                        case.breach(draft.at_most(Severity::Low, why));
                    }
                    Reception::Refused => {}
                    Reception::Unclear => {
                        let what = attempt.variant.what();
                        let text =
                            format!("how {what} was received cannot be told: {}", attempt.what);
                        case.doubt(text, None);
                    }
                }
            }
            if let Some(plain) = over_plain_http(documents) {
                let happened = "was admitted over plain http";
                let draft = draft(documents, plain, happened, "https alone");
                let why = "seen on loopback only";
                case.advise(draft.at_most(Severity::Low, why));
            }
        },
    )
}

fn over_plain_http(documents: &ClientDocuments) -> Option<&DocumentAttempt> {
    let good = documents.attempt(V::Good)?;
    good.client_id.starts_with("http:").then_some(good)
}

const FAULTY: [V; 5] = [
    V::HttpScheme,
    V::NoPath,
    V::DotSegments,
    V::Fragment,
    V::Userinfo,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "malformed-client-id-accepted";

    #[test]
    fn a_malformed_client_id_that_goes_on_is_broken() {
        for variant in FAULTY {
            let mut world = World::new();
            world.documents(&[(variant, Reception::GoesOn)]);
            assert_eq!(world.status(ID), Status::Fail, "{variant:?}");
        }
    }

    #[test]
    fn a_fetch_before_the_refusal_weighs_less_and_none_at_all_holds() {
        let mut world = World::new();
        let documents = world.documents(&[(V::DotSegments, Reception::Refused)]);
        documents.attempts[2].fetches.clear();
        assert_eq!(world.status(ID), Status::Pass);
        let mut fetched = World::new();
        fetched.documents(&[(V::DotSegments, Reception::Refused)]);
        assert_eq!(fetched.status(ID), Status::Fail);
        assert_eq!(fetched.verdict(ID).findings()[0].severity, Severity::Low);
    }

    #[test]
    fn plain_http_on_loopback_warns() {
        let mut world = World::new();
        world.documents(&[]).attempts[1].client_id = "http://127.0.0.1:4/good.json".to_owned();
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn an_unclear_answer_decides_nothing() {
        let mut world = World::new();
        let documents = world.documents(&[(V::Fragment, Reception::Unclear)]);
        documents.attempts[2].fetches.clear();
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
