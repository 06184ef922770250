//! A token that is bound to a key of the run, with proofs that prove nothing: each flaw alone, between
//! requests whose proof is good.

use super::rpc::{self, Ask};
use super::session;
use super::{Run, close, file, reply};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::proof::ProofFlaw;
use crate::oracle::proofs;

/// Lists tools with every flaw; nothing when no token goes out with proofs, or the good one fails.
pub async fn proofs(run: &Run<'_>, collected: &mut Collected) {
    let Some(served) = collected.discovery.audited.clone() else {
        return;
    };
    let Some(identity) = proven(collected) else {
        return;
    };
    let endpoint = collected.discovery.endpoint.clone();
    let opened = session::open(run, &identity, &served, &endpoint, "proofs").await;
    for sent in opened.sent {
        file(collected, sent);
    }
    let session = opened.session;
    if !session.open {
        return;
    }
    let send = async |variant: &str, flaw| {
        let key = ProbeKey::new(ProbeId::FlawedProof).variant(variant);
        let list = Operation::ListTools { cursor: None };
        let mut ask = Ask::new(key, &identity, &session, list);
        ask.flaw = flaw;
        rpc::ask(run, ask).await
    };
    let control = send(proofs::BEFORE, None).await;
    let works = reply::result(&control.exchange).is_some();
    file(collected, control);
    if works {
        for flaw in ProofFlaw::ALL {
            let sent = send(flaw.as_str(), Some(flaw)).await;
            file(collected, sent);
        }
        let control = send(proofs::AFTER, None).await;
        file(collected, control);
    }
    close::one(run, collected, &identity, &session).await;
}

/// The most requests of [`proofs`] that list tools: every flaw, and two controls.
pub(crate) const MOST: usize = ProofFlaw::ALL.len() + 2;

/// The strongest identity whose token goes out with proofs, else the first one.
fn proven(collected: &Collected) -> Option<Identity> {
    let proven = |identity: &&Identity| proofs::is_proven(&collected.ledger, &identity.name);
    let baseline = collected.identities.baseline();
    let first = || collected.identities.valid().find(proven);
    baseline.filter(proven).or_else(first).cloned()
}
