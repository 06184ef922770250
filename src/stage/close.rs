//! Leaving nothing behind: sessions closed, minted tokens revoked, the rest listed.

use super::enumerate::Sessions;
use super::session::{self, Session};
use super::{Run, file, mint, together};
use crate::model::audit::{Collected, ResidueItem};
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::wire::{Pending, Sent};

/// Closes every session of the run and revokes what it minted.
pub async fn close(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    (run.progress)("close", sessions.len());
    let identities = collected.identities.present.clone();
    let owners = identities.iter().filter_map(|identity| {
        let session = sessions.get(&identity.name)?;
        Some((identity, session))
    });
    for gone in all(run, collected, owners).await {
        mark(collected, gone);
    }
    mint::revoke(run, collected).await;
}

/// Closes sessions together and returns whose are gone.
pub(crate) async fn all<'a>(
    run: &Run<'_>,
    collected: &mut Collected,
    owners: impl Iterator<Item = (&'a Identity, &'a Session)>,
) -> Vec<&'a str> {
    let owners: Vec<(&Identity, &Session)> = owners.collect();
    let pending = owners.iter().map(|(identity, session)| {
        Box::pin(session::close(run, identity, session)) as Pending<'_, Option<Sent>>
    });
    let answers = together(pending.collect()).await;
    let mut gone = Vec::new();
    for ((identity, session), sent) in owners.into_iter().zip(answers) {
        if ended(collected, &identity.name, session, sent) {
            gone.push(identity.name.as_str());
        }
    }
    gone
}

/// Closes one session that served a passing purpose.
pub(crate) async fn one(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    session: &Session,
) {
    all(run, collected, std::iter::once((identity, session))).await;
}

/// Files the answer to a DELETE; a session that stays becomes residue.
pub(crate) fn ended(
    collected: &mut Collected,
    name: &str,
    session: &Session,
    sent: Option<Sent>,
) -> bool {
    let Some(sent) = sent else { return true };
    let status = sent.exchange.status();
    let id = file(collected, sent);
    // MCP §Session Management: a server may answer 405; the id is then its own to expire.
    let gone = status.is_some_and(|status| status < 300 || status == 404);
    if !gone {
        collected
            .residue
            .push(residue(name, &session.url, status, id));
    }
    gone
}

fn mark(collected: &mut Collected, identity: &str) {
    for record in collected
        .sessions
        .iter_mut()
        .filter(|record| record.identity == identity)
    {
        record.closed = true;
    }
}

fn residue(name: &str, url: &str, status: Option<u16>, exchange: ExchangeId) -> ResidueItem {
    let answer = status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
    ResidueItem {
        kind: "session".to_owned(),
        name: format!("session of {name}"),
        location: url.to_owned(),
        reason: format!("DELETE was answered with {answer}; the session stays until it expires"),
        undo: format!("DELETE {url} with its Mcp-Session-Id"),
        exchange: Some(exchange),
    }
}
