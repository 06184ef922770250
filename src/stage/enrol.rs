//! Identities: those the operator gave, those a client mints, those the tool derives.

use secrecy::{ExposeSecret, SecretString};

use super::{Run, file, forge, login, mint, together};
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
    let mut mints: Vec<(
        &IdentitySource,
        &ClientCredentials,
        Option<ScopeSet>,
        String,
    )> = Vec::new();
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
                let scopes = source.scopes.clone();
                mints.push((source, client, scopes, source.name.clone()));
                mints.extend(ladder(run, source, client));
            }
        }
    }
    let asks = mints.iter().map(|(source, client, scopes, name)| {
        let asked = scopes.as_ref();
        Box::pin(mint::token(
            run,
            &collected.discovery,
            source,
            client,
            asked,
            name,
        )) as Pending<'_, Result<Sent, String>>
    });
    let answers = together(asks.collect()).await;
    for ((source, client, scopes, name), answer) in mints.into_iter().zip(answers) {
        match answer {
            Ok(sent) => {
                let token = sent.learned.first().map(|learned| learned.secret.clone());
                let exchange = sent.exchange.clone();
                let id = file(collected, sent);
                match token {
                    Some(token) => {
                        let minted = Minted {
                            source,
                            client,
                            scopes,
                            name,
                            token,
                        };
                        let mut identity = minted.identity(&exchange);
                        identity.exchange = Some(id);
                        granted.push(identity);
                    }
                    None => identities.missing.push(MissingIdentity {
                        name,
                        reason: mint::refusal(&exchange, client),
                        exchange: Some(id),
                    }),
                }
            }
            Err(reason) => {
                identities.missing.push(MissingIdentity {
                    name,
                    reason,
                    exchange: None,
                });
            }
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

/// None, each alone, all but each, all; every rung once, and not the rung the source itself is.
fn ladder<'s>(
    run: &Run<'_>,
    source: &'s IdentitySource,
    client: &'s ClientCredentials,
) -> Vec<(
    &'s IdentitySource,
    &'s ClientCredentials,
    Option<ScopeSet>,
    String,
)> {
    let Some(mint) = run
        .settings
        .mint
        .as_ref()
        .filter(|mint| mint.from == source.name)
    else {
        return Vec::new();
    };
    let all = mint
        .scopes
        .clone()
        .or_else(|| source.scopes.clone())
        .unwrap_or_default();
    let mut rungs: Vec<(String, ScopeSet)> = vec![("none".to_owned(), ScopeSet::new())];
    for scope in &all {
        rungs.push((format!("only-{scope}"), ScopeSet::from([scope.clone()])));
    }
    for scope in &all {
        let rest = all
            .iter()
            .filter(|other| *other != scope)
            .cloned()
            .collect();
        rungs.push((format!("without-{scope}"), rest));
    }
    rungs.push(("all".to_owned(), all));
    let mut seen: Vec<ScopeSet> = source.scopes.iter().cloned().collect();
    let mut planned = Vec::new();
    for (rung, scopes) in rungs {
        if !seen.contains(&scopes) {
            seen.push(scopes.clone());
            planned.push((
                source,
                client,
                Some(scopes),
                format!("{}-{rung}", source.name),
            ));
        }
    }
    planned
}

struct Minted<'a> {
    source: &'a IdentitySource,
    client: &'a ClientCredentials,
    scopes: Option<ScopeSet>,
    name: String,
    token: SecretString,
}

impl Minted<'_> {
    fn identity(self, exchange: &Exchange) -> Identity {
        let (granted, expires_in) = mint::response(exchange);
        let claims = jose::peek(self.token.expose_secret());
        let mut identity = Identity {
            name: self.name.clone(),
            kind: self.source.kind,
            provenance: Provenance::Minted {
                grant: "client_credentials".to_owned(),
                client_id: self.client.client_id.clone(),
                token_endpoint: exchange.request.url.clone(),
            },
            privileged: self.source.privileged && self.name == self.source.name,
            believed: None,
            requested: self.scopes.clone(),
            // RFC 6749 §5.1: an absent `scope` means what was asked for was granted.
            granted: granted.or_else(|| self.scopes.clone()),
            expires_in,
            claims,
            exchange: None,
            invalid: None,
            header: None,
            credential: Some(self.token),
        };
        identity.invalid = excess(&identity);
        identity
    }
}

/// A token that holds more than was asked for proves nothing about the scopes left out.
fn excess(identity: &Identity) -> Option<String> {
    let requested = identity.requested.as_ref()?;
    let held = identity.scopes()?;
    let extra = held.difference(requested).cloned().collect::<Vec<_>>();
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
