//! Tokens that end during the run: noticed, and minted again where the run minted them.

use super::question::{self, Own};
use super::{Asked, input};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::calibrate::Treatment;
use crate::oracle::liveness::{Deaths, is_due, suspects};
use crate::oracle::matrix;
use crate::stage::enumerate::Sessions;
use crate::stage::obtain::{self, Order};
use crate::stage::rpc::{self, Ask};
use crate::stage::{Run, close, file, session, together};
use crate::wire::{Pending, Sent};

/// Looks whether doubtful tokens are alive, replaces those that ended or are about to, and asks again
/// what the dead ones were asked.
pub(super) async fn renew(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    asked: &Asked,
) {
    let doubtful = suspects(&collected.ledger, &collected.identities);
    look(run, collected, sessions, &doubtful).await;
    let ended: Vec<Identity> = {
        let deaths = Deaths::read(&collected.ledger);
        let ends = |identity: &&Identity| {
            deaths.standing(&identity.name).is_some() || is_due(identity, &collected.ledger)
        };
        let valid = collected.identities.valid().filter(ends);
        valid
            .filter(|identity| renewals(collected, &identity.name) < MOST_RENEWALS)
            .cloned()
            .collect()
    };
    let mut renewed = Vec::new();
    for identity in ended {
        if replace(run, collected, sessions, &identity).await {
            renewed.push(identity.name);
        }
    }
    if !renewed.is_empty() {
        ask_again(run, collected, sessions, asked, &renewed).await;
    }
}

/// The list that every one of them could read before.
async fn look(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions, names: &[String]) {
    let identities = collected.identities.present.clone();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for identity in identities.iter().filter(|it| names.contains(&it.name)) {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        let key = ProbeKey::new(ProbeId::Liveness);
        let ask = Ask::new(
            key,
            identity,
            session,
            Operation::ListTools { cursor: None },
        );
        let id = run.next_id();
        pending.push(Box::pin(rpc::send(run, ask, id)));
    }
    for sent in together(pending).await {
        file(collected, sent);
    }
}

/// A new token under the same name, with a session of its own; whether it lives.
async fn replace(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    identity: &Identity,
) -> bool {
    let (Some((source, request)), Some(served)) = (
        obtain::source_of(run, collected, &identity.name),
        collected.discovery.audited.clone(),
    ) else {
        return false;
    };
    let ladder = run.settings.mint.as_ref();
    let of_ladder = ladder.is_some() && collected.ladder.has(&identity.name);
    let order = Order {
        source,
        request: &request,
        scopes: identity.requested.clone(),
        name: identity.name.clone(),
        varied: of_ladder.then(|| collected.ladder.varied.clone()),
    };
    let Some(Ok(fresh)) = obtain::obtain(run, collected, vec![order]).await.pop() else {
        return false;
    };
    if let Some(old) = sessions.get(&identity.name) {
        close::one(run, collected, identity, old).await;
    }
    let endpoint = collected.discovery.endpoint.clone();
    let opened = session::open(run, &fresh, &served, &endpoint, "renewed").await;
    for sent in opened.sent {
        file(collected, sent);
    }
    sessions.insert(fresh.name.clone(), opened.session);
    let name = fresh.name.clone();
    if let Some(replaced) = identity.credential.clone() {
        let ends = obtain::ends_ms(collected, identity);
        let source = source.name.as_str();
        obtain::spare(collected, source, &request, replaced, "access_token", ends);
    }
    let present = collected.identities.present.iter_mut();
    for known in present.filter(|known| known.name == name) {
        *known = Identity {
            privileged: known.privileged,
            ..fresh.clone()
        };
    }
    look(run, collected, sessions, std::slice::from_ref(&name)).await;
    Deaths::read(&collected.ledger).standing(&name).is_none()
}

/// The calls whose only answers were those to a dead token.
async fn ask_again(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &Asked,
    names: &[String],
) {
    let built = matrix::build(&input(collected, asked));
    let answered: std::collections::BTreeSet<(&str, &str)> = built
        .cells
        .iter()
        .filter(|cell| cell.attempts > 0)
        .map(|cell| (cell.identity.as_str(), cell.subject.as_str()))
        .collect();
    let had = |identity: &str, subject: &str| {
        collected.ledger.iter().any(|exchange| {
            exchange.identity == identity
                && exchange.probe.subject.as_deref() == Some(subject)
                && exchange.probe.id != ProbeId::Calibrate
        })
    };
    let identities = collected.identities.present.clone();
    let subjects = collected.surface.subjects.clone();
    let mut own = Vec::new();
    for identity in identities.iter().filter(|it| names.contains(&it.name)) {
        let Some(session) = sessions.get(&identity.name) else {
            continue;
        };
        for subject in &subjects {
            let open = !answered.contains(&(identity.name.as_str(), subject.id.as_str()));
            let Some(treatment) = asked.treatments.get(&subject.id).filter(|_| open) else {
                continue;
            };
            let stopped = asked.halted.is_some() && matches!(treatment, Treatment::Invalid { .. });
            if stopped || !had(&identity.name, &subject.id) {
                continue;
            }
            own.push(Own::new(
                run, subject, treatment, identity, session, 0, None,
            ));
        }
    }
    let pending = question::pending(run, &own);
    for sent in together(pending).await {
        file(collected, sent);
    }
}

/// How often a token was obtained under this name beyond the first time, by a grant or by a login.
fn renewals(collected: &Collected, name: &str) -> usize {
    let obtained = collected.ledger.iter().filter(|exchange| {
        let probe = &exchange.probe;
        let minted = probe.id == ProbeId::MintToken && probe.variant.as_deref() == Some(name);
        minted || (probe.id == ProbeId::LoginReturn && exchange.identity == name)
    });
    obtained.count().saturating_sub(1)
}

/// Times one token is replaced: a lifetime shorter than a third of the audit is not served.
pub(crate) const MOST_RENEWALS: usize = 2;
