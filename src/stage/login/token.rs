//! Token requests of a login, and what their answers hold.

use secrecy::{ExposeSecret, SecretString};

use super::client::LoginClient;
use super::{Endpoints, Session};
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::grant::{Grant, GrantRequest, OAuthClient};
use crate::model::identity::IdentityKind;
use crate::model::login::{RefreshToken, TokenAnswer};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::mint::{Revocation, binding};
use crate::stage::{Run, beside, file, mint};
use crate::wire::{Destination, Outgoing, RawAnswer};

/// A token that has to be given back.
pub(super) struct Held {
    pub(super) name: String,
    pub(super) hint: &'static str,
    pub(super) secret: SecretString,
    /// Whether the second client obtained it.
    pub(super) by_other: bool,
}

/// What a token request gave.
pub(super) struct Asked {
    pub(super) answer: TokenAnswer,
    pub(super) access: Option<SecretString>,
    pub(super) refresh: Option<SecretString>,
    pub(super) expires_in: Option<u64>,
}

/// A token request in the making.
pub(super) struct Question<'q> {
    pub(super) probe: ProbeId,
    pub(super) variant: String,
    pub(super) members: Vec<(&'static str, String)>,
    /// The refresh token that is presented.
    pub(super) presented: Option<&'q SecretString>,
    pub(super) by_other: bool,
}

/// Asks the token endpoint, files the answer, and keeps what has to be revoked.
pub(super) async fn ask(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    question: Question<'_>,
) -> Asked {
    let identity = session.facts.identity.clone();
    let name = format!("{identity}-{}", question.variant);
    let labels = name.clone();
    let learn = move |answer: &RawAnswer<'_>| mint::tokens(answer, &labels);
    let client = match (&session.other, question.by_other) {
        (Some(other), true) => other,
        _ => &session.client,
    };
    let key = ProbeKey::new(question.probe)
        .about(session.server.issuer.clone())
        .variant(question.variant);
    let mut members = question.members;
    let mut outgoing = Outgoing::new(key, "POST", session.server.token.clone());
    outgoing.identity.clone_from(&identity);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = mint::form_headers();
    let proof = client.shows(run, collected, &session.server.issuer);
    proof.add(run, &mut outgoing, &mut members);
    outgoing.body = Some(mint::form(&members));
    outgoing.carries_secret = true;
    outgoing.caused_by = Some(session.server.metadata);
    outgoing.proof.clone_from(&session.key);
    outgoing.learn = Some(&learn);
    let sent = run.wire.send(outgoing).await;
    let learned = |prefix: &str| {
        let found = sent
            .learned
            .iter()
            .find(|learned| learned.label.starts_with(prefix));
        found.map(|learned| learned.secret.clone())
    };
    let (access, refresh) = (learned("token-"), learned("refresh-"));
    beside::keep(
        collected,
        &identity,
        IdentityKind::IdToken,
        learned("id-token-"),
    );
    let newest = refresh.clone();
    beside::keep(collected, &identity, IdentityKind::RefreshToken, newest);
    if let (Some(token), Some(key)) = (&access, &session.key)
        && binding::is_bound(&sent.exchange)
    {
        run.wire.bind(token, key);
    }
    let (scopes, expires_in) = mint::response(&sent.exchange);
    let status = sent.exchange.status();
    let error = mint::error(&sent.exchange).filter(|_| status.is_some_and(|it| it >= 400));
    let same = |new: &SecretString| {
        question
            .presented
            .is_some_and(|old| old.expose_secret() == new.expose_secret())
    };
    let answer = TokenAnswer {
        exchange: file(collected, sent),
        issued: access.is_some(),
        error,
        scopes,
        claims: access
            .as_ref()
            .and_then(|token| jose::peek(token.expose_secret())),
        refresh: match &refresh {
            None => RefreshToken::Absent,
            Some(new) if same(new) => RefreshToken::Same,
            Some(_) => RefreshToken::New,
        },
    };
    for (hint, secret) in [("refresh_token", &refresh), ("access_token", &access)] {
        if let Some(secret) = secret {
            session.held.push(Held {
                name: name.clone(),
                hint,
                secret: secret.clone(),
                by_other: question.by_other,
            });
        }
    }
    Asked {
        answer,
        access,
        refresh,
        expires_in,
    }
}

/// Why no token came, from the answer as filed.
pub(super) fn refusal(collected: &Collected, answer: &TokenAnswer, session: &Session) -> String {
    let Some(exchange) = collected.ledger.exchange(answer.exchange) else {
        return "the token request was not sent".to_owned();
    };
    let request = GrantRequest {
        grant: if session.callback.is_some() {
            Grant::AuthorizationCode
        } else {
            Grant::DeviceCode
        },
        client: OAuthClient {
            id: session.client.shown.clone(),
            ..session.client.client.clone()
        },
        issuer: None,
        resource: None,
        dpop: None,
    };
    let clocks = mint::clocks(collected, exchange, &request);
    format!("{}{clocks}", mint::refusal(exchange, &request))
}

/// Whether a token request was refused for want of a proof that was not sent; from then on the
/// session has the key for it.
pub(super) fn binds_now(
    run: &Run<'_>,
    collected: &Collected,
    session: &mut Session,
    answer: &TokenAnswer,
) -> bool {
    let exchange = collected.ledger.exchange(answer.exchange);
    let demanded = exchange.is_some_and(binding::is_demanded);
    if answer.issued || session.key.is_some() || session.dpop == Some(false) || !demanded {
        return false;
    }
    session.key = binding::key(run, collected);
    session.key.is_some()
}

/// A revocation request (RFC 7009 §2.1).
///
/// # Errors
/// What came instead of a confirmation.
pub(super) async fn revoke(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &Endpoints,
    client: &LoginClient,
    held: &Held,
) -> Result<(), String> {
    let revocation = Revocation {
        key: ProbeKey::new(ProbeId::RevokeToken).variant(held.name.clone()),
        identity: &held.name,
        endpoint: server.revocation.clone(),
        proof: client.shows(run, collected, &server.issuer),
        token: &held.secret,
        hint: held.hint,
    };
    mint::revoke_one(run, collected, revocation).await
}
