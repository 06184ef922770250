//! REG-02: whether anybody can register a client. A posture, never a breach of MCP.
//!
//! RFC 7591 §3, which itself recommends an open endpoint.

use crate::checks::case::{Draft, shorten};
use crate::checks::evidence::Evidence;
use crate::model::exchange::ExchangeId;
use crate::model::probe::Tier;
use crate::model::registration::{Posture, Registration, RegistrationOutcome};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the posture of every authorization server.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let registrations = &evidence.collected().registrations;
    if registrations.is_empty() {
        return nothing_known(evidence);
    }
    let mut case = evidence.case();
    let mut closed = Vec::new();
    for registration in registrations {
        match registration.posture {
            Posture::Undetermined => {
                let flag = registration
                    .decided_by
                    .as_deref()
                    .unwrap_or("--allow register");
                case.doubt(registration.reason.clone(), Some(flag));
            }
            posture if posture.is_open() => case.breach(open(registration)),
            posture => closed.push(format!("{}: {}", posture.as_str(), registration.reason)),
        }
    }
    case.verdict(Verdict::Held(closed.join("; ")))
}

/// Why nothing can be said about registration when none was looked at.
pub(crate) fn nothing_known(evidence: &Evidence<'_>) -> Verdict {
    if evidence.discovery().authorization_servers.is_empty() {
        Verdict::NotApplicable("no authorization server is named".to_owned())
    } else {
        Verdict::inconclusive("registration was not looked at")
    }
}

/// Why a registration that made no client says nothing further, if it does.
pub(crate) fn without_clients(evidence: &Evidence<'_>) -> Verdict {
    let registrations = &evidence.collected().registrations;
    if registrations.is_empty() {
        return nothing_known(evidence);
    }
    let undecided =
        |it: &&Registration| it.posture.is_open() || it.posture == Posture::Undetermined;
    match registrations.iter().find(undecided) {
        Some(_)
            if evidence
                .collected()
                .engagement
                .tiers
                .contains(&Tier::Register) =>
        {
            Verdict::inconclusive(why_none(registrations))
        }
        Some(_) => Verdict::undecided("no client was registered", "--allow register"),
        None => Verdict::NotApplicable("strangers cannot register clients".to_owned()),
    }
}

/// The last unreadable answer, or what the posture rests on.
fn why_none(registrations: &[Registration]) -> String {
    let attempts = registrations.iter().flat_map(|it| it.attempts.iter().rev());
    let mut unread = attempts.filter_map(|attempt| match &attempt.outcome {
        RegistrationOutcome::Unclear { what } => Some(shorten(what, 120)),
        RegistrationOutcome::Limited => Some("a limit answered".to_owned()),
        _ => None,
    });
    let posture = || {
        let mut open = registrations.iter();
        let open = open.find(|it| it.posture.is_open() || it.posture == Posture::Undetermined);
        open.map(|it| it.reason.clone())
    };
    match unread.next().or_else(posture) {
        Some(why) => format!("no client was registered that could answer this: {why}"),
        None => "no client could be registered".to_owned(),
    }
}

fn open(registration: &Registration) -> Draft {
    let endpoint = registration
        .endpoint
        .as_deref()
        .unwrap_or(&registration.issuer);
    let because = &*registration.reason;
    let because = because
        .strip_prefix(ANYBODY)
        .map_or_else(|| format!(": {because}"), str::to_owned);
    let posture = registration.posture.as_str();
    let message = format!("{ANYBODY} at {endpoint} (posture {posture}){because}");
    let draft = Draft::new(registration.issuer.clone(), message)
        .confidence(registration.confidence)
        .at(witness(registration), Part::Status, "registered")
        .also(&registration.exchanges, "the posture rests on this");
    match registration.posture {
        Posture::D5 => draft,
        Posture::D4 => draft.at_most(Severity::Medium, "a user still has to consent"),
        _ => draft.at_most(Severity::Low, "hostile variants were refused"),
    }
}

fn witness(registration: &Registration) -> ExchangeId {
    let issued = registration
        .stranger_token
        .as_ref()
        .or(registration.consequences.unattended.as_ref())
        .filter(|token| token.issued);
    let registered = || {
        let mut attempts = registration.attempts.iter();
        attempts.find(|attempt| attempt.outcome == RegistrationOutcome::Registered)
    };
    let accepted = issued.and_then(|token| token.list_exchange.or(Some(token.exchange)));
    accepted
        .or_else(|| Some(registered()?.exchange))
        .or_else(|| registration.exchanges.first().copied())
        .unwrap_or(ExchangeId(0))
}

/// How the reasons of open postures begin.
const ANYBODY: &str = "anybody can register a client";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::verdict::{Basis, Status};

    const ID: &str = "registration-open";

    fn open_world(posture: Posture) -> World {
        let mut world = World::new();
        world.registration(posture);
        let created = response(201, &[], "{\"client_id\":\"c\"}");
        world.registered(
            "native-loopback",
            RegistrationOutcome::Registered,
            &[],
            created,
        );
        world
    }

    #[test]
    fn an_open_endpoint_is_posture_and_never_a_failure() {
        for (posture, severity) in [
            (Posture::D3, Severity::Low),
            (Posture::D4, Severity::Medium),
            (Posture::D5, Severity::Critical),
        ] {
            let world = open_world(posture);
            assert_eq!(world.status(ID), Status::Warn);
            assert_eq!(world.verdict(ID).findings()[0].severity, severity);
        }
        let check = crate::checks::find(ID).unwrap();
        let judged = crate::checks::judge::judge(&open_world(Posture::D4).collected, &[check]);
        assert_eq!(judged.coverage[0].basis, Basis::H);
        assert_eq!(judged.coverage[0].wording, "posture");
    }

    #[test]
    fn the_message_says_once_that_anybody_can_register() {
        let said = |reason: &str| {
            let mut world = open_world(Posture::D3);
            world.collected.registrations[0].reason = reason.to_owned();
            world.verdict(ID).findings()[0].message.clone()
        };
        let message = said("anybody can register a client; refused were: wildcard");
        assert!(
            message.contains("/register (posture D3); refused were: wildcard"),
            "{message}"
        );
        assert_eq!(message.matches("anybody").count(), 1);
        let message = said("no test says so");
        assert!(
            message.contains("(posture D3): no test says so"),
            "{message}"
        );
    }

    #[test]
    fn closed_postures_hold() {
        for posture in [Posture::D0, Posture::D1, Posture::D1p, Posture::D2] {
            let mut world = World::new();
            world.registration(posture);
            assert_eq!(world.status(ID), Status::Pass);
        }
    }

    #[test]
    fn an_undetermined_posture_names_the_flag() {
        let mut world = World::new();
        world.registration(Posture::Undetermined);
        let Verdict::Inconclusive { decided_by, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert_eq!(decided_by.as_deref(), Some("--allow register"));
    }

    #[test]
    fn a_registration_that_failed_says_why() {
        use crate::model::probe::Tier;
        let mut world = World::new();
        world.collected.engagement.tiers.push(Tier::Register);
        world.registration(Posture::Undetermined);
        let unclear = RegistrationOutcome::Unclear {
            what: "HTTP 200 text/html without a `client_id`".to_owned(),
        };
        let page = response(200, &[("Content-Type", "text/html")], "<html>");
        world.registered("native-loopback", unclear, &[], page);
        let verdict = world.verdict("registration-response-malformed");
        let Verdict::Inconclusive { reason, .. } = verdict else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains("text/html"), "{reason}");
    }

    #[test]
    fn without_an_authorization_server_it_does_not_apply() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
