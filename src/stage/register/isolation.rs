//! Whether the record of one of our clients opens to anybody else (RFC 7592 §2): the victim is always
//! a client of this run.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Flow, variants};
use crate::model::audit::Collected;
use crate::model::consequence::{RecordKey, RecordTrial};
use crate::model::exchange::ExchangeId;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::Deletion;
use crate::oracle::redirects;
use crate::stage::client::{object, secrets};
use crate::stage::{Run, file};
use crate::wire::{Destination, Outgoing, RawAnswer};

/// Reads and removes the first client with the wrong tokens; its own one is the control.
pub(super) async fn isolation(run: &Run<'_>, collected: &mut Collected, flow: &mut Flow) {
    let mut managed = flow.clients.iter().enumerate();
    let Some((victim, (uri, token))) =
        managed.find_map(|(at, client)| Some((at, client.management.clone()?)))
    else {
        return;
    };
    let foreign = intruder(flow, victim, &uri, &token);
    let garbage = SecretString::from(run.entropy.word("registration-token", 32));
    let keys = [
        (RecordKey::Missing, None),
        (RecordKey::Garbage, Some(garbage)),
        (RecordKey::Foreign, foreign.clone()),
        (RecordKey::Own, Some(token)),
    ];
    for (key, credential) in keys {
        if key == RecordKey::Foreign && credential.is_none() {
            continue;
        }
        let ask = Ask {
            removal: false,
            key,
            credential,
        };
        let newer = trial(run, collected, flow, victim, &uri, ask).await;
        // Reading may rotate the token (RFC 7592 §2.1): only the newest deletes.
        if let (RecordKey::Own, Some(newer)) = (key, newer)
            && let Some(client) = flow.clients.get_mut(victim)
        {
            client.management = Some((uri.clone(), newer));
        }
    }
    let readable = |trial: &RecordTrial| trial.key == RecordKey::Own && trial.opened == Some(true);
    if !flow.consequences.records.iter().any(readable) {
        return;
    }
    removal(run, collected, flow, victim, &uri, foreign).await;
}

/// Lends the token of another client. The server may revoke it for that (RFC 7592 §2.1), and what it
/// manages then stays: the most harmless client is taken, the last one that asked for little.
fn intruder(flow: &mut Flow, victim: usize, uri: &str, own: &SecretString) -> Option<SecretString> {
    let others = flow.clients.iter_mut().enumerate().rev();
    let mut others = others.filter(|(at, _)| *at != victim);
    let (client, token) = others.find_map(|(_, client)| {
        let mut redirects = client.redirects.iter();
        let machine = client.record.variant == variants::MACHINE;
        let harmless = !machine && redirects.all(|uri| redirects::weakness(uri).is_none());
        let (place, token) = client.management.clone()?;
        // A shared URI tells the clients apart by their tokens: no record is another's there.
        let apart = place != uri && token.expose_secret() != own.expose_secret();
        (harmless && apart).then_some((client, token))
    })?;
    client.lent = true;
    Some(token)
}

/// Removal without a token and with another client's; what was removed so needs no clean-up.
async fn removal(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    victim: usize,
    uri: &str,
    foreign: Option<SecretString>,
) {
    let keys = [(RecordKey::Missing, None), (RecordKey::Foreign, foreign)];
    for (key, credential) in keys {
        if key == RecordKey::Foreign && credential.is_none() {
            continue;
        }
        let ask = Ask {
            removal: true,
            key,
            credential,
        };
        trial(run, collected, flow, victim, uri, ask).await;
        let last = flow.consequences.records.last();
        let Some(exchange) = last
            .filter(|trial| trial.opened == Some(true))
            .map(|trial| trial.exchange)
        else {
            continue;
        };
        if gone(run, collected, flow, victim, exchange).await {
            return;
        }
        // Answered with success, and the client lives on: nothing was opened.
        if let Some(trial) = flow.consequences.records.last_mut() {
            trial.opened = Some(false);
        }
    }
}

struct Ask {
    removal: bool,
    key: RecordKey,
    credential: Option<SecretString>,
}

/// One request for a record; returns the token that a read rotated to.
async fn trial(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    victim: usize,
    uri: &str,
    ask: Ask,
) -> Option<SecretString> {
    let (method, word) = if ask.removal {
        ("DELETE", "remove")
    } else {
        ("GET", "read")
    };
    let variant = format!("{word}-{}", name(ask.key));
    let learn = |answer: &RawAnswer<'_>| secrets(answer, "client-reread");
    let key = ProbeKey::new(ProbeId::ForeignRecord).variant(variant);
    let mut outgoing = Outgoing::new(key, method, uri.to_owned());
    outgoing.destination = Destination::Discovered;
    outgoing.credential = ask.credential;
    outgoing.carries_secret = true;
    outgoing.learn = Some(&learn);
    outgoing.caused_by = Some(flow.named_by);
    let sent = run.wire.send(outgoing).await;
    let newer = sent
        .learned
        .iter()
        .find(|learned| learned.label.ends_with("-registration"))
        .map(|learned| learned.secret.clone());
    let body = object(&sent.exchange);
    let id = body.get("client_id").and_then(Value::as_str);
    let client = flow.clients.get(victim);
    let is_victim = id.is_some() && id == client.map(|client| client.record.client_id.as_str());
    let opened = match sent.exchange.status() {
        Some(200..=299) if ask.removal => Some(true),
        Some(200) if is_victim => Some(true),
        Some(400..=499) => Some(false),
        _ => None,
    };
    let exchange = file(collected, sent);
    flow.consequences.records.push(RecordTrial {
        removal: ask.removal,
        key: ask.key,
        opened,
        exchange,
    });
    newer
}

/// Reads the victim with its own token after a stranger's removal was confirmed.
async fn gone(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    victim: usize,
    removal: ExchangeId,
) -> bool {
    let Some(client) = flow.clients.get_mut(victim) else {
        return false;
    };
    let Some((uri, token)) = client.management.clone() else {
        return false;
    };
    let key = ProbeKey::new(ProbeId::ForeignRecord).variant("read-after-removal");
    let mut outgoing = Outgoing::new(key, "GET", uri);
    outgoing.destination = Destination::Discovered;
    outgoing.credential = Some(token);
    outgoing.caused_by = Some(removal);
    let sent = run.wire.send(outgoing).await;
    let gone = matches!(sent.exchange.status(), Some(401 | 403 | 404 | 410));
    file(collected, sent);
    if gone {
        client.record.deletion = Deletion::Deleted { exchange: removal };
        client.management = None;
    }
    gone
}

const fn name(key: RecordKey) -> &'static str {
    match key {
        RecordKey::Missing => "without-token",
        RecordKey::Garbage => "garbage",
        RecordKey::Foreign => "foreign",
        RecordKey::Own => "own",
    }
}
