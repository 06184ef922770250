//! What to send per protocol revision, and what the answers say about revision and surface.
//!
//! An operation that a revision does not know is still encoded, in that revision's framing: an
//! auditor asks what a client would not.
#![deny(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable
)]

use serde_json::{Map, Value, json};

use crate::model::target::Revision;

pub mod alter;
pub mod decode;
pub mod era;
pub mod header;
mod r2024_11;
mod r2025_03;
mod r2025_06;
mod r2025_11;
mod r2026_07;

/// What is asked of an MCP server.
#[derive(Clone, Debug)]
pub enum Operation<'a> {
    /// `server/discover` (2026-07-28).
    Discover,
    /// `initialize` with the context's revision (up to 2025-11-25).
    Initialize,
    /// `notifications/initialized`.
    Initialized,
    /// `tools/list`, one page.
    ListTools {
        /// Where the page starts; the first page when absent.
        cursor: Option<&'a str>,
    },
    /// `resources/list`, one page.
    ListResources {
        /// Where the page starts; the first page when absent.
        cursor: Option<&'a str>,
    },
    /// `resources/templates/list`, one page.
    ListResourceTemplates {
        /// Where the page starts; the first page when absent.
        cursor: Option<&'a str>,
    },
    /// `prompts/list`, one page.
    ListPrompts {
        /// Where the page starts; the first page when absent.
        cursor: Option<&'a str>,
    },
    /// `tools/call`.
    CallTool {
        /// Tool name.
        name: &'a str,
        /// Arguments, valid or not.
        arguments: &'a Value,
        /// The tool's input schema, whose `x-mcp-header` annotations are mirrored (2026-07-28).
        schema: Option<&'a Value>,
    },
    /// `resources/read`.
    ReadResource {
        /// Resource URI.
        uri: &'a str,
    },
    /// `prompts/get`.
    GetPrompt {
        /// Prompt name.
        name: &'a str,
        /// Arguments: an object of strings.
        arguments: &'a Value,
    },
    /// Any other method.
    Raw {
        /// Method name.
        method: &'a str,
        /// Its parameters.
        params: Value,
    },
    /// GET of the event stream: the way in of 2024-11-05, optional up to 2025-11-25.
    OpenStream,
    /// DELETE of the session (2025-03-26 to 2025-11-25; see [`has_sessions`]).
    CloseSession,
}

/// The circumstances of a message.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The revision spoken.
    pub revision: Revision,
    /// The session that the server opened for this identity.
    pub session: Option<&'a str>,
    /// Tags the run in the client information.
    pub run_id: &'a str,
    /// The JSON-RPC id of a request.
    pub id: u64,
}

/// A message ready for the wire; the credential is added there.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    /// HTTP method: POST, GET or DELETE.
    pub method: &'static str,
    /// Fields in order.
    pub headers: Vec<(String, String)>,
    /// Compact JSON; absent for GET and DELETE.
    pub body: Option<Vec<u8>>,
    /// The id to look for in the answer; absent where none is expected.
    pub id: Option<Value>,
}

/// Encodes an operation as the revision wants it.
pub fn encode(operation: &Operation<'_>, context: &Context<'_>) -> Encoded {
    let dialect = dialect(context.revision);
    let Some(message) = message(operation, context, dialect) else {
        return bodiless(operation, context, dialect);
    };
    let mut headers = vec![field("Content-Type", "application/json")];
    if dialect.accepts_both {
        headers.push(field("Accept", "application/json, text/event-stream"));
    }
    let opens = matches!(operation, Operation::Initialize);
    if !opens || dialect.per_request {
        headers.extend(version_field(context, dialect));
        headers.extend(session_field(context, dialect));
    }
    if dialect.per_request {
        let schema = match operation {
            Operation::CallTool { schema, .. } => *schema,
            _ => None,
        };
        headers.extend(r2026_07::mirror(message.method, &message.params, schema));
    }
    let id = (!message.is_notification).then(|| Value::from(context.id));
    Encoded {
        method: "POST",
        headers,
        body: Some(message.bytes(id.as_ref())),
        id,
    }
}

/// Whether the revision knows sessions that a DELETE ends.
pub const fn has_sessions(revision: Revision) -> bool {
    dialect(revision).session_header.is_some()
}

/// How a revision differs from its neighbours.
#[derive(Debug)]
struct Dialect {
    /// Whether requests must accept JSON and event streams.
    accepts_both: bool,
    /// The header that names the revision.
    version_header: Option<&'static str>,
    /// The header that names the session.
    session_header: Option<&'static str>,
    /// Whether client information may have a `title`.
    titled_client: bool,
    /// Whether each request carries its own metadata and nothing is opened first.
    per_request: bool,
}

