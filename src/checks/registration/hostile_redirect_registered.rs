//! REG-05: registered redirect URIs are https or loopback, exact, and lead back to the client.
//!
//! MCP §Communication Security; RFC 7591 §5; RFC 8252 §7.

use super::registration_open::without_clients;
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::model::registration::{Registration, RegistrationAttempt, RegistrationOutcome};
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads which of the redirect URIs asked for were kept.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let registrations = &evidence.collected().registrations;
    let mut case = evidence.case();
    let mut tried = 0_usize;
    for registration in registrations {
        for attempt in &registration.attempts {
            tried += usize::from(
                attempt
                    .requested_redirects
                    .iter()
                    .any(|uri| why(uri).is_some()),
            );
            if attempt.outcome != RegistrationOutcome::Registered {
                continue;
            }
            for uri in kept(attempt) {
                let Some(hostile) = why(uri) else {
                    continue;
                };
                let draft = broken(attempt, uri, &hostile);
                if hostile.tolerable {
                    let why = "RFC 8252 §7.1 allows private-use schemes, MCP read literally \
                               does not";
                    case.advise(draft.at_most(Severity::Info, why));
                } else if is_refused_later(registration, attempt) {
                    let why = "the authorization endpoint refuses it later";
                    case.advise(draft.at_most(Severity::Low, why));
                } else {
                    case.breach(draft);
                }
            }
        }
    }
    if tried == 0 {
        let mut attempts = registrations.iter().flat_map(|it| &it.attempts);
        return if attempts.any(|it| it.outcome == RegistrationOutcome::Registered) {
            Verdict::inconclusive("no hostile redirect URI was tried")
        } else {
            without_clients(evidence)
        };
    }
    case.verdict(Verdict::Held(format!(
        "{tried} hostile registration(s) were refused"
    )))
}

struct Hostile {
    what: &'static str,
    tolerable: bool,
}

fn why(uri: &str) -> Option<Hostile> {
    let hostile = |what| {
        Some(Hostile {
            what,
            tolerable: false,
        })
    };
    if uri.contains('#') {
        return hostile("has a fragment");
    }
    let scheme = uri
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("javascript" | "data" | "vbscript" | "file" | "blob") => {
            hostile("runs or reads locally")
        }
        Some("https" | "http") if uri.contains('*') => hostile("has a wildcard"),
        Some("https") => None,
        Some("http") => match urls::parse(uri) {
            Some(url) if urls::is_loopback(&url) => None,
            _ => hostile("is not encrypted and not on loopback"),
        },
        Some(_) => Some(Hostile {
            what: "has a private-use scheme",
            tolerable: true,
        }),
        None => hostile("is not absolute"),
    }
}

fn kept(attempt: &RegistrationAttempt) -> &[String] {
    let echoed = attempt.echoed_redirects.as_ref();
    echoed.unwrap_or(&attempt.requested_redirects)
}

fn is_refused_later(registration: &Registration, attempt: &RegistrationAttempt) -> bool {
    registration.clients.iter().any(|client| {
        client.exchange == attempt.exchange
            && client
                .usable
                .as_ref()
                .is_some_and(|it| it.accepted == Some(false))
    })
}

fn broken(attempt: &RegistrationAttempt, uri: &str, hostile: &Hostile) -> Draft {
    let message = format!(
        "a client was registered with the redirect URI `{uri}`, which {}; expected HTTP 400 \
         invalid_redirect_uri",
        hostile.what
    );
    Draft::new(format!("redirect URI that {}", hostile.what), message).at(
        attempt.exchange,
        Part::Status,
        "registered",
    )
}

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
}
