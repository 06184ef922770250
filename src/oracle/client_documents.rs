//! How an authorization endpoint received a client that names a document: read from differences
//! between paired requests, never from words.

use url::Url;

use crate::model::client_documents::{
    DocumentAdmission, DocumentAttempt, DocumentVariant, Reception,
};
use crate::model::exchange::{Exchange, ExchangeId, Response};
use crate::model::matrix::Confidence;

/// An answer with what it needs to be read.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The exchange.
    pub exchange: &'a Exchange,
    /// The redirect URI that was asked for.
    pub redirect: &'a str,
    /// A word that only the document holds; a page that shows it has read the document.
    pub marker: &'a str,
}

/// Reads the answer to a good document against that to a client nobody knows.
pub fn control(good: Answer<'_>, unknown: Answer<'_>) -> (Reception, String) {
    let trace = match Trace::of(good) {
        Ok(trace) => trace,
        Err(early) => return early,
    };
    if let Some(error) = trace.client_error() {
        return (Reception::Refused, format!("sent back with `{error}`"));
    }
    match Trace::of(unknown) {
        Ok(other) if other == trace => (
            Reception::Unclear,
            format!("{trace}, as for a client that nobody knows"),
        ),
        _ => (Reception::GoesOn, format!("goes on with {trace}")),
    }
}

/// Reads the answer to a faulty document against both controls; the good one must have gone on.
pub fn compared(answer: Answer<'_>, good: Answer<'_>, unknown: Answer<'_>) -> (Reception, String) {
    let trace = match Trace::of(answer) {
        Ok(trace) => trace,
        Err(early) => return early,
    };
    if let Some(error) = trace.client_error() {
        return (Reception::Refused, format!("sent back with `{error}`"));
    }
    let Ok(welcome) = Trace::of(good) else {
        return (Reception::Unclear, format!("{trace}, without a control"));
    };
    let dismissal = Trace::of(unknown).ok();
    let as_unknown = dismissal
        .as_ref()
        .is_some_and(|other| other.place() == trace.place());
    if welcome.place() == trace.place() {
        // The place tells them apart, or else the page does.
        return match (as_unknown, trace.shows_marker) {
            (false, _) | (true, true) => (
                Reception::GoesOn,
                format!("goes on with {trace}, as for a good document"),
            ),
            (true, false) => (
                Reception::Unclear,
                format!("{trace}, as for every other client"),
            ),
        };
    }
    if as_unknown {
        let what = format!("{trace}, as for a client that nobody knows");
        return (Reception::Refused, what);
    }
    match &trace.error {
        Some(error) => (Reception::Refused, format!("sent back with `{error}`")),
        None => (Reception::Unclear, format!("{trace}, unlike both controls")),
    }
}

/// What is known when the admission is decided.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionInput<'a> {
    /// Whether the metadata says that documents are taken.
    pub advertised: bool,
    /// Whether documents may be offered.
    pub may_register: bool,
    /// Why none could be offered, and the flag that would help.
    pub obstacle: Option<(&'a str, Option<&'a str>)>,
    /// Whether documents were offered over plain http on loopback.
    pub plaintext: bool,
    /// Every request.
    pub attempts: &'a [DocumentAttempt],
}

/// Why nothing is offered unless the operator allows it.
pub const WITHOUT_CONSENT: &str = "no document is offered without consent, because the \
    authorization server would fetch it from this run";

/// Which clients are admitted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The word.
    pub admission: DocumentAdmission,
    /// How sure.
    pub confidence: Confidence,
    /// One sentence.
    pub reason: String,
    /// The flag that would determine it.
    pub decided_by: Option<String>,
    /// The exchanges it rests on.
    pub exchanges: Vec<ExchangeId>,
}

/// Decides which clients may name themselves by a document.
pub fn admission(input: &AdmissionInput<'_>) -> Admission {
    let open = |reason: String, flag: Option<&str>| Admission {
        admission: DocumentAdmission::Undetermined,
        confidence: Confidence::Inconclusive,
        reason,
        decided_by: flag.map(str::to_owned),
        exchanges: witnesses(input.attempts),
    };
    if !input.advertised {
        return Admission {
            admission: DocumentAdmission::NotAdvertised,
            confidence: Confidence::Strong,
            ..open(
                "`client_id_metadata_document_supported` is not true".to_owned(),
                None,
            )
        };
    }
    if !input.may_register {
        return open(WITHOUT_CONSENT.to_owned(), Some("--allow register"));
    }
    if let Some((reason, flag)) = input.obstacle {
        return open(reason.to_owned(), flag);
    }
    let find = |variant| input.attempts.iter().find(|it| it.variant == variant);
    let Some(good) = find(DocumentVariant::Good) else {
        return open("no document could be offered".to_owned(), None);
    };
    let fetched = good.fetches.iter().any(|fetch| !fetch.handshake);
    let what = &good.what;
    match (good.reception, fetched) {
        (Reception::GoesOn, true) => Admission {
            admission: DocumentAdmission::AnyClient,
            confidence: Confidence::Strong,
            ..open(
                format!(
                    "a document on a host that nobody approved was fetched ({}), and its client \
                     {what}",
                    often(good, find(DocumentVariant::GoodAgain))
                ),
                None,
            )
        },
        (Reception::GoesOn, false) => open(
            "the client goes on, and nobody fetches its document before the login; what decides \
             comes after it"
                .to_owned(),
            None,
        ),
        (Reception::Refused, true) => open(
            format!("a good document was fetched and its client was refused: {what}"),
            None,
        ),
        (Reception::Refused, false) if input.plaintext => {
            let knocked = find(DocumentVariant::HttpsKnock)
                .is_some_and(|it| it.fetches.iter().any(|fetch| fetch.handshake));
            let then = if knocked {
                "over https it is fetched, which needs a certificate that the server trusts"
            } else {
                "as Client ID Metadata Document §3 demands, and https is not fetched from loopback"
            };
            open(
                format!("a client ID with plain http is refused before any fetch; {then}"),
                Some("--callback-base"),
            )
        }
        (Reception::Refused, false) => Admission {
            admission: DocumentAdmission::DomainPolicy,
            confidence: Confidence::Weak,
            ..open(
                format!(
                    "a good document on a host that nobody approved was refused before any \
                         fetch: {what}"
                ),
                None,
            )
        },
        (Reception::Unclear, _) => open(
            format!("whether a good document is taken cannot be told: {what}"),
            None,
        ),
    }
}

