//! Streams that can be resumed: the last answers, kept by the name of their stream.

use std::collections::VecDeque;

use axum::response::Response;
use serde_json::Value;

use super::super::behaviour::{Resumption, Revision};
use super::super::http::{self, Incoming, text};
use super::super::state::{Shared, lock};
use super::render;

/// The answers that can be sent again, oldest first.
#[derive(Default)]
pub(crate) struct Replays {
    kept: VecDeque<Replay>,
}

struct Replay {
    stream: String,
    session: String,
    messages: Vec<Value>,
}

/// Keeps the messages of a stream for its session.
pub(crate) fn keep(shared: &Shared, stream: &str, session: &str, messages: &[Value]) {
    if shared.behaviour.transport.resumption == Resumption::None {
        return;
    }
    let mut replays = lock(&shared.replays);
    if replays.kept.len() >= MOST_REPLAYS {
        replays.kept.pop_front();
    }
    replays.kept.push_back(Replay {
        stream: stream.to_owned(),
        session: session.to_owned(),
        messages: messages.to_vec(),
    });
}

/// Answers a GET that names the last event it saw.
pub(crate) fn answer(shared: &Shared, incoming: &Incoming) -> Response {
    let event = incoming.header("last-event-id").unwrap_or_default();
    let (stream, ordinal) = event.rsplit_once('-').unwrap_or((event, "0"));
    let seen: usize = ordinal.parse().unwrap_or(0);
    let session = incoming.header("mcp-session-id").unwrap_or_default();
    let own = shared.behaviour.transport.resumption == Resumption::Own;
    let replays = lock(&shared.replays);
    let mut kept = replays.kept.iter();
    let found = kept.find(|replay| replay.stream == stream && (!own || replay.session == session));
    match found {
        Some(replay) => {
            let messages = replay.messages.get(seen..).unwrap_or_default();
            render::stream_named(Revision::R2025_11, stream, messages)
        }
        None if session.is_empty() => http::empty(400),
        None => text(404, "No such stream\n"),
    }
}

const MOST_REPLAYS: usize = 256;
