//! The methods of the protocol, the same for every revision that has them.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::super::behaviour::{PathCheck, Revision, UnknownMethods};
use super::super::http::Refusal;
use super::super::state::{Shared, lock};
use super::gate::{self, Asked, Principal};
use super::notes::Note;
use super::ways::{self, Seen};
use super::{call, catalogue, doors, handles};

/// Who asks, and under which revision.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) revision: Revision,
    pub(crate) principal: Option<&'a Principal>,
    pub(crate) peer: Option<SocketAddr>,
    /// What the gate takes the message for, where that is not what it is.
    pub(crate) seen: Option<&'a Seen>,
    /// The name that the header fields give.
    pub(crate) header: Option<&'a str>,
}

/// What a request leads to: notifications on the way, and an outcome.
pub(crate) struct Reply {
    pub(crate) notices: Vec<Value>,
    pub(crate) outcome: Outcome,
    /// Whether the outcome says that it was kept.
    pub(crate) kept: bool,
}

/// The end of a request.
pub(crate) enum Outcome {
    Result(Value),
    Error {
        code: i64,
        message: String,
        data: Option<Value>,
    },
    Http(Refusal),
}

impl Outcome {
    pub(crate) fn invalid_params(message: &str) -> Self {
        Self::Error {
            code: -32602,
            message: message.to_owned(),
            data: None,
        }
    }
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        Self {
            notices: Vec::new(),
            outcome,
            kept: false,
        }
    }
}

/// Answers a request.
pub(crate) fn answer(context: &Context<'_>, method: &str, params: &Value) -> Reply {
    let readings = &context.shared.behaviour.ways;
    let (method, params) = ways::dispatched(readings, context.header, method, params);
    let (method, params) = (method.as_ref(), params.as_ref());
    let modern = context.revision == Revision::R2026_07;
    let cached = |result: Value, scope| Outcome::Result(cacheable(modern, result, scope));
    let own = doors::cache_scope(context.shared, params);
    let unknown = || Outcome::Error {
        code: -32601,
        message: "Method not found".to_owned(),
        data: None,
    };
    let outcome = match method {
        "server/discover" if modern => cached(discovery(context.shared), Some("public")),
        "ping" if !modern => Outcome::Result(json!({})),
        "tools/list" => match tools(context, params) {
            Some(list) => cached(list, own),
            None => Outcome::invalid_params("Invalid cursor"),
        },
        "tools/call" => {
            let mut reply = call::call(context, params);
            if let Outcome::Result(result) = reply.outcome {
                reply.outcome = Outcome::Result(completed(modern, result));
            }
            return reply;
        }
        "resources/list" => cached(resources(context), own),
        "resources/templates/list" => {
            let template =
                json!({"uriTemplate": "note://{id}", "name": "note", "mimeType": "text/plain"});
            cached(json!({"resourceTemplates": [template]}), own)
        }
        "resources/read" => match read(context, params) {
            Ok(contents) => cached(contents, own),
            Err(Outcome::Result(nothing)) => cached(nothing, own),
            Err(outcome) => outcome,
        },
        "resources/subscribe" | "resources/unsubscribe" => {
            doors::subscribe(context, params).unwrap_or_else(unknown)
        }
        "subscriptions/listen" if modern => match doors::listen(context, params) {
            Some(acknowledged) => {
                return Reply {
                    notices: vec![acknowledged],
                    outcome: Outcome::Result(completed(modern, json!({}))),
                    kept: false,
                };
            }
            None => unknown(),
        },
        "completion/complete" => match doors::complete(context, params) {
            Some(Outcome::Result(values)) => Outcome::Result(completed(modern, values)),
            other => other.unwrap_or_else(unknown),
        },
        "prompts/list" => {
            let argument = json!({"name": "id", "description": "Id of the note", "required": true});
            let prompt =
                json!({"name": PROMPT, "description": "Summarize a note", "arguments": [argument]});
            let mut prompts = vec![prompt];
            if doors::sees(context.shared, context.principal) {
                prompts.push(json!({"name": doors::PRIVATE_PROMPT, "description": "Compare pay"}));
            }
            cached(json!({"prompts": prompts}), own)
        }
        "prompts/get" => match prompt(context, params) {
            Ok(result) => Outcome::Result(completed(modern, result)),
            Err(outcome) => outcome,
        },
        "tasks/get" | "tasks/list" | "tasks/cancel" => {
            match handles::answer(context, method, params) {
                Some(Outcome::Result(task)) => Outcome::Result(completed(modern, task)),
                other => other.unwrap_or_else(unknown),
            }
        }
        _ if context.shared.behaviour.transport.unknown_methods == UnknownMethods::Answered => {
            Outcome::Result(completed(modern, json!({})))
        }
        _ => unknown(),
    };
    outcome.into()
}

/// Name and version of the server.
pub(crate) fn server_info() -> Value {
    json!({"name": "demo-notes", "version": "1.0.0"})
}

fn discovery(shared: &Shared) -> Value {
    let mut capabilities = doors::capabilities(shared, true);
    let declared = &shared.behaviour.server.extensions;
    if let Some(members) = capabilities.as_object_mut()
        && !declared.is_empty()
    {
        let named = declared.iter().map(|name| (name.clone(), json!({})));
        let known = members.entry("extensions").or_insert_with(|| json!({}));
        if let Some(known) = known.as_object_mut() {
            known.extend(named);
        }
    }
    let versions: Vec<&str> = shared
        .behaviour
        .server
        .revisions
        .iter()
        .map(|revision| revision.as_str())
        .collect();
    json!({
        "supportedVersions": versions,
        "capabilities": capabilities,
        "instructions": doors::instructions(shared),
        "_meta": {"io.modelcontextprotocol/serverInfo": server_info()},
    })
}

