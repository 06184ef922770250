//! What a registration or authorization endpoint's answer means, from structure alone.

use serde_json::Value;
use url::Url;

use crate::codec::challenge;
use crate::model::exchange::{Exchange, Outcome, Response};
use crate::model::registration::RegistrationOutcome;

/// Reads the answer to a registration request (RFC 7591 §3.2).
pub fn registration(exchange: &Exchange) -> RegistrationOutcome {
    let response = match &exchange.outcome {
        Outcome::Response(response) => response,
        Outcome::Failure(failure) => {
            return RegistrationOutcome::Unclear {
                what: failure.text.clone(),
            };
        }
    };
    let body = object(response);
    let error = body
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match response.status {
        200 | 201
            if body
                .get("client_id")
                .and_then(Value::as_str)
                .is_some_and(|id| !id.is_empty()) =>
        {
            RegistrationOutcome::Registered
        }
        429 => RegistrationOutcome::Limited,
        503 if response.header("retry-after").is_some() => RegistrationOutcome::Limited,
        401 => RegistrationOutcome::NeedsToken,
        403 if asks_for_token(response) || error == "invalid_token" => {
            RegistrationOutcome::NeedsToken
        }
        403 => RegistrationOutcome::RefusedBySource,
        404 | 405 | 410 | 501 => RegistrationOutcome::Absent,
        _ if SOFTWARE_STATEMENT.contains(&error) => RegistrationOutcome::NeedsSoftwareStatement,
        400..=499 => RegistrationOutcome::RefusedMetadata {
            error: if error.is_empty() {
                format!("HTTP {}", response.status)
            } else {
                error.to_owned()
            },
        },
        status => RegistrationOutcome::Unclear {
            what: unclear(status, response),
        },
    }
}

/// Whether a truncated body at an unadvertised path met a live RFC 7591 endpoint: only a JSON error
/// of that specification counts, never a page, a login redirect or a catch-all 401.
pub fn is_live_registration(exchange: &Exchange) -> bool {
    let Some(response) = exchange
        .response()
        .filter(|response| response.status == 400)
    else {
        return false;
    };
    let body = object(response);
    let error = body
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or_default();
    REGISTRATION_ERRORS.contains(&error)
}

/// What the authorization endpoint did with a client, compared with a client that cannot exist.
pub fn knows_client(ours: &Exchange, unknown: &Exchange, redirect: &str) -> (Option<bool>, String) {
    let (Some(ours), Some(unknown)) = (ours.response(), unknown.response()) else {
        return (None, "the authorization endpoint did not answer".to_owned());
    };
    if let Some(error) = redirected_error(ours, redirect) {
        let refused = ["unauthorized_client", "invalid_client", "access_denied"];
        let known = !refused.contains(&error.as_str());
        return (
            Some(known),
            format!("redirected to the registered URI with `{error}`"),
        );
    }
    let kind = |response: &Response| response.status / 100;
    if kind(ours) == 4 || kind(ours) == 5 {
        let text = format!("refused with HTTP {}", ours.status);
        return (Some(false), text);
    }
    if kind(ours) != kind(unknown) {
        let text = format!(
            "went on (HTTP {}) where an unknown client gets HTTP {}",
            ours.status, unknown.status
        );
        return (Some(true), text);
    }
    (
        None,
        format!(
            "HTTP {} for this client and for one that cannot exist",
            ours.status
        ),
    )
}

fn asks_for_token(response: &Response) -> bool {
    let values = response
        .header_values("www-authenticate")
        .collect::<Vec<_>>();
    !values.is_empty() && challenge::parse(&values).token_challenge().is_some()
}

fn redirected_error(response: &Response, redirect: &str) -> Option<String> {
    let location = Url::parse(response.header("location")?).ok()?;
    let expected = Url::parse(redirect).ok()?;
    let same = location.host() == expected.host() && location.path() == expected.path();
    let error = location
        .query_pairs()
        .find(|(name, _)| name == "error")?
        .1
        .into_owned();
    same.then_some(error)
}

fn unclear(status: u16, response: &Response) -> String {
    let media = response.media_type();
    match response.header("location") {
        Some(location) => format!("HTTP {status} to {location}"),
        None if media.is_empty() => format!("HTTP {status}"),
        None => format!("HTTP {status} {media} without a `client_id`"),
    }
}

fn object(response: &Response) -> Value {
    serde_json::from_slice(&response.body.bytes()).unwrap_or_default()
}

