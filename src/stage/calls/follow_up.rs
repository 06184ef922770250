//! Repeats and confirmations that the answers leave open.

use super::Asked;
use super::question::{self, Own};
use super::round;
use crate::model::audit::Collected;
use crate::oracle::calibrate::Treatment;
use crate::oracle::wants::Want;
use crate::stage::enumerate::Sessions;
use crate::stage::session::{self, Session};
use crate::stage::{Run, canary, close, file, together};

/// Sends what is wanted; confirmations go over second sessions.
pub(super) async fn follow_up(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &mut Asked,
    wanted: &[Want],
) {
    let fresh = fresh_sessions(run, collected, sessions, wanted).await;
    let subjects = collected.surface.subjects.clone();
    let identities = collected.identities.present.clone();
    let mut own = Vec::new();
    for want in wanted {
        let subject = subjects.iter().find(|subject| subject.id == want.subject);
        let identity = identities
            .iter()
            .find(|identity| identity.name == want.identity);
        let pool = if want.variant.is_some() {
            &fresh
        } else {
            sessions
        };
        let (Some(subject), Some(identity)) = (subject, identity) else {
            continue;
        };
        let (Some(session), Some(treatment)) = (
            pool.get(&want.identity),
            asked.treatments.get(&want.subject),
        ) else {
            continue;
        };
        if matches!(treatment, Treatment::Canary { .. }) {
            canary::follow_up(run, collected, sessions, pool, want).await;
            continue;
        }
        let variant = want.variant.as_deref();
        let call = Own::new(
            run,
            subject,
            treatment,
            identity,
            session,
            want.attempt,
            variant,
        );
        own.push(call);
    }
    let pending = question::pending(run, &own);
    let mut ids = Vec::new();
    for sent in together(pending).await {
        ids.push(file(collected, sent));
    }
    round::halt_where_one_ran(collected, asked, &ids);
    for (name, session) in &fresh {
        let Some(identity) = identities.iter().find(|identity| identity.name == *name) else {
            continue;
        };
        close::one(run, collected, identity, session).await;
    }
}

/// Second sessions for the identities whose alarms want confirming.
async fn fresh_sessions(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    wanted: &[Want],
) -> Sessions {
    let mut fresh = Sessions::new();
    let Some(served) = collected.discovery.audited.clone() else {
        return fresh;
    };
    let endpoint = collected.discovery.endpoint.clone();
    let identities = collected.identities.present.clone();
    for want in wanted.iter().filter(|want| want.variant.is_some()) {
        let Some(identity) = identities.iter().find(|i| i.name == want.identity) else {
            continue;
        };
        if fresh.contains_key(&identity.name) {
            continue;
        }
        let had_one = sessions
            .get(&identity.name)
            .is_some_and(|s| s.opened_by.is_some() && s.open);
        let opened = if had_one {
            session::open(run, identity, &served, &endpoint, "fresh-session").await
        } else {
            session::OpenedSession {
                session: Session {
                    transport: served.transport,
                    ..Session::stateless(served.revision, &endpoint)
                },
                sent: Vec::new(),
                initialize: None,
                result: None,
            }
        };
        for sent in opened.sent {
            file(collected, sent);
        }
        fresh.insert(identity.name.clone(), opened.session);
    }
    fresh
}
