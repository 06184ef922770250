//! REG-15: a native client may register loopback and come back at another port.
//!
//! MCP 2026-07-28 §Application Type and Redirect URI Constraints; OpenID Connect Dynamic Client
//! Registration §2; RFC 8252 §7.3.

use super::registration_open::without_clients;
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::registering::{Asked, asked, authorization};
use crate::model::registration::{Registration, RegistrationAttempt};
use crate::model::verdict::{Part, Verdict};

/// Reads what became of loopback redirect URIs, by application type and by port.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut said = Vec::new();
    for registration in &evidence.collected().registrations {
        if registration.clients.is_empty() {
            continue;
        }
        native(&mut case, &mut said, registration);
        port(&mut case, &mut said, registration);
        match asked(registration, WEB) {
            Asked::Registered(attempt) => web(&mut said, attempt),
            Asked::Refused => said.push("a web client on `http://localhost` was refused".into()),
            Asked::Open(_) | Asked::Never => {}
        }
        if let Asked::Registered(attempt) = asked(registration, NAMES) {
            let kept = attempt.echoed_redirects.as_ref();
            let kept = kept.unwrap_or(&attempt.requested_redirects);
            said.push(format!("also registered: {}", kept.join(", ")));
        }
    }
    if said.is_empty() && case.is_clean() {
        return without_clients(evidence);
    }
    case.verdict(Verdict::Held(said.join("; ")))
}

fn native(case: &mut Case<'_>, said: &mut Vec<String>, registration: &Registration) {
    match asked(registration, NATIVE) {
        Asked::Registered(_) => said.push("a native client on loopback was registered".into()),
        Asked::Refused => {
            let mut attempts = registration.attempts.iter();
            let Some(refused) = attempts.find(|it| it.variant == NATIVE) else {
                return;
            };
            let message = "a native client with a loopback redirect URI was refused while another \
                           client was registered; expected it to be registered, as command-line \
                           clients need it";
            let draft = Draft::new(format!("{}: native", registration.issuer), message);
            case.advise(draft.at(refused.exchange, Part::Status, "refused"));
        }
        Asked::Open(why) => case.doubt(why, None),
        Asked::Never => {}
    }
}

fn port(case: &mut Case<'_>, said: &mut Vec<String>, registration: &Registration) {
    let Some(trial) = authorization(registration, PORT) else {
        return;
    };
    match trial.accepted {
        Some(true) => said.push("another loopback port is accepted".into()),
        Some(false) => {
            let message = format!(
                "the authorization endpoint refuses `{}`, which differs from the registered \
                 loopback URI by its port only; expected any port (RFC 8252 §7.3)",
                trial.asked
            );
            let draft = Draft::new(format!("{}: port", registration.issuer), message);
            case.advise(draft.at(trial.exchange, Part::Status, "refused"));
        }
        None => case.doubt(
            "the authorization endpoint's answers do not tell whether another loopback port is \
             accepted",
            None,
        ),
    }
}

/// Asked of OpenID providers only, and theirs to decide: the rule binds the client.
fn web(said: &mut Vec<String>, attempt: &RegistrationAttempt) {
    let kept = attempt.echoed.application.as_deref() == Some("web");
    said.push(if kept {
        "a web client on `http://localhost` was registered".into()
    } else {
        "`application_type` was not kept for a web client on `http://localhost`".into()
    });
}

const NATIVE: &str = "native-loopback";
const PORT: &str = "other-port";
const WEB: &str = "web-localhost";
const NAMES: &str = "loopback-names";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, client, response};
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "native-loopback-refused";

    fn world(native: RegistrationOutcome) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.registration(Posture::D3);
        let answer = response(201, &[], "{}");
        let exchange = world.registered(NATIVE, native, &[], answer).exchange;
        let made = client("https-public", exchange, None, exchange);
        world.collected.registrations[0].clients = vec![made];
        world
    }

    fn refused() -> RegistrationOutcome {
        RegistrationOutcome::RefusedMetadata {
            error: "invalid_redirect_uri".to_owned(),
        }
    }

    #[test]
    fn a_refused_native_client_warns_and_a_registered_one_holds() {
        assert_eq!(world(refused()).status(ID), Status::Warn);
        let registered = world(RegistrationOutcome::Registered);
        assert_eq!(registered.status(ID), Status::Pass);
    }

    #[test]
    fn a_refused_port_warns() {
        for (accepted, status) in [
            (Some(true), Status::Pass),
            (Some(false), Status::Warn),
            (None, Status::Inconclusive),
        ] {
            let mut world = world(RegistrationOutcome::Registered);
            world.authorization(PORT, accepted);
            assert_eq!(world.status(ID), status, "{accepted:?}");
        }
    }

    #[test]
    fn a_web_client_on_localhost_is_told_and_not_held_against_the_server() {
        for (kept, told) in [(Some("web"), "was registered"), (None, "was not kept")] {
            let mut world = world(RegistrationOutcome::Registered);
            let uris = ["http://localhost:1/cb"];
            let answer = response(201, &[], "{}");
            let registered = RegistrationOutcome::Registered;
            let attempt = world.registered(WEB, registered, &uris, answer);
            attempt.echoed.application = kept.map(str::to_owned);
            let Verdict::Held(text) = world.verdict(ID) else {
                panic!("expected it to hold");
            };
            assert!(text.contains(told), "{text}");
        }
    }

    #[test]
    fn spellings_that_were_not_worth_a_client_change_nothing() {
        let mut world = world(RegistrationOutcome::Registered);
        world.untried(WEB);
        world.untried(NAMES);
        assert_eq!(world.status(ID), Status::Pass);
        world.authorization(PORT, Some(false));
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn earlier_revisions_and_closed_servers_are_left_alone() {
        let mut earlier = world(refused());
        earlier.revision(Revision::R2025_11);
        assert_eq!(earlier.status(ID), Status::NotApplicable);
        let mut closed = World::new();
        closed.revision(Revision::R2026_07);
        closed.registration(Posture::D1);
        assert_eq!(closed.status(ID), Status::NotApplicable);
    }
}
