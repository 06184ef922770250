//! Why no token came, in words that say what to do.

use serde_json::Value;

use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::grant::{ClientProof, Grant, GrantRequest};
use crate::stage::clock;

/// Why no token came back, from the answer (RFC 6749 §5.2).
pub(crate) fn refusal(exchange: &Exchange, request: &GrantRequest) -> String {
    let client_id = &request.client.id;
    let Some(response) = exchange.response() else {
        let text = exchange
            .failure()
            .map_or("no answer", |failure| failure.text.as_str());
        return format!("the token request of client `{client_id}` failed: {text}");
    };
    let Some(error) = error(exchange) else {
        let title = title(&response.body.bytes());
        return format!(
            "the token endpoint answered the request of client `{client_id}` with HTTP {} {}{}{}, \
             expected a token or an OAuth error in JSON (RFC 6749 §5), so why is not told: {}",
            response.status,
            kind(&response.media_type()),
            if is_object(exchange) {
                " without `access_token`"
            } else {
                ""
            },
            title.map_or(String::new(), |title| format!(" titled `{title}`")),
            guess(response.status, request)
        );
    };
    let body = serde_json::from_slice::<Value>(&response.body.bytes()).unwrap_or_default();
    let detail = body.get("error_description").and_then(Value::as_str);
    let detail = detail.map_or(String::new(), |detail| {
        format!(" ({})", detail.chars().take(200).collect::<String>())
    });
    format!(
        "the token endpoint refused client `{client_id}`: HTTP {} {error}{detail}; {}",
        response.status,
        remedy(&error, request)
    )
}

/// What clocks have to do with a refusal of something dated; nothing where they agree.
pub(crate) fn clocks(collected: &Collected, exchange: &Exchange, request: &GrantRequest) -> String {
    let Some(error) = error(exchange) else {
        return String::new();
    };
    let remedy = match (error.as_str(), &request.grant, &request.client.proof) {
        ("invalid_grant", Grant::JwtBearer(_), _) => {
            "set the clock that is wrong, and get an assertion that is dated by the server's"
        }
        ("invalid_client", _, ClientProof::Key { .. }) | ("invalid_dpop_proof", ..) => {
            "set the clock that is wrong"
        }
        _ => return String::new(),
    };
    let difference = clock::difference(collected, exchange);
    difference.map_or(String::new(), |told| format!("; {told}: {remedy}"))
}

/// Why a token that came cannot be used (RFC 6749 §7.1).
pub(crate) fn unusable(exchange: &Exchange) -> Option<String> {
    let body = serde_json::from_slice::<Value>(&exchange.response()?.body.bytes()).ok()?;
    let kind = body.get("token_type")?.as_str()?;
    let known = ["bearer", "dpop"];
    let usable = known.iter().any(|known| kind.eq_ignore_ascii_case(known));
    (!usable).then(|| {
        format!(
            "the token endpoint issued a token of type `{}`; expected `Bearer` or `DPoP`",
            kind.chars().take(40).collect::<String>()
        )
    })
}

/// The OAuth error of an answer outside 2xx (RFC 6749 §5.2); some servers send it with 200.
pub(crate) fn error(exchange: &Exchange) -> Option<String> {
    let response = exchange.response()?;
    let body = serde_json::from_slice::<Value>(&response.body.bytes()).ok()?;
    let error = body.get("error")?.as_str()?;
    Some(error.chars().take(60).collect())
}

fn remedy(error: &str, request: &GrantRequest) -> &'static str {
    match (error, &request.grant, &request.client.proof) {
        ("invalid_client", _, ClientProof::Secret { .. }) => {
            "check `client_id`, the secret and `auth` (basic or post)"
        }
        ("invalid_client", _, ClientProof::Key { .. }) => {
            "check `client_id`, that the public half of `client_key` is registered for it (with \
             `client_key_id` as its `kid`, if it has one), and the server's clock"
        }
        ("invalid_client", _, ClientProof::Certificate(_)) => {
            "check `client_id`, and that the certificate is registered for it"
        }
        ("invalid_client", _, ClientProof::Public) => {
            "the client seems to be confidential: give `client_secret` or `client_key`"
        }
        ("invalid_scope", ..) => "check `scopes` against what the client may ask for",
        ("invalid_grant", Grant::RefreshToken(_), _) => {
            "the refresh token has expired, was used before, or belongs to another client: sign in \
             again for a new one"
        }
        ("invalid_grant", Grant::JwtBearer(_), _) => {
            "the assertion has expired, was used before, or names another audience or subject: get \
             a new one for this authorization server"
        }
        ("invalid_grant" | "invalid_request", Grant::TokenExchange { .. }, _) => {
            "the token to exchange has expired or is of another type: check `subject_token` and \
             `subject_token_type`"
        }
        ("unauthorized_client" | "unsupported_grant_type", ..) => {
            "this client may not use this grant; use another, or obtain a token and give it with \
             `token`"
        }
        ("invalid_target", ..) => {
            "the authorization server does not know the resource of this target"
        }
        _ => "see the exchange",
    }
}

