//! One answer's bytes: structural class, the message that answers, and a masked signature.

use std::collections::BTreeSet;

use serde_json::Value;

use super::signature::{self, Signature};
use super::{canary, reading};
use crate::codec::challenge;
use crate::codec::jsonrpc::{self, Answer as Reply, Form, Media};
use crate::model::canary::Effect;
use crate::model::discovery::{Challenge, Challenges};
use crate::model::exchange::{Exchange, ExchangeId, Outcome, Request, Response};

/// Structural classes; no natural language needed (oracle §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A 4xx refusal with a Bearer or DPoP challenge.
    Challenge,
    /// A status of 400 or more without a JSON-RPC answer and without a challenge.
    Bare,
    /// A JSON-RPC error.
    RpcError,
    /// A result with `isError`.
    ResultError,
    /// A result.
    ResultOk,
    /// A result without content.
    ResultEmpty,
    /// A result that carries a challenge in `_meta`.
    MetaChallenge,
    /// The server asks for input.
    InputRequired,
    /// A task handle.
    Task,
    /// An HTML page.
    Html,
    /// A redirect.
    Redirect,
    /// Nothing where an answer belongs.
    Empty,
    /// A message that answers another request.
    Foreign,
    /// Both `result` and `error`, or a success status over bytes that are no message.
    Broken,
    /// No HTTP answer, or one that stops in the middle.
    NoAnswer,
}

impl Shape {
    /// Whether the protocol layer reported a failure of this call.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::RpcError | Self::ResultError)
    }

    /// Whether the protocol layer reported success.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::ResultOk | Self::ResultEmpty)
    }
}

/// Circumstances of an answer that its message does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hint {
    /// `Retry-After`, or no requests remaining.
    Limited,
    /// Served from a cache.
    Cached,
    /// Written by a proxy or firewall in front.
    Edge,
    /// Progress or log messages came before the answer.
    Interim,
    /// A log message of level warning or worse came before the answer.
    Warned,
}

/// What was sent, as far as it matters for reading the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// JSON-RPC id.
    pub id: Option<Value>,
    /// JSON-RPC method.
    pub method: Option<String>,
    /// Tool or prompt name, or resource URI.
    pub name: Option<String>,
    /// Tool or prompt arguments.
    pub arguments: Option<Value>,
    /// The session it was sent on, as labelled in the ledger.
    pub session: Option<String>,
}

/// One parsed answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The exchange it was read from.
    pub exchange: ExchangeId,
    /// What was asked.
    pub sent: Sent,
    /// HTTP status; zero when there was no answer.
    pub status: u16,
    /// Challenges of the HTTP answer.
    pub challenges: Challenges,
    /// Where a redirect points.
    pub location: Option<String>,
    /// Structural class.
    pub shape: Shape,
    /// The JSON-RPC message that answers, or another JSON body.
    pub message: Option<Value>,
    /// Human-readable text of the answer, JSON escapes decoded.
    pub text: String,
    /// Circumstances.
    pub hints: BTreeSet<Hint>,
    /// Masked form for comparisons.
    pub signature: Signature,
    /// What the call was seen to bring about, where that was read back.
    pub effect: Option<Effect>,
}

impl Answer {
    /// The Bearer or DPoP challenge of a refusal.
    pub fn challenge(&self) -> Option<&Challenge> {
        self.challenges.token_challenge()
    }

    /// The JSON-RPC result.
    pub fn result(&self) -> Option<&Value> {
        self.message.as_ref()?.get("result")
    }

    /// The JSON-RPC error code.
    pub const fn code(&self) -> Option<i64> {
        self.signature.code
    }

    /// Whether a circumstance was seen.
    pub fn has(&self, hint: Hint) -> bool {
        self.hints.contains(&hint)
    }

    /// Scopes that the refusal itself names.
    pub fn challenged_scopes(&self) -> Vec<String> {
        self.signature.challenge_scopes.iter().cloned().collect()
    }
}

/// Reads an exchange. Total: whatever the peer sent becomes an answer.
pub fn observe(exchange: &Exchange) -> Answer {
    let sent = read_request(&exchange.request);
    match &exchange.outcome {
        Outcome::Response(response) => read_response(exchange.id, sent, response),
        Outcome::Failure(failure) => {
            let signature = Signature {
                shape: Shape::NoAnswer,
                text: String::new(),
                status: 0,
                code: None,
                challenge_error: None,
                challenge_scopes: BTreeSet::new(),
                contents: BTreeSet::new(),
                skeleton: String::new(),
            };
            Answer {
                exchange: exchange.id,
                sent,
                status: 0,
                challenges: Challenges::default(),
                location: None,
                shape: Shape::NoAnswer,
                message: None,
                text: failure.text.clone(),
                hints: BTreeSet::new(),
                signature,
                effect: None,
            }
        }
    }
}

/// The session a request was sent on, as labelled in the ledger.
pub(super) fn session(request: &Request) -> Option<&str> {
    let mut fields = request.headers.iter();
    let field = fields.find(|field| field.name.eq_ignore_ascii_case("mcp-session-id"))?;
    Some(&field.value)
}

