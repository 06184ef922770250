//! EXT-02: machine tokens are not for clients that registered themselves.
//!
//! Client credentials extension §Overview.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::registering::{Machine, machine};
use crate::model::probe::Tier;
use crate::model::registration::{Posture, Registration, StrangerToken};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads what `client_credentials` gave a client that a stranger registered.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let collected = evidence.collected();
    let mut case = evidence.case();
    let mut held = Vec::new();
    let mut unasked = false;
    for registration in &collected.registrations {
        match machine(evidence, registration) {
            Machine::Issued(token, _) => case.breach(issued(registration, token)),
            Machine::Refused => held.push("a stranger's client got no token without a user"),
            Machine::Open(why) => case.doubt(why, None),
            Machine::Never => unasked |= is_open(registration),
        }
    }
    if held.is_empty() && case.is_clean() && unasked {
        let allowed = collected.engagement.tiers.contains(&Tier::Register);
        return if allowed {
            Verdict::inconclusive("no machine client could be registered")
        } else {
            Verdict::undecided("no client was registered", "--allow register")
        };
    }
    if held.is_empty() && case.is_clean() {
        return Verdict::NotApplicable("strangers cannot register clients".to_owned());
    }
    case.verdict(Verdict::Held(held.join("; ")))
}

fn issued(registration: &Registration, token: &StrangerToken) -> Draft {
    let then = match token.accepted {
        Some(true) => "and the MCP server listed its tools for it",
        Some(false) => "which the MCP server refused",
        None => "and the MCP server's answer to it is not clear",
    };
    let message = format!(
        "a client that a stranger registered got a token with `client_credentials`, {then}; \
         expected the grant for clients that the operator set up"
    );
    let draft = Draft::new(registration.issuer.clone(), message)
        .at(token.exchange, Part::Status, "token issued")
        .also(token.list_exchange.as_slice(), "what it opens");
    if token.accepted == Some(true) {
        draft
    } else {
        draft.at_most(Severity::Medium, "it was not seen to open anything")
    }
}

fn is_open(registration: &Registration) -> bool {
    registration.posture.is_open() || registration.posture == Posture::Undetermined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::probe::ProbeId;
    use crate::model::registration::RegistrationOutcome;
    use crate::model::verdict::Status;

    const ID: &str = "stranger-obtains-token";
    const MACHINE: &str = "client-credentials";

    fn world(issued: bool, accepted: Option<bool>) -> World {
        let mut world = World::new();
        world.registration(Posture::D3);
        let registered = RegistrationOutcome::Registered;
        let answer = response(201, &[], "{}");
        world.registered(MACHINE, registered, &[], answer);
        let status = if issued { 200 } else { 400 };
        let exchange = world.answer(ProbeId::MintStranger, "anonymous", status, &[], "{}");
        world.collected.registrations[0].stranger_token = Some(StrangerToken {
            exchange,
            issued,
            accepted,
            list_exchange: None,
        });
        world
    }

    #[test]
    fn a_token_for_a_stranger_is_broken_and_critical_where_it_opens_the_server() {
        for (accepted, severity) in [
            (Some(true), Severity::Critical),
            (Some(false), Severity::Medium),
            (None, Severity::Medium),
        ] {
            let world = world(true, accepted);
            assert_eq!(world.status(ID), Status::Fail, "{accepted:?}");
            assert_eq!(world.verdict(ID).findings()[0].severity, severity);
        }
    }

    #[test]
    fn a_refused_token_or_registration_holds() {
        assert_eq!(world(false, None).status(ID), Status::Pass);
        let mut refused = world(false, None);
        let registration = &mut refused.collected.registrations[0];
        registration.stranger_token = None;
        registration.attempts[0].outcome = RegistrationOutcome::RefusedMetadata {
            error: "invalid_client_metadata".to_owned(),
        };
        assert_eq!(refused.status(ID), Status::Pass);
    }

    #[test]
    fn a_limit_leaves_it_open_and_a_closed_endpoint_does_not_apply() {
        let mut limited = world(false, None);
        let registration = &mut limited.collected.registrations[0];
        registration.stranger_token = None;
        registration.attempts[0].outcome = RegistrationOutcome::Limited;
        assert_eq!(limited.status(ID), Status::Inconclusive);
        let mut unasked = World::new();
        unasked.registration(Posture::Undetermined);
        assert_eq!(unasked.status(ID), Status::Inconclusive);
        let mut closed = World::new();
        closed.registration(Posture::D1);
        assert_eq!(closed.status(ID), Status::NotApplicable);
    }
}
