//! Tokens for identities: asked for at once where they do not depend on each other, one after the
//! other where each answer gives what the next is asked with, or where a person takes part.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::mint::{self, MintOrder, binding};
use super::{Run, certificates, file, login, together};
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::grant::{Grant, GrantRequest};
use crate::model::identity::{Identity, MissingIdentity, Provenance, ScopeSet};
use crate::model::settings::{AskedBy, CredentialSource, IdentitySource, LoginRequest};
use crate::model::spare::SpareToken;
use crate::wire::{Pending, ProofKey, Sent};

/// A token to be obtained.
#[derive(Clone)]
pub(crate) struct Order<'s> {
    /// The operator identity that it is obtained for or from.
    pub(crate) source: &'s IdentitySource,
    /// The grant and the client.
    pub(crate) request: &'s GrantRequest,
    /// Scopes to ask for; the server's default when absent.
    pub(crate) scopes: Option<ScopeSet>,
    /// Name of the identity that results.
    pub(crate) name: String,
    /// The scopes of the ladder it belongs to: those of them it was not asked for it must lack.
    pub(crate) varied: Option<ScopeSet>,
}

/// Obtains tokens; in the order of the orders, each with the reason where there is none.
pub(crate) async fn obtain(
    run: &Run<'_>,
    collected: &mut Collected,
    orders: Vec<Order<'_>>,
) -> Vec<Result<Identity, MissingIdentity>> {
    let (chained, free): (Vec<_>, Vec<_>) = orders
        .into_iter()
        .enumerate()
        .partition(|(_, order)| is_chained(order));
    let asks = free.iter().map(|(_, order)| {
        let key = binding::wanted(run, collected, order.request.dpop);
        let ask = mint::token(run, collected, order.ask(order.request, key));
        Box::pin(ask) as Pending<'_, Result<Sent, String>>
    });
    let answers = together(asks.collect()).await;
    let mut obtained = Vec::new();
    for ((place, order), answer) in free.into_iter().zip(answers) {
        let request = order.request;
        obtained.push((place, settle(run, collected, order, request, answer).await));
    }
    for (place, order) in chained {
        obtained.push((place, next(run, collected, order).await));
    }
    obtained.sort_by_key(|(place, _)| *place);
    obtained.into_iter().map(|(_, result)| result).collect()
}

/// The identity and the grant that a token came from, rungs of the ladder included.
pub(crate) fn source_of<'s>(
    run: &'s Run<'_>,
    collected: &Collected,
    name: &str,
) -> Option<(&'s IdentitySource, GrantRequest)> {
    let ladder = &collected.ladder;
    let from = ladder.from.as_str();
    let end = name
        .strip_prefix(from)
        .is_some_and(|rest| ["-none", "-all"].contains(&rest));
    let rung = !from.is_empty() && (ladder.has(name) || end);
    if let Some(source) = run.source(name) {
        return Some((source, own(source)?.clone()));
    }
    let source = run.source(from).filter(|_| rung)?;
    Some((source, rung_request(collected, source)?))
}

/// What a rung of the ladder is asked with: the grant of its source, or an exchange of the newest
/// token of a person.
pub(crate) fn rung_request(collected: &Collected, source: &IdentitySource) -> Option<GrantRequest> {
    let own = own(source)?;
    let exchanged = collected.ladder.grant.as_deref() == Some(EXCHANGE);
    if !exchanged || !own.grant.needs_a_person() {
        return Some(own.clone());
    }
    let subject = collected.identities.named(&source.name)?;
    Some(exchange_of(own, subject.credential.clone()?))
}

/// An exchange of a person's token by the client that obtained it (RFC 8693).
pub(crate) fn exchange_of(own: &GrantRequest, subject: SecretString) -> GrantRequest {
    GrantRequest {
        grant: Grant::TokenExchange {
            subject,
            subject_type: ACCESS_TOKEN.to_owned(),
        },
        ..own.clone()
    }
}

