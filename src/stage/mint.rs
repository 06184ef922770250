//! Token requests: the client credentials grant (RFC 6749 §4.4) with the resource parameter.

use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Run, file};
use crate::model::audit::{Collected, ResidueItem};
use crate::model::discovery::{AuthorizationServer, Discovery};
use crate::model::exchange::Exchange;
use crate::model::identity::{Provenance, ScopeSet};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::settings::{ClientAuth, ClientCredentials, CredentialSource, IdentitySource};
use crate::wire::{Destination, Learned, Outgoing, RawAnswer, Sent};

/// Asks for a token; the token is learned under `token-NAME`.
///
/// # Errors
/// Why no request could be made.
pub(crate) async fn token(
    run: &Run<'_>,
    discovery: &Discovery,
    source: &IdentitySource,
    client: &ClientCredentials,
    scopes: Option<&ScopeSet>,
    name: &str,
) -> Result<Sent, String> {
    let server = issuer(discovery, client)?;
    let metadata = server.chosen().ok_or_else(|| {
        format!(
            "the metadata of {} was not found, so its token endpoint is not known",
            server.issuer
        )
    })?;
    let endpoint = metadata.text("token_endpoint").ok_or_else(|| {
        format!(
            "the metadata of {} names no `token_endpoint`",
            server.issuer
        )
    })?;
    let mut members = vec![("grant_type", "client_credentials".to_owned())];
    if let Some(scopes) = scopes.filter(|scopes| !scopes.is_empty()) {
        members.push((
            "scope",
            scopes.iter().cloned().collect::<Vec<_>>().join(" "),
        ));
    }
    members.push(("resource", resource(discovery)));
    let basic = uses_basic(
        client,
        metadata.texts("token_endpoint_auth_methods_supported"),
    );
    if !basic {
        members.push(("client_id", client.client_id.clone()));
        members.push(("client_secret", client.secret.expose_secret().to_owned()));
    }
    let key = ProbeKey::new(ProbeId::MintToken)
        .about(server.issuer.clone())
        .variant(name);
    let label = format!("token-{name}");
    let learn = move |answer: &RawAnswer<'_>| access_token(answer, &label);
    let mut outgoing = Outgoing::new(key, "POST", endpoint);
    outgoing.identity.clone_from(&source.name);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = form_headers();
    if basic {
        outgoing.headers.push((
            "Authorization".to_owned(),
            basic_credentials(run, client, name),
        ));
    }
    outgoing.body = Some(form(&members));
    outgoing.carries_secret = true;
    outgoing.caused_by = Some(metadata.exchange);
    outgoing.learn = Some(&learn);
    Ok(run.wire.send(outgoing).await)
}

/// Revokes the tokens that the run obtained (RFC 7009); what stays valid becomes residue.
pub(crate) async fn revoke(run: &Run<'_>, collected: &mut Collected) {
    let minted = collected.identities.present.clone();
    for identity in minted
        .iter()
        .filter(|i| matches!(i.provenance, Provenance::Minted { .. }))
    {
        let client = run
            .settings
            .identities
            .iter()
            .find_map(|source| match &source.credential {
                CredentialSource::ClientCredentials(client)
                    if matches!(&identity.provenance, Provenance::Minted { client_id, .. }
                    if *client_id == client.client_id) =>
                {
                    Some(client)
                }
                _ => None,
            });
        let (Some(client), Some(token)) = (client, identity.credential.as_ref()) else {
            continue;
        };
        let endpoint = issuer(&collected.discovery, client)
            .ok()
            .and_then(|server| server.chosen())
            .and_then(|metadata| metadata.text("revocation_endpoint"))
            .map(str::to_owned);
        let mut revoked = None;
        if let Some(endpoint) = &endpoint {
            let sent = revocation(run, client, &identity.name, token, endpoint).await;
            revoked = sent.exchange.status();
            file(collected, sent);
        }
        if revoked.is_none_or(|status| status >= 300) {
            collected.residue.push(residue(
                identity.name.clone(),
                identity.expires_in,
                endpoint,
                revoked,
            ));
        }
    }
}

/// What a token response says: granted scopes and lifetime.
pub(crate) fn response(exchange: &Exchange) -> (Option<ScopeSet>, Option<u64>) {
    let body = exchange
        .response()
        .and_then(|response| serde_json::from_slice::<Value>(&response.body.bytes()).ok());
    let scopes = body
        .as_ref()
        .and_then(|body| body.get("scope")?.as_str())
        .map(|text| {
            text.split(' ')
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect()
        });
    (
        scopes,
        body.as_ref()
            .and_then(|body| body.get("expires_in")?.as_u64()),
    )
}

/// Why no token came back, from the error response (RFC 6749 §5.2).
pub(crate) fn refusal(exchange: &Exchange, client: &ClientCredentials) -> String {
    let client_id = &client.client_id;
    let Some(response) = exchange.response() else {
        let text = exchange
            .failure()
            .map_or("no answer", |failure| failure.text.as_str());
        return format!("the token request of client `{client_id}` failed: {text}");
    };
    let body = serde_json::from_slice::<Value>(&response.body.bytes()).unwrap_or_default();
    let error = body
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or("no OAuth error");
    let detail = body
        .get("error_description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let remedy = match error {
        "invalid_client" => "check `client_id`, the secret and `auth` (basic or post)",
        "invalid_scope" => "check `scopes` against what the client may ask for",
        "unauthorized_client" | "unsupported_grant_type" => {
            "this client may not use client_credentials; obtain a token and give it with `token`"
        }
        "invalid_target" => "the authorization server does not know the resource of this target",
        _ => "see the exchange",
    };
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    };
    format!(
        "the token endpoint refused client `{client_id}`: HTTP {} {error}{detail}; {remedy}",
        response.status
    )
}

