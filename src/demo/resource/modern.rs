//! 2026-07-28: every request says for itself what the older revisions said once.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::super::behaviour::{HeaderReading, Revision, VersionReading};
use super::super::http::{self, Incoming};
use super::super::state::Shared;
use super::gate::Principal;
use super::methods::{self, Context};
use super::render;
use super::ways::Seen;

/// Answers a POST of the stateless revision.
pub(crate) fn post(
    shared: &Shared,
    incoming: &Incoming,
    principal: Option<&Principal>,
    message: &Value,
    seen: Option<&Seen>,
) -> Response {
    let id = message.get("id").cloned().unwrap_or(Value::Null);
    let method = message.get("method").and_then(Value::as_str);
    let (Some(method), Some("2.0")) = (method, message.get("jsonrpc").and_then(Value::as_str))
    else {
        return http::json(400, &render::error(&id, -32600, "Invalid request", None));
    };
    let empty = json!({});
    let params = message.get("params").unwrap_or(&empty);
    if let Some(Fault {
        code,
        message,
        data,
    }) = envelope(shared, incoming, message, method, params)
    {
        return http::json(400, &render::error(&id, code, &message, data));
    }
    if id.is_null() {
        return http::empty(202);
    }
    let revision = Revision::R2026_07;
    let context = Context {
        shared,
        revision,
        principal,
        peer: incoming.peer,
        seen,
        header: incoming.header("mcp-name"),
    };
    render::response(
        shared,
        revision,
        &id,
        methods::answer(&context, method, params),
    )
}

/// The protocol version that a message states in its `_meta`.
pub(crate) fn stated_version(message: &Value) -> Option<&str> {
    message
        .get("params")?
        .get("_meta")?
        .get(META_VERSION)?
        .as_str()
}

struct Fault {
    code: i64,
    message: String,
    data: Option<Value>,
}

fn envelope(
    shared: &Shared,
    incoming: &Incoming,
    message: &Value,
    method: &str,
    params: &Value,
) -> Option<Fault> {
    let served: Vec<&str> = shared
        .behaviour
        .server
        .revisions
        .iter()
        .map(|revision| revision.as_str())
        .collect();
    let readings = &shared.behaviour.ways;
    let trusted = readings.versions == VersionReading::MissingIsTrusted
        && incoming.header("mcp-protocol-version").is_none();
    let fault = (!trusted)
        .then(|| version(incoming, message, &served))
        .flatten();
    if fault.is_some() {
        return fault;
    }
    if readings.headers == HeaderReading::Checked
        && let Some(fault) = mirrored(incoming, method, params)
    {
        return Some(fault);
    }
    let meta = params.get("_meta");
    let lacking = |key: &str, fits: fn(&Value) -> bool| {
        !meta.and_then(|meta| meta.get(key)).is_some_and(fits)
    };
    let missing = if lacking(META_VERSION, Value::is_string) {
        META_VERSION
    } else if lacking(META_CAPABILITIES, Value::is_object) {
        META_CAPABILITIES
    } else {
        return None;
    };
    Some(Fault {
        code: -32602,
        message: format!("_meta must carry {missing}"),
        data: None,
    })
}

fn version(incoming: &Incoming, message: &Value, served: &[&str]) -> Option<Fault> {
    let Some(version) = only(incoming, "mcp-protocol-version") else {
        let supported = served.join(", ");
        return Some(mismatch(&format!(
            "MCP-Protocol-Version must be sent exactly once; supported are {supported}"
        )));
    };
    let stated = stated_version(message);
    if stated.is_some_and(|stated| stated != version) {
        return Some(mismatch(&format!(
            "MCP-Protocol-Version header value '{version}' does not match the body"
        )));
    }
    (version != Revision::R2026_07.as_str()).then(|| Fault {
        code: -32022,
        message: "Unsupported protocol version".to_owned(),
        data: Some(json!({"supported": served, "requested": version})),
    })
}

fn mirrored(incoming: &Incoming, method: &str, params: &Value) -> Option<Fault> {
    if only(incoming, "mcp-method") != Some(method) {
        return Some(mismatch(&format!(
            "Mcp-Method must be sent once and be '{method}'"
        )));
    }
    let member = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return None,
    };
    let name = params.get(member).and_then(Value::as_str);
    let header = only(incoming, "mcp-name").map(decoded);
    (name.is_some() && header.as_deref() != name).then(|| {
        mismatch(&format!(
            "Mcp-Name must be sent once and match params.{member}"
        ))
    })
}

fn mismatch(message: &str) -> Fault {
    Fault {
        code: -32020,
        message: format!("Header mismatch: {message}"),
        data: None,
    }
}

/// The value of a header that was sent exactly once.
fn only<'a>(incoming: &'a Incoming, name: &str) -> Option<&'a str> {
    let mut values = incoming.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Undoes the encoding of names that no header can carry.
pub(crate) fn decoded(value: &str) -> String {
    value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
        .and_then(|inner| BASE64.decode(inner).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| value.to_owned())
}

const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