/// The grant of an identity that has one.
pub(crate) const fn own(source: &IdentitySource) -> Option<&GrantRequest> {
    match &source.credential {
        CredentialSource::Grant(request) => Some(request),
        CredentialSource::Token { .. } => None,
    }
}

/// Remembers a token that nobody uses any more, so that it is given back at the end.
pub(crate) fn spare(
    collected: &mut Collected,
    source: &str,
    request: &GrantRequest,
    token: SecretString,
    hint: &'static str,
    ends_ms: Option<u64>,
) {
    let name = format!("{source}-spare-{}", collected.spare.len() + 1);
    collected.spare.push(SpareToken {
        name,
        source: source.to_owned(),
        request: request.clone(),
        token,
        hint,
        ends_ms,
    });
}

/// When the token of an identity ends by itself, in milliseconds of the run.
pub(crate) fn ends_ms(collected: &Collected, identity: &Identity) -> Option<u64> {
    let exchange = collected.ledger.exchange(identity.exchange?)?;
    let obtained = exchange.started_ms.saturating_add(exchange.elapsed_ms);
    Some(obtained.saturating_add(identity.expires_in?.saturating_mul(1000)))
}

/// Whether each token costs what the next is asked with, or a person's time.
const fn is_chained(order: &Order<'_>) -> bool {
    let grant = &order.request.grant;
    matches!(grant, Grant::RefreshToken(_)) || grant.needs_a_person()
}

/// The next token of a chain: with the newest refresh token where there is one.
async fn next(
    run: &Run<'_>,
    collected: &mut Collected,
    order: Order<'_>,
) -> Result<Identity, MissingIdentity> {
    let newest = collected.refresh.get(&order.source.name).cloned();
    let mint = run.settings.mint.as_ref();
    let rung = order.varied.is_some();
    let by_login = rung && mint.is_some_and(|mint| mint.by_login);
    if order.request.grant.needs_a_person() && (by_login || newest.is_none()) {
        if rung && !by_login {
            return Err(MissingIdentity {
                name: order.name,
                reason: WITHOUT_REFRESH.to_owned(),
                exchange: None,
            });
        }
        return signed_in(run, collected, order).await;
    }
    let spare = order.clone();
    let cached = newest.is_some() && run.settings.upkeep.cached.contains_key(&order.source.name);
    let request = newest.unwrap_or_else(|| order.request.clone());
    let key = binding::wanted(run, collected, request.dpop);
    let answer = mint::token(run, collected, order.ask(&request, key)).await;
    let obtained = settle(run, collected, order, &request, answer).await;
    if obtained.is_err() && cached && collected.refresh.remove(&spare.source.name).is_some() {
        // What an earlier run kept is no longer good: the operator's own grant is.
        return Box::pin(next(run, collected, spare)).await;
    }
    obtained
}

/// Reads an answer; where it asks for a proof of possession that was not sent, asks once more.
async fn settle(
    run: &Run<'_>,
    collected: &mut Collected,
    order: Order<'_>,
    request: &GrantRequest,
    answer: Result<Sent, String>,
) -> Result<Identity, MissingIdentity> {
    let unproven = binding::wanted(run, collected, request.dpop).is_none();
    let demanded = |sent: &Sent| binding::is_demanded(&sent.exchange);
    let again = unproven && request.dpop.is_none() && answer.as_ref().is_ok_and(demanded);
    let answer = match (answer, again) {
        (Ok(refused), true) => {
            file(collected, refused);
            let key = binding::key(run, collected);
            mint::token(run, collected, order.ask(request, key)).await
        }
        (answer, _) => answer,
    };
    let source = order.source;
    let obtained = read(run, collected, order, request, answer)?;
    elsewhere(run, collected, source, request, obtained).await
}