/// An `application/x-www-form-urlencoded` body.
pub(crate) fn form(members: &[(&str, String)]) -> Vec<u8> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(members);
    form.finish().into_bytes()
}

/// The form media type and the wish for JSON.
pub(crate) fn form_headers() -> Vec<(String, String)> {
    vec![
        (
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        ),
        ("Accept".to_owned(), "application/json".to_owned()),
    ]
}

/// Learns `access_token` of a token response.
pub(crate) fn access_token(answer: &RawAnswer<'_>, label: &str) -> Vec<Learned> {
    let body = serde_json::from_slice::<Value>(answer.body).unwrap_or_default();
    match body.get("access_token").and_then(Value::as_str) {
        Some(token) if answer.status == 200 && !token.is_empty() => {
            vec![Learned {
                label: label.to_owned(),
                secret: SecretString::from(token.to_owned()),
            }]
        }
        _ => Vec::new(),
    }
}

/// The resource identifier to ask for: what the metadata says of itself, else the canonical URL.
pub(crate) fn resource(discovery: &Discovery) -> String {
    let canonical = || {
        url::Url::parse(&discovery.endpoint).map_or_else(
            |_| discovery.endpoint.clone(),
            |url| crate::codec::uri::canonical_resource(&url).0,
        )
    };
    let published = discovery
        .chosen_resource_metadata()
        .and_then(|attempt| attempt.text("resource"));
    published.map_or_else(canonical, str::to_owned)
}

/// `client_secret_basic` with both halves form-encoded first (RFC 6749 §2.3.1).
pub(crate) fn basic(client_id: &str, secret: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

fn basic_credentials(run: &Run<'_>, client: &ClientCredentials, name: &str) -> String {
    let value = basic(&client.client_id, client.secret.expose_secret());
    let encoded = value.trim_start_matches("Basic ").to_owned();
    run.wire.know(
        &format!("secret-{name}-basic"),
        &SecretString::from(encoded),
    );
    value
}

fn uses_basic(client: &ClientCredentials, advertised: Option<Vec<&str>>) -> bool {
    match client.auth {
        ClientAuth::Basic => true,
        ClientAuth::Post => false,
        // RFC 8414 §2: the default is client_secret_basic.
        ClientAuth::Advertised => advertised.is_none_or(|methods| {
            methods.contains(&"client_secret_basic") || !methods.contains(&"client_secret_post")
        }),
    }
}

fn issuer<'d>(
    discovery: &'d Discovery,
    client: &ClientCredentials,
) -> Result<&'d AuthorizationServer, String> {
    let servers = &discovery.authorization_servers;
    let named = servers
        .iter()
        .map(|server| server.issuer.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    match &client.issuer {
        Some(issuer) => servers
            .iter()
            .find(|server| server.issuer == *issuer)
            .ok_or_else(|| {
                format!("`issuer = \"{issuer}\"` is none of the servers the target names ({named})")
            }),
        None if servers.len() > 1 => Err(format!(
            "the target names several authorization servers ({named}); set `issuer` for this identity"
        )),
        None => servers.first().ok_or_else(|| {
            "the target names no authorization server; give a token with `token` instead".to_owned()
        }),
    }
}

async fn revocation(
    run: &Run<'_>,
    client: &ClientCredentials,
    name: &str,
    token: &SecretString,
    endpoint: &str,
) -> Sent {
    let mut members = vec![
        ("token", token.expose_secret().to_owned()),
        ("token_type_hint", "access_token".to_owned()),
    ];
    let mut outgoing = Outgoing::new(
        ProbeKey::new(ProbeId::RevokeToken).variant(name),
        "POST",
        endpoint,
    );
    name.clone_into(&mut outgoing.identity);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = form_headers();
    if client.auth == ClientAuth::Post {
        members.push(("client_id", client.client_id.clone()));
        members.push(("client_secret", client.secret.expose_secret().to_owned()));
    } else {
        outgoing.headers.push((
            "Authorization".to_owned(),
            basic_credentials(run, client, name),
        ));
    }
    outgoing.body = Some(form(&members));
    outgoing.carries_secret = true;
    outgoing.cleanup = true;
    run.wire.send(outgoing).await
}

pub(crate) fn residue(
    name: String,
    expires_in: Option<u64>,
    endpoint: Option<String>,
    status: Option<u16>,
) -> ResidueItem {
    let lifetime = expires_in.map_or("an unknown time".to_owned(), |seconds| {
        format!("{seconds} s")
    });
    ResidueItem {
        kind: "token".to_owned(),
        name,
        location: endpoint
            .clone()
            .unwrap_or_else(|| "the authorization server".to_owned()),
        reason: match (&endpoint, status) {
            (None, _) => {
                format!("no `revocation_endpoint` is advertised; it expires after {lifetime}")
            }
            (Some(_), Some(status)) => {
                format!("revocation answered HTTP {status}; it expires after {lifetime}")
            }
            (Some(_), None) => format!("revocation got no answer; it expires after {lifetime}"),
        },
        undo: endpoint.map_or("wait for its expiry".to_owned(), |url| {
            format!("POST {url} token=…")
        }),
        exchange: None,
    }
}
