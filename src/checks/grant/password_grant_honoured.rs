//! ASE-08: users never type their password into a client, whatever the metadata says.
//!
//! RFC 9700 §2.4; OAuth 2.1 §4.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::token_endpoint::{TokenAttempt, TokenEndpoint, TokenQuestion};
use crate::model::verdict::{Part, Verdict};
use crate::oracle::token_endpoint::{self as reading, GrantReading};

/// Compares the answer to the password grant with the answer to a grant type that does not exist.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let endpoints = &evidence.collected().token_endpoints;
    if endpoints.is_empty() {
        return Verdict::NotApplicable("no metadata names a token endpoint".to_owned());
    }
    let mut case = evidence.case();
    let mut refused = 0_usize;
    let mut alike = 0_usize;
    for endpoint in endpoints {
        let seen: Vec<_> = readings(endpoint).collect();
        for (attempt, control, reading) in &seen {
            if *reading == GrantReading::Live {
                case.breach(live(endpoint, attempt, control));
            }
        }
        let any = |wanted: GrantReading| seen.iter().any(|(.., reading)| *reading == wanted);
        if any(GrantReading::Live) {
            continue;
        }
        if any(GrantReading::Refused) || authenticated_alike(&seen) {
            refused += 1;
            continue;
        }
        if any(GrantReading::Known) {
            case.doubt(
                "the endpoint knows the password grant and refused a client that does not exist \
                 before it ran",
                Some(OPERATOR),
            );
        } else if any(GrantReading::Alike) {
            alike += 1;
            if is_listed(evidence, &endpoint.issuer) {
                case.doubt(
                    "`password` is listed, and a client that does not exist is refused before \
                     the grant is looked at",
                    Some(OPERATOR),
                );
            }
        } else {
            case.doubt(unclear(endpoint), None);
        }
    }
    case.verdict(match (refused, alike) {
        (0, _) => Verdict::NotApplicable(
            "`password` is not listed, and a client that does not exist is refused alike for it \
             and for a grant type that does not exist"
                .to_owned(),
        ),
        _ => Verdict::Held(format!(
            "the password grant is refused at {refused} endpoint(s)"
        )),
    })
}

type Seen<'a> = (&'a TokenAttempt, &'a TokenAttempt, GrantReading);

fn readings(endpoint: &TokenEndpoint) -> impl Iterator<Item = Seen<'_>> {
    endpoint
        .asked(TokenQuestion::Password)
        .filter_map(|attempt| {
            let control = endpoint.control(attempt.client.as_deref())?;
            let reading = reading::grant(&attempt.outcome, &control.outcome);
            Some((attempt, control, reading))
        })
}

/// A client that is known and refused alike for both was refused for the grant.
fn authenticated_alike(seen: &[Seen<'_>]) -> bool {
    seen.iter().any(|(attempt, _, reading)| {
        *reading == GrantReading::Alike
            && attempt.client.is_some()
            && attempt.outcome.error() != Some("invalid_client")
    })
}

fn is_listed(evidence: &Evidence<'_>, issuer: &str) -> bool {
    evidence.authorization_metadata().any(|(server, attempt)| {
        let grants = attempt.texts("grant_types_supported").unwrap_or_default();
        server.issuer == issuer && grants.contains(&"password")
    })
}

fn unclear(endpoint: &TokenEndpoint) -> String {
    let answer = endpoint
        .control(None)
        .map_or_else(|| "nothing".to_owned(), |control| control.outcome.words());
    format!(
        "the token endpoint of {} answered {answer}, which does not show what it makes of a grant",
        endpoint.issuer
    )
}

fn live(endpoint: &TokenEndpoint, attempt: &TokenAttempt, control: &TokenAttempt) -> Draft {
    let who = attempt.client.as_deref().map_or_else(
        || "a client that does not exist".to_owned(),
        |client| format!("client `{client}`"),
    );
    let message = format!(
        "the password grant of {who} was answered with {} where a grant type that does not exist \
         gets {}; expected the same refusal",
        attempt.outcome.words(),
        control.outcome.words()
    );
    Draft::new(endpoint.issuer.clone(), message)
        .at(attempt.exchange, Part::Status, "the grant ran")
        .at(
            control.exchange,
            Part::Status,
            "a grant that does not exist",
        )
}

const OPERATOR: &str = "an identity with `client_credentials`";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;
    use serde_json::json;

    const ID: &str = "password-grant-honoured";

    fn world(client: Option<&str>, control: &str, answer: &str) -> World {
        let mut world = World::new();
        world.sound_server(&[]);
        world.token_endpoint();
        world.token_asked(TokenQuestion::UnknownGrant, client, control);
        world.token_asked(TokenQuestion::Password, client, answer);
        world
    }

    #[test]
    fn a_grant_that_judges_the_user_is_live() {
        let live = world(None, "unsupported_grant_type", "invalid_grant");
        assert_eq!(live.status(ID), Status::Fail);
        let live = world(Some("machine"), "unsupported_grant_type", "invalid_grant");
        assert_eq!(live.status(ID), Status::Fail);
    }

    #[test]
    fn a_grant_refused_like_a_missing_one_holds() {
        let gone = "unsupported_grant_type";
        assert_eq!(world(None, gone, gone).status(ID), Status::Pass);
        let known = world(Some("machine"), gone, "unauthorized_client");
        assert_eq!(known.status(ID), Status::Pass);
        let alike = world(Some("machine"), "invalid_request", "invalid_request");
        assert_eq!(alike.status(ID), Status::Pass);
    }

    #[test]
    fn a_stranger_refused_first_decides_nothing() {
        let mut world = world(None, "invalid_client", "invalid_client");
        assert_eq!(world.status(ID), Status::NotApplicable);
        world.collected.discovery.authorization_servers.clear();
        world.sound_server(&[(
            "grant_types_supported",
            json!(["authorization_code", "password"]),
        )]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_known_grant_without_a_client_stays_open() {
        let known = world(None, "unsupported_grant_type", "invalid_client");
        assert_eq!(known.status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_page_for_people_decides_nothing() {
        assert_eq!(world(None, "page", "page").status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
