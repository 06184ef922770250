//! ASE-15: a code is good for the client and the redirect URI it was asked with, and no other.
//!
//! OAuth 2.1 §4.1.3; RFC 6749 §4.1.3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins::{self, Tried};
use crate::model::login::Trial;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads what redemptions by another client and with another redirect URI gave.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut judged = 0_usize;
    let mut by_client = false;
    for login in logins::successful(evidence) {
        if login.grant != "authorization_code" {
            return Verdict::NotApplicable("the device flow has no redirect".to_owned());
        }
        judged += 1;
        if let Tried::Issued(redemption) = logins::tried(login, Trial::OtherClient) {
            let message = format!(
                "{} redeemed a code for a client that it was not issued to, expected \
                 `invalid_grant`",
                login.issuer
            );
            let subject = format!("{} other-client", login.issuer);
            case.breach(Draft::new(subject, message).at(
                redemption.answer.exchange,
                Part::Status,
                "a token for the second client",
            ));
        }
        by_client |= matches!(logins::tried(login, Trial::OtherClient), Tried::Refused);
        match logins::tried(login, Trial::OtherRedirect) {
            Tried::Issued(redemption) => {
                let message = format!(
                    "{} redeemed a code with another `redirect_uri` than it was asked with, \
                     expected `invalid_grant`",
                    login.issuer
                );
                let subject = format!("{} other-redirect", login.issuer);
                let draft = Draft::new(subject, message).at(
                    redemption.answer.exchange,
                    Part::Status,
                    "a token was issued",
                );
                let verified = [Trial::WrongVerifier, Trial::NoVerifier]
                    .into_iter()
                    .all(|trial| matches!(logins::tried(login, trial), Tried::Refused));
                if verified {
                    let why = "OAuth 2.1 rests on the verifier instead, which is enforced";
                    case.advise(draft.at_most(Severity::Info, why));
                } else {
                    case.breach(draft);
                }
            }
            Tried::Refused => {}
            Tried::Untried(reason) => case.doubt(reason, None),
        }
    }
    if judged == 0 {
        return logins::without(evidence);
    }
    case.verdict(Verdict::Held(if by_client {
        "a code was refused to another client and with another redirect URI".to_owned()
    } else {
        "a code was refused with another redirect URI; another client was not tried".to_owned()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "code-not-bound";

    fn world(redirect: Option<&str>, client: Option<&str>) -> World {
        let mut world = World::new();
        world.login();
        world.redeemed(Trial::OtherRedirect, redirect);
        world.redeemed(Trial::OtherClient, client);
        world
    }

    #[test]
    fn refusing_both_holds() {
        let world = world(Some("invalid_grant"), Some("invalid_grant"));
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn another_client_with_the_code_breaks() {
        assert_eq!(world(Some("invalid_grant"), None).status(ID), Status::Fail);
    }

    #[test]
    fn another_redirect_breaks_unless_the_verifier_holds() {
        let mut world = world(None, Some("invalid_grant"));
        assert_eq!(world.status(ID), Status::Fail);
        world.redeemed(Trial::WrongVerifier, Some("invalid_grant"));
        world.redeemed(Trial::NoVerifier, Some("invalid_grant"));
        assert_eq!(world.status(ID), Status::Warn);
        assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Info);
    }

    #[test]
    fn without_a_try_nothing_is_known() {
        let mut world = World::new();
        world.login();
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
