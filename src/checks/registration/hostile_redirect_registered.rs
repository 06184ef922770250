//! REG-05: registered redirect URIs are https or loopback, exact, and lead back to the client.
//!
//! MCP §Communication Security; RFC 7591 §5; RFC 8252 §7.

use super::registration_open::without_clients;
use crate::checks::case::{Case, Draft, shorten};
use crate::checks::evidence::Evidence;
use crate::model::exchange::ExchangeId;
use crate::model::registration::{Registration, RegistrationAttempt, RegistrationOutcome};
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::redirects;

/// Reads which of the redirect URIs asked for were kept.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let registrations = &evidence.collected().registrations;
    let mut case = evidence.case();
    let mut refused = 0_usize;
    let mut open = Vec::new();
    for registration in registrations {
        for attempt in &registration.attempts {
            let hostile = |uri: &String| redirects::weakness(uri).is_some();
            if !attempt.requested_redirects.iter().any(hostile) {
                continue;
            }
            match &attempt.outcome {
                RegistrationOutcome::Registered => {
                    refused += usize::from(!examine(&mut case, registration, attempt));
                }
                RegistrationOutcome::Limited => open.push(format!("{} (limit)", attempt.variant)),
                RegistrationOutcome::Unclear { what } => {
                    open.push(format!("{} ({})", attempt.variant, shorten(what, 60)));
                }
                _ => refused += 1,
            }
        }
        let hostile = |variant: &str| VARIANTS.contains(&variant);
        let untried = registration.consequences.untried.iter();
        let untried = untried.filter(|it| hostile(&it.variant));
        open.extend(untried.map(|it| format!("{} (not sent)", it.variant)));
    }
    if !open.is_empty() {
        let refused = match refused {
            0 => String::new(),
            count => format!("; {count} other(s) were refused"),
        };
        let list = open.join(", ");
        case.doubt(
            format!("no decision was seen for these redirect URIs: {list}{refused}"),
            None,
        );
    }
    if refused == 0 && case.is_clean() {
        let mut attempts = registrations.iter().flat_map(|it| &it.attempts);
        return if attempts.any(|it| it.outcome == RegistrationOutcome::Registered) {
            Verdict::inconclusive("no hostile redirect URI was tried")
        } else {
            without_clients(evidence)
        };
    }
    case.verdict(Verdict::Held(format!(
        "{refused} hostile registration(s) were refused, or lost the hostile URI"
    )))
}

/// Whether a hostile URI stayed.
fn examine(
    case: &mut Case<'_>,
    registration: &Registration,
    attempt: &RegistrationAttempt,
) -> bool {
    let mut stayed = false;
    for uri in kept(attempt) {
        let Some(weakness) = redirects::weakness(uri) else {
            continue;
        };
        stayed = true;
        let draft = broken(attempt, uri, weakness.what);
        if weakness.tolerable {
            let why = "RFC 8252 §7.1 allows private-use schemes, MCP read literally does not";
            case.advise(draft.at_most(Severity::Info, why));
        } else if let Some(later) = refused_later(registration, attempt) {
            let draft = draft.at(later, Part::Status, "refused here");
            let why = "the authorization endpoint refuses it later";
            case.advise(draft.at_most(Severity::Low, why));
        } else {
            case.breach(draft);
        }
    }
    stayed
}

fn kept(attempt: &RegistrationAttempt) -> &[String] {
    let echoed = attempt.echoed_redirects.as_ref();
    echoed.unwrap_or(&attempt.requested_redirects)
}

fn refused_later(registration: &Registration, attempt: &RegistrationAttempt) -> Option<ExchangeId> {
    let mut clients = registration.clients.iter();
    let client = clients.find(|client| client.exchange == attempt.exchange)?;
    let usable = client.usable.as_ref()?;
    (usable.accepted == Some(false)).then_some(usable.exchange)
}

