//! Token requests: every grant that needs no browser, with the resource parameter (RFC 8707).

mod ask;
pub(crate) mod binding;
mod proof;
mod refusal;
mod revoke;

use secrecy::SecretString;
use serde_json::Value;

use crate::model::discovery::{AuthorizationServer, Discovery, MetadataAttempt};
use crate::model::exchange::Exchange;
use crate::model::grant::{ClientProof, OAuthClient};
use crate::model::identity::ScopeSet;
use crate::wire::{Learned, RawAnswer};

pub(crate) use ask::{MintOrder, token};
pub(crate) use proof::{Means, Proof};
pub(crate) use refusal::{clocks, error, refusal, unusable};
pub(crate) use revoke::{Revocation, give_back, now_ms, residue, revoke, revoke_one};

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

/// An endpoint as this client is to use it: certificates may be asked for at endpoints of their own
/// (RFC 8705 §5).
pub(crate) fn endpoint<'m>(
    metadata: &'m MetadataAttempt,
    member: &str,
    client: &OAuthClient,
) -> Option<&'m str> {
    let shows_one = matches!(client.proof, ClientProof::Certificate(_));
    let alias = metadata.nested("mtls_endpoint_aliases", member);
    alias
        .filter(|_| shows_one)
        .or_else(|| metadata.text(member))
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

/// Every token of a token response: `token-NAME`, `refresh-NAME`, `id-token-NAME`.
pub(crate) fn tokens(answer: &RawAnswer<'_>, name: &str) -> Vec<Learned> {
    let body = serde_json::from_slice::<Value>(answer.body).unwrap_or_default();
    let members = [
        ("access_token", "token"),
        ("refresh_token", "refresh"),
        ("id_token", "id-token"),
    ];
    let issued = answer.status == 200;
    let texts = members.into_iter().filter_map(|(member, label)| {
        let text = body.get(member)?.as_str()?;
        (issued && !text.is_empty()).then(|| Learned {
            label: format!("{label}-{name}"),
            secret: SecretString::from(text.to_owned()),
        })
    });
    texts.collect()
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

/// The server to ask, by the issuer that the operator chose.
///
/// # Errors
/// Why there is none, or which ones there are.
pub(crate) fn issuer<'d>(
    discovery: &'d Discovery,
    wanted: Option<&str>,
) -> Result<&'d AuthorizationServer, String> {
    let servers = &discovery.authorization_servers;
    let named = servers
        .iter()
        .map(|server| server.issuer.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    match wanted {
        Some(issuer) => servers
            .iter()
            .find(|server| server.issuer == issuer)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::discovery::Route;
    use crate::model::exchange::ExchangeId;

    #[test]
    fn a_client_with_a_certificate_uses_the_endpoints_that_ask_for_one() {
        let metadata = MetadataAttempt {
            url: "https://as.example/.well-known/oauth-authorization-server".to_owned(),
            route: Route::WellKnownRoot,
            exchange: ExchangeId(1),
            document: Some(json!({
                "token_endpoint": "https://as.example/token",
                "revocation_endpoint": "https://as.example/revoke",
                "device_authorization_endpoint": "https://as.example/device",
                "mtls_endpoint_aliases": {
                    "token_endpoint": "https://mtls.as.example/token",
                    "revocation_endpoint": "https://mtls.as.example/revoke",
                },
            })),
            problem: None,
        };
        let client = |proof| OAuthClient {
            id: "c".to_owned(),
            proof,
        };
        let shown = client(ClientProof::Certificate("pem".to_owned().into()));
        for (member, alias) in [
            ("token_endpoint", "https://mtls.as.example/token"),
            ("revocation_endpoint", "https://mtls.as.example/revoke"),
            // Where there is no alias the plain one serves everybody.
            ("device_authorization_endpoint", "https://as.example/device"),
        ] {
            assert_eq!(endpoint(&metadata, member, &shown), Some(alias));
        }
        let public = client(ClientProof::Public);
        let plain = endpoint(&metadata, "token_endpoint", &public);
        assert_eq!(plain, Some("https://as.example/token"));
        assert_eq!(endpoint(&metadata, "introspection_endpoint", &shown), None);
    }
}
