//! A token that the run obtained and gave back: whether it still opens the server.

use std::time::Duration;

use super::rpc::{self, Ask};
use super::session::Session;
use super::{Run, close, eras, file, reply};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::discovery::ServedRevision;
use crate::model::identity::{Identity, Provenance};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Transport;

/// Tries one revoked token, and once more after a while when it still works; where it does not, in
/// every other revision as well.
pub async fn revoked(run: &Run<'_>, collected: &mut Collected) {
    let Some(audited) = collected.discovery.audited.clone() else {
        return;
    };
    let Some(identity) = given_back(collected) else {
        return;
    };
    if tried(run, collected, &identity, &audited, None).await {
        return;
    }
    let others = eras::others(collected).into_iter();
    for served in others.filter(|served| served.transport == Transport::StreamableHttp) {
        let variant = Some(served.revision.as_str());
        tried(run, collected, &identity, &served, variant).await;
    }
}

/// The most requests.
pub(crate) fn most(collected: &Collected) -> usize {
    usize::from(ATTEMPTS) * (1 + eras::others(collected).len())
}

/// Whether the token opens a revision, now and after the grace.
async fn tried(
    run: &Run<'_>,
    collected: &mut Collected,
    identity: &Identity,
    served: &ServedRevision,
    variant: Option<&str>,
) -> bool {
    let session = Session {
        transport: served.transport,
        ..Session::stateless(served.revision, &collected.discovery.endpoint)
    };
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(GRACE).await;
        }
        let operation = if served.revision.is_modern() {
            Operation::ListTools { cursor: None }
        } else {
            Operation::Initialize
        };
        let mut key = ProbeKey::new(ProbeId::RevokedToken).attempt(attempt);
        key.variant = variant.map(str::to_owned);
        let sent = rpc::ask(run, Ask::new(key, identity, &session, operation)).await;
        let admitted = reply::result(&sent.exchange).is_some();
        let opened = Session {
            id: sent.learned.first().map(|learned| learned.secret.clone()),
            ..session.clone()
        };
        file(collected, sent);
        close::one(run, collected, identity, &opened).await;
        if !admitted {
            return false;
        }
    }
    true
}

/// A minted token whose revocation was confirmed.
fn given_back(collected: &Collected) -> Option<Identity> {
    let minted = collected
        .identities
        .valid()
        .filter(|identity| matches!(identity.provenance, Provenance::Minted { .. }));
    let confirmed = |identity: &&Identity| {
        collected.ledger.iter().any(|exchange| {
            exchange.probe.id == ProbeId::RevokeToken
                && exchange.identity == identity.name
                // Its refresh token is given back in its name, too.
                && exchange.probe.variant.as_deref() == Some(identity.name.as_str())
                && exchange.status().is_some_and(|status| status < 300)
        })
    };
    minted
        .filter(|it| it.credential.is_some())
        .find(confirmed)
        .cloned()
}

/// At once, and after the grace.
const ATTEMPTS: u16 = 2;
/// What caches of introspection answers are commonly given; a token that lives on until its expiry
/// outlasts it either way.
const GRACE: Duration = Duration::from_secs(5);
