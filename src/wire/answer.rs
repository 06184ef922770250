//! Reading an answer: head and body under caps and deadlines.

use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Stop;
use super::capture::Capture;
use super::failure::{Trouble, during_body, seconds};
use crate::model::exchange::FailureKind;

/// An answer before redaction.
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Capture,
    pub(super) truncated: bool,
    /// What the event stream brought, and whether some of it is missing.
    pub(super) stream: Option<(Capture, bool)>,
}

/// What came of a request, before redaction.
pub(super) enum Came {
    Answer(Raw),
    Trouble(Trouble, Option<Raw>),
}

/// How the reading of a body ended.
pub(super) enum End {
    /// The body is complete.
    Complete,
    /// The stop condition holds; the body may go on.
    Answered,
    /// More came than is read.
    Cut,
    /// It did not come to an end.
    Broken(Trouble),
}

/// The bounds of one answer.
pub(super) struct Limits<'a> {
    pub(super) host: &'a str,
    pub(super) header_bytes: usize,
    pub(super) keep: usize,
    pub(super) read: usize,
    pub(super) wait: Duration,
    pub(super) deadline: Instant,
}

impl Raw {
    /// The head of an answer, its body still to be read.
    pub(super) fn head(response: &reqwest::Response) -> Self {
        let fields = response.headers().iter();
        Self {
            status: response.status().as_u16(),
            headers: fields
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: Capture::new(0),
            truncated: false,
            stream: None,
        }
    }

    /// The first value of a field, when it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(field, _)| field == name)?;
        std::str::from_utf8(&field.1).ok()
    }

    pub(super) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Whether the body is compressed although nobody asked for it: its bytes cannot be searched
    /// for secrets.
    pub(super) fn is_opaque(&self) -> bool {
        self.headers.iter().any(|(name, value)| {
            name == "content-encoding" && !value.trim_ascii().eq_ignore_ascii_case(b"identity")
        })
    }

    /// Refuses a header section over the cap.
    pub(super) fn check_size(&self, limits: &Limits<'_>) -> Result<(), Trouble> {
        let size = |(name, value): &(String, Vec<u8>)| name.len() + value.len() + FIELD_OVERHEAD;
        let total: usize = self.headers.iter().map(size).sum();
        if total <= limits.header_bytes {
            return Ok(());
        }
        let text = format!(
            "`{}` sent {total} bytes of header; at most {} are accepted",
            limits.host, limits.header_bytes
        );
        Err((FailureKind::TooLarge, text))
    }
}

/// Reads a body until it ends, `until` accepts it, or a bound is met.
pub(super) async fn read_body(
    response: &mut reqwest::Response,
    until: Option<Stop<'_>>,
    limits: &Limits<'_>,
) -> (Capture, End) {
    let mut capture = Capture::new(limits.keep);
    loop {
        // The stop condition reads everything so far: ask it only when nothing more is at hand.
        let ready = response.chunk().now_or_never();
        let chunk = if let Some(chunk) = ready {
            chunk
        } else {
            if capture.total() > 0 && until.is_some_and(|until| until(capture.kept())) {
                return (capture, End::Answered);
            }
            match timeout_at(limits.deadline, response.chunk()).await {
                Ok(chunk) => chunk,
                Err(_) => return late(capture, limits),
            }
        };
        match chunk {
            Ok(Some(bytes)) => capture.push(&bytes),
            Ok(None) => return (capture, End::Complete),
            Err(error) => {
                let trouble = during_body(error, limits.host);
                return (capture, End::Broken(trouble));
            }
        }
        let hopeless = until.is_some() && capture.overflowed();
        if capture.total() >= limits.read as u64 || hopeless {
            let answered = until.is_some_and(|until| until(capture.kept()));
            return (capture, if answered { End::Answered } else { End::Cut });
        }
        if Instant::now() >= limits.deadline {
            return late(capture, limits);
        }
    }
}

/// Reads on for a moment, so that a connection whose answer just ends can be used again.
pub(super) fn drain(mut response: reqwest::Response, alive: CancellationToken) {
    let rest = async move {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(bytes)) = response.chunk().await {
            match left.checked_sub(bytes.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = alive.cancelled() => {}
            _ = tokio::time::timeout(DRAIN_TIME, rest) => {}
        }
    });
}

fn late(capture: Capture, limits: &Limits<'_>) -> (Capture, End) {
    let text = format!(
        "`{}` did not complete its answer within {}; {} bytes of body arrived. `--timeout` \
         gives it longer",
        limits.host,
        seconds(limits.wait),
        capture.total()
    );
    (capture, End::Broken((FailureKind::Timeout, text)))
}

/// `: ` and the line end.
const FIELD_OVERHEAD: usize = 4;
const DRAIN_BYTES: usize = 64 * 1024;
const DRAIN_TIME: Duration = Duration::from_millis(250);
