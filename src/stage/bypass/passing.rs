//! Sessions that serve one question and are closed again.

use std::collections::BTreeMap;

use crate::model::audit::Collected;
use crate::model::discovery::ServedRevision;
use crate::model::identity::Identity;
use crate::model::probe::ProbeId;
use crate::stage::session::{self, OpenedSession, Session};
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
        let mut wanted: Vec<Identity> = Vec::new();
        for name in names {
            let known = wanted.iter().any(|identity| identity.name == *name);
            let identity = collected.identities.named(name).filter(|_| !known);
            wanted.extend(identity.cloned());
        }
        let endpoint = collected.discovery.endpoint.clone();
        let opened = session::open_all(run, &wanted, served, &endpoint, VARIANT).await;
        let mut sessions = BTreeMap::new();
        for (identity, opened) in wanted.into_iter().zip(opened) {
            let session = filed(collected, opened);
            sessions.insert(identity.name.clone(), (identity, session));
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
        let owners = self.sessions.values();
        let owners = owners.map(|(identity, session)| (identity, session));
        close::all(run, collected, owners).await;
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
    let opened = session::open(run, identity, served, &endpoint, VARIANT).await;
    filed(collected, opened)
}

fn filed(collected: &mut Collected, opened: OpenedSession) -> Session {
    for mut sent in opened.sent {
        sent.exchange.probe.id = ProbeId::PassingSession;
        file(collected, sent);
    }
    opened.session
}

const VARIANT: &str = "passing";
