//! HTTP Archive 1.2: every redacted exchange, for tools that show traffic.

use std::io::Write;

use serde::{Serialize, Serializer};

use crate::model::exchange::{Exchange, ExchangeId, HeaderField, Outcome, Request, Response};
use crate::model::report::Report;

use super::{RenderError, Renderer, facts, json, stamp};

/// Renders the ledger as an archive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Har;

impl Renderer for Har {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let archive = Archive {
            log: Log {
                version: "1.2",
                creator: Creator {
                    name: &report.tool.name,
                    version: &report.tool.version,
                },
                entries: Entries(report),
                _findings: facts::items(report).iter().map(found).collect(),
                comment: "Secrets are replaced by labels; bodies are cut at the limit of the run.",
            },
        };
        json::write(&archive, out)
    }
}

#[derive(Serialize)]
struct Archive<'a> {
    log: Log<'a>,
}

#[derive(Serialize)]
struct Log<'a> {
    version: &'static str,
    creator: Creator<'a>,
    entries: Entries<'a>,
    /// What the exchanges show; members that begin with an underscore are ours to add.
    _findings: Vec<Found<'a>>,
    comment: &'static str,
}

#[derive(Serialize)]
struct Found<'a> {
    id: &'a str,
    check: &'a str,
    subject: &'a str,
    message: &'a str,
    accepted: bool,
    exchanges: Vec<ExchangeId>,
}

#[derive(Serialize)]
struct Creator<'a> {
    name: &'a str,
    version: &'a str,
}

/// Made one by one as they are written: a ledger may hold tens of thousands.
struct Entries<'a>(&'a Report);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let started = &self.0.engagement.started;
        let exchanges = self.0.ledger.iter();
        serializer.collect_seq(exchanges.map(|exchange| entry(exchange, started)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    started_date_time: String,
    time: u64,
    request: Sent<'a>,
    response: Received<'a>,
    cache: Nothing,
    timings: Timings,
    comment: String,
    /// As `_findings` name it.
    #[serde(rename = "_id")]
    _id: ExchangeId,
    #[serde(rename = "_probe")]
    _probe: &'a str,
    #[serde(rename = "_identity")]
    _identity: &'a str,
    #[serde(rename = "_subject", skip_serializing_if = "Option::is_none")]
    _subject: Option<&'a str>,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    _error: Option<&'a str>,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Timings {
    send: u64,
    wait: u64,
    receive: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    method: &'a str,
    url: String,
    http_version: &'static str,
    cookies: [Field<'a>; 0],
    headers: Vec<Field<'a>>,
    query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<Posted<'a>>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Posted<'a> {
    mime_type: &'a str,
    text: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Received<'a> {
    status: u16,
    status_text: &'static str,
    http_version: &'static str,
    cookies: [Field<'a>; 0],
    headers: Vec<Field<'a>>,
    content: Content<'a>,
    #[serde(rename = "redirectURL")]
    redirect_url: &'a str,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    size: u64,
    mime_type: &'a str,
    text: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

fn found<'a>(item: &facts::Item<'a>) -> Found<'a> {
    let finding = item.finding;
    let mut exchanges: Vec<ExchangeId> = finding.cites.iter().map(|cite| cite.exchange).collect();
    exchanges.sort_unstable();
    exchanges.dedup();
    Found {
        id: &finding.fingerprint,
        check: &finding.check,
        subject: &finding.subject,
        message: &finding.message,
        accepted: item.acceptance.is_some(),
        exchanges,
    }
}

fn entry<'a>(exchange: &'a Exchange, started: &str) -> Entry<'a> {
    let (response, error) = match &exchange.outcome {
        Outcome::Response(response) => (Some(response), None),
        Outcome::Failure(failure) => (failure.partial.as_deref(), Some(failure.text.as_str())),
    };
    Entry {
        started_date_time: stamp::after(started, exchange.started_ms),
        time: exchange.elapsed_ms,
        request: sent(&exchange.request),
        response: received(response),
        cache: Nothing {},
        timings: Timings {
            send: 0,
            wait: exchange.elapsed_ms,
            receive: 0,
        },
        comment: format!(
            "{} {} as {}",
            exchange.id, exchange.probe.id, exchange.identity
        ),
        _id: exchange.id,
        _probe: exchange.probe.id.as_str(),
        _identity: &exchange.identity,
        _subject: exchange.probe.subject.as_deref(),
        _error: error,
    }
}

fn sent(request: &Request) -> Sent<'_> {
    let pairs = url::Url::parse(&request.url).ok();
    let pairs = pairs.iter().flat_map(url::Url::query_pairs);
    Sent {
        method: &request.method,
        url: url(&request.url),
        http_version: VERSION,
        cookies: [],
        headers: fields(&request.headers),
        query_string: pairs
            .map(|(name, value)| Pair {
                name: name.into_owned(),
                value: value.into_owned(),
            })
            .collect(),
        post_data: request.body.as_ref().map(|body| Posted {
            mime_type: named(&request.headers, "content-type"),
            text: body.text(),
        }),
        headers_size: UNKNOWN,
        body_size: request.body.as_ref().map_or(0, |body| size(body.length)),
    }
}

/// Labels stand in braces, and a peer's URL may hold anything; no URI may (RFC 3986 §2).
fn url(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut slashes = 0;
    let mut fragment = false;
    for byte in url.bytes() {
        slashes += usize::from(byte == b'/');
        let plain = match byte {
            // Brackets belong around an IPv6 address only.
            b'[' | b']' => slashes < 3,
            b'#' => !std::mem::replace(&mut fragment, true),
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%".contains(&byte),
        };
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Without an answer the archive has status zero, as browsers write it.
fn received(response: Option<&Response>) -> Received<'_> {
    let body = response.map(|response| response.stream.as_ref().unwrap_or(&response.body));
    let headers = response.map_or(&[][..], |response| &response.headers);
    Received {
        status: response.map_or(0, |response| response.status),
        status_text: "",
        http_version: VERSION,
        cookies: [],
        headers: fields(headers),
        content: Content {
            size: body.map_or(0, |body| body.length),
            mime_type: named(headers, "content-type"),
            text: body.map_or("".into(), |body| body.text()),
            comment: body.map(|body| {
                let cut = if body.truncated { ", cut here" } else { "" };
                format!("SHA-256 of what arrived {}{cut}", body.sha256)
            }),
        },
        redirect_url: named(headers, "location"),
        headers_size: UNKNOWN,
        body_size: body.map_or(UNKNOWN, |body| size(body.length)),
    }
}

fn fields(fields: &[HeaderField]) -> Vec<Field<'_>> {
    fields
        .iter()
        .map(|HeaderField { name, value }| Field { name, value })
        .collect()
}

fn named<'a>(fields: &'a [HeaderField], name: &str) -> &'a str {
    let mut fields = fields.iter();
    fields
        .find(|field| field.name.eq_ignore_ascii_case(name))
        .map_or("", |field| &field.value)
}

fn size(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

const VERSION: &str = "HTTP/1.1";
/// What the format says for a size that nobody measured.
const UNKNOWN: i64 = -1;
