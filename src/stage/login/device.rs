//! The device flow (RFC 8628): a code is shown, a person types it elsewhere, the token is polled for.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::poll::poll;
use super::{Obtained, Session, Visit, authorize};
use crate::model::audit::Collected;
use crate::model::login::{Round, RoundEnd};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::settings::LoginRequest;
use crate::stage::{Run, client, file, mint};
use crate::wire::{Destination, Learned, Outgoing, Pending, RawAnswer};

/// Asks for a device code, shows it, and polls until it is approved.
///
/// # Errors
/// Why no token came.
pub(super) async fn obtain(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    request: &LoginRequest,
) -> Result<Obtained, String> {
    let grant = device_code(run, collected, session).await?;
    let Some(person) = &run.person else {
        return Err("there is nobody to ask".to_owned());
    };
    (person.show)(&Visit {
        identity: &session.facts.identity,
        asked: session.facts.requested.as_ref(),
        url: grant.url.as_str(),
        number: 1,
        most: 1,
        timeout: request.timeout.min(grant.lifetime),
        purpose: "signing in on another device",
        user_code: Some(&grant.user_code),
    });
    let pause = |length: Duration| -> Pending<'static, ()> { Box::pin(tokio::time::sleep(length)) };
    let ended = tokio::select! {
        biased;
        () = person.cancel.cancelled() => Err("the login was cancelled".to_owned()),
        polled = poll(run, collected, session, &grant.device_code, grant.interval, &pause) => polled,
        () = tokio::time::sleep(request.timeout.min(grant.lifetime)) => Err(format!(
            "nobody typed the code within {} s; `--login-timeout` gives it longer",
            request.timeout.min(grant.lifetime).as_secs()
        )),
    };
    let end = match &ended {
        Ok(_) => RoundEnd::Granted,
        Err(reason) => RoundEnd::Unfinished {
            reason: reason.clone(),
        },
    };
    session.facts.rounds.push(Round {
        number: 1,
        purpose: "signing in on another device".to_owned(),
        end,
        issuer: None,
        exchange: None,
    });
    ended
}

pub(super) struct Grant {
    pub(super) device_code: SecretString,
    user_code: String,
    url: url::Url,
    interval: Duration,
    lifetime: Duration,
}

pub(super) async fn device_code(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &Session,
) -> Result<Grant, String> {
    let Some(endpoint) = session.server.device.clone() else {
        return Err("no `device_authorization_endpoint` is advertised".to_owned());
    };
    let mut members = vec![("resource", session.facts.resource.clone())];
    if let Some(scopes) = &session.facts.requested {
        let text = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        members.push(("scope", text));
    }
    let learn = |answer: &RawAnswer<'_>| codes(answer);
    let key = ProbeKey::new(ProbeId::DeviceAuthorization).about(session.server.issuer.clone());
    let mut outgoing = Outgoing::new(key, "POST", endpoint);
    outgoing.identity.clone_from(&session.facts.identity);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = mint::form_headers();
    let proof = session.client.shows(run, collected, &session.server.issuer);
    proof.add(run, &mut outgoing, &mut members);
    outgoing.body = Some(mint::form(&members));
    outgoing.carries_secret = true;
    outgoing.caused_by = Some(session.server.metadata);
    outgoing.learn = Some(&learn);
    let sent = run.wire.send(outgoing).await;
    let learned = |label: &str| {
        let found = sent.learned.iter().find(|it| it.label == label);
        found.map(|it| it.secret.clone())
    };
    let (device_code, user_code) = (learned("device-code"), learned("user-code"));
    let whole = learned("verification-uri");
    let body = client::object(&sent.exchange);
    let status = sent.exchange.status();
    file(collected, sent);
    let answered = status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
    let incomplete = || {
        format!(
            "the device authorization endpoint answered {answered} without `device_code`, \
             `user_code` and `verification_uri` (RFC 8628 §3.2)"
        )
    };
    let device_code = device_code.ok_or_else(incomplete)?;
    let user_code = user_code.ok_or_else(incomplete)?;
    let whole = whole.map(|secret| secret.expose_secret().to_owned());
    let plain = body.get("verification_uri").and_then(Value::as_str);
    let url = whole.as_deref().or(plain).ok_or_else(incomplete)?;
    let seconds = |member: &str, default: u64| {
        let value = body.get(member).and_then(Value::as_u64);
        Duration::from_secs(value.unwrap_or(default).clamp(1, 3600))
    };
    Ok(Grant {
        device_code,
        user_code: user_code.expose_secret().chars().take(40).collect(),
        url: authorize::endpoint(url)?,
        interval: seconds("interval", 5),
        lifetime: seconds("expires_in", 900),
    })
}

fn codes(answer: &RawAnswer<'_>) -> Vec<Learned> {
    let body = serde_json::from_slice::<Value>(answer.body).unwrap_or_default();
    let members = [
        ("device_code", "device-code"),
        ("user_code", "user-code"),
        ("verification_uri_complete", "verification-uri"),
    ];
    let texts = members.into_iter().filter_map(|(member, label)| {
        let text = body.get(member)?.as_str()?;
        (answer.status == 200 && !text.is_empty()).then(|| Learned {
            label: label.to_owned(),
            secret: SecretString::from(text.to_owned()),
        })
    });
    texts.collect()
}

/// The grant type of RFC 8628 §3.4.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
