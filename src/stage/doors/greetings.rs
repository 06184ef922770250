//! What each identity is told about the server before it asks for anything.

use serde_json::Value;

use super::sample;
use crate::mcp::{Operation, decode};
use crate::model::audit::Collected;
use crate::model::doors::Greeting;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::{Run, file, reply, together};
use crate::wire::{Pending, Sent};

/// Asks `server/discover` for a few identities; older revisions have said it when sessions opened.
pub(super) async fn greet(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let revision = collected.discovery.revision();
    if revision.is_some_and(|revision| !revision.is_modern()) {
        let said: Vec<Greeting> = collected
            .ledger
            .iter()
            .filter(|it| it.probe.id == ProbeId::OpenSession)
            .filter(|it| it.probe.variant.as_deref() == Some("session"))
            .filter_map(|it| greeting(it, it.id))
            .collect();
        collected.doors.greetings.extend(said);
        return;
    }
    let asking = sample(collected, MOST_GREETED);
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for identity in &asking {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        let key = ProbeKey::new(ProbeId::Introduce);
        let id = run.next_id();
        let ask = Ask::new(key, identity, session, Operation::Discover);
        pending.push(Box::pin(rpc::send(run, ask, id)));
    }
    for sent in together(pending).await {
        let id = file(collected, sent);
        let said = collected
            .ledger
            .exchange(id)
            .and_then(|it| greeting(it, id));
        collected.doors.greetings.extend(said);
    }
}

fn greeting(exchange: &Exchange, id: ExchangeId) -> Option<Greeting> {
    let result = reply::result(exchange)?;
    let text = |member: &str| {
        result
            .get(member)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let declared = decode::capabilities(&result).and_then(Value::as_object);
    let mut capabilities: Vec<String> = declared
        .into_iter()
        .flatten()
        .flat_map(|(name, value)| {
            let within = value.as_object().filter(|_| name == "extensions");
            let within = within.into_iter().flatten().map(|(name, _)| name.clone());
            std::iter::once(name.clone()).chain(within)
        })
        .take(MOST_CAPABILITIES)
        .collect();
    capabilities.sort();
    Some(Greeting {
        identity: exchange.identity.clone(),
        capabilities,
        instructions: text("instructions"),
        cache_scope: text("cacheScope"),
        exchange: id,
    })
}

/// Identities that are compared: the strongest, the anonymous one, and the two weakest.
pub(crate) const MOST_GREETED: usize = 4;

/// Names kept of what one answer declares.
const MOST_CAPABILITIES: usize = 100;
