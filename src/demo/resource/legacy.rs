//! 2025-03-26 to 2025-11-25: `initialize`, sessions, and batches in the first of them.

use std::collections::HashMap;

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::super::behaviour::{
    Authentication, EndedSessions, Framing, Resumption, Revision, SessionIdShape, SessionPolicy,
    SessionReading, VersionCheck,
};
use super::super::http::{self, Incoming, Refusal, with_header};
use super::super::state::{Shared, lock};
use super::doors;
use super::gate::{self, Principal};
use super::methods::{self, Context, Outcome, Reply};
use super::ways::Seen;
use super::{render, resume, verification};

/// The sessions that are open, by id.
#[derive(Default)]
pub(crate) struct Sessions {
    pub(crate) open: HashMap<String, Session>,
}

/// An open session.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) principal: Option<Principal>,
    pub(crate) revision: Revision,
    /// Where answers go when the session has an event stream (2024-11-05).
    pub(crate) stream: Option<UnboundedSender<Value>>,
    /// Whether it was ended, and goes on all the same.
    pub(crate) ended: bool,
}

impl Sessions {
    /// Opens a session, unless there are too many.
    pub(crate) fn add(&mut self, id: &str, session: Session) -> bool {
        let room = self.open.len() < SESSION_LIMIT;
        if room {
            self.open.insert(id.to_owned(), session);
        }
        room
    }

    pub(crate) fn len(&self) -> usize {
        self.open.values().filter(|session| !session.ended).count()
    }
}

/// The revisions with sessions that are served, newest first.
pub(crate) fn served(shared: &Shared) -> Vec<Revision> {
    let mut revisions: Vec<Revision> = shared
        .behaviour
        .server
        .revisions
        .iter()
        .copied()
        .filter(|one| one.has_sessions())
        .collect();
    revisions.sort_unstable_by(|one, other| other.cmp(one));
    revisions
}

/// Answers a POST of a revision with sessions.
pub(crate) fn post(
    shared: &Shared,
    incoming: &Incoming,
    principal: Option<&Principal>,
    value: &Value,
    seen: Option<&Seen>,
) -> Response {
    if let Some(refusal) = unsupported_version(shared, incoming) {
        return refusal;
    }
    if value.get("method").and_then(Value::as_str) == Some("initialize") {
        return initialize(shared, principal, value);
    }
    let unasked =
        principal.is_none() && verification::forgotten(shared, incoming, &gate::asked(value));
    let session = match session(shared, incoming, principal, unasked) {
        Ok(session) => session,
        Err(refusal) => return *refusal,
    };
    let revision = session.revision;
    let principal = match shared.behaviour.resource.authentication {
        Authentication::SessionOnly => session.principal.as_ref(),
        _ => principal,
    };
    let context = Context {
        shared,
        revision,
        principal,
        peer: incoming.peer,
        seen,
        header: None,
    };
    match value {
        Value::Array(batch) if revision == Revision::R2025_03 => answer_batch(&context, batch),
        Value::Object(_) => match request(value) {
            Some((id, method, params)) => {
                let reply = methods::answer(&context, method, params);
                let kept = shared.behaviour.server.framing == Framing::Sse
                    && shared.behaviour.transport.resumption != Resumption::None;
                if kept {
                    resumable(shared, incoming, revision, id, reply)
                } else {
                    render::response(shared, revision, id, reply)
                }
            }
            None if is_silent(value) => http::empty(202),
            None => bad_request(-32600, "Invalid request"),
        },
        _ => bad_request(
            -32600,
            "Invalid request: the body must be one JSON-RPC message",
        ),
    }
}

/// The session that a request names, whoever opened it.
pub(crate) fn opened(shared: &Shared, incoming: &Incoming) -> Option<Session> {
    let id = incoming.header(SESSION_HEADER)?;
    lock(&shared.sessions).open.get(id).cloned()
}

/// The opener of the session, where it lends its rights.
pub(crate) fn lender(shared: &Shared, incoming: &Incoming) -> Option<Principal> {
    let lends = shared.behaviour.ways.sessions == SessionReading::OpenerDecides;
    opened(shared, incoming).filter(|_| lends)?.principal
}

