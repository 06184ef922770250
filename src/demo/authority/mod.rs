//! The authorization server: metadata, login page, tokens, registration.

mod authorize;
mod clients;
mod clock;
mod codes;
mod device;
mod documents;
mod exchange;
mod fetch;
mod metadata;
mod pages;
mod proxy;
mod registration;
mod token;
mod token_endpoint;

use axum::http::Method;
use axum::response::Response;
use serde_json::json;

use super::http::{self, Incoming, method_not_allowed};
use super::state::Shared;

pub(crate) use clients::Clients;
pub(crate) use clock::now;
pub(crate) use codes::plant;
pub(crate) use documents::{Named, prepare};
pub(crate) use fetch::get;

/// Answers a request to the authorization server.
pub(crate) fn answer(shared: &Shared, incoming: &Incoming) -> Response {
    clock::dated(shared, undated(shared, incoming))
}

fn undated(shared: &Shared, incoming: &Incoming) -> Response {
    if let Some(document) = metadata::document(shared, incoming) {
        return document;
    }
    let Some(path) = incoming
        .path
        .strip_prefix(&shared.behaviour.authorization.issuer_path)
    else {
        return not_found();
    };
    let allowed = |method: Method, answer: fn(&Shared, &Incoming) -> Response| {
        if incoming.method == method {
            answer(shared, incoming)
        } else {
            method_not_allowed(method.as_str())
        }
    };
    match path {
        metadata::AUTHORIZE => allowed(Method::GET, authorize::page),
        authorize::DECISION => allowed(Method::POST, authorize::decide),
        authorize::LOGIN => allowed(Method::GET, authorize::login),
        metadata::TOKEN => allowed(Method::POST, token_endpoint::issue),
        device::DEVICE => allowed(Method::POST, device::authorize),
        metadata::REVOKE => allowed(Method::POST, token::revoke),
        token_endpoint::INTROSPECT => allowed(Method::POST, token_endpoint::introspect),
        metadata::JWKS => allowed(Method::GET, |shared, _| {
            http::json(200, &shared.keys.jwks())
        }),
        metadata::REGISTER => registration::register(shared, incoming),
        _ => match path
            .strip_prefix(metadata::REGISTER)
            .and_then(|rest| rest.strip_prefix('/'))
        {
            Some(client) => registration::manage(shared, incoming, client),
            None => not_found(),
        },
    }
}

/// An OAuth error body (RFC 6749 §5.2).
fn oauth_error(status: u16, error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    http::no_store(http::json(status, &body))
}

fn not_found() -> Response {
    http::text(404, "Not Found\n")
}
