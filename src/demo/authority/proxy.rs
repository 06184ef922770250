//! The way on to another authorization server, where this one is a client with a single identity.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::json;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::super::behaviour::{UpstreamChallenge, UpstreamState};
use super::super::http::{self, no_store, with_header};
use super::super::state::Shared;
use super::clients::Authorization;

/// Sends the user to the other server, whoever the client is.
pub(crate) fn forward(shared: &Shared, authorization: &Authorization) -> Response {
    let front = &shared.behaviour.front;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("response_type", "code");
    query.append_pair("client_id", UPSTREAM_CLIENT);
    query.append_pair("redirect_uri", &format!("{}/callback", shared.issuer));
    let state = match front.upstream_state {
        UpstreamState::Random => Some(shared.ids.next("upstream")),
        UpstreamState::PassedOn => Some(authorization.state.clone().unwrap_or_default()),
        UpstreamState::Nested => {
            let request = json!({
                "client_id": authorization.client,
                "redirect_uri": authorization.redirect_uri,
                "nonce": shared.ids.next("nonce"),
            });
            Some(BASE64URL.encode(request.to_string()))
        }
        UpstreamState::Fixed => Some("upstream-state-of-everybody-0123456789".to_owned()),
        UpstreamState::Missing => None,
    };
    if let Some(state) = state {
        query.append_pair("state", &state);
    }
    if front.upstream_challenge == UpstreamChallenge::Sent {
        let challenge = BASE64URL.encode(Sha256::digest(shared.ids.next("verifier")));
        query.append_pair("code_challenge", &challenge);
        query.append_pair("code_challenge_method", "S256");
    }
    let location = format!("{UPSTREAM}?{}", query.finish());
    no_store(with_header(http::empty(302), "location", &location))
}

/// An endpoint that no machine answers for: users are sent there, the server never asks it.
const UPSTREAM: &str = "https://login.upstream.invalid/authorize";
const UPSTREAM_CLIENT: &str = "demo-proxy";
