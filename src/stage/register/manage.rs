//! Client management (RFC 7592): every client of the run is deleted, and what stays is listed.

use super::Flow;
use crate::model::audit::{Collected, ResidueItem};
use crate::model::exchange::ExchangeId;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::Deletion;
use crate::stage::client::{Client, object};
use crate::stage::{Run, file};
use crate::wire::{Destination, Outgoing};

pub(super) async fn delete_all(run: &Run<'_>, collected: &mut Collected, flow: &mut Flow) {
    for client in &mut flow.clients {
        if let Some((uri, token)) = &client.management {
            let key = ProbeKey::new(ProbeId::DeleteClient).variant(client.record.variant.clone());
            let mut outgoing = Outgoing::new(key, "DELETE", uri.clone());
            outgoing.destination = Destination::Discovered;
            outgoing.credential = Some(token.clone());
            outgoing.cleanup = true;
            outgoing.caused_by = Some(client.record.exchange);
            let sent = run.wire.send(outgoing).await;
            let status = sent.exchange.status();
            let failure = sent.exchange.failure().map(|failure| failure.text.clone());
            let exchange = file(collected, sent);
            client.record.deletion = match status {
                Some(200..=299) => Deletion::Deleted { exchange },
                Some(401 | 403) if client.lent => Deletion::Spent { exchange },
                Some(status) => Deletion::Refused {
                    exchange,
                    what: format!("HTTP {status}"),
                },
                None => Deletion::Refused {
                    exchange,
                    what: failure.unwrap_or_default(),
                },
            };
        }
        let left = match &client.record.deletion {
            Deletion::Deleted { exchange } => still_there(run, collected, client, *exchange).await,
            Deletion::Refused { .. } | Deletion::Spent { .. } | Deletion::NotOffered => true,
        };
        if left {
            collected.residue.push(residue(client));
        }
    }
}

/// Reads a deleted client back: 401 or 404 is right (RFC 7592 §2.1).
async fn still_there(
    run: &Run<'_>,
    collected: &mut Collected,
    client: &Client,
    deleted: ExchangeId,
) -> bool {
    let Some((uri, token)) = &client.management else {
        return false;
    };
    let key = ProbeKey::new(ProbeId::ReadClient).variant(client.record.variant.clone());
    let mut outgoing = Outgoing::new(key, "GET", uri.clone());
    outgoing.destination = Destination::Discovered;
    outgoing.credential = Some(token.clone());
    outgoing.cleanup = true;
    outgoing.caused_by = Some(deleted);
    let sent = run.wire.send(outgoing).await;
    let readable =
        sent.exchange.status() == Some(200) && object(&sent.exchange).get("client_id").is_some();
    file(collected, sent);
    readable
}

fn residue(client: &Client) -> ResidueItem {
    let location = client.management.as_ref().map(|(uri, _)| uri.clone());
    ResidueItem {
        kind: "client".to_owned(),
        name: client.record.client_id.clone(),
        reason: match &client.record.deletion {
            Deletion::Refused { what, .. } => {
                format!("DELETE was answered with {what} (RFC 7592 §2.3)")
            }
            Deletion::Spent { .. } => {
                "the server revoked its registration token, which was tried at \
                                       another client's record (RFC 7592 §2.1)"
                    .to_owned()
            }
            Deletion::Deleted { .. } => {
                "DELETE was confirmed, and the client can still be read".to_owned()
            }
            Deletion::NotOffered => "the server offers no client management (RFC 7592)".to_owned(),
        },
        undo: match (&location, &client.record.deletion) {
            (Some(uri), Deletion::Refused { .. } | Deletion::Deleted { .. }) => {
                format!("DELETE {uri} with its registration access token")
            }
            _ => "ask the operator of the authorization server to remove this client".to_owned(),
        },
        location: location.unwrap_or_else(|| "the authorization server".to_owned()),
        exchange: Some(client.record.exchange),
    }
}
