//! One JSON-RPC request on an identity's session.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Run;
use super::session::Session;
use crate::codec::sse;
use crate::mcp::{self, Encoded, Operation};
use crate::model::identity::Identity;
use crate::model::probe::{ProbeKey, Tier};
use crate::model::proof::ProofFlaw;
use crate::wire::{ClientCertificate, Learned, Outgoing, RawAnswer, Sent};

/// A question to be put to the server.
pub(crate) struct Ask<'a> {
    /// Which probe asks.
    pub(crate) key: ProbeKey,
    /// On whose behalf.
    pub(crate) identity: &'a Identity,
    /// The session to use.
    pub(crate) session: &'a Session,
    /// What is asked.
    pub(crate) operation: Operation<'a>,
    /// Fields added to those of the revision.
    pub(crate) extra: Vec<(String, String)>,
    /// The tier, when it differs from the probe's own.
    pub(crate) tier: Option<Tier>,
    /// Whether it still goes out after the run was cancelled.
    pub(crate) cleanup: bool,
    /// Whether it takes a connection that no other request used.
    pub(crate) fresh_connection: bool,
    /// Changes the message once it is encoded.
    pub(crate) alter: Option<Alter<'a>>,
    /// What is wrong with the proof of a bound token, on purpose.
    pub(crate) flaw: Option<ProofFlaw>,
    /// What is shown in the TLS handshake.
    pub(crate) certificate: ClientCertificate,
    /// What a session that it opens is called, where one identity opens several side by side.
    pub(crate) opens: Option<String>,
}

/// A change of an encoded message.
pub(crate) type Alter<'a> = Box<dyn Fn(&mut Encoded) + Send + Sync + 'a>;

impl<'a> Ask<'a> {
    /// A question without additions.
    pub(crate) fn new(
        key: ProbeKey,
        identity: &'a Identity,
        session: &'a Session,
        operation: Operation<'a>,
    ) -> Self {
        Self {
            key,
            identity,
            session,
            operation,
            extra: Vec::new(),
            tier: None,
            cleanup: false,
            fresh_connection: false,
            alter: None,
            flaw: None,
            certificate: ClientCertificate::OfToken,
            opens: None,
        }
    }
}

/// Sends one question; a session id in the answer is learned under `session-NAME`.
pub(crate) async fn ask(run: &Run<'_>, ask: Ask<'_>) -> Sent {
    let id = run.next_id();
    send(run, ask, id).await
}

/// The same with an id that was allotted before, for questions sent together.
pub(crate) async fn send(run: &Run<'_>, ask: Ask<'_>, id: u64) -> Sent {
    let session = ask.session;
    let context = mcp::Context {
        revision: session.revision,
        session: session.id.as_ref().map(ExposeSecret::expose_secret),
        run_id: &run.settings.run_id,
        id,
    };
    let mut encoded = mcp::encode(&ask.operation, &context);
    if let Some(alter) = &ask.alter {
        alter(&mut encoded);
    }
    let expected = encoded.id.clone().unwrap_or(Value::Null);
    let watch = sse::Watch::new(expected);
    let complete = move |bytes: &[u8]| watch.sees(bytes);
    let opens = ask.opens.as_ref().unwrap_or(&ask.identity.name);
    let label = format!("session-{opens}");
    let learn = move |answer: &RawAnswer<'_>| session_id(answer, &label);
    let mut outgoing = Outgoing::new(ask.key, encoded.method, session.url.clone());
    outgoing.tier = ask.tier.unwrap_or(outgoing.tier);
    outgoing.identity.clone_from(&ask.identity.name);
    outgoing.headers = encoded.headers;
    outgoing.headers.extend(ask.extra);
    outgoing.body = encoded.body;
    outgoing.credential.clone_from(&ask.identity.credential);
    outgoing.credential_field.clone_from(&ask.identity.header);
    outgoing.flaw = ask.flaw;
    outgoing.certificate = ask.certificate;
    outgoing.cleanup = ask.cleanup;
    outgoing.fresh_connection = ask.fresh_connection;
    if encoded.id.is_some() {
        outgoing.until = Some(&complete);
        outgoing.reply_on = session.stream;
    }
    if matches!(ask.operation, Operation::Initialize) {
        outgoing.learn = Some(&learn);
    }
    run.wire.send(outgoing).await
}

/// The session id in an answer, when it could be sent back.
pub(crate) fn session_id(answer: &RawAnswer<'_>, label: &str) -> Vec<Learned> {
    let field = answer
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(SESSION_HEADER));
    let text = field.and_then(|(_, value)| std::str::from_utf8(value).ok());
    // MCP §Session Management: visible ASCII; anything else could not be sent back.
    match text.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())) {
        Some(text) => {
            vec![Learned {
                label: label.to_owned(),
                secret: SecretString::from(text.to_owned()),
            }]
        }
        None => Vec::new(),
    }
}

const SESSION_HEADER: &str = "mcp-session-id";
