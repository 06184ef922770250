//! The token endpoint and the revocation endpoint.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use url::form_urlencoded;

use super::super::behaviour::{
    Caching, IdTokens, KeyBinding, LifetimeEcho, MintPolicy, ProofCheck, ScopeEcho, TokenKind,
};
use super::super::http::{self, Incoming, Refusal, no_store, single, with_header};
use super::super::proofs;
use super::super::state::{Shared, lock};
use super::super::tokens::{self, SIBLING_PATH};
use super::clients::KnownClient;
use super::oauth_error;
use super::token_endpoint;
use super::{codes, device, exchange};

/// Answers a token request.
pub(crate) fn issue(shared: &Shared, incoming: &Incoming) -> Response {
    let mut form = incoming.form();
    let (client_id, client) = match authenticated(shared, incoming, &form) {
        Ok(client) => client,
        Err(refusal) => return *refusal,
    };
    form.retain(|(name, _)| name != PROVEN_KEY);
    if shared.behaviour.token_endpoint.binding == KeyBinding::Proven {
        let url = format!("{}{}", shared.issuer, super::metadata::TOKEN);
        match proofs::thumbprint(shared, incoming, &url, None, ProofCheck::Full) {
            Ok(key) => form.push((PROVEN_KEY.to_owned(), key)),
            Err(why) => return proofs::refuse_grant(why),
        }
    }
    let grant = single(&form, "grant_type").unwrap_or_default();
    if let Some(answer) = token_endpoint::assertion_grant(shared, &form, &client_id) {
        return answer;
    }
    if token_endpoint::has_password_grant(shared, grant) {
        return oauth_error(400, "invalid_grant", "No such user, or a wrong password");
    }
    if !GRANTS.contains(&grant) {
        return oauth_error(
            400,
            "unsupported_grant_type",
            "Use a grant that the metadata lists",
        );
    }
    let exchanges = grant == exchange::GRANT && client.secret.is_some();
    if client.unapproved || !(exchanges || client.grants.iter().any(|known| known == grant)) {
        return oauth_error(
            400,
            "unauthorized_client",
            "The client may not use this grant",
        );
    }
    match grant {
        "authorization_code" => codes::redeem(shared, &form, &client_id, &client),
        "refresh_token" => codes::refresh(shared, &form, &client_id),
        device::GRANT => device::redeem(shared, &form, &client_id),
        exchange::GRANT => exchange::redeem(shared, &form, &client_id),
        _ => client_credentials(shared, &form, &client_id, &client),
    }
}

/// Answers a revocation request (RFC 7009).
pub(crate) fn revoke(shared: &Shared, incoming: &Incoming) -> Response {
    let form = incoming.form();
    if let Err(refusal) = authenticated(shared, incoming, &form) {
        return *refusal;
    }
    let Some(token) = single(&form, "token") else {
        return oauth_error(400, "invalid_request", "`token` is missing");
    };
    lock(&shared.clients).withdraw(token);
    let mut revoked = lock(&shared.revoked);
    if revoked.len() < REVOKED_LIMIT {
        revoked.insert(token.to_owned());
    }
    drop(revoked);
    no_store(http::empty(200))
}

/// Whether a request proves to come from a client.
pub(crate) fn prove(shared: &Shared, incoming: &Incoming) -> Result<(), Refusal> {
    authenticated(shared, incoming, &incoming.form()).map(drop)
}

/// A token for a client without a user, whoever vouched for it.
pub(crate) fn machine(shared: &Shared, form: &[(String, String)], client_id: &str) -> Response {
    let Some(audience) = audience(shared, form) else {
        return oauth_error(400, "invalid_target", "The resource is not known here");
    };
    let known = lock(&shared.clients).known.get(client_id).cloned();
    let entitled = known.unwrap_or_default().scopes;
    let Some(scopes) = granted(shared, &entitled, single(form, "scope")) else {
        return oauth_error(400, "invalid_scope", "None of the scopes can be granted");
    };
    respond(shared, form, client_id, client_id, &scopes, &audience, None)
}

/// The audience that a request's `resource` leads to (RFC 8707); none for an unknown resource.
pub(crate) fn audience(shared: &Shared, parameters: &[(String, String)]) -> Option<String> {
    let sibling = format!("{}{SIBLING_PATH}", shared.mcp_origin);
    let mut wanted = parameters
        .iter()
        .filter(|(name, _)| name == "resource")
        .map(|(_, uri)| uri);
    match (wanted.next(), wanted.next()) {
        (None, _) => Some(shared.mcp_url.clone()),
        (Some(uri), None) if *uri == shared.mcp_url || *uri == sibling => Some(uri.clone()),
        _ => None,
    }
}

/// The scopes granted to a client; none when nothing it asks for can be granted.
pub(crate) fn granted(
    shared: &Shared,
    entitled: &[String],
    wanted: Option<&str>,
) -> Option<Vec<String>> {
    let Some(wanted) = wanted else {
        return Some(entitled.to_vec());
    };
    let asked: Vec<&str> = wanted.split_ascii_whitespace().collect();
    let kept: Vec<String> = entitled
        .iter()
        .filter(|scope| asked.contains(&scope.as_str()))
        .cloned()
        .collect();
    match (kept.is_empty(), shared.behaviour.tokens.mint) {
        (_, MintPolicy::Anything) => Some(asked.iter().map(|&scope| scope.to_owned()).collect()),
        (true, _) => None,
        (false, MintPolicy::Strict) => (kept.len() == asked.len()).then_some(kept),
        (false, MintPolicy::AddsDefault) => {
            let added = (!asked.contains(&DEFAULT_SCOPE)).then(|| DEFAULT_SCOPE.to_owned());
            Some(kept.into_iter().chain(added).collect())
        }
        (false, MintPolicy::Requested) => Some(kept),
        (false, MintPolicy::GrantsMore) => Some(entitled.to_vec()),
    }
}

