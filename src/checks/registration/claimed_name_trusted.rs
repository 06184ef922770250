//! REG-10: what a client says of itself is shown as its own claim.
//!
//! RFC 7591 §5; SEP-991.

use super::registration_open::without_clients;
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::registering::{Asked, asked, authorization};
use crate::model::consequence::AuthorizationTrial;
use crate::model::registration::{Registration, RegistrationAttempt};
use crate::model::verdict::{Part, Verdict};

/// Reads what became of a client that borrows the server's own name and redirects elsewhere.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut said = Vec::new();
    for registration in &evidence.collected().registrations {
        match asked(registration, VARIANT) {
            Asked::Refused => said.push("a client under the server's own name was refused"),
            Asked::Open(why) => case.doubt(why, None),
            Asked::Never => {}
            Asked::Registered(attempt) if renamed(attempt) => {
                said.push("the claimed name was not registered");
            }
            Asked::Registered(attempt) => {
                let trial = authorization(registration, VARIANT);
                match trial.and_then(|trial| Some((trial, trial.shows_name?, trial.shows_host?))) {
                    Some((_, _, true)) => {
                        said.push("the page shows the host that the client redirects to");
                    }
                    Some((trial, true, false)) => {
                        case.advise(draft(registration, attempt, trial));
                    }
                    _ => case.doubt(
                        "a client under the server's own name was registered; the page that would \
                         show or flag it comes after a login",
                        None,
                    ),
                }
            }
        }
    }
    if said.is_empty() && case.is_clean() {
        return without_clients(evidence);
    }
    case.verdict(Verdict::Held(said.join("; ")))
}

fn renamed(attempt: &RegistrationAttempt) -> bool {
    let echoed = attempt.echoed.name.as_ref();
    echoed.is_some_and(|name| Some(name) != attempt.requested.name.as_ref())
}

fn draft(
    registration: &Registration,
    attempt: &RegistrationAttempt,
    trial: &AuthorizationTrial,
) -> Draft {
    let name = attempt.requested.name.as_deref().unwrap_or_default();
    let message = format!(
        "a stranger's client calls itself \"{name}\", and the page shows that name without the host \
         of `{}`; expected the host beside it",
        trial.asked
    );
    Draft::new(registration.issuer.clone(), message)
        .at(trial.exchange, Part::Body, "the page")
        .at(attempt.exchange, Part::Status, "registered")
}

const VARIANT: &str = "claimed-name";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "claimed-name-trusted";

    fn world(shown: Option<(bool, bool)>) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let answer = response(201, &[], "{}");
        let attempt = world.registered(VARIANT, RegistrationOutcome::Registered, &[], answer);
        attempt.requested.name = Some("Official client".to_owned());
        attempt.echoed.name = Some("Official client".to_owned());
        world.authorization(VARIANT, Some(true));
        let trials = &mut world.collected.registrations[0].consequences.authorizations;
        trials[0].shows_name = shown.map(|(name, _)| name);
        trials[0].shows_host = shown.map(|(_, host)| host);
        world
    }

    #[test]
    fn a_name_without_the_host_warns_and_the_host_beside_it_holds() {
        assert_eq!(world(Some((true, false))).status(ID), Status::Warn);
        assert_eq!(world(Some((true, true))).status(ID), Status::Pass);
    }

    #[test]
    fn a_page_that_shows_neither_and_no_page_leave_it_open() {
        assert_eq!(world(Some((false, false))).status(ID), Status::Inconclusive);
        assert_eq!(world(None).status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_refusal_or_another_name_holds() {
        let mut other = world(None);
        let attempt = &mut other.collected.registrations[0].attempts[0];
        attempt.echoed.name = Some("Unverified client".to_owned());
        assert_eq!(other.status(ID), Status::Pass);
        attempt_refused(&mut other);
        assert_eq!(other.status(ID), Status::Pass);
        let mut closed = World::new();
        closed.registration(Posture::D1);
        assert_eq!(closed.status(ID), Status::NotApplicable);
    }

    fn attempt_refused(world: &mut World) {
        let attempt = &mut world.collected.registrations[0].attempts[0];
        attempt.outcome = RegistrationOutcome::RefusedMetadata {
            error: "invalid_client_metadata".to_owned(),
        };
    }
}
