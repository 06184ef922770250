//! Token requests of a login, and what their answers hold.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::client::{Authentication, LoginClient};
use super::{Endpoints, Session};
use crate::codec::jose;
use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::login::{RefreshToken, TokenAnswer};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::{Run, file, mint};
use crate::wire::{Destination, Learned, Outgoing, RawAnswer};

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
    let learn = move |answer: &RawAnswer<'_>| tokens(answer, &labels);
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
    authenticate(run, client, &mut outgoing, &mut members);
    outgoing.body = Some(mint::form(&members));
    outgoing.carries_secret = true;
    outgoing.caused_by = Some(session.server.metadata);
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
    let (scopes, expires_in) = mint::response(&sent.exchange);
    let error = error(&sent.exchange);
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

/// Adds what proves the client: nothing but its id for a public one (RFC 6749 §3.2.1).
pub(super) fn authenticate(
    run: &Run<'_>,
    client: &LoginClient,
    outgoing: &mut Outgoing<'_>,
    members: &mut Vec<(&'static str, String)>,
) {
    match (&client.secret, client.authentication) {
        (Some(secret), Authentication::Basic) => {
            let value = mint::basic(&client.id, secret.expose_secret());
            let encoded = value.trim_start_matches("Basic ").to_owned();
            run.wire.know("secret-login-basic", &encoded.into());
            outgoing.headers.push(("Authorization".to_owned(), value));
        }
        (Some(secret), _) => {
            members.push(("client_id", client.id.clone()));
            members.push(("client_secret", secret.expose_secret().to_owned()));
        }
        (None, _) => members.push(("client_id", client.id.clone())),
    }
}

/// Why no token came, from the answer as filed.
pub(super) fn refusal(collected: &Collected, answer: &TokenAnswer, client_id: &str) -> String {
    let Some(exchange) = collected.ledger.exchange(answer.exchange) else {
        return "the token request was not sent".to_owned();
    };
    let Some(response) = exchange.response() else {
        let text = exchange
            .failure()
            .map_or("no answer", |failure| failure.text.as_str());
        return format!("the token request of client `{client_id}` failed: {text}");
    };
    match &answer.error {
        Some(error) => format!(
            "the token endpoint refused the code of client `{client_id}`: HTTP {} {error}",
            response.status
        ),
        None => format!(
            "the token endpoint answered HTTP {} {} without a token, expected JSON (RFC 6749 \
             §5.1)",
            response.status,
            response.media_type()
        ),
    }
}

/// Every secret of a token response.
pub(super) fn tokens(answer: &RawAnswer<'_>, name: &str) -> Vec<Learned> {
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

/// The OAuth error of an answer outside 2xx (RFC 6749 §5.2).
fn error(exchange: &Exchange) -> Option<String> {
    let response = exchange.response().filter(|it| it.status >= 400)?;
    let body = serde_json::from_slice::<Value>(&response.body.bytes()).ok()?;
    let error = body.get("error")?.as_str()?;
    Some(error.chars().take(60).collect())
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
    let Some(endpoint) = server.revocation.clone() else {
        return Err("no `revocation_endpoint` is advertised".to_owned());
    };
    let mut members = vec![
        ("token", held.secret.expose_secret().to_owned()),
        ("token_type_hint", held.hint.to_owned()),
    ];
    let key = ProbeKey::new(ProbeId::RevokeToken).variant(held.name.clone());
    let mut outgoing = Outgoing::new(key, "POST", endpoint);
    outgoing.identity.clone_from(&held.name);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = mint::form_headers();
    authenticate(run, client, &mut outgoing, &mut members);
    outgoing.body = Some(mint::form(&members));
    outgoing.carries_secret = true;
    outgoing.cleanup = true;
    let sent = run.wire.send(outgoing).await;
    let status = sent.exchange.status();
    let error = error(&sent.exchange).map_or(String::new(), |error| format!(" `{error}`"));
    file(collected, sent);
    match status {
        Some(200..=299) => Ok(()),
        Some(status) => Err(format!("revocation answered HTTP {status}{error}")),
        None => Err("revocation got no answer".to_owned()),
    }
}
