//! One request of a door: like those of every stage, with a stop and a lesson of its own.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::codec::jsonrpc::{self, Media};
use crate::codec::sse;
use crate::mcp::{self, Operation};
use crate::model::identity::Identity;
use crate::model::probe::{ProbeKey, Tier};
use crate::stage::Run;
use crate::stage::session::Session;
use crate::wire::{Learn, Learned, Outgoing, RawAnswer, Sent, Stop};

/// What differs from an ordinary question.
pub(super) struct Extra<'a> {
    /// Ends the answer before its result is there.
    pub(super) until: Option<Stop<'a>>,
    /// Secrets in the answer.
    pub(super) learn: Option<Learn<'a>>,
    /// Fields beside those of the revision.
    pub(super) headers: Vec<(String, String)>,
    /// The tier, when it is not the probe's own.
    pub(super) tier: Option<Tier>,
}

impl Extra<'_> {
    /// Nothing.
    pub(super) const fn none() -> Self {
        Self {
            until: None,
            learn: None,
            headers: Vec::new(),
            tier: None,
        }
    }
}

/// Sends one question.
pub(super) async fn send(
    run: &Run<'_>,
    key: ProbeKey,
    identity: &Identity,
    session: &Session,
    operation: &Operation<'_>,
    extra: Extra<'_>,
) -> Sent {
    let context = mcp::Context {
        revision: session.revision,
        session: session.id.as_ref().map(ExposeSecret::expose_secret),
        run_id: &run.settings.run_id,
        id: run.next_id(),
    };
    let encoded = mcp::encode(operation, &context);
    let answered = sse::Watch::new(encoded.id.clone().unwrap_or(Value::Null));
    let stop = extra.until;
    let until = move |bytes: &[u8]| answered.sees(bytes) || stop.is_some_and(|stop| stop(bytes));
    let mut outgoing = Outgoing::new(key, encoded.method, session.url.clone());
    outgoing.tier = extra.tier.unwrap_or(outgoing.tier);
    outgoing.identity.clone_from(&identity.name);
    outgoing.headers = encoded.headers;
    outgoing.headers.extend(extra.headers);
    outgoing.body = encoded.body;
    outgoing.credential.clone_from(&identity.credential);
    outgoing.until = Some(&until);
    outgoing.reply_on = session.stream;
    outgoing.learn = extra.learn;
    run.wire.send(outgoing).await
}

/// The handle in an answer, of at most so many bytes. Whoever holds it may try it, so it is a secret.
pub(super) fn learned(
    answer: &RawAnswer<'_>,
    label: &str,
    longest: usize,
    find: impl Fn(&Value) -> Option<&Value>,
) -> Vec<Learned> {
    let mut fields = answer.headers.iter();
    let media = fields
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    let media = media.unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim();
    let parsed = jsonrpc::messages(Media::of(essence), answer.body);
    let mut messages = parsed.messages.iter();
    let handle = messages.find_map(|message| find(message)?.as_str());
    let handle = handle.filter(|it| !it.is_empty() && it.len() <= longest);
    let lesson = handle.map(|handle| Learned {
        label: label.to_owned(),
        secret: SecretString::from(handle.to_owned()),
    });
    lesson.into_iter().collect()
}
