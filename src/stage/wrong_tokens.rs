//! Doors that the rest of the run leaves out, with a wrong token; and the usual door without one, with
//! fields that a proxy or another scheme would set.

use secrecy::ExposeSecret;

use super::enumerate::Sessions;
use super::rpc::{self, Ask};
use super::session::{self, Session};
use super::{Run, close, enrol, file, reply, together};
use crate::mcp::{self, Operation};
use crate::model::audit::Collected;
use crate::model::discovery::{AnonymousAccess, ServedRevision};
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::SubjectKind;
use crate::model::target::{Revision, Transport};
use crate::oracle::wrong_tokens::{DELETE, STREAM};
use crate::wire::{Outgoing, Pending, Sent};

/// Asks without a token, with every field at once; where that lets in, with each alone.
pub async fn spoofs(run: &Run<'_>, collected: &mut Collected) {
    let left_out = run.settings.calls.left_out(&enrol::anonymous()).is_some();
    if left_out || collected.discovery.anonymous != AnonymousAccess::Refused {
        return;
    }
    let revision = collected.discovery.revision().unwrap_or(Revision::R2026_07);
    let session = Session::stateless(revision, &collected.discovery.endpoint);
    if spoof(run, collected, &session, "all", &SPOOFS).await {
        for field in SPOOFS {
            spoof(run, collected, &session, field.0, &[field]).await;
        }
    }
}

/// Tries a wrong token, and none, at every list that was not tried with it, at the event stream and
/// at DELETE of a session of the run, and in every other revision that is served.
pub async fn at_other_doors(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    let baseline = collected.identities.baseline().cloned();
    let served = collected.discovery.audited.clone();
    let (Some(baseline), Some(served)) = (baseline, served) else {
        return;
    };
    let mut who = witnesses(collected);
    who.retain(|identity| run.settings.calls.left_out(identity).is_none());
    lists(run, collected, sessions, &who, &baseline).await;
    others(run, collected, &who, &served).await;
    if served.revision.is_modern() || served.transport != Transport::StreamableHttp {
        return;
    }
    let endpoint = collected.discovery.endpoint.clone();
    let opened = session::open(run, &baseline, &served, &endpoint, "doors").await;
    for sent in opened.sent {
        file(collected, sent);
    }
    if opened.session.id.is_some() {
        for identity in &who {
            stream(run, collected, identity, &opened.session).await;
        }
        for identity in &who {
            let key = door(DELETE);
            let ask = Ask::new(key, identity, &opened.session, Operation::CloseSession);
            let sent = rpc::ask(run, ask).await;
            file(collected, sent);
        }
    }
    if opened.session.open {
        close::one(run, collected, &baseline, &opened.session).await;
    }
}

/// The most requests of [`at_other_doors`] beside sessions of the baseline.
pub(crate) fn most(collected: &Collected) -> usize {
    let others = collected.discovery.revisions.len().max(1) - 1;
    2 * (LISTS.len() + 2 + PER_REVISION * others)
}

/// The most requests of [`spoofs`].
pub(crate) const MOST_SPOOFS: usize = 1 + SPOOFS.len();

/// No token, and the wrong one that says most: a copy with a broken signature, else a random one.
fn witnesses(collected: &Collected) -> Vec<Identity> {
    let named = |name: &str| collected.identities.named(name).cloned();
    let wrong = named("tampered-signature").or_else(|| named("garbage"));
    named("anonymous").into_iter().chain(wrong).collect()
}

fn door(name: &str) -> ProbeKey {
    ProbeKey::new(ProbeId::WrongTokenDoor).about(name)
}

