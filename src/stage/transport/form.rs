//! One message whose bytes differ from what a client would send.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;

use super::super::Run;
use super::super::rpc;
use super::super::session::Session;
use crate::codec::sse;
use crate::mcp::{self, Encoded, Operation};
use crate::model::identity::Identity;
use crate::model::probe::{ProbeKey, Tier};
use crate::wire::{Outgoing, RawAnswer, Sent};

/// A message, who sends it, and where.
pub(super) struct Form<'a> {
    pub(super) key: ProbeKey,
    pub(super) identity: &'a Identity,
    pub(super) session: &'a Session,
    pub(super) url: String,
    pub(super) encoded: Encoded,
    /// Whether an answer may go on without end.
    pub(super) endless: bool,
}

impl<'a> Form<'a> {
    /// An operation as a client would send it.
    pub(super) fn new(
        run: &Run<'_>,
        key: ProbeKey,
        identity: &'a Identity,
        session: &'a Session,
        operation: &Operation<'_>,
    ) -> Self {
        let context = mcp::Context {
            revision: session.revision,
            session: session.id.as_ref().map(ExposeSecret::expose_secret),
            run_id: &run.settings.run_id,
            id: run.next_id(),
        };
        Self {
            key,
            identity,
            session,
            url: session.url.clone(),
            encoded: mcp::encode(operation, &context),
            endless: false,
        }
    }

    /// The same with a field that replaces every one of its name.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        let field = (name.to_owned(), value.to_owned());
        self.encoded.headers.push(field);
        self
    }

    /// The same without a field.
    #[must_use]
    pub(super) fn without(mut self, name: &str) -> Self {
        let headers = &mut self.encoded.headers;
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// The same with the `_meta` of its parameters changed.
    #[must_use]
    pub(super) fn meta(mut self, change: impl Fn(&mut serde_json::Map<String, Value>)) -> Self {
        let body = self.encoded.body.as_deref().unwrap_or_default();
        let mut message: Value = serde_json::from_slice(body).unwrap_or_default();
        let meta = message.pointer_mut("/params/_meta");
        if let Some(members) = meta.and_then(Value::as_object_mut) {
            change(members);
        }
        self.encoded.body = Some(message.to_string().into_bytes());
        self
    }

    /// The same without a body, whose answer may be a stream.
    #[must_use]
    pub(super) fn bodiless(mut self, method: &'static str) -> Self {
        self = self.without("Content-Type");
        self.encoded.method = method;
        self.encoded.body = None;
        self.encoded.id = None;
        self.endless = true;
        self
    }

    /// Sends it once.
    pub(super) async fn send(self, run: &Run<'_>) -> Sent {
        let expected = self.encoded.id.clone();
        let watch = sse::Watch::new(expected.clone().unwrap_or(Value::Null));
        let complete = move |bytes: &[u8]| watch.sees(bytes);
        let label = format!("session-{}", self.identity.name);
        let learn = move |answer: &RawAnswer<'_>| rpc::session_id(answer, &label);
        let mut outgoing = Outgoing::new(self.key, self.encoded.method, self.url);
        if self.identity.credential.is_some() {
            outgoing.tier = outgoing.tier.max(Tier::Authenticated);
        }
        outgoing.identity.clone_from(&self.identity.name);
        outgoing.headers = self.encoded.headers;
        outgoing.body = self.encoded.body;
        outgoing.credential.clone_from(&self.identity.credential);
        outgoing.deadline = self.endless.then_some(GLANCE);
        outgoing.learn = Some(&learn);
        if expected.is_some() {
            outgoing.until = Some(&complete);
            outgoing.reply_on = self.session.stream;
        }
        run.wire.send(outgoing).await
    }
}

/// How long a stream that says nothing is looked at.
pub(super) const GLANCE: Duration = Duration::from_secs(3);
