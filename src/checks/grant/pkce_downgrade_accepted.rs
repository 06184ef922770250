//! ASE-04: a verifier for a code that was asked for without a challenge gives no token.
//!
//! RFC 9700 §2.1.1, §4.8.2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins::{self, Tried};
use crate::model::login::Trial;
use crate::model::verdict::{Part, Verdict};

/// Reads whether a request without PKCE goes on, and what its code is worth with a verifier.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut judged = 0_usize;
    let mut held = Verdict::NotApplicable("the device flow has no challenge".to_owned());
    for login in logins::successful(evidence) {
        judged += 1;
        if login.grant != "authorization_code" {
            continue;
        }
        let Some(bare) = login.bare else {
            case.doubt("a request without a challenge was not tried", None);
            continue;
        };
        match (bare.refused, logins::tried(login, Trial::Downgrade)) {
            (Some(true), _) => {
                held = Verdict::NotApplicable(
                    "requests without a challenge are refused, so there is nothing to downgrade"
                        .to_owned(),
                );
            }
            (None, _) => case.doubt(
                format!(
                    "{} and {} do not tell whether a request without a challenge goes on",
                    bare.with, bare.without
                ),
                None,
            ),
            (Some(false), Tried::Issued(redemption)) => {
                let message = format!(
                    "{} redeemed a code that was asked for without a challenge although a \
                     `code_verifier` came with it, expected `invalid_grant` or `invalid_request`",
                    login.issuer
                );
                case.breach(
                    Draft::new(login.issuer.clone(), message)
                        .at(
                            redemption.answer.exchange,
                            Part::Status,
                            "a token was issued",
                        )
                        .also(&[bare.without], "the request without a challenge"),
                );
            }
            (Some(false), Tried::Refused) => {
                held = Verdict::Held(
                    "a verifier without a challenge was refused at the token endpoint".to_owned(),
                );
            }
            (Some(false), Tried::Untried(reason)) => case.doubt(reason, None),
        }
    }
    if judged == 0 {
        return logins::without(evidence);
    }
    case.verdict(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::login::BareRequest;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "pkce-downgrade-accepted";

    fn world(refused: Option<bool>) -> World {
        let mut world = World::new();
        let with = world.answer(ProbeId::AuthorizeBare, "anonymous", 200, &[], "");
        let without = world.answer(ProbeId::AuthorizeBare, "anonymous", 200, &[], "");
        world.login().bare = Some(BareRequest {
            with,
            without,
            refused,
        });
        world
    }

    #[test]
    fn a_server_that_insists_on_pkce_has_nothing_to_downgrade() {
        assert_eq!(world(Some(true)).status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_token_for_the_verifier_breaks_and_a_refusal_holds() {
        let mut broken = world(Some(false));
        broken.redeemed(Trial::Downgrade, None);
        assert_eq!(broken.status(ID), Status::Fail);
        let mut sound = world(Some(false));
        sound.redeemed(Trial::Downgrade, Some("invalid_request"));
        assert_eq!(sound.status(ID), Status::Pass);
    }

    #[test]
    fn a_pair_that_does_not_tell_leaves_it_open() {
        assert_eq!(world(None).status(ID), Status::Inconclusive);
        assert_eq!(world(Some(false)).status(ID), Status::Inconclusive);
    }
}
