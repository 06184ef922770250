//! The usual door without a token, with fields that a proxy or another scheme would set.

use super::rpc::{self, Ask};
use super::session::Session;
use super::{Run, close, enrol, file, reply};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::discovery::AnonymousAccess;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Revision;

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

/// The most requests of [`spoofs`].
pub(crate) const MOST_SPOOFS: usize = 1 + SPOOFS.len();

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
