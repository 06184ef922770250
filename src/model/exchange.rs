//! One request and what came of it: the unit of evidence. Everything here is already redacted.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use super::body::{Body, Kept};
use super::probe::{ProbeKey, Tier};

/// The position of an exchange in the ledger, printed as `x0017`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ExchangeId(pub u32);

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x{:04}", self.0)
    }
}

impl From<ExchangeId> for String {
    fn from(id: ExchangeId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ExchangeId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.strip_prefix('x')
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not an exchange id such as x0017"))
    }
}

impl schemars::JsonSchema for ExchangeId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ExchangeId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^x[0-9]{4,}$",
            "description": "Position of an exchange in the ledger, e.g. x0017."
        })
    }
}

/// One header field, in wire order; duplicates are separate fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderField {
    /// Field name as sent or received.
    pub name: Arc<str>,
    /// Field value, bytes outside UTF-8 replaced, secrets redacted.
    pub value: Arc<str>,
}

impl HeaderField {
    /// A field from its two halves.
    pub fn new(name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self {
            name: name.as_ref().into(),
            value: value.as_ref().into(),
        }
    }
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// HTTP method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Fields in the order given to the HTTP client.
    pub headers: Vec<HeaderField>,
    /// Body, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Fields in wire order, duplicates kept.
    pub headers: Vec<HeaderField>,
    /// Body of the response itself.
    pub body: Body,
    /// For 2024-11-05: what arrived on the event stream in answer to this POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Body>,
}

impl Response {
    /// The first value of a header field, compared case-insensitively (RFC 9110 §5.1).
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let found = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(&found.value)
    }

    /// Every value of a header field, in wire order.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| &*field.value)
    }

    /// The media type of the body without parameters, lower-cased; empty when absent.
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }
}

/// Why no complete answer arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The host name did not resolve.
    Dns,
    /// No TCP connection.
    Connect,
    /// The TLS handshake or the certificate failed.
    Tls,
    /// A deadline passed.
    Timeout,
    /// The connection broke.
    Reset,
    /// Header section over the cap.
    TooLarge,
    /// The bytes are not HTTP.
    Malformed,
    /// The engagement rules forbid the request; nothing was sent.
    Blocked,
    /// The URL leads to a loopback, private or link-local address that the target has no business
    /// naming; nothing was sent.
    Inside,
    /// The run was cancelled.
    Cancelled,
    /// The request budget is used up; nothing was sent.
    Budget,
}

impl FailureKind {
    /// Whether a safety rule kept the request from being sent.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Blocked | Self::Inside)
    }
}

/// A request without a complete answer; data, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of trouble.
    pub kind: FailureKind,
    /// What the operator should read.
    pub text: String,
    /// What had arrived before the trouble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Box<Response>>,
}

/// A response or the reason there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An HTTP response.
    Response(Response),
    /// No complete response.
    Failure(Failure),
}

impl Outcome {
    /// What arrived, completely or in part.
    fn answer_mut(&mut self) -> Option<&mut Response> {
        match self {
            Self::Response(response) => Some(response),
            Self::Failure(failure) => failure.partial.as_deref_mut(),
        }
    }
}

/// One request with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Position in the ledger; zero until it is filed.
    pub id: ExchangeId,
    /// Which probe asked.
    pub probe: ProbeKey,
    /// Name of the identity whose credential was attached.
    pub identity: String,
    /// The tier that permitted it.
    pub tier: Tier,
    /// What was sent.
    pub request: Request,
    /// What came of it.
    pub outcome: Outcome,
    /// Milliseconds from the start of the run to the send.
    pub started_ms: u64,
    /// Milliseconds until the outcome.
    pub elapsed_ms: u64,
    /// The exchange that led to this one (a redirect, a follow-up).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<ExchangeId>,
}

impl Exchange {
    /// The response, when one arrived completely.
    pub fn response(&self) -> Option<&Response> {
        match &self.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::Failure(_) => None,
        }
    }

    /// The failure, when no complete response arrived.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Response(_) => None,
            Outcome::Failure(failure) => Some(failure),
        }
    }

    /// Every body of it: what was sent, what came back, what came on a stream.
    pub fn bodies_mut(&mut self) -> impl Iterator<Item = &mut Body> {
        let sent = self.request.body.as_mut();
        let answer = self.outcome.answer_mut();
        let came = answer.into_iter().flat_map(|it| {
            let stream = it.stream.as_mut();
            std::iter::once(&mut it.body).chain(stream)
        });
        sent.into_iter().chain(came)
    }

    /// The HTTP status, when there is one.
    pub fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }
}

/// The append-only record of a run, ordered by the plan.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger {
    exchanges: Vec<Exchange>,
    #[serde(skip)]
    pool: Pool,
}

impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.exchanges == other.exchanges
    }
}

impl Eq for Ledger {}

impl Ledger {
    /// Files an exchange and returns the id it got.
    pub fn file(&mut self, mut exchange: Exchange) -> ExchangeId {
        let id = ExchangeId(u32::try_from(self.exchanges.len() + 1).unwrap_or(u32::MAX));
        exchange.id = id;
        self.pool.share(&mut exchange);
        self.exchanges.push(exchange);
        id
    }

    /// The exchange with this id.
    pub fn exchange(&self, id: ExchangeId) -> Option<&Exchange> {
        let index = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.exchanges.get(index)
    }

    /// Every exchange in order.
    pub fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter()
    }

    /// How many exchanges were filed.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Whether nothing was filed.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }
}

/// Equal header fields and bodies are kept once: most of ten thousand exchanges repeat them.
#[derive(Clone, Debug, Default)]
struct Pool {
    texts: HashSet<Arc<str>>,
    bodies: HashSet<Arc<[u8]>>,
}

impl Pool {
    fn share(&mut self, exchange: &mut Exchange) {
        self.fields(&mut exchange.request.headers);
        if let Some(answer) = exchange.outcome.answer_mut() {
            self.fields(&mut answer.headers);
        }
        for body in exchange.bodies_mut() {
            if let Some(bytes) = body.bytes.here() {
                shared(&mut self.bodies, bytes);
            }
        }
    }

    fn fields(&mut self, fields: &mut Vec<HeaderField>) {
        for field in fields.iter_mut() {
            shared(&mut self.texts, &mut field.name);
            shared(&mut self.texts, &mut field.value);
        }
        fields.shrink_to_fit();
    }
}

fn shared<T: ?Sized + Eq + Hash>(pool: &mut HashSet<Arc<T>>, value: &mut Arc<T>) {
    match pool.get(value) {
        Some(known) => value.clone_from(known),
        None => {
            pool.insert(Arc::clone(value));
        }
    }
}
