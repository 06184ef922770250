//! Reading the JSON-RPC message in an answer, whatever framing it came in.

use serde_json::Value;

use crate::codec::jsonrpc::{self, Answer, Media, Parsed};
use crate::mcp::era::{self, Era};
use crate::model::exchange::{Exchange, Request};

/// The `result` of the answer to this exchange's request.
pub(crate) fn result(exchange: &Exchange) -> Option<Value> {
    with_answer(exchange, |answer| match answer {
        Answer::Result(message) => message.get("result").cloned(),
        _ => None,
    })
    .flatten()
}

/// The `code` of the JSON-RPC error in the answer.
pub(crate) fn error_code(exchange: &Exchange) -> Option<i64> {
    with_answer(exchange, |answer| match answer {
        Answer::Error(message) | Answer::Unattributed(message) => jsonrpc::error_code(message),
        _ => None,
    })
    .flatten()
}

/// The era that the answer to a modern `server/discover` shows.
pub(crate) fn era(exchange: &Exchange) -> Era {
    let status = exchange.status().unwrap_or_default();
    with_answer(exchange, |answer| era::era(status, &answer)).unwrap_or(Era::Unknown)
}

/// Whether the HTTP layer refused for want of a valid credential or permission.
pub(crate) fn is_gate(exchange: &Exchange) -> bool {
    matches!(exchange.status(), Some(401 | 403))
}

fn with_answer<T>(exchange: &Exchange, read: impl Fn(Answer<'_>) -> T) -> Option<T> {
    let id = sent_id(&exchange.request)?;
    let parsed = parsed(exchange)?;
    Some(read(jsonrpc::answer(&parsed.messages, &id)))
}

fn parsed(exchange: &Exchange) -> Option<Parsed> {
    let response = exchange.response()?;
    Some(match &response.stream {
        Some(stream) => jsonrpc::messages(Media::EventStream, &stream.bytes()),
        None => jsonrpc::messages(Media::of(&response.media_type()), &response.body.bytes()),
    })
}

fn sent_id(request: &Request) -> Option<Value> {
    let body = request.body.as_ref()?;
    serde_json::from_slice::<Value>(&body.bytes())
        .ok()?
        .get("id")
        .cloned()
}