/// Answers a DELETE: ends the session it names.
pub(crate) fn end(shared: &Shared, incoming: &Incoming, principal: Option<&Principal>) -> Response {
    let anybody = verification::forgotten(shared, incoming, &[]);
    if let Err(refusal) = session(shared, incoming, principal, anybody) {
        return *refusal;
    }
    if let Some(id) = incoming.header(SESSION_HEADER) {
        let mut sessions = lock(&shared.sessions);
        if shared.behaviour.transport.ended_sessions == EndedSessions::Forgotten {
            sessions.open.remove(id);
        } else if let Some(session) = sessions.open.get_mut(id) {
            session.ended = true;
        }
    }
    http::empty(204)
}

/// Answers a GET: a stream of the session it names, on which nothing is said.
pub(crate) fn listen(
    shared: &Shared,
    incoming: &Incoming,
    principal: Option<&Principal>,
) -> Response {
    let anybody = verification::forgotten(shared, incoming, &[]);
    match session(shared, incoming, principal, anybody) {
        Ok(_) => http::typed(
            200,
            "text/event-stream",
            Body::from(": nothing to say yet\n\n"),
        ),
        Err(refusal) => *refusal,
    }
}

/// Whether a request of a revision with sessions names one that is not open.
pub(crate) fn is_lost(shared: &Shared, incoming: &Incoming) -> bool {
    let stateless = incoming.header("mcp-protocol-version") == Some(Revision::R2026_07.as_str());
    let named = incoming.header(SESSION_HEADER).is_some();
    named && !stateless && opened(shared, incoming).is_none()
}

/// The answer to a request of a session that nobody opened.
pub(crate) fn lost() -> Response {
    let body = render::error(&Value::Null, -32001, "Session not found", None);
    http::json(404, &body)
}

/// The answer to `initialize`, whatever the transport.
pub(crate) fn initialized(shared: &Shared, revision: Revision) -> Value {
    json!({
        "protocolVersion": revision.as_str(),
        "capabilities": doors::capabilities(shared, false),
        "serverInfo": methods::server_info(),
        "instructions": doors::instructions(shared),
    })
}

/// Id, method and params of a request; none for everything else.
pub(crate) fn request(message: &Value) -> Option<(&Value, &str, &Value)> {
    let id = message.get("id").filter(|id| !id.is_null())?;
    let method = message.get("method")?.as_str()?;
    Some((id, method, message.get("params").unwrap_or(&Value::Null)))
}

/// Whether a message is a notification or an answer, which nobody answers.
pub(crate) fn is_silent(message: &Value) -> bool {
    let notification = message.get("method").is_some_and(Value::is_string);
    notification || message.get("result").is_some() || message.get("error").is_some()
}

fn initialize(shared: &Shared, principal: Option<&Principal>, message: &Value) -> Response {
    let Some((id, _, params)) = request(message) else {
        return bad_request(-32600, "`initialize` must have an id");
    };
    let wanted = params.get("protocolVersion").and_then(Value::as_str);
    let served = served(shared);
    let revision = served
        .iter()
        .find(|one| Some(one.as_str()) == wanted)
        .or(served.first());
    let (Some(_), Some(revision)) = (wanted, revision.copied()) else {
        let reply = Reply::from(Outcome::invalid_params(
            "`protocolVersion` must be a string",
        ));
        return render::response(shared, Revision::R2025_03, id, reply);
    };
    let session_id = match shared.behaviour.transport.session_ids {
        SessionIdShape::Random => shared.ids.next("session"),
        SessionIdShape::Counted => format!("session-{:08}", shared.ids.ordinal()),
    };
    let session = Session {
        principal: principal.cloned(),
        revision,
        stream: None,
        ended: false,
    };
    let opened = {
        let mut sessions = lock(&shared.sessions);
        if shared.behaviour.server.sessions == SessionPolicy::OneLive {
            sessions.open.clear();
        }
        sessions.add(&session_id, session)
    };
    if !opened {
        return http::text(503, "Too many sessions\n");
    }
    let reply = Reply::from(Outcome::Result(initialized(shared, revision)));
    with_header(
        render::response(shared, revision, id, reply),
        SESSION_HEADER,
        &session_id,
    )
}

