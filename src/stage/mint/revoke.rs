//! Giving tokens back (RFC 7009); what stays valid becomes residue.

use secrecy::{ExposeSecret, SecretString};

use super::proof::Proof;
use super::{form, form_headers, issuer};
use crate::model::audit::{Collected, ResidueItem};
use crate::model::grant::{Grant, GrantRequest};
use crate::model::identity::{Identity, Provenance};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::{Run, file, obtain};
use crate::wire::{Destination, Outgoing};

/// A token to be given back.
pub(crate) struct Revocation<'r> {
    /// The probe it is counted as.
    pub(crate) key: ProbeKey,
    /// Name of the identity that gives it back.
    pub(crate) identity: &'r str,
    /// Where, when the metadata says.
    pub(crate) endpoint: Option<String>,
    /// The client it was issued to.
    pub(crate) proof: Proof<'r>,
    /// The token.
    pub(crate) token: &'r SecretString,
    /// `access_token` or `refresh_token`.
    pub(crate) hint: &'r str,
}

/// Revokes one token.
///
/// # Errors
/// What came instead of a confirmation, one clause.
pub(crate) async fn revoke_one(
    run: &Run<'_>,
    collected: &mut Collected,
    revocation: Revocation<'_>,
) -> Result<(), String> {
    let Some(endpoint) = revocation.endpoint else {
        return Err("no `revocation_endpoint` is advertised".to_owned());
    };
    let mut members = vec![
        ("token", revocation.token.expose_secret().to_owned()),
        ("token_type_hint", revocation.hint.to_owned()),
    ];
    let mut outgoing = Outgoing::new(revocation.key, "POST", endpoint);
    revocation.identity.clone_into(&mut outgoing.identity);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = form_headers();
    revocation.proof.add(run, &mut outgoing, &mut members);
    outgoing.body = Some(form(&members));
    outgoing.carries_secret = true;
    outgoing.cleanup = true;
    let sent = run.wire.send(outgoing).await;
    let status = sent.exchange.status();
    let error = super::error(&sent.exchange);
    let error = error.map_or(String::new(), |error| format!(" `{error}`"));
    file(collected, sent);
    match status {
        Some(200..=299) => Ok(()),
        Some(status) => Err(format!("revocation answered HTTP {status}{error}")),
        None => Err("revocation got no answer".to_owned()),
    }
}

/// Revokes the tokens that the run minted, those that others replaced, and the refresh tokens that a
/// person gave it. What belongs to `--login` waits until the login is over.
pub(crate) async fn revoke(run: &Run<'_>, collected: &mut Collected) {
    let upkeep = &run.settings.upkeep;
    let minted = collected.identities.present.clone();
    for identity in minted
        .iter()
        .filter(|i| matches!(i.provenance, Provenance::Minted { .. }))
    {
        let Some((source, request)) = obtain::source_of(run, collected, &identity.name) else {
            continue;
        };
        if run.is_login(&source.name) {
            continue;
        }
        let of_kept = upkeep.cache.is_some() && collected.refresh.contains_key(&source.name);
        let why = match (upkeep.keep_tokens, of_kept) {
            (true, _) => Some(KEPT),
            // RFC 7009 §2.1: with it the server may end the refresh token.
            (_, true) => Some(CACHED),
            (false, false) => None,
        };
        match why {
            None => give_back(run, collected, &source.name, identity, &request).await,
            Some(why) => {
                let item = residue(identity.name.clone(), identity.expires_in, None, why);
                collected.residue.push(item);
            }
        }
    }
    spares(run, collected).await;
    if upkeep.cache.is_some() {
        return;
    }
    for (name, newest) in std::mem::take(&mut collected.refresh) {
        if run.is_login(&name) {
            collected.refresh.insert(name, newest);
            continue;
        }
        let Some((_, request)) = obtain::source_of(run, collected, &name) else {
            continue;
        };
        let Grant::RefreshToken(token) = &newest.grant else {
            continue;
        };
        if request.grant.needs_a_person() && upkeep.keep_tokens {
            let item = residue(format!("{name}-refresh"), None, None, KEPT);
            collected.residue.push(item);
        } else if request.grant.needs_a_person() {
            let variant = format!("{name}-refresh");
            let back = Back {
                name: &variant,
                identity: &name,
                hint: "refresh_token",
                expires_in: None,
            };
            one(run, collected, &newest, token, back).await;
        } else {
            collected.residue.push(replaced(name, &newest));
        }
    }
}

