//! JSON-RPC messages in whatever an answer wraps them.

use serde_json::Value;

use super::{json, sse};

/// What the `Content-Type` of an answer promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Media {
    /// `application/json` and `+json` types.
    Json,
    /// `text/event-stream`.
    EventStream,
    /// `text/html`, `application/xhtml+xml`.
    Html,
    /// Other `text/` types.
    Text,
    /// Anything else.
    Other,
    /// No media type at all.
    Absent,
}

impl Media {
    /// The kind of a media type; parameters and case do not matter (RFC 9110 §8.3.1).
    pub fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default();
        match essence.trim().to_ascii_lowercase().as_str() {
            "" => Self::Absent,
            "application/json" | "text/json" => Self::Json,
            "text/event-stream" => Self::EventStream,
            "text/html" | "application/xhtml+xml" => Self::Html,
            other if other.ends_with("+json") => Self::Json,
            other if other.starts_with("text/") => Self::Text,
            _ => Self::Other,
        }
    }
}

/// What the bytes of an answer turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// No bytes, or white space only.
    Empty,
    /// One JSON-RPC message.
    Single,
    /// A JSON array of messages (2025-03-26).
    Batch,
    /// An event stream.
    EventStream,
    /// A JSON-RPC error object without its envelope: `{"code":…,"message":…}`.
    BareError,
    /// JSON that is no JSON-RPC message.
    OtherJson,
    /// An HTML page.
    Html,
    /// Other text.
    Text,
    /// JSON that stops in the middle.
    Truncated,
    /// JSON that is broken.
    Malformed,
}

/// A read answer body.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// What the bytes are.
    pub form: Form,
    /// The messages in order; for [`Form::BareError`] and [`Form::OtherJson`] the value itself.
    pub messages: Vec<Value>,
    /// Whether the bytes are what the media type promised.
    pub labelled: bool,
    /// Whether a message stops in the middle or an event lacks its blank line.
    pub truncated: bool,
    /// JSON pointers of repeated members: parsers differ on what such a message says.
    pub duplicates: Vec<String>,
    /// What could not be read.
    pub problem: Option<String>,
}

/// Reads an answer body by its media type, and by its first bytes where the two disagree.
pub fn messages(media: Media, bytes: &[u8]) -> Parsed {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Parsed::new(Form::Empty, true);
    }
    if media == Media::EventStream || (media != Media::Json && sse::looks_like(bytes)) {
        if json::looks_like(bytes) {
            return from_json(text, false);
        }
        return from_events(bytes, media == Media::EventStream);
    }
    if json::looks_like(bytes) {
        return from_json(text, media == Media::Json);
    }
    if sse::looks_like(bytes) {
        return from_events(bytes, false);
    }
    if text.first() == Some(&b'<') || media == Media::Html {
        return Parsed::new(Form::Html, media == Media::Html);
    }
    if media == Media::Json {
        return from_json(text, true);
    }
    Parsed::new(Form::Text, media == Media::Text)
}

/// What a set of messages says to the request with a given id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer<'m> {
    /// The message with the id and a `result`.
    Result(&'m Value),
    /// The message with the id and an `error`.
    Error(&'m Value),
    /// The message with the id and both members: it says two things.
    Both(&'m Value),
    /// An error that names no request: `id` absent or null, or an SDK's stand-in.
    Unattributed(&'m Value),
    /// Only a message for another id.
    Foreign(&'m Value),
    /// Only a request of the server to the client.
    ServerRequest(&'m Value),
    /// No message, or notifications only.
    None,
}

/// Finds the answer to a request among messages.
pub fn answer<'m>(messages: &'m [Value], id: &Value) -> Answer<'m> {
    if let Some(message) = pick(messages, id) {
        return match kind(message) {
            Kind::Both => Answer::Both(message),
            Kind::Error => Answer::Error(message),
            _ => Answer::Result(message),
        };
    }
    let first = |wanted: fn(&Value) -> bool| messages.iter().find(|message| wanted(message));
    if let Some(message) = first(|message| kind(message) == Kind::Error && is_unattributed(message))
    {
        return Answer::Unattributed(message);
    }
    if let Some(message) =
        first(|message| matches!(kind(message), Kind::Result | Kind::Error | Kind::Both))
    {
        return Answer::Foreign(message);
    }
    match first(|message| kind(message) == Kind::Request) {
        Some(message) => Answer::ServerRequest(message),
        None => Answer::None,
    }
}

/// The first message that answers the request with this id; `7` and `"7"` are the same id.
pub fn pick<'m>(messages: &'m [Value], id: &Value) -> Option<&'m Value> {
    messages.iter().find(|message| {
        matches!(kind(message), Kind::Result | Kind::Error | Kind::Both)
            && message.get("id").is_some_and(|theirs| same_id(theirs, id))
    })
}

/// The shape of one JSON-RPC message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Has `result`.
    Result,
    /// Has `error`.
    Error,
    /// Has both, which JSON-RPC 2.0 §5 forbids.
    Both,
    /// Has `method` and `id`.
    Request,
    /// Has `method` and no `id`.
    Notification,
    /// Is no JSON-RPC message.
    Other,
}

