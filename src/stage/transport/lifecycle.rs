//! The life of a session: what its id looks like beside others, and whether it ends.

use secrecy::{ExposeSecret, SecretString};

use super::super::enumerate::Sessions;
use super::super::session::{self, Session};
use super::super::{Run, close, file};
use super::form::Form;
use crate::mcp::{self, Operation};
use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::session_ids;

/// Opens sessions of the baseline, one after the other so that at most one more than before lives, and
/// asks on the first after it has ended.
pub(super) async fn observe(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let Some(baseline) = collected.identities.baseline().cloned() else {
        return;
    };
    let Some(known) = sessions.get(&baseline.name) else {
        return;
    };
    if known.id.is_none() || !mcp::has_sessions(known.revision) {
        return;
    }
    let mut ids = Vec::new();
    let mut exchanges = Vec::new();
    for session in sessions.values() {
        if let (Some(id), Some(exchange)) = (&session.id, session.opened_by) {
            ids.push(id.expose_secret().to_owned());
            exchanges.push(exchange);
        }
    }
    for ordinal in 0..SAMPLES {
        let (session, exchange) = sample(run, collected, &baseline, known, ordinal).await;
        let Some(id) = &session.id else { break };
        ids.push(id.expose_secret().to_owned());
        exchanges.push(exchange);
        if ordinal == 0 {
            after_the_end(run, collected, &baseline, &session).await;
        } else {
            close::one(run, collected, &baseline, &session).await;
        }
    }
    collected.session_ids = session_ids::measure(&ids, exchanges);
}

async fn sample(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    known: &Session,
    ordinal: u16,
) -> (Session, ExchangeId) {
    let session = Session {
        id: None,
        ..known.clone()
    };
    let key = ProbeKey::new(ProbeId::SessionSample).attempt(ordinal);
    let form = Form::new(run, key, identity, &session, &Operation::Initialize);
    let sent = form.send(run).await;
    let id: Option<SecretString> = sent.learned.first().map(|it| it.secret.clone());
    let exchange = file(collected, sent);
    (Session { id, ..session }, exchange)
}

/// Ends a session and asks on it once more; a DELETE that is refused leaves the question open.
async fn after_the_end(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    session: &Session,
) {
    let before = ask(run, collected, identity, session, "before").await;
    let sent = session::close(run, identity, session).await;
    let ended = sent
        .as_ref()
        .and_then(|sent| sent.exchange.status())
        .is_some_and(|status| status < 300);
    close::ended(collected, &identity.name, session, sent);
    if before && ended {
        ask(run, collected, identity, session, "after").await;
    }
}

async fn ask(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    session: &Session,
    variant: &str,
) -> bool {
    let key = ProbeKey::new(ProbeId::SessionReuse).variant(variant);
    let list = Operation::ListTools { cursor: None };
    let form = Form::new(run, key, identity, session, &list);
    let sent = form.send(run).await;
    let answered = sent.exchange.status().is_some_and(|status| status < 300);
    file(collected, sent);
    answered
}

/// Sessions opened to compare ids: with those of the identities enough to tell a counter or a clock
/// from chance, few enough to bother nobody.
pub(super) const SAMPLES: u16 = 6;
