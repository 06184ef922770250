//! The MCP server: who may ask, in which revision, and what is answered.

mod call;
mod catalogue;
mod doors;
mod gate;
mod handles;
mod kept;
mod legacy;
mod metadata;
mod methods;
mod modern;
mod notes;
mod outer;
mod render;
mod resume;
mod sse;
mod validation;
mod verification;
mod ways;

use std::sync::Arc;

use axum::http::Method;
use axum::response::Response;
use serde_json::Value;

use super::behaviour::{
    DoorOrder, Framing, Listening, MediaTypes, OriginCheck, Resumption, Revision,
};
use super::http::{Incoming, json, method_not_allowed, text};
use super::state::Shared;

pub(crate) use catalogue::writes;
pub(crate) use handles::Started;
pub(crate) use legacy::Sessions;
pub(crate) use notes::Notes;
pub(crate) use resume::Replays;

use gate::Asked;

/// Answers a request to the MCP server; none when the path is not one of its own.
pub(crate) fn answer(shared: &Arc<Shared>, incoming: &Incoming) -> Option<Response> {
    if let Some(document) = metadata::document(shared, incoming) {
        return Some(document);
    }
    let messages = incoming.path == sse::MESSAGES_PATH && serves(shared, Revision::R2024_11);
    if !messages && !outer::is_endpoint(shared, incoming) {
        return None;
    }
    Some(outer::around(shared, incoming, || {
        inner(shared, incoming, messages)
    }))
}

fn inner(shared: &Arc<Shared>, incoming: &Incoming, messages: bool) -> Response {
    if foreign_origin(shared, incoming) {
        let refusal = "Origin is not allowed; use the server's own origin or none";
        return json(403, &render::error(&Value::Null, -32600, refusal, None));
    }
    if messages {
        sse::message(shared, incoming)
    } else {
        endpoint(shared, incoming)
    }
}

fn endpoint(shared: &Arc<Shared>, incoming: &Incoming) -> Response {
    let order = shared.behaviour.transport.order;
    if order == DoorOrder::VerbFirst && incoming.method != Method::POST {
        return method_not_allowed("POST");
    }
    if order == DoorOrder::SessionFirst && legacy::is_lost(shared, incoming) {
        return legacy::lost();
    }
    match incoming.method {
        Method::POST => post(shared, incoming),
        Method::GET | Method::DELETE => {
            // Once per request: a proof of possession is good for one time.
            let admitted = match gate::admit(shared, incoming, &[]) {
                Err(refusal) if !ways::asks_no_token(shared, incoming, None) => return *refusal,
                admitted => admitted,
            };
            let sessions = shared
                .behaviour
                .server
                .revisions
                .iter()
                .any(|one| one.has_sessions());
            if incoming.method == Method::DELETE && sessions {
                legacy::end(shared, incoming, admitted.ok().flatten().as_ref())
            } else if incoming.method == Method::GET && sessions && resumes(shared, incoming) {
                admitted.map_or_else(|refusal| *refusal, |_| resume::answer(shared, incoming))
            } else if incoming.method == Method::GET && listens(shared, incoming) {
                legacy::listen(shared, incoming, admitted.ok().flatten().as_ref())
            } else if incoming.method == Method::GET && serves(shared, Revision::R2024_11) {
                admitted.map_or_else(
                    |refusal| *refusal,
                    |principal| sse::open(shared, incoming, principal),
                )
            } else {
                method_not_allowed(if sessions { "POST, DELETE" } else { "POST" })
            }
        }
        _ => method_not_allowed("POST"),
    }
}

fn post(shared: &Arc<Shared>, incoming: &Incoming) -> Response {
    let parsed: Option<Value> = serde_json::from_slice(&incoming.body).ok();
    let seen = parsed
        .as_ref()
        .and_then(|value| ways::seen(shared, incoming, value));
    let asked = match (&seen, &parsed) {
        (Some(seen), _) => seen.asked(),
        (None, Some(value)) => gate::asked(value),
        (None, None) => Vec::new(),
    };
    let principal = match gate::admit(shared, incoming, &asked) {
        Ok(principal) => legacy::lender(shared, incoming).or(principal),
        Err(_) if ways::asks_no_token(shared, incoming, parsed.as_ref()) => None,
        Err(refusal) => return *refusal,
    };
    if shared.behaviour.server.revisions == [Revision::R2024_11] {
        return method_not_allowed("GET");
    }
    let any = shared.behaviour.transport.media_types == MediaTypes::Any;
    if !any && !incoming.has_media_type("application/json") {
        return text(415, "Content-Type must be application/json\n");
    }
    if let Some(refusal) = unacceptable(shared, incoming) {
        return refusal;
    }
    let Some(value) = &parsed else {
        return json(
            400,
            &render::error(&Value::Null, -32700, "Parse error", None),
        );
    };
    if let Some(refusal) = gate::refusal(shared, principal.as_ref(), &asked) {
        return refusal;
    }
    if is_modern(shared, incoming, value, &asked) {
        modern::post(shared, incoming, principal.as_ref(), value, seen.as_ref())
    } else {
        legacy::post(shared, incoming, principal.as_ref(), value, seen.as_ref())
    }
}

/// Whether a message belongs to the stateless era; clear marks first, then what is served.
fn is_modern(shared: &Shared, incoming: &Incoming, value: &Value, asked: &[Asked<'_>]) -> bool {
    if !serves(shared, Revision::R2026_07) {
        return false;
    }
    let older: Vec<Revision> = legacy::served(shared);
    if older.is_empty() || modern::stated_version(value).is_some() {
        return true;
    }
    if let Some(version) = incoming.header("mcp-protocol-version") {
        return !older.iter().any(|revision| revision.as_str() == version);
    }
    let initialize = asked.iter().any(|one| one.method == "initialize");
    let session = incoming.headers.contains_key("mcp-session-id");
    !initialize && !session && incoming.headers.contains_key("mcp-method")
}

fn unacceptable(shared: &Shared, incoming: &Incoming) -> Option<Response> {
    let accept = incoming.header("accept")?;
    let needed = match shared.behaviour.server.framing {
        Framing::Json => "application/json",
        Framing::Sse => "text/event-stream",
    };
    let ok = accept.contains(needed) || accept.contains("*/*");
    (!ok).then(|| {
        text(
            406,
            "Accept must list application/json and text/event-stream\n",
        )
    })
}

fn foreign_origin(shared: &Shared, incoming: &Incoming) -> bool {
    if shared.behaviour.resource.origin == OriginCheck::Ignored {
        return false;
    }
    let Some(origin) = incoming.headers.get("origin") else {
        return false;
    };
    let own = shared.mcp_origin.as_str();
    let by_name = own.replace("127.0.0.1", "localhost");
    origin.as_bytes() != own.as_bytes() && origin.as_bytes() != by_name.as_bytes()
}

fn resumes(shared: &Shared, incoming: &Incoming) -> bool {
    shared.behaviour.transport.resumption != Resumption::None
        && incoming.headers.contains_key("last-event-id")
}

fn listens(shared: &Shared, incoming: &Incoming) -> bool {
    shared.behaviour.transport.listening == Listening::Offered
        && incoming.headers.contains_key("mcp-session-id")
}

fn serves(shared: &Shared, revision: Revision) -> bool {
    shared.behaviour.server.revisions.contains(&revision)
}