/// A token for another server proves something only when it says that it is for that one alone.
async fn elsewhere(
    run: &Run<'_>,
    collected: &mut Collected,
    source: &IdentitySource,
    request: &GrantRequest,
    identity: Identity,
) -> Result<Identity, MissingIdentity> {
    let own = mint::resource(&collected.discovery);
    let claims = identity.claims.as_ref();
    let audience = claims.map(|claims| claims.audience.as_slice());
    let Some(reason) = request
        .resource
        .as_deref()
        .and_then(|it| not_foreign(it, &own, audience))
    else {
        return Ok(identity);
    };
    mint::give_back(run, collected, &source.name, &identity, request).await;
    Err(MissingIdentity {
        name: identity.name,
        reason,
        exchange: identity.exchange,
    })
}

/// A person signs in for this token.
async fn signed_in(
    run: &Run<'_>,
    collected: &mut Collected,
    order: Order<'_>,
) -> Result<Identity, MissingIdentity> {
    let request = LoginRequest {
        privileged: order.privileged(),
        client: Some(order.request.client.clone()),
        scopes: order.scopes.clone(),
        issuer: order.request.issuer.clone(),
        resource: order.request.resource.clone(),
        dpop: order.request.dpop,
        device: matches!(order.request.grant, Grant::DeviceCode),
        port: run.settings.waiting.port,
        timeout: run.settings.waiting.timeout,
        asked_by: AskedBy::Entry,
        ..LoginRequest::named(order.name.clone())
    };
    let (mut identity, refresh) = login::sign_in(run, collected, &request).await?;
    identity.kind = order.source.kind;
    identity.invalid = excess(&identity, order.varied.as_ref());
    let source = order.source.name.as_str();
    match refresh {
        // A narrower login must not stand in for the one that everything else is made from.
        Some(token) if order.name != source => {
            spare(
                collected,
                source,
                order.request,
                token,
                "refresh_token",
                None,
            );
        }
        Some(token) => keep(collected, source, order.request, token),
        None => {}
    }
    elsewhere(run, collected, order.source, order.request, identity).await
}

fn read(
    run: &Run<'_>,
    collected: &mut Collected,
    order: Order<'_>,
    request: &GrantRequest,
    answer: Result<Sent, String>,
) -> Result<Identity, MissingIdentity> {
    let missing = |name: &str, reason, exchange| MissingIdentity {
        name: name.to_owned(),
        reason,
        exchange,
    };
    let sent = answer.map_err(|reason| missing(&order.name, reason, None))?;
    let learned = |prefix: &str| {
        let label = format!("{prefix}-{}", order.name);
        let found = sent.learned.iter().find(|learned| learned.label == label);
        found.map(|learned| learned.secret.clone())
    };
    let (token, refresh) = (learned("token"), learned("refresh"));
    let exchange = sent.exchange.clone();
    let id = file(collected, sent);
    match (&request.grant, refresh) {
        (Grant::RefreshToken(shown), Some(newer)) => {
            if shown.expose_secret() != newer.expose_secret() {
                let source = order.source.name.as_str();
                // A lax server goes on taking the one before. The operator's own is his.
                if !is_given(order.source, shown) {
                    spare(
                        collected,
                        source,
                        request,
                        shown.clone(),
                        "refresh_token",
                        None,
                    );
                }
                keep(collected, source, request, newer);
            }
        }
        (_, Some(beside)) => {
            let source = order.source.name.as_str();
            spare(collected, source, request, beside, "refresh_token", None);
        }
        (_, None) => {}
    }
    let unusable = mint::unusable(&exchange);
    let Some(token) = token.filter(|_| unusable.is_none()) else {
        let refused = || {
            let clocks = mint::clocks(collected, &exchange, request);
            format!("{}{clocks}", mint::refusal(&exchange, request))
        };
        let reason = unusable.unwrap_or_else(refused);
        return Err(missing(&order.name, reason, Some(id)));
    };
    if binding::is_bound(&exchange)
        && let Some(key) = binding::key(run, collected)
    {
        run.wire.bind(&token, &key);
    }
    let source = order.source;
    let mut identity = order.identity(request, token, &exchange);
    identity.exchange = Some(id);
    certificates::present(run, &identity, &source.name);
    Ok(identity)
}

