//! ASE-12: a refresh token of a public client is replaced when it is used.
//!
//! MCP §Token Theft; OAuth 2.1 §4.3.1.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins;
use crate::model::login::{RefreshToken, RefreshTrial};
use crate::model::verdict::{Part, Verdict};

/// Reads whether a refresh token that was exchanged still works, at once and after a pause.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut judged = 0_usize;
    let mut held = Verdict::NotApplicable("the login gave no refresh token".to_owned());
    for login in logins::successful(evidence) {
        judged += 1;
        let Some(proper) = logins::refreshed(login, RefreshTrial::Proper) else {
            continue;
        };
        if !login.public {
            held = Verdict::NotApplicable(
                "the client is confidential: its refresh tokens need not rotate".to_owned(),
            );
            continue;
        }
        let old = logins::refreshed(login, RefreshTrial::OldToken);
        let later = logins::refreshed(login, RefreshTrial::OldTokenLater);
        let Some(old) = old.filter(|_| proper.answer.issued) else {
            case.doubt("the refresh token could not be used even once", None);
            continue;
        };
        if !old.answer.issued {
            if old.answer.error.as_deref() == Some("invalid_grant") {
                held = Verdict::Held("an exchanged refresh token was refused".to_owned());
            } else {
                let at = old.answer.exchange;
                case.doubt(
                    format!(
                        "the reuse was answered in {at} by something else than `invalid_grant`"
                    ),
                    None,
                );
            }
            continue;
        }
        match later {
            Some(later) if later.answer.issued => {
                let what = match proper.answer.refresh {
                    RefreshToken::New => "was replaced and goes on working",
                    RefreshToken::Same | RefreshToken::Absent => "was not replaced",
                };
                let message = format!(
                    "the refresh token of a public client {what} at {}, expected `invalid_grant` \
                     once it was exchanged",
                    login.issuer
                );
                case.breach(
                    Draft::new(login.issuer.clone(), message)
                        .at(later.answer.exchange, Part::Status, "the old token again")
                        .also(
                            &[proper.answer.exchange, old.answer.exchange],
                            "an earlier use",
                        ),
                );
            }
            Some(later) if later.answer.is_refusal() => {
                held = Verdict::Held(
                    "an exchanged refresh token was refused after a short grace period".to_owned(),
                );
            }
            _ => case.doubt(
                "an exchanged refresh token worked once more, which may be a grace period",
                None,
            ),
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
    use crate::model::verdict::Status;

    const ID: &str = "refresh-token-not-rotated";

    fn world(old: Option<&str>, later: &[Option<&str>]) -> World {
        let mut world = World::new();
        world.login();
        world.refresh(RefreshTrial::Proper, None);
        world.refresh(RefreshTrial::OldToken, old);
        for error in later {
            world.refresh(RefreshTrial::OldTokenLater, *error);
        }
        world
    }

    #[test]
    fn a_refused_reuse_holds() {
        assert_eq!(world(Some("invalid_grant"), &[]).status(ID), Status::Pass);
    }

    #[test]
    fn a_grace_period_holds_and_a_lasting_token_breaks() {
        let graceful = world(None, &[Some("invalid_grant")]);
        assert_eq!(graceful.status(ID), Status::Pass);
        assert_eq!(world(None, &[None]).status(ID), Status::Fail);
        assert_eq!(world(None, &[]).status(ID), Status::Inconclusive);
    }

    #[test]
    fn confidential_clients_and_logins_without_refresh_do_not_count() {
        let mut confidential = world(None, &[None]);
        confidential.collected.logins[0].public = false;
        assert_eq!(confidential.status(ID), Status::NotApplicable);
        let mut none = World::new();
        none.login();
        assert_eq!(none.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_refresh_that_never_worked_is_no_control() {
        let mut world = World::new();
        world.login();
        world.refresh(RefreshTrial::Proper, Some("invalid_grant"));
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
