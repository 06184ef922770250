//! Token exchange (RFC 8693): a token of this server for another that can do the same or less.

use axum::response::Response;

use super::super::behaviour::{MintPolicy, TokenExchange};
use super::super::http::single;
use super::super::state::Shared;
use super::super::tokens;
use super::oauth_error;
use super::token::{audience, respond};

/// Answers a token exchange.
pub(crate) fn redeem(shared: &Shared, form: &[(String, String)], client_id: &str) -> Response {
    let offer = shared.behaviour.grants.exchange;
    if offer == TokenExchange::Absent {
        return oauth_error(
            400,
            "unsupported_grant_type",
            "Use a grant that the metadata lists",
        );
    }
    let subject = single(form, "subject_token").unwrap_or_default();
    let typed = single(form, "subject_token_type") == Some(ACCESS_TOKEN);
    let Some(claims) = tokens::accept(shared, subject).filter(|_| typed) else {
        return oauth_error(400, "invalid_request", "The subject token is not valid");
    };
    let Some(audience) = audience(shared, form) else {
        return oauth_error(400, "invalid_target", "The resource is not known here");
    };
    let held = claims.scopes();
    let scopes: Vec<String> = match single(form, "scope") {
        Some(asked) if shared.behaviour.tokens.mint != MintPolicy::GrantsMore => {
            asked.split_ascii_whitespace().map(str::to_owned).collect()
        }
        _ => held.iter().cloned().collect(),
    };
    if !scopes.iter().all(|scope| held.contains(scope)) {
        return oauth_error(400, "invalid_scope", "The subject token holds less");
    }
    if offer == TokenExchange::OfOtherType {
        let body = serde_json::json!({
            "access_token": shared.ids.next("exchanged"),
            "issued_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "token_type": "N_A",
        });
        return super::super::http::json(200, &body);
    }
    respond(
        shared,
        form,
        &claims.sub,
        client_id,
        &scopes,
        &audience,
        None,
    )
}

/// The grant type of RFC 8693 §2.1.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
