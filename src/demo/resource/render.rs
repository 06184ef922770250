//! From replies to HTTP: one JSON object, or an event stream.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::behaviour::{Framing, Revision};
use super::super::http::{self, Refusal, no_store};
use super::super::state::Shared;
use super::methods::{Outcome, Reply};

/// A JSON-RPC error message.
pub(crate) fn error(id: &Value, code: i64, message: &str, data: Option<Value>) -> Value {
    let mut error = Map::new();
    error.insert("code".to_owned(), json!(code));
    error.insert("message".to_owned(), json!(message));
    if let Some(data) = data {
        error.insert("data".to_owned(), data);
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

/// A reply as JSON-RPC messages, the answer last, or as the HTTP answer it insists on.
pub(crate) fn messages(id: &Value, reply: Reply) -> Result<Vec<Value>, Refusal> {
    let answer = match reply.outcome {
        Outcome::Result(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Outcome::Error {
            code,
            message,
            data,
        } => error(id, code, &message, data),
        Outcome::Http(refusal) => return Err(refusal),
    };
    let mut messages = reply.notices;
    messages.push(answer);
    Ok(messages)
}

/// The HTTP answer to one request.
pub(crate) fn response(shared: &Shared, revision: Revision, id: &Value, reply: Reply) -> Response {
    let noticed = !reply.notices.is_empty();
    let kept = reply.kept;
    let not_found = revision == Revision::R2026_07
        && matches!(reply.outcome, Outcome::Error { code: -32601, .. });
    let messages = match messages(id, reply) {
        Ok(messages) => messages,
        Err(refusal) => return *refusal,
    };
    let streamed = shared.behaviour.server.framing == Framing::Sse || noticed;
    let response = match messages.as_slice() {
        [only] if not_found => http::json(404, only),
        [only] if !streamed => http::json(200, only),
        several => stream(shared, revision, several),
    };
    if kept {
        http::with_header(http::with_header(response, "age", "7"), "x-cache", "HIT")
    } else {
        response
    }
}

/// An event stream that ends after its messages.
pub(crate) fn stream(shared: &Shared, revision: Revision, messages: &[Value]) -> Response {
    stream_named(revision, &shared.ids.next("s"), messages)
}

/// The same under a name that its event ids begin with.
pub(crate) fn stream_named(revision: Revision, stream: &str, messages: &[Value]) -> Response {
    let mut body = String::new();
    if revision == Revision::R2025_11 {
        // A priming event: it is no message (2025-11-25, SSE polling).
        body.extend(["id: ", stream, "-0\ndata:\n\n"]);
    }
    for (ordinal, message) in messages.iter().enumerate() {
        body.push_str("event: message\n");
        if revision.has_sessions() {
            body.extend(["id: ", stream, "-", &(ordinal + 1).to_string(), "\n"]);
        }
        body.extend(["data: ", &message.to_string(), "\n\n"]);
    }
    no_store(http::typed(200, "text/event-stream", body))
}