fn read_request(request: &Request) -> Sent {
    let body: Option<Value> = request
        .body
        .as_ref()
        .and_then(|body| serde_json::from_slice(&body.bytes()).ok());
    let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
    let params = member("params");
    let param = |name: &str| params.and_then(|params| params.get(name));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Sent {
        id: member("id").cloned(),
        method: text(member("method")),
        name: text(param("name").or_else(|| param("uri"))),
        arguments: param("arguments").cloned(),
        session: session(request).map(str::to_owned),
    }
}

fn read_response(exchange: ExchangeId, sent: Sent, response: &Response) -> Answer {
    let fields: Vec<&str> = response.header_values("www-authenticate").collect();
    let challenges = challenge::parse(&fields);
    let mut parsed = jsonrpc::messages(Media::of(&response.media_type()), &response.body.bytes());
    if let Some(stream) = &response.stream {
        let late = jsonrpc::messages(Media::EventStream, &stream.bytes());
        parsed.truncated |= late.truncated;
        parsed.messages.extend(late.messages);
        parsed.form = Form::EventStream;
    }
    let (shape, message) = shape_of(&parsed, &sent, response, &challenges);
    let mut hints = reading::hints(&parsed.messages, response, shape);
    let (plain, data) = match &message {
        Some(message) => reading::texts(message),
        None => (response.body.text().into_owned(), String::new()),
    };
    let text = if data.is_empty() {
        plain
    } else {
        format!("{plain} {data}")
    };
    if is_borrowed(&text, &sent) {
        hints.insert(Hint::Cached);
    }
    let token = challenges.token_challenge();
    let scopes = token.and_then(challenge::scopes).and_then(Result::ok);
    let refused = response.status >= 400;
    let signature = Signature {
        shape,
        status: response.status,
        code: message.as_ref().and_then(jsonrpc::error_code),
        challenge_error: token
            .filter(|_| refused)
            .and_then(|token| token.param("error"))
            .map(str::to_owned),
        challenge_scopes: scopes
            .filter(|_| refused)
            .or_else(|| message.as_ref().and_then(reading::meta_scopes))
            .unwrap_or_default(),
        text: signature::mask(&text, &sent),
        contents: message.as_ref().map(reading::contents).unwrap_or_default(),
        skeleton: message.as_ref().map(reading::skeleton).unwrap_or_default(),
    };
    Answer {
        exchange,
        sent,
        status: response.status,
        challenges,
        location: response.header("location").map(str::to_owned),
        shape,
        message,
        text,
        hints,
        signature,
        effect: None,
    }
}

/// Whether an answer carries words of the run, and not the one of its own request: somebody else's
/// answer.
fn is_borrowed(text: &str, sent: &Sent) -> bool {
    let arguments = sent.arguments.as_ref().map(Value::to_string);
    let arguments = arguments.unwrap_or_default();
    let (own, found) = (canary::words(&arguments), canary::words(text));
    !own.is_empty() && !found.is_empty() && own.is_disjoint(&found)
}

fn shape_of(
    parsed: &jsonrpc::Parsed,
    sent: &Sent,
    response: &Response,
    challenges: &Challenges,
) -> (Shape, Option<Value>) {
    let status = response.status;
    let body = || parsed.messages.first().cloned();
    if (300..400).contains(&status) {
        return (Shape::Redirect, None);
    }
    let id = sent.id.clone().unwrap_or(Value::Null);
    let reply = match parsed.form {
        Form::Single | Form::Batch | Form::EventStream => jsonrpc::answer(&parsed.messages, &id),
        _ => Reply::None,
    };
    if (400..500).contains(&status) && challenges.token_challenge().is_some() {
        let message = match reply {
            Reply::Error(message) | Reply::Unattributed(message) | Reply::Foreign(message) => {
                Some(message.clone())
            }
            _ => body(),
        };
        return (Shape::Challenge, message);
    }
    match reply {
        Reply::Result(message) => (reading::result_shape(message, sent), Some(message.clone())),
        Reply::Error(message) | Reply::Unattributed(message) => {
            (reading::error_shape(message), Some(message.clone()))
        }
        // An HTTP refusal belongs to its request whatever id its body invents.
        Reply::Foreign(message) if status >= 400 && message.get("error").is_some() => {
            (reading::error_shape(message), Some(message.clone()))
        }
        Reply::Both(message) => (Shape::Broken, Some(message.clone())),
        Reply::Foreign(message) => (Shape::Foreign, Some(message.clone())),
        Reply::ServerRequest(message) => (Shape::InputRequired, Some(message.clone())),
        Reply::None => shape_without_message(parsed, status, body()),
    }
}

