//! One token request, whatever the grant.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::proof::Proof;
use super::{endpoint, form, form_headers, issuer, resource, tokens};
use crate::model::audit::Collected;
use crate::model::grant::{Grant, GrantRequest};
use crate::model::identity::ScopeSet;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::Run;
use crate::wire::{Destination, Outgoing, ProofKey, RawAnswer, Sent};

/// A token to be asked for.
pub(crate) struct MintOrder<'o> {
    /// The operator identity that is minted from.
    pub(crate) source: &'o str,
    /// The grant and the client.
    pub(crate) request: &'o GrantRequest,
    /// Scopes to ask for; the server's default when absent.
    pub(crate) scopes: Option<&'o ScopeSet>,
    /// Name of the identity that results.
    pub(crate) name: &'o str,
    /// The key to bind the token to.
    pub(crate) key: Option<Arc<ProofKey>>,
}

/// Asks for a token; it is learned under `token-NAME`, a refresh token under `refresh-NAME`.
///
/// # Errors
/// Why no request could be made.
pub(crate) async fn token(
    run: &Run<'_>,
    collected: &Collected,
    order: MintOrder<'_>,
) -> Result<Sent, String> {
    let discovery = &collected.discovery;
    let server = issuer(discovery, order.request.issuer.as_deref())?;
    let client = &order.request.client;
    let (endpoint, named_by) = match server.chosen() {
        None if server.has_default_endpoints() => {
            (server.default_token_endpoint(), server.named_by)
        }
        None => {
            return Err(format!(
                "the metadata of {} was not found, so its token endpoint is not known",
                server.issuer
            ));
        }
        Some(metadata) => {
            let endpoint = endpoint(metadata, "token_endpoint", client).ok_or_else(|| {
                format!(
                    "the metadata of {} names no `token_endpoint`",
                    server.issuer
                )
            })?;
            (endpoint.to_owned(), metadata.exchange)
        }
    };
    let mut members = vec![("grant_type", order.request.grant.as_str().to_owned())];
    members.extend(of_grant(&order));
    if let Some(scopes) = order.scopes.filter(|scopes| !scopes.is_empty()) {
        let text = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        members.push(("scope", text));
    }
    let wanted = order.request.resource.clone();
    members.push(("resource", wanted.unwrap_or_else(|| resource(discovery))));
    let proof = Proof::of(run, collected, server, client, order.name)?;
    let key = ProbeKey::new(ProbeId::MintToken)
        .about(server.issuer.clone())
        .variant(order.name);
    let name = order.name.to_owned();
    let learn = move |answer: &RawAnswer<'_>| tokens(answer, &name);
    let mut outgoing = Outgoing::new(key, "POST", endpoint);
    order.source.clone_into(&mut outgoing.identity);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = form_headers();
    proof.add(run, &mut outgoing, &mut members);
    outgoing.body = Some(form(&members));
    outgoing.carries_secret = true;
    outgoing.caused_by = Some(named_by);
    outgoing.proof.clone_from(&order.key);
    outgoing.learn = Some(&learn);
    Ok(run.wire.send(outgoing).await)
}

fn of_grant(order: &MintOrder<'_>) -> Vec<(&'static str, String)> {
    let text = |secret: &SecretString| secret.expose_secret().to_owned();
    match &order.request.grant {
        Grant::RefreshToken(token) => vec![("refresh_token", text(token))],
        Grant::TokenExchange {
            subject,
            subject_type,
        } => vec![
            ("subject_token", text(subject)),
            ("subject_token_type", subject_type.clone()),
            ("requested_token_type", ACCESS_TOKEN.to_owned()),
        ],
        Grant::JwtBearer(assertion) => vec![("assertion", text(assertion))],
        Grant::ClientCredentials | Grant::AuthorizationCode | Grant::DeviceCode => Vec::new(),
    }
}

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
