//! Transport probes beyond the origin: hosts, browsers, versions, fields, spellings of the path, old
//! streams, and the life of sessions.
//!
//! What the answers mean is decided elsewhere. Whatever ends a session comes last.

mod form;
mod forms;
mod lifecycle;
mod plan;
mod resume;
mod routes;
mod streams;

use super::Run;
use super::enumerate::Sessions;
use super::session::Session;
use crate::model::audit::Collected;
use crate::model::identity::Identity;
use crate::model::target::Revision;

pub(crate) use plan::planned;

/// Sends every transport probe that the revision and the credentials permit.
pub async fn observe(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    (run.progress)("transport", 0);
    let Some(anonymous) = collected.identities.present.first().cloned() else {
        return;
    };
    let speaker = Speaker::of(collected, sessions);
    forms::observe(run, collected, &anonymous, speaker.as_ref()).await;
    routes::observe(run, collected, &anonymous).await;
    streams::observe(run, collected, &anonymous, speaker.as_ref()).await;
    resume::observe(run, collected, sessions, &anonymous).await;
    lifecycle::observe(run, collected, sessions).await;
}

/// Somebody whom the server lets in, and the session to speak on.
struct Speaker {
    identity: Identity,
    session: Session,
}

impl Speaker {
    /// The baseline, or nobody in particular where no token is needed.
    fn of(collected: &Collected, sessions: &Sessions) -> Option<Self> {
        let open = collected.discovery.anonymous.lets_in();
        let anonymous = collected.identities.present.first().filter(|_| open);
        let identity = collected.identities.baseline().or(anonymous)?.clone();
        let session = sessions.get(&identity.name)?.clone();
        session.open.then_some(Self { identity, session })
    }
}

/// The audited revision; the newest where none was seen.
fn revision(collected: &Collected) -> Revision {
    collected.discovery.revision().unwrap_or(Revision::R2026_07)
}

/// Whether a revision with sessions was seen beside the audited one.
fn serves_older(collected: &Collected) -> bool {
    let mut revisions = collected.discovery.revisions.iter();
    revisions.any(|served| !served.revision.is_modern())
}