/// An answer on a stream that its session can resume.
fn resumable(
    shared: &Shared,
    incoming: &Incoming,
    revision: Revision,
    id: &Value,
    reply: Reply,
) -> Response {
    let messages = match render::messages(id, reply) {
        Ok(messages) => messages,
        Err(refusal) => return *refusal,
    };
    let stream = shared.ids.next("s");
    let session = incoming.header(SESSION_HEADER).unwrap_or_default();
    resume::keep(shared, &stream, session, &messages);
    render::stream_named(revision, &stream, &messages)
}

fn answer_batch(context: &Context<'_>, batch: &[Value]) -> Response {
    let initialize = |one: &Value| one.get("method").and_then(Value::as_str) == Some("initialize");
    if batch.is_empty() || batch.iter().any(initialize) {
        return bad_request(-32600, "Invalid batch: it is empty or holds `initialize`");
    }
    let mut answers = Vec::new();
    for message in batch {
        if let Some((id, method, params)) = request(message) {
            match render::messages(id, methods::answer(context, method, params)) {
                Ok(messages) => answers.extend(messages),
                Err(refusal) => return *refusal,
            }
        } else if !is_silent(message) {
            answers.push(render::error(&Value::Null, -32600, "Invalid request", None));
        }
    }
    match (answers.is_empty(), context.shared.behaviour.server.framing) {
        (true, _) => http::empty(202),
        (false, Framing::Json) => http::json(200, &Value::Array(answers)),
        (false, Framing::Sse) => render::stream(context.shared, context.revision, &answers),
    }
}

/// The session that a request names, when the principal is the one that opened it.
fn session(
    shared: &Shared,
    incoming: &Incoming,
    principal: Option<&Principal>,
    anybody: bool,
) -> Result<Session, Refusal> {
    let Some(id) = incoming.header(SESSION_HEADER) else {
        return Err(Box::new(bad_request(
            -32000,
            "Bad Request: Mcp-Session-Id is required",
        )));
    };
    let found = lock(&shared.sessions).open.get(id).cloned();
    let unbound = anybody
        || shared.behaviour.resource.authentication == Authentication::SessionOnly
        || shared.behaviour.ways.sessions != SessionReading::Bound;
    let same = |session: &Session| {
        session.principal.as_ref().map(|one| &one.key) == principal.map(|one| &one.key)
    };
    match found {
        Some(session) if session.stream.is_none() && (unbound || same(&session)) => Ok(session),
        _ if shared.behaviour.server.sessions == SessionPolicy::OneLive => Err(Box::new(
            bad_request(-32000, "Bad Request: the session is not alive"),
        )),
        _ => Err(Box::new(lost())),
    }
}

/// The version header came with 2025-06-18; servers older than that do not know it.
fn unsupported_version(shared: &Shared, incoming: &Incoming) -> Option<Response> {
    if shared.behaviour.transport.versions == VersionCheck::Ignored {
        return None;
    }
    let served = served(shared);
    if served.iter().all(|revision| *revision < Revision::R2025_06) {
        return None;
    }
    let version = incoming.header("mcp-protocol-version")?;
    if served.iter().any(|revision| revision.as_str() == version) {
        return None;
    }
    let known: Vec<&str> = served.iter().map(|revision| revision.as_str()).collect();
    let message = format!(
        "Bad Request: Unsupported protocol version (supported versions: {})",
        known.join(", ")
    );
    Some(bad_request(-32000, &message))
}

fn bad_request(code: i64, message: &str) -> Response {
    http::json(400, &render::error(&Value::Null, code, message, None))
}

const SESSION_LIMIT: usize = 10_000;
const SESSION_HEADER: &str = "mcp-session-id";
