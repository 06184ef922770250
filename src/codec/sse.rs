//! Captured bytes of an event stream, read synchronously.

use std::sync::{Mutex, PoisonError};

use futures_util::{FutureExt, StreamExt, stream};
use serde_json::Value;
use sse_stream::SseByteStream;

use super::{json, jsonrpc};

/// One event block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; `message` is meant when it is absent.
    pub name: Option<String>,
    /// The `data` lines joined by line feeds; absent in blocks that carry only other fields.
    pub data: Option<String>,
    /// The `id` field.
    pub id: Option<String>,
    /// The `retry` field in milliseconds.
    pub retry: Option<u64>,
    /// Whether the blank line that ends the block was there.
    pub complete: bool,
}

/// A read event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// The blocks in order.
    pub events: Vec<Event>,
    /// What is wrong with the stream: bytes that are not UTF-8, more blocks than are kept.
    pub problem: Option<String>,
}

/// Reads every event block, the unfinished last one too.
pub fn events(bytes: &[u8]) -> Events {
    let text = String::from_utf8_lossy(bytes);
    let mut problem = std::str::from_utf8(bytes).err().map(|error| {
        let at = error.valid_up_to();
        format!("byte {at} is not UTF-8; replaced")
    });
    let mut events = blocks(text.as_bytes(), true);
    if !ends_with_blank_line(text.as_bytes()) {
        let kept = events.len();
        let mut closed = text.into_owned();
        closed.push_str("\n\n");
        let more = blocks(closed.as_bytes(), false);
        events.extend(more.into_iter().skip(kept));
    }
    if events.len() >= MAX_EVENTS {
        problem
            .get_or_insert_with(|| format!("more than {MAX_EVENTS} events; the rest is not kept"));
    }
    Events { events, problem }
}

/// Whether a complete event answers the request with this id: the point where reading may stop.
///
/// An error without an id counts, since nothing better follows (JSON-RPC 2.0 §5).
pub fn answer_complete(bytes: &[u8], id: &Value) -> bool {
    Watch::new(id.clone()).sees(bytes)
}

/// Tells from growing captures whether the answer has arrived, looking at each byte once.
#[derive(Debug)]
pub struct Watch {
    id: Value,
    progress: Mutex<Progress>,
}

impl Watch {
    /// Waits for the answer to the request with this id.
    pub fn new(id: Value) -> Self {
        Self {
            id,
            progress: Mutex::new(Progress::default()),
        }
    }

    /// Whether the answer is in `bytes`, the whole capture so far.
    pub fn sees(&self, bytes: &[u8]) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() < progress.position {
            *progress = Progress::default();
        }
        while !progress.answered {
            let start = progress.start;
            let Some(end) = progress.next_boundary(bytes) else {
                return false;
            };
            let block = bytes.get(start..end).unwrap_or_default();
            progress.answered = blocks(block, true)
                .iter()
                .filter_map(|event| event.data.as_deref())
                .any(|data| self.is_answered_by(data));
        }
        true
    }

    fn is_answered_by(&self, data: &str) -> bool {
        let Ok(document) = json::read(data.as_bytes()) else {
            return false;
        };
        let messages = match document.value {
            Value::Array(messages) => messages,
            message => vec![message],
        };
        !matches!(
            jsonrpc::answer(&messages, &self.id),
            jsonrpc::Answer::None | jsonrpc::Answer::Foreign(_) | jsonrpc::Answer::ServerRequest(_)
        )
    }
}

/// The URI of the first `endpoint` event of a 2024-11-05 stream, once it is complete.
pub fn endpoint_event(bytes: &[u8]) -> Option<String> {
    let event = events(bytes)
        .events
        .into_iter()
        .find(|event| event.complete && event.name.as_deref() == Some("endpoint"))?;
    let uri = event.data?.trim().to_owned();
    (!uri.is_empty()).then_some(uri)
}

/// Whether bytes look like an event stream: their first line is a field or a comment.
pub fn looks_like(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    let fields: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
    fields.iter().any(|field| text.starts_with(field))
}

fn blocks(bytes: &[u8], complete: bool) -> Vec<Event> {
    let chunks = stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
    let mut source = SseByteStream::new(chunks);
    let mut events = Vec::new();
    while let Some(Some(Ok(block))) = source.next().now_or_never() {
        events.push(Event {
            name: block.event,
            data: block.data,
            id: block.id,
            retry: block.retry,
            complete,
        });
        if events.len() >= MAX_EVENTS {
            break;
        }
    }
    events
}

fn ends_with_blank_line(bytes: &[u8]) -> bool {
    let mut progress = Progress::default();
    while progress.next_boundary(bytes).is_some() {}
    progress.start == bytes.len()
}

/// How far a capture was searched for the ends of event blocks.
#[derive(Debug)]
struct Progress {
    start: usize,
    position: usize,
    line_is_empty: bool,
    after_return: bool,
    answered: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            start: 0,
            position: 0,
            line_is_empty: true,
            after_return: false,
            answered: false,
        }
    }
}

impl Progress {
    /// The end of the next block: just past its blank line.
    fn next_boundary(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(byte) = bytes.get(self.position) {
            self.position = self.position.saturating_add(1);
            let completes_return = std::mem::take(&mut self.after_return) && *byte == b'\n';
            if completes_return {
                if self.line_is_empty && self.start.saturating_add(1) == self.position {
                    self.start = self.position;
                }
                continue;
            }
            if !matches!(byte, b'\r' | b'\n') {
                self.line_is_empty = false;
                continue;
            }
            self.after_return = *byte == b'\r';
            if self.line_is_empty {
                self.start = self.position;
                return Some(self.position);
            }
            self.line_is_empty = true;
        }
        None
    }
}

