//! Whether a resource can be watched by somebody who may not read it.

use serde_json::{Value, json};

use super::send::{Extra, send};
use crate::codec::jsonrpc::{self, Media};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::doors::{Subscription, SubscriptionOutcome};
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Cell};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::SubjectKind;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::session::Session;
use crate::stage::{Run, file, reply};

/// One question: who watches what.
struct Watch {
    identity: Identity,
    uri: String,
    control: bool,
}

/// Lets identities that were refused a resource ask to watch it, beside the baseline and a random
/// URI as controls. Every subscription is taken back at once.
pub(super) async fn watch(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    refused: &[(String, String)],
) {
    for watch in questions(run, collected, refused) {
        let Some(session) = sessions.get(&watch.identity.name).filter(|it| it.open) else {
            continue;
        };
        let outcome = if session.revision.is_modern() {
            listen(run, collected, session, &watch).await
        } else {
            subscribe(run, collected, session, &watch).await
        };
        collected.doors.subscriptions.push(outcome);
    }
}

/// Resources (by URI) and identities that were refused them, from the cells.
pub(super) fn refused(collected: &Collected, cells: &[Cell]) -> Vec<(String, String)> {
    let surface = &collected.surface;
    let weak = cells.iter().filter(|cell| {
        let identity = collected.identities.named(&cell.identity);
        cell.access == Access::Denied
            && identity.is_some_and(|it| it.kind == IdentityKind::Valid && it.invalid.is_none())
    });
    weak.filter_map(|cell| {
        let subject = surface.subject(&cell.subject)?;
        (subject.kind == SubjectKind::Resource)
            .then(|| (subject.name.clone(), cell.identity.clone()))
    })
    .collect()
}

/// Upper bound on requests of each of the two probes.
pub(crate) fn planned(collected: &Collected) -> usize {
    if is_offered(collected) {
        MOST_PAIRS * 2 + 1
    } else {
        0
    }
}

pub(super) fn is_offered(collected: &Collected) -> bool {
    let capabilities = collected.discovery.capabilities.as_ref();
    let resources = capabilities.and_then(|declared| declared.value.get("resources"));
    resources.and_then(|it| it.get("subscribe")) == Some(&Value::Bool(true))
}

fn questions(run: &Run<'_>, collected: &Collected, refused: &[(String, String)]) -> Vec<Watch> {
    let Some(baseline) = collected.identities.baseline() else {
        return Vec::new();
    };
    let Some((uri, _)) = refused.first() else {
        return Vec::new();
    };
    let scheme = uri.split(':').next().unwrap_or("resource");
    let random = format!("{scheme}://{}", run.entropy.word("ghost-watch", 16));
    let mut all = vec![Watch {
        identity: baseline.clone(),
        uri: uri.clone(),
        control: false,
    }];
    let pairs = refused.iter().filter(|(other, _)| other == uri);
    for (_, name) in pairs.take(MOST_PAIRS) {
        let Some(identity) = collected.identities.named(name) else {
            continue;
        };
        for (uri, control) in [(uri, false), (&random, true)] {
            all.push(Watch {
                identity: identity.clone(),
                uri: uri.clone(),
                control,
            });
        }
    }
    all
}

/// `resources/subscribe`, and its opposite when it was taken.
async fn subscribe(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &Session,
    watch: &Watch,
) -> Subscription {
    let ask = |probe: ProbeId, method: &'static str| {
        let mut ask = Ask::new(
            key(probe, watch),
            &watch.identity,
            session,
            Operation::Raw {
                method,
                params: json!({"uri": watch.uri}),
            },
        );
        ask.cleanup = probe == ProbeId::Unsubscribe;
        ask
    };
    let sent = rpc::ask(run, ask(ProbeId::Subscribe, "resources/subscribe")).await;
    let outcome = if reply::result(&sent.exchange).is_some() {
        SubscriptionOutcome::Accepted
    } else {
        refusal(&sent.exchange)
    };
    let exchange = file(collected, sent);
    if outcome == SubscriptionOutcome::Accepted {
        let undone = rpc::ask(run, ask(ProbeId::Unsubscribe, "resources/unsubscribe")).await;
        file(collected, undone);
    }
    subscription(watch, outcome, exchange)
}