/// What to look at first where nobody says what is wrong.
fn guess(status: u16, request: &GrantRequest) -> String {
    match status {
        400 | 401 | 403 if matches!(request.client.proof, ClientProof::Public) => {
            "check `client_id` and `scopes`".to_owned()
        }
        400 | 401 | 403 => remedy("invalid_client", request).to_owned(),
        404 | 405 => "check that the authorization server's metadata names its token endpoint, \
                      and that no proxy answers in its place"
            .to_owned(),
        500.. => "the authorization server has a fault; its log tells which".to_owned(),
        _ => "check that no proxy or sign-in page answers in its place".to_owned(),
    }
}

/// What a page calls itself.
fn title(page: &[u8]) -> Option<String> {
    let start = page.get(..page.len().min(HEAD))?;
    let text = String::from_utf8_lossy(start);
    let lower = text.to_ascii_lowercase();
    let (before, _) = lower.split_once("<title>")?;
    let from = before.len() + "<title>".len();
    let length = lower.get(from..)?.find("</title>")?;
    let title = text.get(from..from + length)?.trim();
    let title: String = title.chars().take(80).collect();
    (!title.is_empty()).then_some(title)
}

fn kind(media_type: &str) -> String {
    if media_type.is_empty() {
        return "without a media type".to_owned();
    }
    media_type.chars().take(60).collect()
}

fn is_object(exchange: &Exchange) -> bool {
    let body = exchange.response().map(|response| response.body.bytes());
    body.is_some_and(|bytes| {
        serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).is_ok()
    })
}

/// How much of a page is looked through for its title.
const HEAD: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{ExchangeId, Outcome, Request};
    use crate::model::grant::OAuthClient;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::oracle::testing::http;

    fn told(outcome: Outcome) -> String {
        let exchange = Exchange {
            id: ExchangeId(1),
            tier: ProbeId::MintToken.tier(),
            probe: ProbeKey::new(ProbeId::MintToken),
            identity: "machine".to_owned(),
            request: Request {
                method: "POST".to_owned(),
                url: "https://auth.example/token".to_owned(),
                headers: Vec::new(),
                body: None,
            },
            started_ms: 0,
            elapsed_ms: 0,
            caused_by: None,
            outcome,
        };
        let request = GrantRequest {
            grant: Grant::ClientCredentials,
            client: OAuthClient {
                id: "machine".to_owned(),
                proof: ClientProof::Public,
            },
            issuer: None,
            resource: None,
            dpop: None,
        };
        refusal(&exchange, &request)
    }

    #[test]
    fn a_page_is_named_by_its_title_and_what_to_look_at_by_its_status() {
        let page = "<!DOCTYPE html><HTML><Title> Bad\u{1b} gateway </TITLE><p>no";
        for (status, said) in [
            (401, "check `client_id` and `scopes`"),
            (404, "names its token endpoint"),
            (502, "its log"),
            (200, "sign-in page"),
        ] {
            let told = told(http(status, &[], page));
            assert!(told.contains(said), "{status}: {told}");
            assert!(told.contains(" titled `Bad"), "{told}");
        }
    }

    #[test]
    fn pages_without_a_title_and_pages_that_never_end_have_none() {
        for page in [
            "",
            "<title>",
            "<title></title>",
            "</title><title>x",
            "\u{fffd}<titl",
        ] {
            assert_eq!(title(page.as_bytes()), None, "{page}");
        }
        let late = format!("{}<title>late</title>", " ".repeat(HEAD));
        assert_eq!(title(late.as_bytes()), None);
        let long = format!("<title>{}</title>", "é".repeat(500));
        assert_eq!(title(long.as_bytes()).unwrap().chars().count(), 80);
        assert_eq!(title(b"\xff\xfe<title>a</title>").as_deref(), Some("a"));
    }
}
