//! Whether `Last-Event-ID` replays a stream to somebody else.

use super::super::enumerate::Sessions;
use super::super::{Run, file};
use super::form::Form;
use crate::codec::jsonrpc::Media;
use crate::codec::sse;
use crate::mcp::{self, Operation};
use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::session::Session;

/// Resumes an answered stream of the baseline: as its owner, as another identity on that one's own
/// session, and without a token.
pub(super) async fn observe(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    anonymous: &Identity,
) {
    let Some(owner) = collected.identities.baseline().cloned() else {
        return;
    };
    let Some(own) = sessions.get(&owner.name) else {
        return;
    };
    if own.id.is_none() || !mcp::has_sessions(own.revision) {
        return;
    }
    let Some(event) = event(collected, &owner.name) else {
        return;
    };
    let nobody = Session {
        id: None,
        ..own.clone()
    };
    let other = other(collected, &owner)
        .and_then(|identity| Some((identity.clone(), sessions.get(&identity.name)?)));
    let other = other.filter(|(_, session)| session.open && session.id.is_some());
    let mut asking = vec![("owner", &owner, own)];
    if let Some((identity, session)) = &other {
        asking.push(("other", identity, session));
    }
    asking.push(("no-token", anonymous, &nobody));
    for (variant, identity, session) in asking {
        let key = ProbeKey::new(ProbeId::ResumeStream).variant(variant);
        let mut form = Form::new(run, key, identity, session, &Operation::OpenStream);
        form.endless = true;
        let sent = form.with("Last-Event-ID", &event).send(run).await;
        file(collected, sent);
    }
}

fn event(collected: &Collected, owner: &str) -> Option<String> {
    let mut ledger = collected.ledger.iter();
    ledger.find_map(|exchange| resumable(exchange, owner))
}

/// Somebody else whose token works: another user where there is one.
fn other<'a>(collected: &'a Collected, owner: &Identity) -> Option<&'a Identity> {
    let identities = &collected.identities;
    let stranger = identities.other_user();
    stranger.or_else(|| {
        let mut valid = identities.valid();
        valid.find(|identity| identity.name != owner.name && identity.invalid.is_none())
    })
}

/// The first event id of an answer after which a message followed: what a resumption would repeat.
fn resumable(exchange: &Exchange, owner: &str) -> Option<String> {
    let response = exchange.response().filter(|it| it.status == 200)?;
    if exchange.identity != owner || exchange.probe.id != ProbeId::ListTools {
        return None;
    }
    if Media::of(&response.media_type()) != Media::EventStream {
        return None;
    }
    let events = sse::events(&response.body.bytes()).events;
    let first = events.iter().position(|event| event.id.is_some())?;
    let followed = events.iter().skip(first + 1).any(|event| {
        let data = event.data.as_deref().unwrap_or_default();
        !data.trim().is_empty()
    });
    let id = events.get(first)?.id.clone()?;
    (followed && id.bytes().all(|byte| byte.is_ascii_graphic())).then_some(id)
}