/// Revokes tokens that nobody uses any more, unless they have ended by themselves.
async fn spares(run: &Run<'_>, collected: &mut Collected) {
    let now = now_ms(collected);
    for spare in std::mem::take(&mut collected.spare) {
        let kept = run.settings.upkeep.keep_tokens;
        if run.is_login(&spare.source) {
            collected.spare.push(spare);
            continue;
        }
        if spare.has_ended(now) {
            continue;
        }
        let left = spare.seconds_left(now);
        let cached = run.settings.upkeep.cache.is_some();
        let why = match ends_with_it(collected, &spare.source, &spare.request) {
            _ if kept => Some(KEPT),
            _ if cached && collected.refresh.contains_key(&spare.source) => Some(CACHED),
            true => Some(STILL_WORKS),
            false => None,
        };
        if let Some(why) = why {
            let item = residue(spare.name, left, None, why);
            collected.residue.push(item);
            continue;
        }
        let back = Back {
            name: &spare.name,
            identity: &spare.name,
            hint: spare.hint,
            expires_in: left,
        };
        one(run, collected, &spare.request, &spare.token, back).await;
    }
}

/// How long the run has lasted, in milliseconds.
pub(crate) fn now_ms(collected: &Collected) -> u64 {
    let ends = collected.ledger.iter();
    let ends = ends.map(|it| it.started_ms.saturating_add(it.elapsed_ms));
    ends.max().unwrap_or_default()
}

/// Revokes the token of an identity that was obtained from `source`; what stays valid becomes residue.
pub(crate) async fn give_back(
    run: &Run<'_>,
    collected: &mut Collected,
    source: &str,
    identity: &Identity,
    request: &GrantRequest,
) {
    let Some(token) = &identity.credential else {
        return;
    };
    if ends_with_it(collected, source, request) {
        let item = residue(
            identity.name.clone(),
            identity.expires_in,
            None,
            STILL_WORKS,
        );
        collected.residue.push(item);
        return;
    }
    let back = Back {
        name: &identity.name,
        identity: &identity.name,
        hint: "access_token",
        expires_in: identity.expires_in,
    };
    one(run, collected, request, token, back).await;
}

/// Whether the operator's own refresh token could end with what was obtained by it (RFC 7009 §2.1):
/// it still works unless another one took its place.
fn ends_with_it(collected: &Collected, source: &str, request: &GrantRequest) -> bool {
    let replaced = collected.refresh.contains_key(source);
    matches!(request.grant, Grant::RefreshToken(_)) && !replaced
}

/// What a token is called, and how long it lasts when it stays.
struct Back<'b> {
    name: &'b str,
    identity: &'b str,
    hint: &'b str,
    expires_in: Option<u64>,
}

async fn one(
    run: &Run<'_>,
    collected: &mut Collected,
    request: &GrantRequest,
    token: &SecretString,
    back: Back<'_>,
) {
    let Ok(server) = issuer(&collected.discovery, request.issuer.as_deref()).cloned() else {
        return;
    };
    let metadata = server.chosen();
    let endpoint =
        metadata.and_then(|it| super::endpoint(it, "revocation_endpoint", &request.client));
    let endpoint = endpoint.map(str::to_owned);
    let revoked = match Proof::of(run, collected, &server, &request.client, back.name) {
        Err(reason) => Err(reason),
        Ok(proof) => {
            let revocation = Revocation {
                key: ProbeKey::new(ProbeId::RevokeToken).variant(back.name),
                identity: back.identity,
                endpoint: endpoint.clone(),
                proof,
                token,
                hint: back.hint,
            };
            revoke_one(run, collected, revocation).await
        }
    };
    if let Err(reason) = revoked {
        let name = back.name.to_owned();
        let item = residue(name, back.expires_in, endpoint, &reason);
        collected.residue.push(item);
    }
}

/// The operator's refresh token was replaced: the old one is spent, and the run keeps no secret.
fn replaced(name: String, newest: &GrantRequest) -> ResidueItem {
    ResidueItem {
        kind: "refresh token".to_owned(),
        location: "the authorization server".to_owned(),
        reason: format!(
            "the server replaced the refresh token that was given for `{name}`; the old one is \
             spent unless the server goes on taking it, and the new one was not kept; \
             `--token-cache` keeps it"
        ),
        undo: format!(
            "sign in again as client `{}` for a new one",
            newest.client.id
        ),
        name,
        exchange: None,
    }
}

/// A token that stays valid.
pub(crate) fn residue(
    name: String,
    expires_in: Option<u64>,
    endpoint: Option<String>,
    reason: &str,
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
        reason: format!("{reason}; it expires after {lifetime}"),
        undo: endpoint.map_or("wait for its expiry".to_owned(), |url| {
            format!("POST {url} token=…")
        }),
        exchange: None,
    }
}

const CACHED: &str = "its refresh token is kept (`--token-cache`), and could end with it";
const KEPT: &str = "it was kept on request (`--keep-tokens`)";
const STILL_WORKS: &str =
    "the refresh token that was given for it still works, and could end with it";
