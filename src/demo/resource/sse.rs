//! 2024-11-05: an event stream for the answers, and a second path for the questions.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::response::Response;
use futures_util::Stream;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::super::behaviour::{MediaTypes, Revision, StreamQuestions};
use super::super::http::{self, Incoming, method_not_allowed, no_store, single, text};
use super::super::state::{Shared, lock};
use super::gate::{self, Principal};
use super::legacy::{self, Session};
use super::methods::{self, Context, Outcome, Reply};
use super::render;

/// Opens an event stream whose first event names the path for questions.
pub(crate) fn open(
    shared: &Arc<Shared>,
    incoming: &Incoming,
    principal: Option<Principal>,
) -> Response {
    if incoming.headers.contains_key("mcp-session-id") {
        return method_not_allowed("POST, DELETE");
    }
    let (sender, receiver) = unbounded_channel();
    let id = shared.ids.next("sse");
    let session = Session {
        principal,
        revision: Revision::R2024_11,
        stream: Some(sender),
        ended: false,
    };
    if !lock(&shared.sessions).add(&id, session) {
        return text(503, "Too many sessions\n");
    }
    let events = Events {
        first: Some(format!(
            "event: endpoint\ndata: {MESSAGES_PATH}?sessionId={id}\n\n"
        )),
        receiver,
        stop: Box::pin(shared.stop.clone().cancelled_owned()),
        shared: Arc::clone(shared),
        id,
    };
    no_store(http::typed(
        200,
        "text/event-stream",
        Body::from_stream(events),
    ))
}

/// Takes a question; its answer goes to the stream.
pub(crate) fn message(shared: &Arc<Shared>, incoming: &Incoming) -> Response {
    if incoming.method != Method::POST {
        return method_not_allowed("POST");
    }
    let any = shared.behaviour.transport.media_types == MediaTypes::Any;
    if !any && !incoming.has_media_type("application/json") {
        return text(415, "Content-Type must be application/json\n");
    }
    let parsed: Option<Value> = serde_json::from_slice(&incoming.body).ok();
    let asked = parsed.as_ref().map(gate::asked).unwrap_or_default();
    let unguarded = shared.behaviour.transport.stream_questions == StreamQuestions::Unguarded;
    let principal = match gate::admit(shared, incoming, &asked) {
        Ok(principal) => principal,
        Err(_) if unguarded => None,
        Err(refusal) => return *refusal,
    };
    let Some(value) = &parsed else {
        return text(400, "Parse error\n");
    };
    if let Some(refusal) = gate::refusal(shared, principal.as_ref(), &asked) {
        return refusal;
    }
    let query = incoming.query_parameters();
    let found =
        single(&query, "sessionId").and_then(|id| lock(&shared.sessions).open.get(id).cloned());
    let key = principal.as_ref().map(|one| one.key.as_str());
    let Some(Session {
        principal: owner,
        stream: Some(stream),
        ..
    }) = found
    else {
        return text(404, "Session not found\n");
    };
    if !unguarded && owner.as_ref().map(|one| one.key.as_str()) != key {
        return text(404, "Session not found\n");
    }
    let Some((id, method, params)) = legacy::request(value) else {
        let silent = legacy::is_silent(value);
        return if silent {
            http::empty(202)
        } else {
            text(400, "Invalid request\n")
        };
    };
    let revision = Revision::R2024_11;
    let reply = if method == "initialize" {
        Reply::from(Outcome::Result(legacy::initialized(shared, revision)))
    } else {
        let principal = principal.as_ref().or(owner.as_ref().filter(|_| unguarded));
        let context = Context {
            shared,
            revision,
            principal,
            peer: incoming.peer,
            seen: None,
            header: None,
        };
        methods::answer(&context, method, params)
    };
    match render::messages(id, reply) {
        Ok(messages) => {
            let delivered = messages
                .into_iter()
                .all(|message| stream.send(message).is_ok());
            if delivered {
                text(202, "Accepted\n")
            } else {
                text(404, "Session not found\n")
            }
        }
        Err(refusal) => *refusal,
    }
}

/// The events of one session; dropping it ends the session.
struct Events {
    first: Option<String>,
    receiver: UnboundedReceiver<Value>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    shared: Arc<Shared>,
    id: String,
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Bytes::from(first))));
        }
        if self.stop.as_mut().poll(task).is_ready() {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(task).map(|message| {
            message.map(|message| Ok(Bytes::from(format!("event: message\ndata: {message}\n\n"))))
        })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        lock(&self.shared.sessions).open.remove(&self.id);
    }
}

/// Path for questions.
pub(crate) const MESSAGES_PATH: &str = "/mcp/messages";
