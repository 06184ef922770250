//! ASE-11: successful authorization responses name the issuer as the metadata promises.
//!
//! MCP §Authorization Response Validation; RFC 9207 §2, §3.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins;
use crate::model::verdict::{Part, Severity, Verdict};

/// Compares `iss` of every answer that a browser brought back with the issuer.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut seen = 0_usize;
    let mut named = 0_usize;
    for login in &evidence.collected().logins {
        for round in &login.rounds {
            let Some(exchange) = round.exchange else {
                continue;
            };
            seen += 1;
            let at = |message: String, says: &str| {
                Draft::new(login.issuer.clone(), message).at(exchange, Part::Request, says)
            };
            match (login.issuer_promised, &round.issuer) {
                (_, Some(issuer)) if *issuer != login.issuer => {
                    let message = format!(
                        "an authorization response names the issuer `{issuer}`, expected `{}`",
                        login.issuer
                    );
                    case.breach(at(message, "another `iss`"));
                }
                (true, None) => {
                    let message = format!(
                        "an authorization response of {} carries no `iss`, though its metadata \
                         promises it: clients that validate it must stop",
                        login.issuer
                    );
                    case.breach(at(message, "no `iss`"));
                }
                (false, Some(_)) => {
                    let message = format!(
                        "authorization responses of {} carry `iss`, and its metadata does not say \
                         so, expected `authorization_response_iss_parameter_supported`",
                        login.issuer
                    );
                    let why = "clients cannot rely on it";
                    case.advise(at(message, "`iss`").at_most(Severity::Info, why));
                }
                (true, Some(_)) => named += 1,
                (false, None) => {}
            }
        }
    }
    match (seen, named) {
        (0, _) if logins::successful(evidence).next().is_some() => {
            Verdict::NotApplicable("the device flow has no authorization response".to_owned())
        }
        (0, _) => logins::without(evidence),
        (_, 0) => case.verdict(Verdict::NotApplicable(
            "responses carry no `iss`, and the metadata promises none".to_owned(),
        )),
        _ => case.verdict(Verdict::Held(format!(
            "{named} authorization response(s) named the issuer"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{ISSUER, World};
    use crate::model::target::Revision;
    use crate::model::verdict::{Severity, Status};

    const ID: &str = "response-issuer-inconsistent";

    fn newest() -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world
    }

    fn world(promised: bool, issuer: Option<&str>) -> World {
        let mut world = newest();
        world.login().issuer_promised = promised;
        world.returned(issuer);
        world
    }

    #[test]
    fn the_promised_issuer_holds() {
        assert_eq!(world(true, Some(ISSUER)).status(ID), Status::Pass);
        assert_eq!(world(false, None).status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_missing_or_foreign_issuer_warns() {
        for issuer in [None, Some("https://login.example.org")] {
            let world = world(true, issuer);
            assert_eq!(world.status(ID), Status::Warn);
            assert!(world.verdict(ID).findings()[0].severity > Severity::Info);
        }
    }

    #[test]
    fn an_issuer_that_nobody_announced_is_a_note() {
        let world = world(false, Some(ISSUER));
        assert_eq!(world.status(ID), Status::Warn);
        assert_eq!(world.verdict(ID).findings()[0].severity, Severity::Info);
    }

    #[test]
    fn without_a_login_nothing_is_known() {
        assert_eq!(newest().status(ID), Status::Inconclusive);
    }
}
