//! ASE-15: an authorization code works once.
//!
//! OAuth 2.1 §4.1.3; RFC 6749 §4.1.2.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins::{self, Tried};
use crate::model::login::Trial;
use crate::model::verdict::{Part, Verdict};

/// Reads what the second redemption of a code gave, right after the first.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut judged = 0_usize;
    for login in logins::successful(evidence) {
        if login.grant != "authorization_code" {
            return Verdict::NotApplicable("the device flow has no code to replay".to_owned());
        }
        judged += 1;
        match logins::tried(login, Trial::Replay) {
            Tried::Issued(redemption) => {
                let first = login.redemptions.iter().find(|it| {
                    it.trial == Trial::Proper && it.round == redemption.round && it.answer.issued
                });
                let message = format!(
                    "{} redeemed the same code twice, expected `invalid_grant` the second time",
                    login.issuer
                );
                let first = first.map(|it| it.answer.exchange);
                case.breach(
                    Draft::new(login.issuer.clone(), message)
                        .at(redemption.answer.exchange, Part::Status, "the second token")
                        .also(first.as_slice(), "the first token"),
                );
            }
            Tried::Refused => {}
            Tried::Untried(reason) => case.doubt(reason, None),
        }
    }
    if judged == 0 {
        return logins::without(evidence);
    }
    case.verdict(Verdict::Held(
        "a code that had just been redeemed was refused".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "code-replay-accepted";

    fn world(replay: Option<&str>) -> World {
        let mut world = World::new();
        world.login();
        world.redeemed(Trial::Replay, replay);
        world
    }

    #[test]
    fn a_refused_replay_holds() {
        assert_eq!(world(Some("invalid_grant")).status(ID), Status::Pass);
    }

    #[test]
    fn a_second_token_breaks() {
        let world = world(None);
        assert_eq!(world.status(ID), Status::Fail);
        assert_eq!(world.verdict(ID).findings()[0].cites.len(), 2);
    }

    #[test]
    fn without_a_replay_nothing_is_known() {
        let mut world = World::new();
        world.login();
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
