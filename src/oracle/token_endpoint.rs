//! What a token or introspection endpoint's answer means (RFC 6749 §5, RFC 7662 §2), from structure
//! alone.

use serde_json::Value;

use crate::model::exchange::{Exchange, Outcome, Response};
use crate::model::token_endpoint::{IntrospectionOutcome, TokenOutcome};

/// Reads the answer to a token request.
pub fn token(exchange: &Exchange) -> TokenOutcome {
    let response = match &exchange.outcome {
        Outcome::Response(response) => response,
        Outcome::Failure(failure) => {
            let what = failure.text.clone();
            return TokenOutcome::Unclear { what };
        }
    };
    let body = object(response);
    let text = |member: &str| body.get(member).and_then(Value::as_str);
    let status = response.status;
    if is_limit(response) {
        return TokenOutcome::Limited;
    }
    let named = |member| text(member).filter(|text| !text.is_empty());
    match (status, named("access_token"), named("error")) {
        (200 | 201, Some(_), _) => TokenOutcome::Issued,
        (200 | 400..=499, _, Some(error)) => TokenOutcome::Refused {
            status,
            error: error.to_owned(),
        },
        _ => TokenOutcome::Unclear {
            what: shown(response),
        },
    }
}

/// Reads the answer to an introspection request without credentials.
pub fn introspection(exchange: &Exchange) -> IntrospectionOutcome {
    let response = match &exchange.outcome {
        Outcome::Response(response) => response,
        Outcome::Failure(failure) => {
            let what = failure.text.clone();
            return IntrospectionOutcome::Unclear { what };
        }
    };
    let body = object(response);
    let is_error = body.get("error").is_some_and(Value::is_string);
    match response.status {
        200 if body.get("active").is_some_and(Value::is_boolean) => IntrospectionOutcome::Answered,
        status @ (401 | 403) => IntrospectionOutcome::Refused { status },
        status @ 400..=499 if is_error && !is_limit(response) => {
            IntrospectionOutcome::Refused { status }
        }
        _ => IntrospectionOutcome::Unclear {
            what: shown(response),
        },
    }
}

/// What a server makes of a grant type, compared with one that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantReading {
    /// The grant ran, or failed for the user it named: it is in use.
    Live,
    /// The grant does not exist, or not for this client.
    Refused,
    /// The grant is known, and the request was refused before it ran.
    Known,
    /// The answer is the same as for a grant type that does not exist.
    Alike,
    /// An answer is missing.
    Unclear,
}

/// Compares the answer to a grant with the answer to a grant type that does not exist.
pub fn grant(asked: &TokenOutcome, control: &TokenOutcome) -> GrantReading {
    let (asked, control) = match (asked, control) {
        (TokenOutcome::Issued, _) => return GrantReading::Live,
        (TokenOutcome::Refused { error, .. }, TokenOutcome::Refused { error: other, .. }) => {
            (error.as_str(), other.as_str())
        }
        _ => return GrantReading::Unclear,
    };
    match asked {
        "unsupported_grant_type" | "unauthorized_client" => GrantReading::Refused,
        same if same == control => GrantReading::Alike,
        "invalid_grant" => GrantReading::Live,
        _ if control == "unsupported_grant_type" => GrantReading::Known,
        _ => GrantReading::Unclear,
    }
}