fn shape_without_message(
    parsed: &jsonrpc::Parsed,
    status: u16,
    body: Option<Value>,
) -> (Shape, Option<Value>) {
    let success = status < 300;
    match parsed.form {
        Form::Html => (Shape::Html, None),
        Form::BareError => (Shape::RpcError, body),
        _ if !success => (Shape::Bare, body),
        Form::Truncated => (Shape::NoAnswer, None),
        Form::EventStream | Form::Empty if parsed.truncated => (Shape::NoAnswer, None),
        Form::EventStream | Form::Empty => (Shape::Empty, None),
        _ => (Shape::Broken, body),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::exchange::HeaderField;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::oracle::testing::{body, call, http, reset, said};

    fn read(outcome: Outcome) -> Answer {
        let key = ProbeKey::new(ProbeId::CallValid);
        observe(&call(
            key,
            "reader",
            "read_note",
            &json!({"id": "1"}),
            outcome,
        ))
    }

    fn typed(status: u16, media: &str, text: &str) -> Outcome {
        let Outcome::Response(mut response) = http(status, &[], text) else {
            panic!("a response")
        };
        response.headers = vec![HeaderField::new("content-type", media)];
        Outcome::Response(response)
    }

    const RESULT: &str =
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"data"}]}}"#;

    #[test]
    fn the_request_is_read_back_from_the_exchange() {
        let sent = read(said("x")).sent;
        assert_eq!(sent.method.as_deref(), Some("tools/call"));
        assert_eq!(sent.name.as_deref(), Some("read_note"));
        assert_eq!(sent.arguments, Some(json!({"id": "1"})));
        assert_eq!(sent.session, None);
    }

    #[test]
    fn every_framing_of_a_result_reads_the_same() {
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
        for outcome in [
            typed(200, "application/json", RESULT),
            typed(200, "application/json", &format!("[{RESULT}]")),
            typed(200, "text/event-stream", &format!("data: {RESULT}\r\n\r\n")),
            typed(
                200,
                "text/event-stream",
                &format!("data: {progress}\n\ndata: {RESULT}\n\n"),
            ),
            typed(200, "application/json", &RESULT.replace(":7,", ":\"7\",")),
        ] {
            let answer = read(outcome);
            assert_eq!(
                (answer.shape, answer.text.as_str()),
                (Shape::ResultOk, "data")
            );
        }
    }

    #[test]
    fn a_legacy_answer_comes_on_the_stream() {
        let Outcome::Response(mut response) = typed(202, "text/plain", "Accepted") else {
            panic!("a response")
        };
        assert_eq!(
            read(Outcome::Response(response.clone())).shape,
            Shape::Broken
        );
        response.stream = Some(body(&format!("event: message\ndata: {RESULT}\n\n")));
        assert_eq!(read(Outcome::Response(response)).shape, Shape::ResultOk);
    }

    #[test]
    fn structure_alone_tells_the_shapes_apart() {
        let result = |members: &str| format!(r#"{{"jsonrpc":"2.0","id":7,"result":{members}}}"#);
        for (outcome, shape) in [
            (
                typed(
                    200,
                    "application/json",
                    &result(r#"{"content":[],"isError":true}"#),
                ),
                Shape::ResultError,
            ),
            (
                typed(200, "application/json", &result(r#"{"content":[]}"#)),
                Shape::ResultEmpty,
            ),
            (
                typed(
                    200,
                    "application/json",
                    &result(r#"{"resultType":"input_required"}"#),
                ),
                Shape::InputRequired,
            ),
            (
                typed(
                    200,
                    "application/json",
                    &result(r#"{"task":{"taskId":"t"}}"#),
                ),
                Shape::Task,
            ),
            (typed(200, "text/html", "<html></html>"), Shape::Html),
            (typed(302, "text/html", "<html></html>"), Shape::Redirect),
            (
                typed(
                    403,
                    "application/json",
                    r#"{"code":-32000,"message":"bad host"}"#,
                ),
                Shape::RpcError,
            ),
            (
                typed(403, "application/json", r#"{"error":"forbidden"}"#),
                Shape::Bare,
            ),
            (typed(200, "text/event-stream", ""), Shape::Empty),
            (reset(), Shape::NoAnswer),
        ] {
            assert_eq!(read(outcome).shape, shape);
        }
    }

    #[test]
    fn a_refusal_belongs_to_its_request_whatever_its_id() {
        let error = r#"{"jsonrpc":"2.0","id":99,"error":{"code":-32600,"message":"no"}}"#;
        assert_eq!(
            read(typed(404, "application/json", error)).shape,
            Shape::RpcError
        );
        assert_eq!(
            read(typed(200, "application/json", error)).shape,
            Shape::Foreign
        );
    }

    #[test]
    fn challenge_scopes_are_a_set() {
        let scopes = |list: &str| {
            let field = format!("Bearer error=\"insufficient_scope\", scope=\"{list}\"");
            read(http(403, &[("www-authenticate", &field)], "")).signature
        };
        assert_eq!(scopes("b a"), scopes("a b"));
        assert_ne!(scopes("a"), scopes("a b"));
    }

    #[test]
    fn escapes_are_decoded_before_texts_are_compared() {
        let escaped = RESULT.replace("data", "d\\u0061ta");
        assert_eq!(read(typed(200, "application/json", &escaped)).text, "data");
    }
}