async fn lists(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    who: &[Identity],
    baseline: &Identity,
) {
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for identity in who {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        for (kind, name) in LISTS {
            let offered = collected.surface.listing(&baseline.name, kind).is_some();
            if !offered || collected.surface.listing(&identity.name, kind).is_some() {
                continue;
            }
            let operation = match kind {
                SubjectKind::Resource => Operation::ListResources { cursor: None },
                SubjectKind::ResourceTemplate => Operation::ListResourceTemplates { cursor: None },
                _ => Operation::ListPrompts { cursor: None },
            };
            let id = run.next_id();
            let ask = Ask::new(door(name), identity, session, operation);
            pending.push(Box::pin(rpc::send(run, ask, id)));
        }
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
}

/// The tool list in every other revision; where `initialize` refuses, that is the answer.
async fn others(
    run: &Run<'_>,
    collected: &mut Collected,
    who: &[Identity],
    audited: &ServedRevision,
) {
    let revisions = collected.discovery.revisions.clone();
    let others = revisions.iter().filter(|served| {
        served.revision != audited.revision && served.transport == Transport::StreamableHttp
    });
    for served in others {
        let name = format!("tools/list in {}", served.revision);
        for identity in who {
            let mut session = Session::stateless(served.revision, &collected.discovery.endpoint);
            if !served.revision.is_modern() {
                let ask = Ask::new(door(&name), identity, &session, Operation::Initialize);
                let sent = rpc::ask(run, ask).await;
                let admitted = reply::result(&sent.exchange).is_some();
                session.id = sent.learned.first().map(|learned| learned.secret.clone());
                file(collected, sent);
                if !admitted {
                    continue;
                }
                let ask = Ask::new(door(&name), identity, &session, Operation::Initialized);
                let sent = rpc::ask(run, ask).await;
                file(collected, sent);
            }
            let list = Operation::ListTools { cursor: None };
            let sent = rpc::ask(run, Ask::new(door(&name), identity, &session, list)).await;
            file(collected, sent);
            close::one(run, collected, identity, &session).await;
        }
    }
}

/// Opens the event stream and closes it at once: a stream that is let in never ends by itself.
async fn stream(run: &Run<'_>, collected: &mut Collected, identity: &Identity, session: &Session) {
    let context = mcp::Context {
        revision: session.revision,
        session: session.id.as_ref().map(ExposeSecret::expose_secret),
        run_id: &run.settings.run_id,
        id: run.next_id(),
    };
    let encoded = mcp::encode(&Operation::OpenStream, &context);
    let mut outgoing = Outgoing::new(door(STREAM), encoded.method, session.url.clone());
    outgoing.identity.clone_from(&identity.name);
    outgoing.headers = encoded.headers;
    outgoing.credential.clone_from(&identity.credential);
    outgoing.credential_field.clone_from(&identity.header);
    let opened = run.wire.open(outgoing).await;
    if let Some(stream) = opened.stream {
        run.wire.close(stream);
    }
    file(collected, opened.sent);
}

/// Sends one request without a token; whether it was let in.
async fn spoof(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &Session,
    variant: &str,
    fields: &[(&str, &str)],
) -> bool {
    let anonymous = enrol::anonymous();
    let operation = if session.revision.is_modern() {
        Operation::ListTools { cursor: None }
    } else {
        Operation::Initialize
    };
    let key = ProbeKey::new(ProbeId::SpoofedIdentity).variant(variant);
    let mut ask = Ask::new(key, &anonymous, session, operation);
    let fields = fields.iter();
    ask.extra = fields
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let sent = rpc::ask(run, ask).await;
    let admitted = reply::result(&sent.exchange).is_some();
    let opened = Session {
        id: sent.learned.first().map(|learned| learned.secret.clone()),
        ..session.clone()
    };
    file(collected, sent);
    close::one(run, collected, &anonymous, &opened).await;
    admitted
}

const LISTS: [(SubjectKind, &str); 3] = [
    (SubjectKind::Resource, "list-resources"),
    (SubjectKind::ResourceTemplate, "list-resource-templates"),
    (SubjectKind::Prompt, "list-prompts"),
];
/// `initialize`, its notification, and the list.
const PER_REVISION: usize = 3;
/// Names that a proxy in front would set after it authenticated somebody, and an arbitrary key and
/// cookie; the values belong to nobody.
const SPOOFS: [(&str, &str); 8] = [
    ("X-Forwarded-User", "admin"),
    ("X-Forwarded-Email", "admin@example.com"),
    ("X-Remote-User", "admin"),
    ("X-Authenticated-User", "admin"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Real-IP", "127.0.0.1"),
    ("X-Api-Key", "mcp-assay"),
    ("Cookie", "session=mcp-assay"),
];
