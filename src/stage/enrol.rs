//! Identities: those the operator gave, those a client mints, those the tool derives.

use secrecy::{ExposeSecret, SecretString};

use super::{Run, file, forge, ladder, login, mint, together};
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::identity::{
    Identities, Identity, IdentityKind, MissingIdentity, Provenance, ScopeSet,
};
use crate::model::settings::{Calls, ClientCredentials, CredentialSource, IdentitySource};
use crate::wire::{Pending, Sent};

/// The identity that sends no credential.
pub fn anonymous() -> Identity {
    Identity {
        name: "anonymous".to_owned(),
        kind: IdentityKind::Anonymous,
        provenance: Provenance::Derived {
            from: None,
            change: "no credential is sent".to_owned(),
        },
        privileged: false,
        believed: None,
        requested: None,
        granted: None,
        expires_in: None,
        claims: None,
        exchange: None,
        invalid: None,
        header: None,
        credential: None,
    }
}

/// Makes every identity of the run; what cannot be had is listed with its reason.
pub async fn enrol(run: &Run<'_>, collected: &mut Collected) -> Option<login::Session> {
    (run.progress)("enrol", run.settings.identities.len());
    let mut identities = Identities::default();
    identities.present.push(anonymous());
    let mut granted = Vec::new();
    let mut orders: Vec<Order<'_>> = Vec::new();
    for source in &run.settings.identities {
        match &source.credential {
            CredentialSource::Token {
                source: from,
                token,
            } => {
                run.wire.know(&format!("token-{}", source.name), token);
                granted.push(operator(source, from, token));
            }
            CredentialSource::ClientCredentials(client) => {
                run.wire
                    .know(&format!("secret-{}", source.name), &client.secret);
                orders.push(Order {
                    source,
                    client,
                    scopes: source.scopes.clone(),
                    name: source.name.clone(),
                    varied: None,
                });
                orders.extend(ladder::ends(run.settings, source, client));
            }
        }
    }
    for answer in obtain(run, collected, orders).await {
        match answer {
            Ok(identity) => granted.push(identity),
            Err(missing) => identities.missing.push(missing),
        }
    }
    let begun = login::begin(run, collected).await;
    let session = begun.and_then(|begun| {
        match begun.identity {
            Ok(identity) => granted.push(identity),
            Err(missing) => identities.missing.push(missing),
        }
        begun.session
    });
    let model = model(&granted).cloned();
    identities.present.push(forge::garbage(run, model.as_ref()));
    identities.present.extend(granted);
    identities
        .present
        .extend(forge::wrong_tokens(run, collected, model.as_ref()).await);
    leave_out(&run.settings.calls, &mut identities);
    collected.identities = identities;
    session
}

/// Takes out what the operator wants left out. The anonymous identity stays, because discovery needs
/// no credential; it opens no session and calls nothing.
fn leave_out(calls: &Calls, identities: &mut Identities) {
    let present = std::mem::take(&mut identities.present);
    for identity in present {
        match calls.left_out(&identity) {
            Some(arm) if identity.kind != IdentityKind::Anonymous => {
                identities.missing.push(MissingIdentity {
                    name: identity.name,
                    reason: format!("left out on request (`--skip-arm {}`)", arm.as_str()),
                    exchange: None,
                });
            }
            _ => identities.present.push(identity),
        }
    }
}

/// A token to be minted.
pub(crate) struct Order<'s> {
    /// The operator identity whose client mints.
    pub(crate) source: &'s IdentitySource,
    /// The client.
    pub(crate) client: &'s ClientCredentials,
    /// Scopes to ask for; the server's default when absent.
    pub(crate) scopes: Option<ScopeSet>,
    /// Name of the identity that results.
    pub(crate) name: String,
    /// The scopes of the ladder it belongs to: those of them it was not asked for it must lack.
    pub(crate) varied: Option<ScopeSet>,
}