/// RFC 7591 §3.2.2.
const SOFTWARE_STATEMENT: &[&str] = &[
    "invalid_software_statement",
    "unapproved_software_statement",
];

/// Codes that a registration endpoint gives to a body that is not JSON.
const REGISTRATION_ERRORS: &[&str] = &[
    "invalid_client_metadata",
    "invalid_redirect_uri",
    "invalid_software_statement",
    "unapproved_software_statement",
    "invalid_request",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Body, ExchangeId, Failure, FailureKind, HeaderField, Request};
    use crate::model::probe::{ProbeId, ProbeKey, Tier};

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
        let outcome = Outcome::Response(Response {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| HeaderField::new(*name, *value))
                .collect(),
            body: Body {
                bytes: body.as_bytes().into(),
                truncated: false,
                length: body.len() as u64,
                sha256: String::new(),
            },
            stream: None,
        });
        Exchange {
            outcome,
            ..silent()
        }
    }

    fn silent() -> Exchange {
        Exchange {
            id: ExchangeId(1),
            probe: ProbeKey::new(ProbeId::RegistrationGate),
            identity: "anonymous".to_owned(),
            tier: Tier::Anonymous,
            request: Request {
                method: "POST".to_owned(),
                url: "https://as.example/register".to_owned(),
                headers: Vec::new(),
                body: None,
            },
            outcome: Outcome::Failure(Failure {
                kind: FailureKind::Timeout,
                text: "no answer within 30 s".to_owned(),
                partial: None,
            }),
            started_ms: 0,
            elapsed_ms: 0,
            caused_by: None,
        }
    }

    #[test]
    fn a_token_gate_is_told_from_a_source_gate_by_the_challenge() {
        let bearer = [("WWW-Authenticate", "Bearer error=\"invalid_token\"")];
        assert_eq!(
            registration(&answer(401, &[], "")),
            RegistrationOutcome::NeedsToken
        );
        assert_eq!(
            registration(&answer(403, &bearer, "")),
            RegistrationOutcome::NeedsToken
        );
        assert_eq!(
            registration(&answer(403, &[], "no")),
            RegistrationOutcome::RefusedBySource
        );
    }

    #[test]
    fn success_needs_a_client_id() {
        let client = "{\"client_id\":\"c1\"}";
        assert_eq!(
            registration(&answer(201, &[], client)),
            RegistrationOutcome::Registered
        );
        assert_eq!(
            registration(&answer(200, &[], client)),
            RegistrationOutcome::Registered
        );
        assert!(matches!(
            registration(&answer(200, &[("Content-Type", "text/html")], "<html>")),
            RegistrationOutcome::Unclear { .. }
        ));
    }

    #[test]
    fn limits_and_silence_say_nothing_about_the_gate() {
        assert_eq!(
            registration(&answer(429, &[], "")),
            RegistrationOutcome::Limited
        );
        assert!(matches!(
            registration(&silent()),
            RegistrationOutcome::Unclear { .. }
        ));
        assert!(matches!(
            registration(&answer(500, &[], "")),
            RegistrationOutcome::Unclear { .. }
        ));
    }

    #[test]
    fn only_an_error_of_rfc_7591_shows_a_shadow_endpoint() {
        assert!(is_live_registration(&answer(
            400,
            &[],
            "{\"error\":\"invalid_client_metadata\"}"
        )));
        assert!(!is_live_registration(&answer(
            401,
            &[],
            "{\"error\":\"invalid_token\"}"
        )));
        assert!(!is_live_registration(&answer(
            400,
            &[],
            "{\"message\":\"bad\"}"
        )));
        assert!(!is_live_registration(&answer(200, &[], "<html>")));
    }

    #[test]
    fn a_client_is_known_only_against_one_that_cannot_exist() {
        let redirect = "http://127.0.0.1:53682/callback";
        let login = answer(302, &[("Location", "https://as.example/login")], "");
        let refused = answer(400, &[], "");
        assert_eq!(knows_client(&login, &refused, redirect).0, Some(true));
        assert_eq!(knows_client(&login, &login, redirect).0, None);
        assert_eq!(knows_client(&refused, &refused, redirect).0, Some(false));
        let back = answer(
            302,
            &[(
                "Location",
                "http://127.0.0.1:53682/callback?error=login_required",
            )],
            "",
        );
        assert_eq!(knows_client(&back, &refused, redirect).0, Some(true));
    }
}
