//! Requests read into memory, and the answers both servers give.

use std::net::SocketAddr;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use super::tls::Peer;

/// An answer that ends a request early.
pub(crate) type Refusal = Box<Response>;

/// A request that was read to its end.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) peer: Option<SocketAddr>,
    /// The thumbprint of the certificate that the client showed.
    pub(crate) certificate: Option<String>,
}

impl Incoming {
    /// Reads a request; one with too large a body is answered with 413.
    pub(crate) async fn read(request: Request) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let known = &parts.extensions;
        let secured = known.get::<ConnectInfo<Peer>>().map(|info| info.0.clone());
        let peer = match &secured {
            Some(peer) => Some(peer.address),
            None => known.get::<ConnectInfo<SocketAddr>>().map(|info| info.0),
        };
        let body = to_bytes(body, BODY_LIMIT)
            .await
            .map_err(|_| Box::new(text(413, "Body too large\n")))?;
        Ok(Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
            peer,
            certificate: secured.and_then(|peer| peer.certificate),
        })
    }

    /// The first value of a header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The parameters in the query.
    pub(crate) fn query_parameters(&self) -> Vec<(String, String)> {
        parameters(self.query.as_bytes())
    }

    /// The parameters of a form in the body.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        parameters(&self.body)
    }

    /// Whether the body is declared to be of a media type.
    pub(crate) fn has_media_type(&self, wanted: &str) -> bool {
        self.header("content-type").is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
        })
    }
}

/// The only value of a parameter; none when it is missing, empty or repeated.
pub(crate) fn single<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = parameters.iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) if !value.is_empty() => Some(value),
        _ => None,
    }
}

/// A JSON answer.
pub(crate) fn json(status: u16, value: &Value) -> Response {
    typed(status, "application/json", value.to_string())
}

/// A plain text answer.
pub(crate) fn text(status: u16, body: &str) -> Response {
    typed(status, "text/plain; charset=utf-8", body.to_owned())
}

/// An answer of any media type.
pub(crate) fn typed(status: u16, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// An answer without a body.
pub(crate) fn empty(status: u16) -> Response {
    let mut response = text(status, "");
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// The same answer with one more header; a value no header can carry is left out.
pub(crate) fn with_header(mut response: Response, name: &str, value: &str) -> Response {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
        response.headers_mut().append(name, value);
    }
    response
}

/// The same answer, not to be stored.
pub(crate) fn no_store(response: Response) -> Response {
    with_header(response, "cache-control", "no-store")
}

/// A 405 that says what is allowed.
pub(crate) fn method_not_allowed(allow: &str) -> Response {
    with_header(text(405, "Method Not Allowed\n"), "allow", allow)
}

fn parameters(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

const BODY_LIMIT: usize = 1024 * 1024;
