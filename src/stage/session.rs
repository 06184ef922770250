//! One session per identity: opened once, used by nobody else, closed at the end.

use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::rpc::{self, Ask};
use super::{Run, reply, together};
use crate::codec::{sse, uri};
use crate::mcp::Operation;
use crate::model::discovery::ServedRevision;
use crate::model::exchange::ExchangeId;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::{Revision, Transport};
use crate::wire::{Learned, Outgoing, Pending, RawAnswer, Sent, StreamId};

/// A session, or the absence of one for stateless servers.
#[derive(Clone, Debug)]
pub struct Session {
    /// The revision spoken on it.
    pub revision: Revision,
    /// The transport.
    pub transport: Transport,
    /// Where requests go.
    pub url: String,
    /// The session id, when the server issued one.
    pub id: Option<SecretString>,
    /// The event stream of 2024-11-05.
    pub stream: Option<StreamId>,
    /// Whether the server let the identity in.
    pub open: bool,
    /// The exchange that opened it, once filed.
    pub opened_by: Option<ExchangeId>,
}

impl Session {
    /// A session that needs no opening: stateless, or not opened yet.
    pub fn stateless(revision: Revision, url: &str) -> Self {
        Self {
            revision,
            transport: Transport::StreamableHttp,
            url: url.to_owned(),
            id: None,
            stream: None,
            open: true,
            opened_by: None,
        }
    }
}

/// What opening a session produced.
pub(crate) struct OpenedSession {
    /// The session; `open` is false when the server refused.
    pub(crate) session: Session,
    /// The outcomes in order.
    pub(crate) sent: Vec<Sent>,
    /// Index in `sent` of the answer to `initialize`.
    pub(crate) initialize: Option<usize>,
    /// The `InitializeResult`.
    pub(crate) result: Option<Value>,
}

/// Opens a session for an identity as the audited revision demands.
pub(crate) async fn open(
    run: &Run<'_>,
    identity: &Identity,
    served: &ServedRevision,
    endpoint: &str,
    variant: &str,
) -> OpenedSession {
    let mut session = Session {
        transport: served.transport,
        open: served.revision.is_modern(),
        ..Session::stateless(served.revision, endpoint)
    };
    let mut sent = Vec::new();
    if served.revision.is_modern() {
        return OpenedSession {
            session,
            sent,
            initialize: None,
            result: None,
        };
    }
    if served.transport == Transport::HttpSse
        && !open_stream(run, identity, &mut session, &mut sent).await
    {
        return OpenedSession {
            session,
            sent,
            initialize: None,
            result: None,
        };
    }
    let key = ProbeKey::new(ProbeId::OpenSession).variant(variant);
    let answer = rpc::ask(
        run,
        Ask::new(key, identity, &session, Operation::Initialize),
    )
    .await;
    let result = reply::result(&answer.exchange);
    session.open = result.is_some();
    session.id = answer.learned.first().map(|learned| learned.secret.clone());
    sent.push(answer);
    let initialize = Some(sent.len() - 1);
    if session.open {
        let key = ProbeKey::new(ProbeId::Initialized).variant(variant);
        sent.push(
            rpc::ask(
                run,
                Ask::new(key, identity, &session, Operation::Initialized),
            )
            .await,
        );
    }
    OpenedSession {
        session,
        sent,
        initialize,
        result,
    }
}

/// Opens a session for each identity, all together.
pub(crate) async fn open_all(
    run: &Run<'_>,
    identities: &[Identity],
    served: &ServedRevision,
    endpoint: &str,
    variant: &str,
) -> Vec<OpenedSession> {
    let pending = identities.iter().map(|identity| {
        Box::pin(open(run, identity, served, endpoint, variant)) as Pending<'_, OpenedSession>
    });
    together(pending.collect()).await
}

/// Ends a session: DELETE where there is an id, the stream closed where there is one.
pub(crate) async fn close(run: &Run<'_>, identity: &Identity, session: &Session) -> Option<Sent> {
    if let Some(stream) = session.stream {
        run.wire.close(stream);
    }
    session.id.as_ref()?;
    let key = ProbeKey::new(ProbeId::CloseSession);
    let mut ask = Ask::new(key, identity, session, Operation::CloseSession);
    ask.cleanup = true;
    Some(rpc::ask(run, ask).await)
}

/// GET the event stream and learn the POST URL from its first event (2024-11-05).
async fn open_stream(
    run: &Run<'_>,
    identity: &Identity,
    session: &mut Session,
    sent: &mut Vec<Sent>,
) -> bool {
    let until = |bytes: &[u8]| sse::endpoint_event(bytes).is_some();
    let label = format!("session-{}", identity.name);
    let learn = move |answer: &RawAnswer<'_>| stream_secrets(answer, &label);
    let key = ProbeKey::new(ProbeId::OpenSession).variant("stream");
    let mut outgoing = Outgoing::new(key, "GET", session.url.clone());
    outgoing.identity.clone_from(&identity.name);
    outgoing.headers = vec![("Accept".to_owned(), "text/event-stream".to_owned())];
    outgoing.credential.clone_from(&identity.credential);
    outgoing.credential_field.clone_from(&identity.header);
    outgoing.until = Some(&until);
    outgoing.learn = Some(&learn);
    let opened = run.wire.open(outgoing).await;
    let path = opened
        .sent
        .learned
        .first()
        .map(|learned| learned.secret.clone());
    session.stream = opened.stream;
    sent.push(opened.sent);
    let endpoint = path.and_then(|path| {
        use secrecy::ExposeSecret;
        Url::parse(&session.url)
            .ok()?
            .join(path.expose_secret())
            .ok()
    });
    match endpoint {
        // requirements of the transport: the POST URL stays on the origin of the stream.
        Some(url) if same_origin(&session.url, &url) && session.stream.is_some() => {
            session.url = url.into();
            true
        }
        _ => false,
    }
}

/// The endpoint URI and the query values in it; both open the session to whoever holds them.
pub(crate) fn stream_secrets(answer: &RawAnswer<'_>, label: &str) -> Vec<Learned> {
    let Some(path) = sse::endpoint_event(answer.body) else {
        return Vec::new();
    };
    let mut learned = vec![Learned {
        label: format!("{label}-url"),
        secret: SecretString::from(path.clone()),
    }];
    let query = path
        .split_once('?')
        .map(|(_, query)| query.to_owned())
        .unwrap_or_default();
    for (_, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if value.len() >= 8 {
            let secret = SecretString::from(value.into_owned());
            learned.push(Learned {
                label: label.to_owned(),
                secret,
            });
        }
    }
    learned
}

/// Whether a URL stays on the origin of another.
pub(crate) fn same_origin(base: &str, other: &Url) -> bool {
    Url::parse(base).is_ok_and(|base| uri::same_origin(&base, other))
}