/// Tells the shape of a message.
///
/// A null `error` beside a `result` is no error: some SDKs send it. Nor is a textual `error`
/// without `jsonrpc`: OAuth answers look like that (RFC 6749 §5.2).
pub fn kind(message: &Value) -> Kind {
    let has = |member: &str| message.get(member).is_some_and(|value| !value.is_null());
    let is_error = has("jsonrpc") || message.get("error").is_some_and(Value::is_object);
    match (message.get("result").is_some(), has("error") && is_error) {
        (true, true) if has("result") => Kind::Both,
        (_, true) => Kind::Error,
        (true, false) => Kind::Result,
        (false, false) if has("method") && has("id") => Kind::Request,
        (false, false) if has("method") => Kind::Notification,
        (false, false) => Kind::Other,
    }
}

/// Whether two ids are equal, a number and its decimal string being the same.
pub fn same_id(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(number), Value::String(text))
        | (Value::String(text), Value::Number(number)) => {
            number.to_string() == *text
                || number
                    .as_f64()
                    .is_some_and(|number| number.fract() == 0.0 && format!("{number:.0}") == *text)
        }
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.as_f64().is_some() && a.as_f64() == b.as_f64())
        }
        _ => a == b,
    }
}

/// The code of an error answer, also when it was sent as an integral float or as a string.
pub fn error_code(message: &Value) -> Option<i64> {
    let error = message.get("error").unwrap_or(message);
    let code = error.get("code")?;
    if let Some(code) = code.as_i64() {
        return Some(code);
    }
    let text = match code {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        _ => return None,
    };
    text.parse().ok()
}

fn from_json(text: &[u8], labelled: bool) -> Parsed {
    let document = match json::read(text) {
        Ok(document) => document,
        Err(malformed) => {
            let form = if malformed.truncated {
                Form::Truncated
            } else {
                Form::Malformed
            };
            let mut parsed = Parsed::new(form, labelled);
            parsed.truncated = malformed.truncated;
            parsed.problem = Some(malformed.text);
            return parsed;
        }
    };
    let (form, messages) = match document.value {
        Value::Array(items) => {
            let form = if items.iter().any(|item| kind(item) != Kind::Other) {
                Form::Batch
            } else {
                Form::OtherJson
            };
            (form, items)
        }
        value => (form_of(&value), vec![value]),
    };
    Parsed {
        messages,
        duplicates: document.duplicates,
        ..Parsed::new(form, labelled)
    }
}

fn form_of(value: &Value) -> Form {
    let is_bare = value.get("code").is_some_and(Value::is_i64)
        && value.get("message").is_some_and(Value::is_string);
    match kind(value) {
        Kind::Other if is_bare => Form::BareError,
        Kind::Other => Form::OtherJson,
        _ => Form::Single,
    }
}

fn from_events(bytes: &[u8], labelled: bool) -> Parsed {
    let read = sse::events(bytes);
    let mut parsed = Parsed::new(Form::EventStream, labelled);
    parsed.problem = read.problem;
    for event in &read.events {
        let Some(data) = event.data.as_deref().filter(|data| !data.trim().is_empty()) else {
            parsed.truncated |= !event.complete;
            continue;
        };
        if event.name.as_deref() == Some("endpoint") {
            continue;
        }
        parsed.truncated |= !event.complete;
        match json::read(data.as_bytes()) {
            Ok(document) => {
                match document.value {
                    Value::Array(items) => parsed.messages.extend(items),
                    value => parsed.messages.push(value),
                }
                parsed.duplicates.extend(document.duplicates);
            }
            Err(malformed) => {
                parsed.truncated |= malformed.truncated;
                parsed.problem.get_or_insert(malformed.text);
            }
        }
    }
    parsed
}

fn is_unattributed(message: &Value) -> bool {
    match message.get("id") {
        None | Some(Value::Null) => true,
        Some(Value::String(id)) => id == STAND_IN_ID,
        Some(_) => false,
    }
}

impl Parsed {
    const fn new(form: Form, labelled: bool) -> Self {
        Self {
            form,
            messages: Vec::new(),
            labelled,
            truncated: false,
            duplicates: Vec::new(),
            problem: None,
        }
    }
}

/// The Python SDK's id of errors that precede the parsing of a request.
const STAND_IN_ID: &str = "server-error";

#[cfg(test)]
#[path = "jsonrpc_tests.rs"]
mod tests;