/// Whether a refresh token is the one that the operator gave for an identity.
fn is_given(source: &IdentitySource, token: &SecretString) -> bool {
    let given = own(source).map(|request| &request.grant);
    matches!(given, Some(Grant::RefreshToken(given))
        if given.expose_secret() == token.expose_secret())
}

/// Remembers the newest refresh token of an identity.
pub(crate) fn keep(
    collected: &mut Collected,
    name: &str,
    request: &GrantRequest,
    token: SecretString,
) {
    let request = GrantRequest {
        grant: Grant::RefreshToken(token),
        ..request.clone()
    };
    collected.refresh.insert(name.to_owned(), request);
}

impl Order<'_> {
    fn ask<'o>(&'o self, request: &'o GrantRequest, key: Option<Arc<ProofKey>>) -> MintOrder<'o> {
        MintOrder {
            source: &self.source.name,
            request,
            scopes: self.scopes.as_ref(),
            name: &self.name,
            key,
        }
    }

    fn privileged(&self) -> bool {
        self.source.privileged && self.name == self.source.name
    }

    fn identity(
        self,
        request: &GrantRequest,
        token: SecretString,
        exchange: &Exchange,
    ) -> Identity {
        let (granted, expires_in) = mint::response(exchange);
        let claims = jose::peek(token.expose_secret());
        let mut identity = Identity {
            privileged: self.privileged(),
            name: self.name,
            kind: self.source.kind,
            provenance: Provenance::Minted {
                grant: request.grant.as_str().to_owned(),
                client_id: request.client.id.clone(),
                token_endpoint: exchange.request.url.clone(),
            },
            // RFC 6749 §5.1: an absent `scope` means what was asked for was granted; nobody saw it.
            believed: self.scopes.clone(),
            requested: self.scopes,
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

/// Why a person's login makes no rung by itself.
pub(crate) const WITHOUT_REFRESH: &str = "no refresh token came with the login, so each narrower \
    token would take a login of its own; `[mint] from = \"login\"` asks for them";
/// RFC 8693 §2.1.
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Why a token that was asked for another server cannot stand for one: it may be for this one.
fn not_foreign(wanted: &str, own: &str, audience: Option<&[String]>) -> Option<String> {
    let named = |uri: &str| audience.is_some_and(|audience| audience.iter().any(|it| it == uri));
    let found = match audience {
        _ if wanted == own => "that is the audited server itself".to_owned(),
        None | Some([]) => "it does not say whom it is for".to_owned(),
        Some(_) if named(own) => "it is for the audited server as well".to_owned(),
        Some(_) if named(wanted) => return None,
        Some(names) => {
            let names = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
            let names = names.chars().take(200).collect::<String>();
            format!("it is for `{names}`")
        }
    };
    Some(format!(
        "a token was asked for `{wanted}`, and {found}; a server that accepts it may be right to: give \
         a token that is for another server with `token`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://mcp.example.com/mcp";
    const OTHER: &str = "https://sibling.example.com/mcp";

    fn problem(wanted: &str, audience: &[&str]) -> Option<String> {
        let audience: Vec<String> = audience.iter().map(|&it| it.to_owned()).collect();
        not_foreign(wanted, OWN, Some(&audience))
    }

    #[test]
    fn a_token_for_the_other_server_alone_stands_for_it() {
        assert_eq!(problem(OTHER, &[OTHER]), None);
        assert_eq!(problem(OTHER, &["https://third.example", OTHER]), None);
    }

    #[test]
    fn a_token_that_may_be_for_this_server_does_not() {
        for (found, said) in [
            (problem(OTHER, &[OTHER, OWN]), "as well"),
            (problem(OTHER, &[OWN]), "as well"),
            (
                problem(OTHER, &["https://auth.example"]),
                "https://auth.example",
            ),
            (problem(OTHER, &[]), "does not say"),
            (not_foreign(OTHER, OWN, None), "does not say"),
            (problem(OWN, &[OWN]), "itself"),
        ] {
            let found = found.expect("a reason");
            assert!(found.contains(said) && found.contains("`token`"), "{found}");
        }
    }
}