/// What is wrong with the form of a refusal (RFC 6749 §5.2); empty when nothing is, or when the
/// answer is no refusal by the token endpoint at all.
pub fn flaws(exchange: &Exchange) -> Vec<String> {
    let Some(response) = exchange.response() else {
        return Vec::new();
    };
    let body = object(response);
    let error = body.get("error").and_then(Value::as_str);
    let refused = match response.status {
        // A gateway in front says these in its own words.
        200 | 403..=405 | 408 => error.is_some(),
        400..=499 => true,
        _ => false,
    };
    if !refused || is_limit(response) {
        return Vec::new();
    }
    let mut flaws = Vec::new();
    let Some(error) = error else {
        flaws.push(format!("{}, expected a JSON `error`", shown(response)));
        return flaws;
    };
    let media = response.media_type();
    if media != "application/json" {
        flaws.push(format!(
            "the error is sent as `{media}`, expected application/json"
        ));
    }
    let tried_header = exchange
        .request
        .headers
        .iter()
        .any(|field| field.name.eq_ignore_ascii_case("authorization"));
    let expected: &[u16] = match (error, tried_header) {
        ("invalid_client", true) => &[401],
        ("invalid_client", false) => &[400, 401],
        _ => &[400],
    };
    if !expected.contains(&response.status) {
        let expected = expected.iter().map(u16::to_string).collect::<Vec<_>>();
        flaws.push(format!(
            "`{error}` is sent with HTTP {}, expected {}",
            response.status,
            expected.join(" or ")
        ));
    }
    if tried_header && response.status == 401 && response.header("www-authenticate").is_none() {
        flaws.push(
            "HTTP 401 without WWW-Authenticate for a client that used the Authorization header"
                .to_owned(),
        );
    }
    flaws
}

fn is_limit(response: &Response) -> bool {
    response.status == 429 || response.status == 503 && response.header("retry-after").is_some()
}

fn shown(response: &Response) -> String {
    let media = response.media_type();
    let status = response.status;
    match response.header("location") {
        Some(location) => format!("HTTP {status} to {location}"),
        None if media.is_empty() => format!("HTTP {status}"),
        None => format!("HTTP {status} {media}"),
    }
}