fn broken(attempt: &RegistrationAttempt, uri: &str, what: &str) -> Draft {
    let uri = shorten(uri, 120);
    let message = format!(
        "a client was registered with the redirect URI `{uri}`, which {what}; expected HTTP 400 \
         invalid_redirect_uri"
    );
    Draft::new(format!("redirect URI that {what}"), message).at(
        attempt.exchange,
        Part::Status,
        "registered",
    )
}

/// The hostile variants, as the run names them.
const VARIANTS: [&str; 7] = [
    "foreign-http",
    "wildcard",
    "fragment",
    "javascript",
    "data",
    "private-use",
    "mixed",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, response};
    use crate::model::registration::Posture;
    use crate::model::verdict::Status;

    const ID: &str = "hostile-redirect-registered";

    fn world(uris: &[&str], outcome: RegistrationOutcome) -> World {
        let mut world = World::new();
        world.registration(Posture::D4);
        world.registered("hostile", outcome, uris, response(201, &[], "{}"));
        world
    }

    #[test]
    fn every_hostile_kind_is_broken_when_registered() {
        for uri in [
            "http://attacker.invalid/cb",
            "https://*.attacker.invalid/cb",
            "https://attacker.invalid/cb#f",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            let world = world(&[uri], RegistrationOutcome::Registered);
            assert_eq!(world.status(ID), Status::Fail, "{uri}");
        }
    }

    #[test]
    fn a_refusal_holds() {
        let refused = RegistrationOutcome::RefusedMetadata {
            error: "invalid_redirect_uri".to_owned(),
        };
        let world = world(&["http://attacker.invalid/cb"], refused);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn dropping_the_bad_entry_of_a_mixed_list_holds() {
        let uris = ["http://127.0.0.1:1/cb", "http://attacker.invalid/cb"];
        let mut mixed = world(&uris, RegistrationOutcome::Registered);
        assert_eq!(mixed.status(ID), Status::Fail);
        let attempt = &mut mixed.collected.registrations[0].attempts[0];
        attempt.echoed_redirects = Some(vec!["http://127.0.0.1:1/cb".to_owned()]);
        assert_eq!(mixed.status(ID), Status::Pass);
    }

    #[test]
    fn a_private_use_scheme_only_warns() {
        let world = world(&["com.example.audit:/cb"], RegistrationOutcome::Registered);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn an_honest_registration_alone_decides_nothing() {
        let uris = ["http://127.0.0.1:1/cb"];
        let world = world(&uris, RegistrationOutcome::Registered);
        assert_eq!(world.status(ID), Status::Inconclusive);
        let mut closed = World::new();
        closed.registration(Posture::D0);
        assert_eq!(closed.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_uri_that_authorization_refuses_later_only_warns() {
        use crate::checks::testing::client;
        let mut stored = world(
            &["http://attacker.invalid/cb"],
            RegistrationOutcome::Registered,
        );
        let later = stored.answer(
            crate::model::probe::ProbeId::AuthorizeRedirect,
            "anonymous",
            400,
            &[],
            "",
        );
        let exchange = stored.collected.registrations[0].attempts[0].exchange;
        for (accepted, status) in [
            (Some(false), Status::Warn),
            (Some(true), Status::Fail),
            (None, Status::Fail),
        ] {
            let created = client("hostile", exchange, accepted, later);
            stored.collected.registrations[0].clients = vec![created];
            assert_eq!(stored.status(ID), status, "{accepted:?}");
        }
    }

    #[test]
    fn limited_and_unreadable_answers_leave_it_open_and_are_named() {
        let refused = RegistrationOutcome::RefusedMetadata {
            error: "invalid_redirect_uri".to_owned(),
        };
        let mut world = world(&["http://attacker.invalid/cb"], refused);
        let uris = ["javascript:alert(1)"];
        let limited = RegistrationOutcome::Limited;
        world.registered("javascript", limited, &uris, response(429, &[], ""));
        let Verdict::Inconclusive { reason, .. } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains("javascript (limit)"), "{reason}");
        let attempts = &mut world.collected.registrations[0].attempts;
        attempts.pop();
        assert_eq!(world.status(ID), Status::Pass);
        world.untried("wildcard");
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