/// How often a document was fetched: once for several requests shows a cache.
fn often(good: &DocumentAttempt, again: Option<&DocumentAttempt>) -> String {
    let (fetches, requests) = match again {
        Some(again) => (&again.fetches, 2),
        None => (&good.fetches, 1),
    };
    format!("{} time(s) for {requests} request(s)", fetches.len())
}

fn witnesses(attempts: &[DocumentAttempt]) -> Vec<ExchangeId> {
    let behind = [
        DocumentVariant::UnknownClient,
        DocumentVariant::Good,
        DocumentVariant::HttpsKnock,
    ];
    let found = attempts.iter().filter(|it| behind.contains(&it.variant));
    found.map(|it| it.exchange).collect()
}

/// What an answer leaves behind when its texts are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trace {
    status: u16,
    target: Option<String>,
    error: Option<String>,
    shows_marker: bool,
}

impl Trace {
    fn of(answer: Answer<'_>) -> Result<Self, (Reception, String)> {
        let Some(response) = answer.exchange.response() else {
            let failure = answer.exchange.failure();
            let text = failure.map_or_else(String::new, |failure| failure.text.clone());
            return Err((Reception::Unclear, format!("no answer: {text}")));
        };
        let status = response.status;
        match status {
            // A limit says nothing about the client.
            429 | 503 => Err((Reception::Unclear, format!("HTTP {status}"))),
            400.. => Err((Reception::Refused, format!("refused with HTTP {status}"))),
            _ => Ok(Self::read(answer, response)),
        }
    }

    fn read(answer: Answer<'_>, response: &Response) -> Self {
        let here = Url::parse(&answer.exchange.request.url).ok();
        let location = response
            .header("location")
            .and_then(|text| here.as_ref()?.join(text).ok());
        let back = Url::parse(answer.redirect).ok();
        let is_back = |url: &Url| {
            back.as_ref()
                .is_some_and(|back| back.origin() == url.origin() && back.path() == url.path())
        };
        let error = location
            .as_ref()
            .filter(|url| is_back(url))
            .and_then(|url| {
                let mut pairs = url.query_pairs();
                Some(pairs.find(|(name, _)| name == "error")?.1.into_owned())
            });
        Self {
            status: response.status,
            target: location.as_ref().map(|url| {
                if is_back(url) {
                    "the redirect URI".to_owned()
                } else {
                    skeleton(url)
                }
            }),
            error,
            shows_marker: response.body.text().contains(answer.marker),
        }
    }

    fn place(&self) -> (u16, Option<&str>, Option<&str>) {
        (self.status, self.target.as_deref(), self.error.as_deref())
    }

    fn client_error(&self) -> Option<&str> {
        let error = self.error.as_deref()?;
        CLIENT_ERRORS.contains(&error).then_some(error)
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(target) = &self.target {
            write!(f, " to {target}")?;
        }
        match &self.error {
            Some(error) => write!(f, " with `{error}`"),
            None => Ok(()),
        }
    }
}

/// A URL without what may differ from request to request.
fn skeleton(url: &Url) -> String {
    let segments = url.path().split('/').map(|segment| {
        let digits = segment.chars().any(|c| c.is_ascii_digit());
        if digits || segment.len() > LONG {
            "*"
        } else {
            segment
        }
    });
    let path = segments.collect::<Vec<_>>().join("/");
    format!("{}{path}", url.origin().ascii_serialization())
}

/// Errors that speak of the client (RFC 6749 §4.1.2.1, RFC 7591 §3.2.2).
const CLIENT_ERRORS: [&str; 4] = [
    "unauthorized_client",
    "invalid_client",
    "invalid_client_metadata",
    "invalid_redirect_uri",
];
/// Letters of a path segment that is no word any more.
const LONG: usize = 24;

#[cfg(test)]
mod tests;
