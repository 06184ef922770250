//! ASE-03: a code is worth nothing without the verifier that belongs to it.
//!
//! OAuth 2.1 §4.1.3; RFC 7636 §4.6.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins::{self, Tried};
use crate::model::login::Trial;
use crate::model::verdict::{Part, Verdict};

/// Reads what redemptions with a wrong and without a verifier gave.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut judged = 0_usize;
    for login in logins::successful(evidence) {
        if login.grant != "authorization_code" {
            return Verdict::NotApplicable("the device flow has no verifier".to_owned());
        }
        judged += 1;
        for (trial, what) in [
            (Trial::WrongVerifier, "with a wrong `code_verifier`"),
            (Trial::NoVerifier, "without a `code_verifier`"),
        ] {
            match logins::tried(login, trial) {
                Tried::Issued(redemption) => {
                    let message = format!(
                        "{} redeemed a code {what}, expected `invalid_grant`",
                        login.issuer
                    );
                    let subject = format!("{} {}", login.issuer, trial.as_str());
                    let draft = Draft::new(subject, message)
                        .at(
                            redemption.answer.exchange,
                            Part::Status,
                            "a token was issued",
                        )
                        .also(logins::control(login).as_slice(), "the proper redemption");
                    case.breach(draft);
                }
                Tried::Refused => {}
                Tried::Untried(reason) => case.doubt(reason, None),
            }
        }
    }
    if judged == 0 {
        return logins::without(evidence);
    }
    case.verdict(Verdict::Held(
        "codes were refused with a wrong and without a verifier, and redeemed with the right one"
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "code-without-verifier-accepted";

    fn world(wrong: Option<&str>, missing: Option<&str>) -> World {
        let mut world = World::new();
        world.login();
        world.redeemed(Trial::WrongVerifier, wrong);
        world.redeemed(Trial::NoVerifier, missing);
        world
    }

    #[test]
    fn refusing_both_holds() {
        let world = world(Some("invalid_grant"), Some("invalid_request"));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_token_for_either_breaks() {
        for (wrong, missing) in [(None, Some("invalid_grant")), (Some("invalid_grant"), None)] {
            let world = world(wrong, missing);
            assert_eq!(world.status(ID), Status::Fail);
            assert_eq!(world.verdict(ID).findings()[0].cites.len(), 2);
        }
    }

    #[test]
    fn refusing_a_code_that_was_spent_proves_nothing() {
        let mut world = world(Some("invalid_grant"), Some("invalid_grant"));
        world.collected.logins[0].redemptions[2].fresh = false;
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_broken_answer_proves_nothing() {
        let world = world(Some("invalid_grant"), Some("server_error"));
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn without_a_login_nothing_is_known() {
        let world = World::new();
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
