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
    let mut owners = Vec::new();
    let mut pending: Vec<Pending<'_, Option<Sent>>> = Vec::new();
    for identity in &identities {
        if let Some(session) = sessions.get(&identity.name) {
            owners.push((identity.name.clone(), session));
            pending.push(Box::pin(session::close(run, identity, session)));
        }
    }
    let answers = together(pending).await;
    for ((name, session), sent) in owners.into_iter().zip(answers) {
        if ended(collected, &name, session, sent) {
            mark(collected, &name);
        }
    }
    mint::revoke(run, collected).await;
}

/// Closes one session that served a passing purpose.
pub(crate) async fn one(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    session: &Session,
) {
    let sent = session::close(run, identity, session).await;
    ended(collected, &identity.name, session, sent);
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
