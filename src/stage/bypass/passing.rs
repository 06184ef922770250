//! Sessions that serve one question and are closed again.

use std::collections::BTreeMap;

use crate::model::audit::Collected;
use crate::model::discovery::ServedRevision;
use crate::model::identity::Identity;
use crate::model::probe::ProbeId;
use crate::stage::session::{self, Session};
use crate::stage::{Run, close, file};

/// Sessions of this stage, by identity name.
pub(super) struct Passing {
    sessions: BTreeMap<String, (Identity, Session)>,
}

impl Passing {
    /// One session for each identity that the server lets in.
    pub(super) async fn open(
        run: &Run<'_>,
        collected: &mut Collected,
        served: &ServedRevision,
        names: &[&str],
    ) -> Self {
        let mut sessions = BTreeMap::new();
        for name in names {
            let Some(identity) = collected.identities.named(name).cloned() else {
                continue;
            };
            if !sessions.contains_key(*name) {
                let session = open(run, collected, &identity, served).await;
                sessions.insert((*name).to_owned(), (identity, session));
            }
        }
        Self { sessions }
    }

    /// The session of an identity, when it is open.
    pub(super) fn get(&self, name: &str) -> Option<&Session> {
        let (_, session) = self.sessions.get(name)?;
        session.open.then_some(session)
    }

    /// Closes them.
    pub(super) async fn close(self, run: &Run<'_>, collected: &mut Collected) {
        for (identity, session) in self.sessions.into_values() {
            close::one(run, collected, &identity, &session).await;
        }
    }
}

/// Opens one session, filed under a probe of its own.
pub(super) async fn open(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    served: &ServedRevision,
) -> Session {
    let endpoint = collected.discovery.endpoint.clone();
    let opened = session::open(run, identity, served, &endpoint, "passing").await;
    for mut sent in opened.sent {
        sent.exchange.probe.id = ProbeId::PassingSession;
        file(collected, sent);
    }
    opened.session
}
