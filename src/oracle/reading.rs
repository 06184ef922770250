//! What a JSON-RPC message holds: the shape of its result, its texts, its circumstances.

use std::collections::BTreeSet;

use serde_json::Value;

use super::observe::{Hint, Sent, Shape};
use super::signature;
use crate::codec::{challenge, jsonrpc};
use crate::model::exchange::Response;
use crate::model::identity::ScopeSet;

/// The shape of a message that holds a result.
pub(super) fn result_shape(message: &Value, sent: &Sent) -> Shape {
    let Some(result) = message.get("result") else {
        return Shape::Broken;
    };
    let kind = result.get("resultType").and_then(Value::as_str);
    if kind == Some("input_required") || result.get("inputRequests").is_some() {
        return Shape::InputRequired;
    }
    let handle = result.pointer("/task/taskId").is_some() || result.get("taskId").is_some();
    if kind == Some("task") || (handle && result.get("content").is_none()) {
        return Shape::Task;
    }
    if META_CHALLENGES
        .iter()
        .any(|pointer| result.pointer(pointer).is_some())
    {
        return Shape::MetaChallenge;
    }
    if result.get("isError").and_then(Value::as_bool) == Some(true) {
        return Shape::ResultError;
    }
    let bodies = ["content", "contents", "messages"];
    let listed = bodies.iter().find_map(|name| result.get(*name));
    let empty = match listed.and_then(Value::as_array) {
        Some(items) => items.is_empty() && result.get("structuredContent").is_none(),
        None => {
            sent.method.as_deref() == Some("tools/call")
                && result.get("structuredContent").is_none()
        }
    };
    if empty {
        Shape::ResultEmpty
    } else {
        Shape::ResultOk
    }
}

/// The shape of a message that holds an error.
pub(super) fn error_shape(message: &Value) -> Shape {
    if jsonrpc::error_code(message) == Some(URL_ELICITATION_REQUIRED) {
        Shape::InputRequired
    } else {
        Shape::RpcError
    }
}

/// What the answer says to a person, and the data that goes with it.
pub(super) fn texts(message: &Value) -> (String, String) {
    if let Some(result) = message.get("result") {
        return result_texts(result);
    }
    if let Some(error) = message.get("error").filter(|error| error.is_object()) {
        let said = error.get("message").and_then(Value::as_str);
        let data = error.get("data").map(signature::canonical);
        return (
            said.unwrap_or_default().to_owned(),
            data.unwrap_or_default(),
        );
    }
    if let Some(said) = message.get("message").and_then(Value::as_str) {
        return (said.to_owned(), signature::canonical(message));
    }
    (signature::canonical(message), String::new())
}

/// Scopes named by a challenge in the `_meta` of a result.
pub(super) fn meta_scopes(message: &Value) -> Option<ScopeSet> {
    let result = message.get("result")?;
    let found = META_CHALLENGES
        .iter()
        .find_map(|pointer| result.pointer(pointer))?;
    let fields: Vec<&str> = match found {
        Value::String(field) => vec![field],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let challenges = challenge::parse(&fields);
    challenge::scopes(challenges.token_challenge()?)?.ok()
}

/// Content types of a result.
pub(super) fn contents(message: &Value) -> BTreeSet<String> {
    let blocks = |name: &str| {
        message
            .pointer(&format!("/result/{name}"))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut kinds: BTreeSet<String> = blocks("content")
        .iter()
        .filter_map(|block| block.get("type").and_then(Value::as_str))
        .map(str::to_owned)
        .collect();
    if message.pointer("/result/structuredContent").is_some() {
        kinds.insert("structured".into());
    }
    kinds
}

/// The members of structured content, or of a text that is JSON itself.
pub(super) fn skeleton(message: &Value) -> String {
    match structured(message) {
        Some(value) => signature::skeleton(&value),
        None => String::new(),
    }
}

/// Structured content, or a text that is JSON itself.
pub(super) fn structured(message: &Value) -> Option<Value> {
    if let Some(value) = message.pointer("/result/structuredContent") {
        return Some(value.clone());
    }
    let blocks = message.pointer("/result/content")?.as_array()?;
    let [block] = blocks.as_slice() else {
        return None;
    };
    let text = block.get("text")?.as_str()?.trim_start();
    text.starts_with(['{', '['])
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

/// Circumstances of an answer.
pub(super) fn hints(messages: &[Value], response: &Response, shape: Shape) -> BTreeSet<Hint> {
    let mut hints = BTreeSet::new();
    let is_zero = |name: &str| {
        response
            .header(name)
            .is_some_and(|value| value.trim() == "0")
    };
    if response.header("retry-after").is_some()
        || is_zero("x-ratelimit-remaining")
        || is_zero("ratelimit-remaining")
    {
        hints.insert(Hint::Limited);
    }
    let hit = response.headers.iter().any(|field| {
        let name = field.name.to_ascii_lowercase();
        let status = name.contains("cache") && name != "cache-control";
        status && field.value.to_ascii_uppercase().contains("HIT")
    });
    let aged = response
        .header("age")
        .and_then(|value| value.trim().parse::<u64>().ok())
        .is_some_and(|age| age > 0);
    if hit || aged {
        hints.insert(Hint::Cached);
    }
    if matches!(shape, Shape::Html | Shape::Bare) && is_edge(response) {
        hints.insert(Hint::Edge);
    }
    for message in messages {
        match message.get("method").and_then(Value::as_str) {
            Some("notifications/progress") => hints.insert(Hint::Interim),
            Some("notifications/message") => {
                let level = message.pointer("/params/level").and_then(Value::as_str);
                if level.is_some_and(|level| WORRYING_LEVELS.contains(&level)) {
                    hints.insert(Hint::Warned);
                }
                hints.insert(Hint::Interim)
            }
            _ => false,
        };
    }
    hints
}

fn result_texts(result: &Value) -> (String, String) {
    let mut said = Vec::new();
    for member in ["content", "contents", "messages"] {
        let blocks = result.get(member).and_then(Value::as_array);
        for block in blocks.into_iter().flatten() {
            let content = block.get("content").unwrap_or(block);
            let inner = content.get("resource").unwrap_or(content);
            for name in ["text", "uri", "name", "data", "blob"] {
                if let Some(text) = inner.get(name).and_then(Value::as_str) {
                    said.push(text);
                }
            }
        }
    }
    let data = result.get("structuredContent").map(signature::canonical);
    if said.is_empty() && data.is_none() && result.get("content").is_none() {
        let mut rest = result.clone();
        if let Some(members) = rest.as_object_mut() {
            members.remove("_meta");
        }
        return (signature::canonical(&rest), String::new());
    }
    (said.join("\n"), data.unwrap_or_default())
}

fn is_edge(response: &Response) -> bool {
    let server = response.header("server").unwrap_or_default();
    EDGE_FIELDS
        .iter()
        .any(|name| response.header(name).is_some())
        || EDGE_SERVERS.iter().any(|name| server.starts_with(name))
}

const META_CHALLENGES: [&str; 2] = [
    "/_meta/mcp~1www_authenticate",
    "/_meta/io.modelcontextprotocol~1authorization",
];
const URL_ELICITATION_REQUIRED: i64 = -32042;
const WORRYING_LEVELS: [&str; 5] = ["warning", "error", "critical", "alert", "emergency"];
const EDGE_FIELDS: [&str; 5] = [
    "cf-mitigated",
    "x-azure-ref",
    "x-iinfo",
    "x-goog-iap-generated-response",
    "x-sucuri-id",
];
const EDGE_SERVERS: [&str; 4] = ["AkamaiGHost", "awselb", "CloudFront", "cloudflare"];