/// Mints tokens at once; in the order of the orders, each with the reason where there is none.
pub(crate) async fn obtain(
    run: &Run<'_>,
    collected: &mut Collected,
    orders: Vec<Order<'_>>,
) -> Vec<Result<Identity, MissingIdentity>> {
    let asks = orders.iter().map(|order| {
        Box::pin(mint::token(
            run,
            &collected.discovery,
            order.source,
            order.client,
            order.scopes.as_ref(),
            &order.name,
        )) as Pending<'_, Result<Sent, String>>
    });
    let answers = together(asks.collect()).await;
    let mut obtained = Vec::new();
    for (order, answer) in orders.into_iter().zip(answers) {
        let name = order.name.clone();
        obtained.push(match answer {
            Ok(sent) => {
                let token = sent.learned.first().map(|learned| learned.secret.clone());
                let exchange = sent.exchange.clone();
                let id = file(collected, sent);
                match token {
                    Some(token) => {
                        let mut identity = order.identity(token, &exchange);
                        identity.exchange = Some(id);
                        Ok(identity)
                    }
                    None => Err(MissingIdentity {
                        name,
                        reason: mint::refusal(&exchange, order.client),
                        exchange: Some(id),
                    }),
                }
            }
            Err(reason) => Err(MissingIdentity {
                name,
                reason,
                exchange: None,
            }),
        });
    }
    obtained
}

impl Order<'_> {
    fn identity(self, token: SecretString, exchange: &Exchange) -> Identity {
        let (granted, expires_in) = mint::response(exchange);
        let claims = jose::peek(token.expose_secret());
        let mut identity = Identity {
            name: self.name.clone(),
            kind: self.source.kind,
            provenance: Provenance::Minted {
                grant: "client_credentials".to_owned(),
                client_id: self.client.client_id.clone(),
                token_endpoint: exchange.request.url.clone(),
            },
            privileged: self.source.privileged && self.name == self.source.name,
            // RFC 6749 §5.1: an absent `scope` means what was asked for was granted; nobody saw it.
            believed: self.scopes.clone(),
            requested: self.scopes.clone(),
            granted,
            expires_in,
            claims,
            exchange: None,
            invalid: None,
            header: None,
            credential: Some(token),
        };
        identity.invalid = excess(&identity, self.varied.as_ref());
        identity
    }
}

/// A token that holds more than was asked for proves nothing about the scopes left out. On a ladder
/// only the scopes that are varied count.
fn excess(identity: &Identity, varied: Option<&ScopeSet>) -> Option<String> {
    let requested = identity.requested.as_ref()?;
    let held = identity.scopes()?;
    let extra = held
        .difference(requested)
        .filter(|scope| varied.is_none_or(|varied| varied.contains(*scope)))
        .cloned()
        .collect::<Vec<_>>();
    if extra.is_empty() {
        return None;
    }
    let asked = requested.iter().cloned().collect::<Vec<_>>().join(" ");
    Some(format!(
        "the token was asked for with scope `{asked}` and also holds `{}`; its cells say nothing \
         about the scopes it was meant to lack",
        extra.join(" ")
    ))
}

fn operator(source: &IdentitySource, from: &str, token: &SecretString) -> Identity {
    Identity {
        name: source.name.clone(),
        kind: source.kind,
        provenance: Provenance::Operator {
            source: from.to_owned(),
        },
        privileged: source.privileged,
        believed: source.scopes.clone(),
        requested: None,
        granted: None,
        expires_in: None,
        // A key in a field of its own is no access token, whatever it looks like.
        claims: match source.header {
            Some(_) => None,
            None => jose::peek(token.expose_secret()),
        },
        exchange: None,
        invalid: None,
        header: source.header.clone(),
        credential: Some(token.clone()),
    }
}

/// The token that wrong ones are derived from: the strongest that should work.
fn model(granted: &[Identity]) -> Option<&Identity> {
    let valid = granted
        .iter()
        .filter(|identity| identity.kind == IdentityKind::Valid);
    valid.max_by_key(|identity| {
        (
            identity.privileged,
            identity.scopes().map_or(0, ScopeSet::len),
        )
    })
}