fn object(response: &Response) -> Value {
    serde_json::from_slice(&response.body.bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Body, ExchangeId, Failure, FailureKind, HeaderField, Request};
    use crate::model::probe::{ProbeId, ProbeKey, Tier};

    const JSON: (&str, &str) = ("Content-Type", "application/json");

    fn asked(sent: &[(&str, &str)], outcome: Outcome) -> Exchange {
        let fields = sent.iter();
        Exchange {
            id: ExchangeId(1),
            probe: ProbeKey::new(ProbeId::TokenGrant),
            identity: "anonymous".to_owned(),
            tier: Tier::Anonymous,
            request: Request {
                method: "POST".to_owned(),
                url: "https://as.example/token".to_owned(),
                headers: fields.map(|(n, v)| HeaderField::new(*n, *v)).collect(),
                body: None,
            },
            outcome,
            started_ms: 0,
            elapsed_ms: 0,
            caused_by: None,
        }
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
        Outcome::Response(Response {
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
        })
    }

    fn read(status: u16, body: &str) -> TokenOutcome {
        token(&asked(&[], answer(status, &[JSON], body)))
    }

    fn refused(status: u16, error: &str) -> TokenOutcome {
        TokenOutcome::Refused {
            status,
            error: error.to_owned(),
        }
    }

    #[test]
    fn a_token_an_error_and_neither_are_told_apart() {
        assert_eq!(
            read(200, "{\"access_token\":\"{token-x}\"}"),
            TokenOutcome::Issued
        );
        for error in [
            "invalid_client",
            "unsupported_grant_type",
            "invalid_grant",
            "unauthorized_client",
            "invalid_request",
        ] {
            let body = format!("{{\"error\":\"{error}\"}}");
            assert_eq!(read(400, &body), refused(400, error));
        }
        assert_eq!(
            read(200, "{\"error\":\"invalid_grant\"}"),
            refused(200, "invalid_grant")
        );
        assert!(matches!(read(200, "<html>"), TokenOutcome::Unclear { .. }));
        assert!(matches!(
            read(500, "{\"error\":\"server_error\"}"),
            TokenOutcome::Unclear { .. }
        ));
        assert!(matches!(
            read(302, "{\"access_token\":\"a\"}"),
            TokenOutcome::Unclear { .. }
        ));
    }

    #[test]
    fn limits_and_silence_are_no_refusals() {
        assert_eq!(
            read(429, "{\"error\":\"slow_down\"}"),
            TokenOutcome::Limited
        );
        let failure = Outcome::Failure(Failure {
            kind: FailureKind::Timeout,
            text: "no answer within 30 s".to_owned(),
            partial: None,
        });
        let silent = asked(&[], failure);
        assert!(matches!(token(&silent), TokenOutcome::Unclear { .. }));
        assert!(matches!(
            introspection(&silent),
            IntrospectionOutcome::Unclear { .. }
        ));
        assert!(flaws(&silent).is_empty());
    }

    #[test]
    fn a_grant_is_live_only_against_one_that_does_not_exist() {
        let unsupported = refused(400, "unsupported_grant_type");
        let client = refused(401, "invalid_client");
        let user = refused(400, "invalid_grant");
        assert_eq!(grant(&user, &unsupported), GrantReading::Live);
        assert_eq!(grant(&user, &client), GrantReading::Live);
        assert_eq!(grant(&user, &user), GrantReading::Alike);
        assert_eq!(grant(&client, &client), GrantReading::Alike);
        assert_eq!(grant(&client, &unsupported), GrantReading::Known);
        assert_eq!(grant(&unsupported, &unsupported), GrantReading::Refused);
        let other = refused(400, "unauthorized_client");
        assert_eq!(grant(&other, &unsupported), GrantReading::Refused);
        assert_eq!(
            grant(&TokenOutcome::Limited, &client),
            GrantReading::Unclear
        );
        assert_eq!(grant(&TokenOutcome::Issued, &client), GrantReading::Live);
    }

    #[test]
    fn introspection_is_open_only_when_it_says_whether_a_token_lives() {
        let read = |status, body| introspection(&asked(&[], answer(status, &[JSON], body)));
        assert_eq!(
            read(200, "{\"active\":false}"),
            IntrospectionOutcome::Answered
        );
        assert_eq!(read(401, ""), IntrospectionOutcome::Refused { status: 401 });
        assert_eq!(
            read(400, "{\"error\":\"invalid_request\"}"),
            IntrospectionOutcome::Refused { status: 400 }
        );
        for (status, body) in [(200, "{}"), (404, ""), (400, "<html>"), (500, "")] {
            let outcome = read(status, body);
            assert!(
                matches!(outcome, IntrospectionOutcome::Unclear { .. }),
                "{status}"
            );
        }
    }

    #[test]
    fn a_well_formed_refusal_has_no_flaws() {
        let basic = [("Authorization", "Basic {x}")];
        let challenge = ("WWW-Authenticate", "Basic realm=\"as\"");
        let body = "{\"error\":\"invalid_client\"}";
        let sound = answer(401, &[JSON, challenge], body);
        assert_eq!(flaws(&asked(&basic, sound)), [""; 0]);
        let sound = answer(400, &[JSON], "{\"error\":\"invalid_grant\"}");
        assert_eq!(flaws(&asked(&[], sound)), [""; 0]);
        let page = answer(403, &[("Content-Type", "text/html")], "<html>");
        assert_eq!(flaws(&asked(&[], page)), [""; 0]);
    }

    #[test]
    fn each_departure_from_the_error_format_is_named() {
        let basic = [("Authorization", "Basic {x}")];
        let body = "{\"error\":\"invalid_client\"}";
        for (sent, outcome, wanted) in [
            (&basic[..], answer(401, &[JSON], body), "WWW-Authenticate"),
            (&basic[..], answer(400, &[JSON], body), "expected 401"),
            (&[][..], answer(200, &[JSON], body), "expected 400 or 401"),
            (&[][..], answer(401, &[], body), "application/json"),
            (
                &[][..],
                answer(401, &[("Content-Type", "text/html")], "<html>"),
                "JSON `error`",
            ),
            (
                &[][..],
                answer(422, &[JSON], "{\"error\":\"invalid_request\"}"),
                "expected 400",
            ),
        ] {
            let found = flaws(&asked(sent, outcome)).join("; ");
            assert!(found.contains(wanted), "{wanted}: {found}");
        }
    }
}