/// `subscriptions/listen`: the stream is closed as soon as the acknowledgement is read, which ends
/// the subscription (MCP 2026-07-28 §Subscriptions).
async fn listen(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &Session,
    watch: &Watch,
) -> Subscription {
    let operation = Operation::Raw {
        method: "subscriptions/listen",
        params: json!({"notifications": {"resourceSubscriptions": [watch.uri]}}),
    };
    let until = |bytes: &[u8]| acknowledged(bytes).is_some();
    let extra = Extra {
        until: Some(&until),
        ..Extra::none()
    };
    let key = key(ProbeId::Subscribe, watch);
    let sent = send(run, key, &watch.identity, session, &operation, extra).await;
    let bytes = sent.exchange.response().map(|it| it.body.bytes());
    let outcome = match bytes.and_then(|bytes| acknowledged(&bytes)) {
        Some(watched) if watched.contains(&watch.uri) => SubscriptionOutcome::Accepted,
        Some(_) => SubscriptionOutcome::Refused,
        None => refusal(&sent.exchange),
    };
    let exchange = file(collected, sent);
    subscription(watch, outcome, exchange)
}

/// The URIs that an acknowledgement names.
fn acknowledged(bytes: &[u8]) -> Option<Vec<String>> {
    let parsed = jsonrpc::messages(Media::EventStream, bytes);
    let message = parsed
        .messages
        .iter()
        .find(|it| it.get("method").and_then(Value::as_str) == Some(ACKNOWLEDGED))?;
    let uris = message.pointer("/params/notifications/resourceSubscriptions");
    let uris = uris.and_then(Value::as_array).into_iter().flatten();
    Some(uris.filter_map(Value::as_str).map(str::to_owned).collect())
}

fn refusal(exchange: &Exchange) -> SubscriptionOutcome {
    let code = reply::error_code(exchange);
    match (code, exchange.status()) {
        (Some(METHOD_NOT_FOUND), _) => SubscriptionOutcome::NotOffered,
        (Some(_), _) | (None, Some(401 | 403)) => SubscriptionOutcome::Refused,
        _ => SubscriptionOutcome::Unclear,
    }
}

fn key(probe: ProbeId, watch: &Watch) -> ProbeKey {
    let key = ProbeKey::new(probe).about(SubjectKind::Resource.subject_id(&watch.uri));
    if watch.control {
        key.variant("control")
    } else {
        key
    }
}

fn subscription(watch: &Watch, outcome: SubscriptionOutcome, exchange: ExchangeId) -> Subscription {
    Subscription {
        identity: watch.identity.name.clone(),
        uri: watch.uri.clone(),
        control: watch.control,
        outcome,
        exchange,
    }
}

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// JSON-RPC: method not found.
const METHOD_NOT_FOUND: i64 = -32601;

/// Identities that ask to watch one resource: the door is the same for the others.
const MOST_PAIRS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_names_what_is_watched() {
        let ack = |filter: &str| {
            format!(
                "data: {{\"jsonrpc\":\"2.0\",\"method\":\"{ACKNOWLEDGED}\",\"params\":{{\
                 \"notifications\":{filter}}}}}\n\n"
            )
        };
        let named = ack("{\"resourceSubscriptions\":[\"note://9\", 7]}");
        assert_eq!(acknowledged(named.as_bytes()).unwrap(), ["note://9"]);
        assert!(acknowledged(ack("{}").as_bytes()).unwrap().is_empty());
        assert_eq!(acknowledged(b"data: {}\n\n"), None);
        assert_eq!(acknowledged(b"\xff\xfe"), None);
    }
}
