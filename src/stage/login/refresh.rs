//! What a refresh token is good for: rotation, scope and resource (OAuth 2.1 §4.3).

use secrecy::{ExposeSecret, SecretString};

use super::token::{self, Question};
use super::{Asked, Session};
use crate::model::audit::Collected;
use crate::model::login::{Refresh, RefreshTrial};
use crate::model::probe::ProbeId;
use crate::stage::Run;

/// Refreshes properly, then too widely, then with the token that was exchanged first.
pub(super) async fn probe(run: &Run<'_>, collected: &mut Collected, session: &mut Session) {
    let Some(first) = session.refresh.take() else {
        return;
    };
    let proper = refresh(run, collected, session, &first, RefreshTrial::Proper, None).await;
    if !proper.answer.issued {
        return;
    }
    let mut current = proper.refresh.unwrap_or_else(|| first.clone());
    let resource = format!("https://{}.mcp-assay.invalid/mcp", run.settings.run_id);
    let wider = wider(run, session);
    for (trial, asked) in [
        (RefreshTrial::WiderScope, wider),
        (RefreshTrial::ForeignResource, resource),
    ] {
        let answer = refresh(run, collected, session, &current, trial, Some(asked)).await;
        current = answer.refresh.unwrap_or(current);
    }
    let old = refresh(
        run,
        collected,
        session,
        &first,
        RefreshTrial::OldToken,
        None,
    )
    .await;
    let grace = run.settings.login.as_ref().map(|request| request.grace);
    if let Some(grace) = grace.filter(|_| old.answer.issued) {
        let Some(person) = &run.person else { return };
        tokio::select! {
            () = person.cancel.cancelled() => return,
            () = tokio::time::sleep(grace) => {}
        }
        let trial = RefreshTrial::OldTokenLater;
        refresh(run, collected, session, &first, trial, None).await;
    }
}

async fn refresh(
    run: &Run<'_>,
    collected: &mut Collected,
    session: &mut Session,
    presented: &SecretString,
    trial: RefreshTrial,
    asked: Option<String>,
) -> Asked {
    let mut members = vec![
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", presented.expose_secret().to_owned()),
    ];
    let resource = match (&asked, trial) {
        (Some(foreign), RefreshTrial::ForeignResource) => foreign.clone(),
        _ => session.facts.resource.clone(),
    };
    members.push(("resource", resource));
    if let (Some(scope), RefreshTrial::WiderScope) = (&asked, trial) {
        members.push(("scope", scope.clone()));
    }
    let question = Question {
        probe: ProbeId::RefreshToken,
        variant: format!("refresh-{}", trial.as_str()),
        members,
        presented: Some(presented),
        by_other: false,
    };
    let given = token::ask(run, collected, session, question).await;
    session.facts.refreshes.push(Refresh {
        trial,
        asked,
        answer: given.answer.clone(),
    });
    given
}

/// What was granted and one scope more: one that the server knows, else one that nobody knows.
fn wider(run: &Run<'_>, session: &Session) -> String {
    let proper = session.facts.redemptions.first();
    let told = proper.and_then(|it| it.answer.scopes.clone());
    let mut scopes = told
        .or_else(|| session.facts.requested.clone())
        .unwrap_or_default();
    let mut known = session.server.scopes.iter();
    let extra = known.find(|scope| !scopes.contains(*scope)).cloned();
    scopes.insert(extra.unwrap_or_else(|| format!("mcp-assay-{}", run.settings.run_id)));
    scopes.into_iter().collect::<Vec<_>>().join(" ")
}
