//! REG-07: a stranger's client does not get grants that need no user's consent.
//!
//! RFC 9700 §2.1.2, §2.4; OAuth 2.1 §4; client credentials extension §Overview.

use super::registration_open::without_clients;
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::registering::{Asked, Machine, asked, machine};
use crate::model::registration::{RegistrationAttempt, StrangerToken};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads which grants were kept, and what the token endpoint gave for them.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut decided = 0_usize;
    for registration in &evidence.collected().registrations {
        match machine(evidence, registration) {
            Machine::Refused => decided += 1,
            Machine::Issued(token, attempt) => case.breach(issued(token, attempt)),
            Machine::Open(why) => case.doubt(why, None),
            Machine::Never => {}
        }
        for variant in OTHERS {
            match asked(registration, variant) {
                Asked::Refused => decided += 1,
                Asked::Registered(attempt) => {
                    decided += 1;
                    others(&mut case, attempt);
                }
                Asked::Open(why) => case.doubt(why, None),
                Asked::Never => {}
            }
        }
    }
    if decided == 0 && case.is_clean() {
        return without_clients(evidence);
    }
    case.verdict(Verdict::Held(
        "client_credentials, password, implicit and delegated grants were refused, stripped, or \
         gave no token"
            .to_owned(),
    ))
}

fn issued(token: &StrangerToken, attempt: &RegistrationAttempt) -> Draft {
    let message = "a client that a stranger registered got an access token with \
                   `client_credentials`, without any user; expected the grant to be refused or \
                   stripped, or unauthorized_client at the token endpoint";
    Draft::new("client_credentials", message)
        .at(token.exchange, Part::Status, "token issued")
        .at(attempt.exchange, Part::Status, "registered")
}

/// The outdated and the delegated grants: kept is a promise, not yet a token.
fn others(case: &mut Case<'_>, attempt: &RegistrationAttempt) {
    let Some(grants) = &attempt.echoed.grants else {
        case.doubt(
            format!(
                "`{}` was answered with a client and without `grant_types`",
                attempt.variant
            ),
            None,
        );
        return;
    };
    let responses = attempt.echoed.responses.as_ref();
    let implicit = responses.is_some_and(|kinds| kinds.iter().any(|kind| kind == "token"));
    for (grant, name) in DANGEROUS {
        let kept = grants.iter().any(|it| it == grant) || (name == "implicit" && implicit);
        if kept {
            let message = format!(
                "a stranger's client was registered for the grant `{name}`; expected it to be \
                 refused or left out of the answer"
            );
            let draft = Draft::new(name, message).at(attempt.exchange, Part::Body, "kept");
            let why = "no token was asked for with it";
            case.advise(draft.at_most(Severity::Medium, why));
        }
    }
}

const OTHERS: [&str; 3] = ["every-grant", "password-grant", "implicit-grant"];
const DANGEROUS: [(&str, &str); 4] = [
    ("password", "password"),
    ("implicit", "implicit"),
    (
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "token-exchange",
    ),
    ("urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt-bearer"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::probe::ProbeId;
    use crate::model::registration::{Posture, RegistrationOutcome};
    use crate::model::verdict::Status;

    const ID: &str = "dangerous-grant-registered";
    const MACHINE: &str = "client-credentials";

    fn refused() -> RegistrationOutcome {
        RegistrationOutcome::RefusedMetadata {
            error: "invalid_client_metadata".to_owned(),
        }
    }

    fn world(variant: &str, outcome: RegistrationOutcome, grants: Option<&[&str]>) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let uris = ["http://127.0.0.1:1/cb"];
        let attempt = world.registered(variant, outcome, &uris, response(201, &[], "{}"));
        attempt.echoed.grants =
            grants.map(|grants| grants.iter().map(|&grant| grant.to_owned()).collect());
        world
    }

    fn asked_for_token(world: &mut World, status: u16) {
        let exchange = world.answer(ProbeId::MintStranger, "anonymous", status, &[], "{}");
        world.collected.registrations[0].stranger_token = Some(StrangerToken {
            exchange,
            issued: status == 200,
            accepted: None,
            list_exchange: None,
        });
    }

    #[test]
    fn a_token_without_any_user_is_broken_and_a_refused_one_holds() {
        for (status, expected) in [
            (200, Status::Fail),
            (400, Status::Pass),
            (401, Status::Pass),
            (429, Status::Inconclusive),
            (500, Status::Inconclusive),
        ] {
            let registered = RegistrationOutcome::Registered;
            let mut world = world(MACHINE, registered, Some(&["client_credentials"]));
            asked_for_token(&mut world, status);
            assert_eq!(world.status(ID), expected, "{status}");
        }
    }

    #[test]
    fn a_stripped_or_refused_grant_holds() {
        let registered = RegistrationOutcome::Registered;
        let stripped = world(MACHINE, registered, Some(&["authorization_code"]));
        assert_eq!(stripped.status(ID), Status::Pass);
        assert_eq!(world(MACHINE, refused(), None).status(ID), Status::Pass);
    }

    #[test]
    fn outdated_grants_that_are_kept_warn() {
        let registered = || RegistrationOutcome::Registered;
        for grant in ["password", "implicit"] {
            let kept = world("every-grant", registered(), Some(&[grant]));
            assert_eq!(kept.status(ID), Status::Warn, "{grant}");
        }
        let kept = world("every-grant", registered(), Some(&["authorization_code"]));
        assert_eq!(kept.status(ID), Status::Pass);
        let silent = world("every-grant", registered(), None);
        assert_eq!(silent.status(ID), Status::Inconclusive);
    }

    #[test]
    fn nothing_asked_decides_nothing() {
        let mut closed = World::new();
        closed.registration(Posture::D0);
        assert_eq!(closed.status(ID), Status::NotApplicable);
        let mut open = World::new();
        open.registration(Posture::D3);
        assert_eq!(open.status(ID), Status::Inconclusive);
    }
}
