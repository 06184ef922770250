//! Event streams that stay open beside the requests they answer (2024-11-05).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::{Came, Limits};
use super::capture::Capture;
use super::failure::{during_body, seconds};
use super::{Outgoing, Stop, StreamId};
use crate::model::exchange::FailureKind;

/// The streams that are open; all of them end when this is dropped.
pub(super) struct Streams {
    next: AtomicU64,
    open: Mutex<HashMap<StreamId, Arc<EventStream>>>,
    /// Bytes kept of one answer.
    keep: usize,
    /// Bytes read for one answer, or while nobody waits, before the stream is cut.
    read: usize,
}

/// An open stream.
pub(super) struct EventStream {
    /// Held from a request until its answer: streams do not say which request they answer.
    pub(super) turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    news: Notify,
    stop: CancellationToken,
    keep: usize,
    read: u64,
}

/// How the wait for an answer ended.
enum Wait {
    /// The stop condition holds.
    Answered,
    /// More bytes came than are kept.
    Full,
    /// The stream ended first.
    Ended(String),
    /// The deadline passed first.
    Late,
}

#[derive(Default)]
struct State {
    /// What arrived since the request, while one is waiting.
    window: Option<Capture>,
    /// The line that is still arriving, so that a window starts at the start of a line.
    line: Vec<u8>,
    /// Bytes since the last window began or ended.
    unasked: u64,
    ended: Option<String>,
}

impl Streams {
    pub(super) fn new(keep: usize, read: usize) -> Self {
        Self {
            next: AtomicU64::new(1),
            open: Mutex::default(),
            keep,
            read,
        }
    }

    /// Takes over an answer that goes on.
    pub(super) fn adopt(&self, response: reqwest::Response, host: String) -> StreamId {
        let id = StreamId(self.next.fetch_add(1, Ordering::Relaxed));
        let stream = Arc::new(EventStream {
            turn: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            news: Notify::new(),
            stop: CancellationToken::new(),
            keep: self.keep,
            read: self.read as u64,
        });
        tokio::spawn(pump(Arc::clone(&stream), response, host));
        self.all().insert(id, stream);
        id
    }

    pub(super) fn find(&self, id: StreamId) -> Option<Arc<EventStream>> {
        self.all().get(&id).cloned()
    }

    pub(super) fn close(&self, id: StreamId) {
        if let Some(stream) = self.all().remove(&id) {
            stream.stop.cancel();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<StreamId, Arc<EventStream>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for stream in self.all().values() {
            stream.stop.cancel();
        }
    }
}

impl EventStream {
    /// Why the stream is no longer open.
    pub(super) fn ended(&self) -> Option<String> {
        self.state().ended.clone()
    }

    /// Starts to keep what arrives.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        let mut window = Capture::new(self.keep);
        window.push(&state.line);
        state.window = Some(window);
        state.unasked = 0;
    }

    /// Waits for the answer that arrives here instead of in the body.
    pub(super) async fn reply(
        &self,
        came: Came,
        outgoing: &Outgoing<'_>,
        limits: &Limits<'_>,
    ) -> Came {
        let (mut raw, until) = match (came, outgoing.until) {
            (Came::Answer(raw), Some(until)) if raw.is_success() => (raw, until),
            (came, _) => {
                self.finish();
                return came;
            }
        };
        let wait = self.wait(until, limits.deadline).await;
        let missing = !matches!(wait, Wait::Answered);
        raw.stream = self.finish().map(|capture| (capture, missing));
        match wait {
            Wait::Answered | Wait::Full => Came::Answer(raw),
            Wait::Ended(reason) => Came::Trouble((FailureKind::Reset, reason), Some(raw)),
            Wait::Late => {
                let text = format!(
                    "no answer on the event stream of `{}` within {}",
                    limits.host,
                    seconds(limits.wait)
                );
                Came::Trouble((FailureKind::Timeout, text), Some(raw))
            }
        }
    }

    /// Waits until what arrived since [`begin`](Self::begin) is an answer.
    async fn wait(&self, until: Stop<'_>, deadline: Instant) -> Wait {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if let Some(end) = self.look(until) {
                return end;
            }
            if timeout_at(deadline, news).await.is_err() {
                return self.look(until).unwrap_or(Wait::Late);
            }
        }
    }

    /// Stops to keep what arrives and returns what was kept.
    fn finish(&self) -> Option<Capture> {
        let mut state = self.state();
        state.unasked = 0;
        state.window.take()
    }

    fn look(&self, until: Stop<'_>) -> Option<Wait> {
        let state = self.state();
        let window = state.window.as_ref()?;
        if until(window.kept()) {
            Some(Wait::Answered)
        } else if window.overflowed() {
            Some(Wait::Full)
        } else {
            state.ended.clone().map(Wait::Ended)
        }
    }

    /// Takes bytes in; `false` when there are more than anybody asked for.
    fn take_in(&self, bytes: &[u8]) -> bool {
        let mut state = self.state();
        match bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => state.line = bytes.get(end + 1..).unwrap_or_default().to_vec(),
            None => state.line.extend_from_slice(bytes),
        }
        state.unasked = state.unasked.saturating_add(bytes.len() as u64);
        if let Some(window) = &mut state.window {
            window.push(bytes);
        }
        state.unasked <= self.read && state.line.len() <= self.keep
    }

    fn end(&self, reason: String) {
        let mut state = self.state();
        state.ended = Some(reason);
        state.line = Vec::new();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pump(stream: Arc<EventStream>, mut response: reqwest::Response, host: String) {
    let reason = loop {
        let chunk = tokio::select! {
            () = stream.stop.cancelled() => break "the event stream was closed".to_owned(),
            chunk = response.chunk() => chunk,
        };
        match chunk {
            Ok(Some(bytes)) if stream.take_in(&bytes) => stream.news.notify_waiters(),
            Ok(Some(_)) => {
                break format!("`{host}` sent more on its event stream than was asked for");
            }
            Ok(None) => break format!("`{host}` closed its event stream"),
            Err(error) => break during_body(error, &host).1,
        }
    };
    drop(response);
    stream.end(reason);
    stream.news.notify_waiters();
}