fn tools(context: &Context<'_>, params: &Value) -> Option<Value> {
    let cursor = match params.get("cursor") {
        None | Some(Value::Null) => None,
        Some(cursor) => Some(cursor.as_str()?),
    };
    let connection = context.shared.connection_ordinal(context.peer);
    let (tools, next) = catalogue::page(
        context.shared,
        context.revision,
        context.principal,
        connection,
        cursor,
    )?;
    let mut list = Map::new();
    list.insert("tools".to_owned(), Value::Array(tools));
    if let Some(next) = next {
        list.insert("nextCursor".to_owned(), json!(next));
    }
    Some(Value::Object(list))
}

fn resources(context: &Context<'_>) -> Value {
    let listed: Vec<Value> = doors::listed(context.shared, context.principal)
        .into_iter()
        .map(|(id, title)| {
            json!({"uri": format!("note://{id}"), "name": title, "mimeType": "text/plain"})
        })
        .collect();
    json!({"resources": listed})
}

fn read(context: &Context<'_>, params: &Value) -> Result<Value, Outcome> {
    let uri = params.get("uri").and_then(Value::as_str);
    let uri = uri.ok_or_else(|| Outcome::invalid_params("`uri` must be a string"))?;
    let readings = &context.shared.behaviour.ways;
    refuse_unless_permitted(context, "resources/read", uri)?;
    let uri = &ways::behind_the_gate(readings, uri);
    let missing = || doors::missing(context, uri);
    let guard = context.shared.behaviour.doors.resources;
    if uri == doors::PRIVATE_URI
        && let Some(refusal) = doors::refusal(context, guard, &missing)
    {
        return Err(refusal);
    }
    let note = match outside(context.shared.behaviour.enforcement.paths, uri) {
        Some(note) => Some(note),
        None => doors::note(context.shared, context.principal, uri),
    };
    let note = note.ok_or_else(missing)?;
    Ok(json!({"contents": [{"uri": uri, "mimeType": "text/plain", "text": note.body}]}))
}

/// What a careless server finds where nothing is offered.
fn outside(paths: PathCheck, uri: &str) -> Option<Note> {
    let decoded = uri.replace("%2e", ".").replace("%2f", "/");
    let climbs = |uri: &str| uri.contains("../") || uri == "file:///etc/hostname";
    let body = match paths {
        PathCheck::Contained => return None,
        PathCheck::CutBack => climbs(uri).then_some("Milk, bread, candles"),
        PathCheck::Unchecked => climbs(&decoded).then_some("notes-host-7"),
        PathCheck::DecodedLate => (climbs(&decoded) && !climbs(uri)).then_some("notes-host-7"),
    };
    body.map(|body| Note {
        title: "hostname".to_owned(),
        body: body.to_owned(),
        maker: String::new(),
    })
}

fn prompt(context: &Context<'_>, params: &Value) -> Result<Value, Outcome> {
    let name = params
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    refuse_unless_permitted(context, "prompts/get", name)?;
    let name = &ways::behind_the_gate(&context.shared.behaviour.ways, name);
    let missing = || Outcome::invalid_params(&format!("Unknown prompt: {name}"));
    if name == doors::PRIVATE_PROMPT && context.shared.behaviour.doors.private {
        let guard = context.shared.behaviour.doors.prompts;
        if let Some(refusal) = doors::refusal(context, guard, &missing) {
            return Err(refusal);
        }
        let text = json!({"type": "text", "text": "Compare pay: Ada 4100, Grace 4300"});
        return Ok(json!({"messages": [{"role": "user", "content": text}]}));
    }
    if name != PROMPT {
        return Err(missing());
    }
    let id = params.pointer("/arguments/id").and_then(Value::as_str);
    let id = id.ok_or_else(|| Outcome::invalid_params("Missing prompt argument: id"))?;
    let note = lock(&context.shared.notes).by_id(id);
    let note = note.ok_or_else(|| Outcome::invalid_params(&format!("There is no note {id}")))?;
    let text = json!({"type": "text", "text": format!("Summarize this note: {}", note.body)});
    Ok(json!({"messages": [{"role": "user", "content": text}]}))
}

/// Resources and prompts know one way of saying no in a message: a JSON-RPC error.
fn refuse_unless_permitted(context: &Context<'_>, method: &str, name: &str) -> Result<(), Outcome> {
    let asked = Asked { method, name };
    if gate::permitted(context.shared, context.principal, &asked) {
        return Ok(());
    }
    let scopes = gate::named(context.shared, context.principal, &asked);
    Err(
        if gate::is_http(context.shared.behaviour.enforcement.denial) {
            Outcome::Http(Box::new(gate::forbidden(context.shared, &scopes)))
        } else {
            let message = format!("Forbidden: the scope {} is required", scopes.join(" "));
            Outcome::Error {
                code: -32003,
                message,
                data: None,
            }
        },
    )
}

fn completed(modern: bool, result: Value) -> Value {
    match result {
        Value::Object(members) if modern => {
            let mut whole = Map::new();
            whole.insert("resultType".to_owned(), json!("complete"));
            // An unfinished call and a task say so themselves.
            whole.extend(members);
            Value::Object(whole)
        }
        other => other,
    }
}

fn cacheable(modern: bool, result: Value, scope: Option<&str>) -> Value {
    let mut result = completed(modern, result);
    if let (true, Some(members), Some(scope)) = (modern, result.as_object_mut(), scope) {
        members.insert("ttlMs".to_owned(), json!(60_000));
        members.insert("cacheScope".to_owned(), json!(scope));
    }
    result
}

const PROMPT: &str = "summarize_note";
