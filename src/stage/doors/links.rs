//! Links in the results of tools, followed by those who were refused the tool and by another user.

use std::collections::BTreeSet;

use serde_json::Value;

use super::send::{Extra, send};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::exchange::ExchangeId;
use crate::model::handles::{HandleAsk, LinkTrial, Role};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::matrix::{Access, Cell};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::stage::enumerate::Sessions;
use crate::stage::{Run, file, reply};

/// Follows a few links that only the baseline was handed.
pub(super) async fn follow(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    cells: &[Cell],
) {
    for (tool, uri, handed_out) in found(collected) {
        let mut trial = LinkTrial {
            tool,
            uri,
            handed_out,
            asks: Vec::new(),
        };
        for (role, identity) in readers(collected, cells, &trial.tool) {
            let Some(session) = sessions.get(&identity.name).filter(|it| it.open) else {
                continue;
            };
            let key = ProbeKey::new(ProbeId::FollowLink).about(trial.uri.clone());
            let operation = Operation::ReadResource { uri: &trial.uri };
            let sent = send(run, key, &identity, session, &operation, Extra::none()).await;
            let exchange = file(collected, sent);
            trial.asks.push(HandleAsk {
                identity: identity.name.clone(),
                role,
                what: "resources/read".to_owned(),
                exchange,
            });
        }
        collected.handles.links.push(trial);
    }
}

/// Upper bound on requests.
pub(crate) const MOST_FOLLOWED: usize = MOST_LINKS * 4;

/// Links in valid calls of the baseline: tool, URI, result. What a list names anyway is no handle.
fn found(collected: &Collected) -> Vec<(String, String, ExchangeId)> {
    let baseline = collected.identities.baseline.as_deref();
    let listed: BTreeSet<&str> = collected
        .surface
        .subjects
        .iter()
        .map(|subject| subject.name.as_str())
        .collect();
    let mut links: Vec<(String, String, ExchangeId)> = Vec::new();
    for exchange in collected.ledger.iter() {
        let called = matches!(exchange.probe.id, ProbeId::CallValid | ProbeId::CallListed);
        if !called || Some(exchange.identity.as_str()) != baseline {
            continue;
        }
        let (Some(tool), Some(result)) = (&exchange.probe.subject, reply::result(exchange)) else {
            continue;
        };
        let content = result.get("content").and_then(Value::as_array);
        for block in content.into_iter().flatten() {
            let link = block.get("type").and_then(Value::as_str) == Some("resource_link");
            let uri = block.get("uri").and_then(Value::as_str).filter(|_| link);
            let Some(uri) = uri.filter(|uri| uri.len() <= LONGEST && !listed.contains(uri)) else {
                continue;
            };
            let known = links.iter().any(|(_, known, _)| known == uri);
            if !known && links.len() < MOST_LINKS {
                links.push((tool.clone(), uri.to_owned(), exchange.id));
            }
        }
    }
    links
}

/// The baseline as the control, then whoever was refused the tool, then another user.
fn readers(collected: &Collected, cells: &[Cell], tool: &str) -> Vec<(Role, Identity)> {
    let mut readers = Vec::new();
    let identities = &collected.identities;
    readers.extend(identities.baseline().map(|it| (Role::Owner, it.clone())));
    let refused = cells
        .iter()
        .filter(|cell| cell.subject == tool && cell.access == Access::Denied)
        .filter_map(|cell| identities.named(&cell.identity))
        .filter(|it| it.kind == IdentityKind::Valid && it.invalid.is_none())
        .take(MOST_WEAKER);
    readers.extend(refused.map(|it| (Role::Weaker, it.clone())));
    readers.extend(
        identities
            .other_user()
            .map(|it| (Role::OtherUser, it.clone())),
    );
    readers
}

/// Links that are followed: one open link shows the door.
const MOST_LINKS: usize = 3;

/// Callers refused the tool who follow a link.
const MOST_WEAKER: usize = 2;

/// Bytes of a URI.
const LONGEST: usize = 2048;
