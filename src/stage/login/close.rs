//! Giving everything back: tokens revoked (RFC 7009), clients deleted (RFC 7592), the rest listed.

use secrecy::{ExposeSecret, SecretString};

use super::client::LoginClient;
use super::token::Held;
use super::{Session, token};
use crate::model::audit::{Collected, ResidueItem};
use crate::model::grant::Grant;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::{Run, file, mint};
use crate::wire::{Destination, Outgoing};

/// Revokes the tokens of a login, and of what was made from it, and deletes the clients that were
/// registered for it.
pub async fn close(run: &Run<'_>, collected: &mut Collected, mut session: Session) {
    take_up(collected, &mut session);
    if run.settings.upkeep.keep_tokens && !session.held.is_empty() {
        let why = "kept on request (`--keep-tokens`)";
        let item = tokens(&session, session.held.len(), why);
        collected.residue.push(item);
        leave(collected, session);
        return;
    }
    (run.progress)("log out", session.held.len());
    let mut left = 0_usize;
    let mut why = None;
    for held in &session.held {
        let client = match (&session.other, held.by_other) {
            (Some(other), true) => other,
            _ => &session.client,
        };
        let revoked = token::revoke(run, collected, &session.server, client, held).await;
        if let Err(reason) = revoked {
            left += 1;
            why = Some(reason);
        }
    }
    if let Some(reason) = why {
        collected.residue.push(tokens(&session, left, &reason));
    }
    for client in [Some(session.client), session.other].into_iter().flatten() {
        delete(run, collected, client).await;
    }
}

/// Takes over what the rest of the run obtained for this person: the newest refresh token, renewed
/// tokens, narrower ones, and those that nobody uses any more.
pub(super) fn take_up(collected: &mut Collected, session: &mut Session) {
    let name = session.facts.identity.clone();
    if let Some(newest) = collected.refresh.remove(&name)
        && let Grant::RefreshToken(token) = newest.grant
    {
        session.hold(format!("{name}-newest"), "refresh_token", token.clone());
        session.refresh = Some(token);
    }
    let ladder = &collected.ladder;
    let ends = [format!("{name}-none"), format!("{name}-all")];
    let made = collected.identities.present.iter().filter(|identity| {
        let rung =
            ladder.from == name && (ladder.has(&identity.name) || ends.contains(&identity.name));
        identity.name == name || rung
    });
    for identity in made {
        if let Some(token) = identity.credential.clone() {
            session.hold(identity.name.clone(), "access_token", token);
        }
    }
    let now = mint::now_ms(collected);
    for spare in std::mem::take(&mut collected.spare) {
        if spare.source != name {
            collected.spare.push(spare);
        } else if !spare.has_ended(now) {
            session.hold(spare.name, spare.hint, spare.token);
        }
    }
}

impl Session {
    /// Holds a token until the login is closed, once.
    fn hold(&mut self, name: String, hint: &'static str, secret: SecretString) {
        let known = |held: &Held| held.secret.expose_secret() == secret.expose_secret();
        if !self.held.iter().any(known) {
            self.held.push(Held {
                name,
                hint,
                secret,
                by_other: false,
            });
        }
    }
}

/// Leaves everything as it is, because the token is to be kept: deleting the client could end it.
pub fn leave(collected: &mut Collected, session: Session) {
    for client in [Some(session.client), session.other].into_iter().flatten() {
        if let Some(made) = client.registered {
            collected.residue.push(ResidueItem {
                kind: "client".to_owned(),
                name: made.record.client_id,
                location: session.server.issuer.clone(),
                reason: "the token that was kept belongs to it".to_owned(),
                undo: made.management.map_or_else(
                    || "ask the operator of the authorization server to remove it".to_owned(),
                    |(uri, _)| format!("DELETE {uri} with its registration access token"),
                ),
                exchange: Some(made.record.exchange),
            });
        }
    }
}

fn tokens(session: &Session, left: usize, reason: &str) -> ResidueItem {
    let endpoint = session.server.revocation.clone();
    let exchange = session.facts.redemptions.first();
    ResidueItem {
        kind: "token".to_owned(),
        name: format!("{} ({left} token(s))", session.facts.identity),
        location: endpoint
            .clone()
            .unwrap_or_else(|| session.server.issuer.clone()),
        reason: format!("{reason}; they last until they expire"),
        undo: endpoint.map_or_else(
            || {
                format!(
                    "sign in at {} and withdraw the consent of client `{}`",
                    session.server.issuer, session.facts.client_id
                )
            },
            |url| format!("POST {url} token=…"),
        ),
        exchange: exchange.map(|it| it.answer.exchange),
    }
}

async fn delete(run: &Run<'_>, collected: &mut Collected, client: LoginClient) {
    let Some(made) = client.registered else {
        return;
    };
    let record = made.record;
    let (reason, location) = match made.management {
        None => (
            "the server offers no client management (RFC 7592)".to_owned(),
            None,
        ),
        Some((uri, token)) => {
            let key = ProbeKey::new(ProbeId::DeleteClient).variant(record.variant.clone());
            let mut outgoing = Outgoing::new(key, "DELETE", uri.clone());
            outgoing.destination = Destination::Discovered;
            outgoing.credential = Some(token);
            outgoing.cleanup = true;
            outgoing.caused_by = Some(record.exchange);
            let sent = run.wire.send(outgoing).await;
            let status = sent.exchange.status();
            file(collected, sent);
            match status {
                Some(200..=299) => return,
                Some(status) => (
                    format!("DELETE was answered with HTTP {status} (RFC 7592 §2.3)"),
                    Some(uri),
                ),
                None => ("DELETE got no answer".to_owned(), Some(uri)),
            }
        }
    };
    collected.residue.push(ResidueItem {
        kind: "client".to_owned(),
        name: record.client_id,
        reason,
        undo: match &location {
            Some(uri) => format!("DELETE {uri} with its registration access token"),
            None => "ask the operator of the authorization server to remove this client".to_owned(),
        },
        location: location.unwrap_or_else(|| "the authorization server".to_owned()),
        exchange: Some(record.exchange),
    });
}