struct Message<'a> {
    method: &'a str,
    params: Value,
    is_notification: bool,
}

impl Message<'_> {
    fn bytes(&self, id: Option<&Value>) -> Vec<u8> {
        let mut object = Map::new();
        object.insert("jsonrpc".to_owned(), Value::from("2.0"));
        if let Some(id) = id {
            object.insert("id".to_owned(), id.clone());
        }
        object.insert("method".to_owned(), Value::from(self.method));
        if !self.params.is_null() {
            object.insert("params".to_owned(), self.params.clone());
        }
        Value::Object(object).to_string().into_bytes()
    }
}

const fn dialect(revision: Revision) -> &'static Dialect {
    match revision {
        Revision::R2024_11 => &r2024_11::DIALECT,
        Revision::R2025_03 => &r2025_03::DIALECT,
        Revision::R2025_06 => &r2025_06::DIALECT,
        Revision::R2025_11 => &r2025_11::DIALECT,
        Revision::R2026_07 => &r2026_07::DIALECT,
    }
}

fn message<'a>(
    operation: &Operation<'a>,
    context: &Context<'_>,
    dialect: &Dialect,
) -> Option<Message<'a>> {
    let (method, mut params) = match operation {
        Operation::Discover => ("server/discover", json!({})),
        Operation::Initialize => ("initialize", initialize(context, dialect)),
        Operation::Initialized => ("notifications/initialized", Value::Null),
        Operation::ListTools { cursor } => ("tools/list", page(*cursor)),
        Operation::ListResources { cursor } => ("resources/list", page(*cursor)),
        Operation::ListResourceTemplates { cursor } => ("resources/templates/list", page(*cursor)),
        Operation::ListPrompts { cursor } => ("prompts/list", page(*cursor)),
        Operation::CallTool {
            name, arguments, ..
        } => ("tools/call", json!({"name": name, "arguments": arguments})),
        Operation::ReadResource { uri } => ("resources/read", json!({"uri": uri})),
        Operation::GetPrompt { name, arguments } => {
            ("prompts/get", json!({"name": name, "arguments": arguments}))
        }
        Operation::Raw { method, params } => (*method, params.clone()),
        Operation::OpenStream | Operation::CloseSession => return None,
    };
    let is_notification = method.starts_with("notifications/");
    if dialect.per_request && !is_notification {
        if params.is_null() {
            params = json!({});
        }
        if let Some(members) = params.as_object_mut() {
            members
                .entry("_meta")
                .or_insert_with(|| r2026_07::meta(&client_info(context, dialect)));
        }
    }
    Some(Message {
        method,
        params,
        is_notification,
    })
}

fn bodiless(operation: &Operation<'_>, context: &Context<'_>, dialect: &Dialect) -> Encoded {
    let mut headers = Vec::new();
    let method = if matches!(operation, Operation::OpenStream) {
        headers.push(field("Accept", "text/event-stream"));
        "GET"
    } else {
        "DELETE"
    };
    headers.extend(version_field(context, dialect));
    headers.extend(session_field(context, dialect));
    Encoded {
        method,
        headers,
        body: None,
        id: None,
    }
}

fn initialize(context: &Context<'_>, dialect: &Dialect) -> Value {
    json!({
        "protocolVersion": context.revision.as_str(),
        "capabilities": {},
        "clientInfo": client_info(context, dialect),
    })
}

fn client_info(context: &Context<'_>, dialect: &Dialect) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let run = context.run_id;
    if dialect.titled_client {
        json!({"name": CLIENT, "title": format!("{CLIENT} run {run}"), "version": version})
    } else {
        json!({"name": CLIENT, "version": format!("{version}+{run}")})
    }
}

fn page(cursor: Option<&str>) -> Value {
    match cursor {
        Some(cursor) => json!({"cursor": cursor}),
        None => json!({}),
    }
}

fn version_field(context: &Context<'_>, dialect: &Dialect) -> Option<(String, String)> {
    dialect
        .version_header
        .map(|name| field(name, context.revision.as_str()))
}

fn session_field(context: &Context<'_>, dialect: &Dialect) -> Option<(String, String)> {
    Some(field(dialect.session_header?, context.session?))
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

const CLIENT: &str = "mcp-assay";

#[cfg(test)]
mod tests;