fn client_credentials(
    shared: &Shared,
    form: &[(String, String)],
    client_id: &str,
    client: &KnownClient,
) -> Response {
    if client.secret.is_none() {
        return oauth_error(
            400,
            "unauthorized_client",
            "Public clients may not use this grant",
        );
    }
    let Some(audience) = audience(shared, form) else {
        return oauth_error(400, "invalid_target", "The resource is not known here");
    };
    let Some(scopes) = granted(shared, &client.scopes, single(form, "scope")) else {
        return oauth_error(400, "invalid_scope", "None of the scopes can be granted");
    };
    respond(shared, form, client_id, client_id, &scopes, &audience, None)
}

/// A token answer (RFC 6749 §5.1).
pub(crate) fn respond(
    shared: &Shared,
    form: &[(String, String)],
    subject: &str,
    client: &str,
    scopes: &[String],
    audience: &str,
    refresh: Option<String>,
) -> Response {
    let order = tokens::Order {
        subject,
        client,
        scopes,
        audience,
        kind: TokenKind::Valid,
        binding: single(form, PROVEN_KEY),
    };
    let Some((token, lifetime)) = tokens::mint(shared, &order) else {
        return oauth_error(500, "server_error", "The token could not be signed");
    };
    let knobs = &shared.behaviour.grants;
    let mut body = json!({
        "access_token": token,
        "token_type": if order.binding.is_some() { "DPoP" } else { "Bearer" },
        "expires_in": lifetime,
    });
    if let Some(members) = body.as_object_mut() {
        if knobs.lifetime == LifetimeEcho::Omitted {
            members.remove("expires_in");
        }
        if knobs.scope_echo == ScopeEcho::Given {
            members.insert("scope".to_owned(), json!(scopes.join(" ")));
        }
        let of_person = subject != client && knobs.id_tokens == IdTokens::Issued;
        let order = tokens::Order {
            kind: TokenKind::IdToken,
            ..order
        };
        if let Some((id_token, _)) = of_person.then(|| tokens::mint(shared, &order)).flatten() {
            members.insert("id_token".to_owned(), json!(id_token));
        }
        if let Some(refresh) = refresh {
            tokens::mistake(shared, &refresh, &token);
            members.insert("refresh_token".to_owned(), json!(refresh));
        }
    }
    let answer = http::json(200, &body);
    match knobs.caching {
        Caching::Forbidden => no_store(answer),
        Caching::Unmentioned => answer,
    }
}

/// The client that a request proves to come from.
pub(crate) fn authenticated(
    shared: &Shared,
    incoming: &Incoming,
    form: &[(String, String)],
) -> Result<(String, KnownClient), Refusal> {
    let basic = incoming.headers.contains_key("authorization");
    let (id, secret) = if basic {
        if single(form, "client_secret").is_some() {
            return Err(Box::new(oauth_error(
                400,
                "invalid_request",
                "One way to authenticate, not two",
            )));
        }
        let (id, secret) = basic_credentials(incoming).ok_or_else(|| Box::new(invalid_client()))?;
        (id, Some(secret))
    } else {
        let id = single(form, "client_id").ok_or_else(|| Box::new(invalid_client()))?;
        (
            id.to_owned(),
            single(form, "client_secret").map(str::to_owned),
        )
    };
    let client = lock(&shared.clients)
        .known
        .get(&id)
        .cloned()
        .ok_or_else(|| Box::new(invalid_client()))?;
    match token_endpoint::asserted(shared, form, &id) {
        Some(true) => return Ok((id, client)),
        Some(false) => return Err(Box::new(invalid_client())),
        None => {}
    }
    if token_endpoint::accepts(shared, client.secret.as_deref(), secret.as_deref()) {
        Ok((id, client))
    } else {
        Err(Box::new(invalid_client()))
    }
}

/// Both halves are form-encoded inside the header (RFC 6749 §2.3.1).
fn basic_credentials(incoming: &Incoming) -> Option<(String, String)> {
    let (scheme, encoded) = incoming.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(value: &str) -> String {
    // A separator that was not encoded belongs to the value here.
    let value = value.replace('=', "%3D").replace('&', "%26");
    form_urlencoded::parse(value.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

fn invalid_client() -> Response {
    let refusal = oauth_error(
        401,
        "invalid_client",
        "The client could not be authenticated",
    );
    with_header(refusal, "www-authenticate", "Basic realm=\"demo\"")
}

/// Grants that the endpoint knows.
const GRANTS: [&str; 5] = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    device::GRANT,
    exchange::GRANT,
];
/// What some servers add to every token.
const DEFAULT_SCOPE: &str = "profile";
/// Where the key that a request proved is kept until the token is made.
const PROVEN_KEY: &str = "dpop_jkt";
const REVOKED_LIMIT: usize = 10_000;
