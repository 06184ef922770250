//! From raw bytes to a redacted exchange.

use std::sync::{Arc, PoisonError, RwLock};

use url::Url;

use super::answer::{Came, Raw};
use super::capture::Capture;
use super::redact::{Redactor, Source};
use super::{Learned, Outgoing, RawAnswer, Sent};
use crate::model::body::{BodyStore, Kept};
use crate::model::exchange::{Body, Exchange, ExchangeId, Failure, Outcome, Request, Response};

/// When a request went out and how long its outcome took.
#[derive(Clone, Copy, Default)]
pub(super) struct Timing {
    pub(super) started_ms: u64,
    pub(super) elapsed_ms: u64,
}

/// The redacted form of a request.
pub(super) fn request(
    redactor: &Redactor,
    outgoing: &Outgoing<'_>,
    fields: &[(String, String)],
) -> Request {
    let pairs = fields.iter().map(|(name, value)| (name.as_str(), value));
    let content_type = fields
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map_or("", |(_, value)| value.as_str());
    Request {
        method: outgoing.method.to_owned(),
        url: redactor.url(&outgoing.url),
        headers: redactor.headers(pairs),
        body: outgoing
            .body
            .as_deref()
            .map(|bytes| body(redactor, &Capture::of(bytes), content_type, false)),
    }
}

/// Learns the secrets of an answer, then redacts it into an exchange that may be filed.
pub(super) fn conclude(
    redactor: &RwLock<Redactor>,
    outgoing: &Outgoing<'_>,
    url: Option<&Url>,
    fields: &[(String, String)],
    came: Came,
    timing: Timing,
) -> Sent {
    let (Came::Answer(raw) | Came::Trouble(_, Some(raw))) = &came else {
        return sent(redactor, outgoing, fields, came, timing, Vec::new());
    };
    let learned = learn(outgoing, raw);
    if let Some(url) = url
        && !learned.is_empty()
    {
        let mut redactor = redactor.write().unwrap_or_else(PoisonError::into_inner);
        for Learned { label, secret } in &learned {
            redactor.know(label, secret, Source::Answer(url.clone()));
        }
    }
    sent(redactor, outgoing, fields, came, timing, learned)
}

/// Hands every body of a redacted exchange to a store.
pub(super) fn put_away(exchange: &mut Exchange, store: &Arc<dyn BodyStore>) {
    for body in exchange.bodies_mut() {
        let bytes = std::mem::replace(&mut body.bytes, Kept::from([]));
        body.bytes = Arc::clone(store).put(bytes.read().into_owned());
    }
}

fn learn(outgoing: &Outgoing<'_>, raw: &Raw) -> Vec<Learned> {
    let Some(learn) = outgoing.learn else {
        return Vec::new();
    };
    let body = raw.stream.as_ref().map_or(&raw.body, |(stream, _)| stream);
    learn(&RawAnswer {
        status: raw.status,
        headers: &raw.headers,
        body: body.kept(),
    })
}

fn sent(
    redactor: &RwLock<Redactor>,
    outgoing: &Outgoing<'_>,
    fields: &[(String, String)],
    came: Came,
    timing: Timing,
    learned: Vec<Learned>,
) -> Sent {
    let redactor = redactor.read().unwrap_or_else(PoisonError::into_inner);
    let outcome = match came {
        Came::Answer(raw) => Outcome::Response(response(&redactor, &raw)),
        Came::Trouble((kind, text), partial) => Outcome::Failure(Failure {
            kind,
            text: redactor.text(&text),
            partial: partial.map(|raw| Box::new(response(&redactor, &raw))),
        }),
    };
    Sent {
        exchange: Exchange {
            id: ExchangeId(0),
            probe: outgoing.key.clone(),
            identity: outgoing.identity.clone(),
            tier: outgoing.tier,
            request: request(&redactor, outgoing, fields),
            outcome,
            started_ms: timing.started_ms,
            elapsed_ms: timing.elapsed_ms,
            caused_by: outgoing.caused_by,
        },
        learned,
        before: None,
    }
}

fn response(redactor: &Redactor, raw: &Raw) -> Response {
    let pairs = raw
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let content_type = raw.header("content-type").unwrap_or_default();
    let mut captured = body(redactor, &raw.body, content_type, raw.truncated);
    if raw.is_opaque() && !captured.bytes.is_empty() {
        captured.bytes = [].into();
        captured.truncated = true;
    }
    Response {
        status: raw.status,
        headers: redactor.headers(pairs),
        body: captured,
        stream: raw
            .stream
            .as_ref()
            .map(|(stream, truncated)| body(redactor, stream, EVENTS, *truncated)),
    }
}

fn body(redactor: &Redactor, capture: &Capture, content_type: &str, truncated: bool) -> Body {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let truncated = truncated || capture.overflowed();
    Body {
        bytes: redactor.body(capture.kept(), media_type, truncated).into(),
        truncated,
        length: capture.total(),
        sha256: capture.sha256(),
    }
}

const EVENTS: &str = "text/event-stream";
