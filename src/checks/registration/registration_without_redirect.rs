//! REG-06: a client that uses redirects registers where to.
//!
//! RFC 7591 §2; MCP §Open Redirection.

use super::registration_open::without_clients;
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::registering::{Asked, asked, authorization};
use crate::model::registration::{Registration, RegistrationAttempt};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads what became of a registration without `redirect_uris`.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut held = 0_usize;
    for registration in &evidence.collected().registrations {
        match asked(registration, VARIANT) {
            Asked::Refused => held += 1,
            Asked::Open(why) => case.doubt(why, None),
            Asked::Never => {}
            Asked::Registered(attempt) if has_redirects(attempt) => held += 1,
            Asked::Registered(attempt) => {
                match authorization(registration, VARIANT).and_then(|trial| trial.accepted) {
                    Some(true) => case.breach(draft(registration, attempt)),
                    Some(false) => {
                        let why = "the authorization endpoint redirects it nowhere";
                        let draft = draft(registration, attempt);
                        case.advise(draft.at_most(Severity::Low, why));
                    }
                    None => case.doubt(
                        "a client without redirect URIs was registered, and the authorization \
                         endpoint's answers do not tell where it would be redirected",
                        None,
                    ),
                }
            }
        }
    }
    if held == 0 && case.is_clean() {
        return without_clients(evidence);
    }
    case.verdict(Verdict::Held(
        "a registration without redirect URIs was refused".to_owned(),
    ))
}

/// The server filled in URIs of its own.
fn has_redirects(attempt: &RegistrationAttempt) -> bool {
    let echoed = attempt.echoed_redirects.as_ref();
    echoed.is_some_and(|uris| !uris.is_empty())
}

fn draft(registration: &Registration, attempt: &RegistrationAttempt) -> Draft {
    let trial = authorization(registration, VARIANT);
    let then = trial.map_or(String::new(), |trial| {
        format!(
            ", and the authorization endpoint answered `{}`: {}",
            trial.asked, trial.what
        )
    });
    let message = format!(
        "a client for `authorization_code` was registered without redirect URIs{then}; expected \
         HTTP 400 invalid_redirect_uri"
    );
    let draft = Draft::new(registration.issuer.clone(), message);
    let draft = draft.at(attempt.exchange, Part::Status, "registered");
    match trial {
        Some(trial) => draft.at(trial.exchange, Part::Status, "asked for any URI"),
        None => draft,
    }
}

const VARIANT: &str = "no-redirect";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "registration-without-redirect";

    fn world(outcome: RegistrationOutcome) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        world.registered(VARIANT, outcome, &[], response(201, &[], "{}"));
        world
    }

    #[test]
    fn a_client_that_is_redirected_anywhere_is_broken() {
        for (accepted, status) in [
            (Some(true), Status::Fail),
            (Some(false), Status::Warn),
            (None, Status::Inconclusive),
        ] {
            let mut world = world(RegistrationOutcome::Registered);
            world.authorization(VARIANT, accepted);
            assert_eq!(world.status(ID), status, "{accepted:?}");
        }
    }

    #[test]
    fn a_refusal_holds_and_a_limit_does_not() {
        let refused = RegistrationOutcome::RefusedMetadata {
            error: "invalid_redirect_uri".to_owned(),
        };
        assert_eq!(world(refused).status(ID), Status::Pass);
        let limited = world(RegistrationOutcome::Limited);
        assert_eq!(limited.status(ID), Status::Inconclusive);
    }

    #[test]
    fn redirect_uris_that_the_server_fills_in_hold() {
        let mut world = world(RegistrationOutcome::Registered);
        let attempt = &mut world.collected.registrations[0].attempts[0];
        attempt.echoed_redirects = Some(vec!["https://portal.example.com/cb".to_owned()]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn nothing_asked_decides_nothing() {
        let mut open = World::new();
        open.registration(Posture::D3);
        assert_eq!(open.status(ID), Status::Inconclusive);
        let mut closed = World::new();
        closed.registration(Posture::D1);
        assert_eq!(closed.status(ID), Status::NotApplicable);
    }
}
