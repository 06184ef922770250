//! The only module that opens sockets: one request in, one redacted exchange out.
//!
//! [`guard`] decides where a request and a secret may go, a pacer when, [`http`] sends it once and
//! reads the answer under caps, and [`redact`] cleans it before anybody else sees it. [`replay`]
//! answers from a saved ledger instead.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::probe::{ProbeKey, Tier};
use crate::model::proof::ProofFlaw;

pub mod address;
mod answer;
pub mod callback;
mod capture;
mod client;
mod compose;
pub mod documents;
mod failure;
pub mod guard;
pub mod http;
mod pace;
mod proof;
mod record;
pub mod redact;
pub mod replay;
mod stream;

pub use http::{BuildError, HttpWire};
pub use proof::ProofKey;
pub use replay::ReplayWire;

/// A boxed future, so that [`Wire`] can be used as `&dyn Wire`.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tells from the bytes so far whether the answer is complete; keeps `wire` ignorant of SSE.
pub type Stop<'a> = &'a (dyn Fn(&[u8]) -> bool + Send + Sync);

/// Names the secrets in a raw answer before it is redacted and filed.
pub type Learn<'a> = &'a (dyn Fn(&RawAnswer<'_>) -> Vec<Learned> + Send + Sync);

/// Sends requests and files what came of them.
pub trait Wire: Send + Sync {
    /// Sends one request. Never follows a redirect, never retries.
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Sent>;

    /// Opens an event stream and keeps it open; resolves when `until` accepts the first bytes (at
    /// once when it is absent), the server closes, or the deadline passes.
    fn open<'a>(&'a self, outgoing: Outgoing<'a>) -> Pending<'a, Opened>;

    /// Closes an event stream.
    fn close(&self, stream: StreamId);

    /// Registers a secret, so that every later capture shows `{label}` in its place.
    fn know(&self, label: &str, secret: &SecretString);

    /// Sends a token with proofs of this key from now on (RFC 9449 §7).
    fn bind(&self, token: &SecretString, key: &Arc<ProofKey>);

    /// Shows this certificate (PEM with its key) to the target with a token from now on (RFC 8705 §3).
    fn certify(&self, token: &SecretString, certificate: &SecretString);

    /// Sends a copy as its model is sent, with proofs of the same key and with the same certificate:
    /// else it would be refused for what it lacks, and not for what is wrong with it.
    fn alike(&self, copy: &SecretString, model: &SecretString);

    /// How many requests have been sent.
    fn sent(&self) -> usize;
}

/// How a URL came to be known; decides which addresses it may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The operator named the host, or it is the target.
    Named,
    /// The target named it: loopback, private and link-local addresses are refused unless the
    /// target itself is there or the operator allows the host.
    Discovered,
}

/// A request to be sent.
#[derive(Clone)]
pub struct Outgoing<'a> {
    /// Which probe asks.
    pub key: ProbeKey,
    /// Name of the identity whose credential is attached.
    pub identity: String,
    /// The tier that permits it.
    pub tier: Tier,
    /// HTTP method.
    pub method: &'static str,
    /// Absolute URL.
    pub url: String,
    /// How the URL came to be known.
    pub destination: Destination,
    /// Fields in order; `Authorization` is added from `credential`.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Option<Vec<u8>>,
    /// Sent as `Authorization: Bearer`, after the egress rule agreed.
    pub credential: Option<SecretString>,
    /// The key whose possession the request proves, where its token is bound to none.
    pub proof: Option<Arc<ProofKey>>,
    /// What is wrong with the proof, on purpose.
    pub flaw: Option<ProofFlaw>,
    /// The field that carries the credential as it is, where that is not `Authorization: Bearer`.
    pub credential_field: Option<String>,
    /// What the client shows in the TLS handshake (RFC 8705).
    pub certificate: ClientCertificate,
    /// Whether body or fields carry another secret: the egress rule applies as for a credential.
    ///
    /// Registered secrets and credential fields are found without it. A secret learned from an
    /// answer may go back to the origin of that answer, unless this is set.
    pub carries_secret: bool,
    /// Event stream on which the answer is expected (2024-11-05); `until` then speaks of what
    /// arrives there, and so does `learn`. Without `until` nothing is waited for.
    pub reply_on: Option<StreamId>,
    /// When the answer is complete; end of body when absent.
    pub until: Option<Stop<'a>>,
    /// Secrets to be learned from the answer.
    pub learn: Option<Learn<'a>>,
    /// Deadline for the answer; the default when absent.
    pub deadline: Option<Duration>,
    /// Whether it still goes out after the run was cancelled or the budget is used up; its
    /// deadline is at most five seconds.
    pub cleanup: bool,
    /// Whether it takes a connection that no other request used.
    pub fresh_connection: bool,
    /// The exchange that led here.
    pub caused_by: Option<ExchangeId>,
}

impl Outgoing<'_> {
    /// A request without body, fields or credential.
    pub fn new(key: ProbeKey, method: &'static str, url: impl Into<String>) -> Self {
        let tier = key.id.tier();
        Self {
            key,
            identity: "anonymous".to_owned(),
            tier,
            method,
            url: url.into(),
            destination: Destination::Named,
            headers: Vec::new(),
            body: None,
            credential: None,
            proof: None,
            flaw: None,
            credential_field: None,
            certificate: ClientCertificate::OfToken,
            carries_secret: false,
            reply_on: None,
            until: None,
            learn: None,
            deadline: None,
            cleanup: false,
            fresh_connection: false,
            caused_by: None,
        }
    }
}

/// Which certificate the client shows in the TLS handshake.
#[derive(Clone, Debug, Default)]
pub enum ClientCertificate {
    /// The one that comes with the token, where there is one.
    #[default]
    OfToken,
    /// None, whatever comes with the token.
    Withheld,
    /// This one: certificate and key in PEM.
    Shown(SecretString),
}

impl ClientCertificate {
    /// The one that is named here.
    pub const fn shown(&self) -> Option<&SecretString> {
        match self {
            Self::Shown(pem) => Some(pem),
            Self::OfToken | Self::Withheld => None,
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The redacted exchange, not yet filed.
    pub exchange: Exchange,
    /// Secrets learned from the answer.
    pub learned: Vec<Learned>,
    /// The same request before, where the server wanted its nonce in the proof (RFC 9449 §8).
    pub before: Option<Box<Exchange>>,
}

/// What came of opening an event stream.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The redacted exchange; its body holds the bytes up to the stop condition.
    pub sent: Sent,
    /// The stream, when it is open.
    pub stream: Option<StreamId>,
}

/// An open event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub u64);

/// A secret with the label that stands for it in every capture.
#[derive(Clone, Debug)]
pub struct Learned {
    /// `session-reader`, `token-writer`, ….
    pub label: String,
    /// The secret.
    pub secret: SecretString,
}

/// An answer before redaction; only `learn` functions see it.
#[derive(Clone, Copy, Debug)]
pub struct RawAnswer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Fields in wire order.
    pub headers: &'a [(String, Vec<u8>)],
    /// Body bytes that were kept.
    pub body: &'a [u8],
}

#[cfg(test)]
mod tests;
