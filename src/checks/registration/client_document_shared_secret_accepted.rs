//! REG-21: what anybody can read holds no secret, so no such client authenticates with one.
//!
//! Client ID Metadata Document §4.1, §6.2.

use crate::checks::documents::{draft, each, of_documents};
use crate::checks::evidence::Evidence;
use crate::model::client_documents::{DocumentVariant as V, Reception};
use crate::model::verdict::{Severity, Verdict};

/// Compares documents that speak of a shared secret with the good one.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let held = "documents that speak of a shared secret were refused";
    each(evidence, held, |case, documents| {
        for attempt in of_documents(case, documents, &[V::SecretMethod, V::SecretMember]) {
            if attempt.reception != Reception::GoesOn {
                continue;
            }
            let draft = draft(documents, attempt, "was admitted", "an error page");
            if attempt.variant == V::SecretMember {
                let why = "the member may be ignored";
                case.advise(draft.at_most(Severity::Info, why));
            } else {
                case.breach(draft);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "client-document-shared-secret-accepted";

    #[test]
    fn a_shared_secret_method_is_broken_and_a_secret_member_warns() {
        for (variant, expected) in [
            (V::SecretMethod, Status::Fail),
            (V::SecretMember, Status::Warn),
        ] {
            let mut world = World::new();
            world.documents(&[(variant, Reception::GoesOn)]);
            assert_eq!(world.status(ID), expected, "{variant:?}");
        }
    }

    #[test]
    fn refusals_hold() {
        let mut world = World::new();
        world.documents(&[
            (V::SecretMethod, Reception::Refused),
            (V::SecretMember, Reception::Refused),
        ]);
        assert_eq!(world.status(ID), Status::Pass);
    }
}
