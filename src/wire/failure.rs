//! What went wrong on the wire, in the words of the ledger.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::client::{SendError, chain};
use super::guard::Blocked;
use crate::model::exchange::FailureKind;

/// A kind of trouble and the sentence about it.
pub(super) type Trouble = (FailureKind, String);

/// Sorts an error that came before the head of the answer.
pub(super) fn before_answer(error: SendError, host: &str, connect: Duration) -> Trouble {
    let error = match error {
        SendError::Http(error) => error.without_url(),
        SendError::Build(error) => return (FailureKind::Connect, error.to_string()),
    };
    if let Some(blocked) = find::<Blocked>(&error) {
        return super::compose::blocked(blocked.clone());
    }
    let text = chain(&error);
    if error.is_timeout() && error.is_connect() {
        let text = format!("no connection to `{host}` within {}", seconds(connect));
        return (FailureKind::Timeout, text);
    }
    if error.is_dns() {
        let text = format!("`{host}` does not resolve: {}", root(&error));
        return (FailureKind::Dns, text);
    }
    if error.is_connect() {
        return connecting(&error, host, &text);
    }
    if error.is_builder() {
        let text = format!("the request cannot be written as HTTP: {text}");
        return (FailureKind::Blocked, text);
    }
    speaking(&error, host)
}

/// Sorts an error that came after the head of the answer.
pub(super) fn during_body(error: reqwest::Error, host: &str) -> Trouble {
    speaking(&error.without_url(), host)
}

/// A duration as people say it.
pub(super) fn seconds(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis >= 1000 && millis.is_multiple_of(1000) {
        format!("{} s", duration.as_secs())
    } else {
        format!("{millis} ms")
    }
}

fn connecting(error: &reqwest::Error, host: &str, text: &str) -> Trouble {
    let tls = has_io(error, &[io::ErrorKind::InvalidData]);
    let handshake = text.contains("handshake") || text.contains("certificate");
    if !tls && !handshake {
        let text = format!("no connection to `{host}`: {}", root(error));
        return (FailureKind::Connect, text);
    }
    let cause = root(error);
    let remedy = if cause.contains("certificate") {
        ". If the certificate is one you expect, name its root with `--cacert FILE`, or pass \
         `--insecure` to go on unverified; the report will say so"
    } else {
        ". Check that the port speaks TLS"
    };
    let text = format!("no TLS with `{host}`: {cause}{remedy}");
    (FailureKind::Tls, text)
}

fn speaking(error: &reqwest::Error, host: &str) -> Trouble {
    let cause = root(error);
    if let Some(hyper) = find::<hyper::Error>(error) {
        if hyper.is_parse_too_large() {
            let text = format!("`{host}` sent more header than the client takes: {cause}");
            return (FailureKind::TooLarge, text);
        }
        if hyper.is_parse() {
            let text = format!("`{host}` does not answer in HTTP: {cause}");
            return (FailureKind::Malformed, text);
        }
        if hyper.is_incomplete_message() {
            let text = format!("`{host}` closed the connection before its answer was complete");
            return (FailureKind::Reset, text);
        }
    }
    let framing = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    if has_io(error, &framing) {
        let text = format!("`{host}` does not frame its answer as HTTP asks: {cause}");
        return (FailureKind::Malformed, text);
    }
    let text = format!("the connection to `{host}` broke: {cause}");
    (FailureKind::Reset, text)
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error)
        .into_iter()
        .find_map(|cause| cause.downcast_ref())
}

fn has_io(error: &reqwest::Error, kinds: &[io::ErrorKind]) -> bool {
    causes(error)
        .into_iter()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|io| kinds.contains(&io.kind()))
}

fn root(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// The error and its causes, those inside an I/O error included, which `source` passes over.
fn causes(error: &reqwest::Error) -> Vec<&(dyn Error + 'static)> {
    let mut all: Vec<&(dyn Error + 'static)> = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = next {
        all.push(current);
        let io = current.downcast_ref::<io::Error>();
        next = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    all
}