const MAX_EVENTS: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn data(bytes: &[u8]) -> Vec<String> {
        let read = events(bytes).events;
        read.into_iter().filter_map(|event| event.data).collect()
    }

    #[test]
    fn every_line_ending_and_field_shape_is_read() {
        let cases: [(&[u8], &[&str]); 9] = [
            (b"event: message\ndata: {}\n\n", &["{}"]),
            (b"data:{}\r\n\r\n", &["{}"]),
            (b"data: a\rdata: b\r\r", &["a\nb"]),
            (b"\xEF\xBB\xBFdata: x\n\n", &["x"]),
            (b": ping\n\ndata: x\n\n", &["x"]),
            (b"id: 7f2c-0\ndata:\n\nretry: 1500\n\n", &[""]),
            (b"data\n\n", &[""]),
            (b"data: a\n\ndata: b", &["a", "b"]),
            (b"nonsense\n\n\n", &[]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(data(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_unfinished_last_event_is_marked() {
        let read = events(b"data: a\n\ndata: {\"x\"").events;
        assert_eq!(read.len(), 2);
        assert!(read[0].complete && !read[1].complete);
        let read = events(b"data: a\n\ndata: b\n\n").events;
        assert!(read.iter().all(|event| event.complete));
        assert!(!events(b"data: a\r\n").events[0].complete);
        assert!(events(b"data: a\r\n\r\n").events[0].complete);
    }

    #[test]
    fn invalid_utf8_and_nul_are_reported_or_ignored_without_loss() {
        let read = events(b"data: \xFF\n\ndata: b\n\n");
        assert_eq!(read.events.len(), 2);
        assert!(read.problem.unwrap().contains("byte 6"));
        let read = events(b"id: a\0b\ndata: c\n\n");
        assert_eq!((read.events[0].id.clone(), read.problem), (None, None));
    }

    #[test]
    fn a_flood_of_events_is_cut() {
        let read = events(&b"data: x\n\n".repeat(MAX_EVENTS + 10));
        assert_eq!(read.events.len(), MAX_EVENTS);
        assert!(read.problem.is_some());
    }

    #[test]
    fn the_answer_is_complete_only_with_its_blank_line() {
        let whole = b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n";
        assert!(answer_complete(whole, &json!(7)));
        assert!(answer_complete(whole, &json!("7")));
        assert!(!answer_complete(whole, &json!(8)));
        assert!(!answer_complete(&whole[..whole.len() - 1], &json!(7)));
    }

    #[test]
    fn notifications_and_server_requests_do_not_end_the_stream() {
        let before = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n\
                      data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n\n\
                      data:\n\nretry: 5\n\n";
        assert!(!answer_complete(before.as_bytes(), &json!(1)));
        let after = format!("{before}data: [{{\"id\":1,\"error\":{{\"code\":-1}}}}]\r\n\r\n");
        assert!(answer_complete(after.as_bytes(), &json!(1)));
        let unattributed = "data: {\"id\":null,\"error\":{\"code\":-32700}}\n\n";
        assert!(answer_complete(unattributed.as_bytes(), &json!(1)));
    }

    #[test]
    fn a_watch_sees_the_answer_however_the_bytes_are_cut() {
        let bytes = b"\xEF\xBB\xBF: hi\r\n\r\ndata: {\"id\":2,\"method\":\"x\"}\r\rdata: {\"id\":2,\r\ndata: \"result\":1}\r\n\r\n: bye";
        let end = bytes.len() - ": bye".len();
        for step in 1..bytes.len() {
            let watch = Watch::new(json!(2));
            let mut cut = 0;
            while cut < bytes.len() {
                cut = (cut + step).min(bytes.len());
                assert_eq!(
                    watch.sees(&bytes[..cut]),
                    cut >= end - 1,
                    "step {step} cut {cut}"
                );
            }
        }
    }

    #[test]
    fn the_endpoint_event_is_found_when_complete() {
        let bytes = b"event: endpoint\ndata: /messages?sessionId=8f1c\n\n";
        assert_eq!(endpoint_event(bytes).unwrap(), "/messages?sessionId=8f1c");
        assert_eq!(endpoint_event(&bytes[..bytes.len() - 1]), None);
        assert_eq!(endpoint_event(b"event: endpoint\ndata:\n\n"), None);
        assert_eq!(endpoint_event(b"data: /messages\n\n"), None);
    }

    #[test]
    fn event_streams_are_recognised_by_their_first_line() {
        assert!(looks_like(b"event: message\n"));
        assert!(looks_like(b"\xEF\xBB\xBF: comment"));
        assert!(!looks_like(b"{\"data\":1}"));
        assert!(!looks_like(b"database error"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = events(&bytes);
            let _ = answer_complete(&bytes, &json!(1));
            let _ = endpoint_event(&bytes);
        }

        #[test]
        fn a_watch_agrees_with_reading_at_once(text in "(data: ?|\\{\"id\":1,\"result\":1\\}|[\r\n:x ]){0,24}", step in 1usize..9) {
            let bytes = text.as_bytes();
            let watch = Watch::new(json!(1));
            let mut seen = false;
            for cut in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
                seen = watch.sees(&bytes[..cut]);
            }
            let expected = events(bytes).events.iter().any(|event| {
                let data = event.data.as_deref().unwrap_or_default();
                event.complete && data.trim() == "{\"id\":1,\"result\":1}"
            });
            prop_assert_eq!(seen, expected);
        }
    }
}
