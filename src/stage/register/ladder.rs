//! Real registrations, with consent: valid ones until one succeeds, then one for each question.

use super::post::{Order, post};
use super::{Flow, isolation, usable, variants};
use crate::model::audit::Collected;
use crate::model::consequence::{Burst, Untried};
use crate::model::discovery::AuthorizationServer;
use crate::model::probe::ProbeId;
use crate::model::registration::{RegistrationOutcome, StrangerToken};
use crate::stage::client::{LOOPBACK, body};
use crate::stage::{Run, stranger};

/// Valid registrations until one succeeds, then what the client is good for, then everything that
/// must be refused or ignored, and what follows where it was not.
pub(super) async fn ladder(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    url: &str,
    server: &AuthorizationServer,
) {
    if !first(run, collected, flow, url).await {
        return;
    }
    usable::own(run, collected, flow, server).await;
    for question in variants::questions(run, collected, server) {
        if question
            .only_after
            .is_some_and(|variant| !flow.refused(variant))
        {
            continue;
        }
        let kept_out = question.only_deletable && flow.cannot_delete();
        let why = flow.stopped.clone();
        if let Some(why) = why.or_else(|| kept_out.then(|| NO_MANAGEMENT.to_owned())) {
            flow.consequences.untried.push(Untried {
                variant: question.order.variant.clone(),
                why,
            });
            continue;
        }
        post(run, collected, flow, url, &question.order).await;
    }
    machine(run, collected, flow, server).await;
    unattended(run, collected, flow, server).await;
    usable::consequences(run, collected, flow, server).await;
}

/// The rungs of a valid client, until one exists.
async fn first(run: &Run<'_>, collected: &mut Collected, flow: &mut Flow, url: &str) -> bool {
    let own = variants::own_redirect(run);
    let rungs = [
        ("native-loopback", body(run, &[LOOPBACK], "none", "native")),
        (
            "https-confidential",
            body(run, &[&own], "client_secret_basic", "web"),
        ),
        ("https-public", body(run, &[&own], "none", "web")),
    ];
    for (variant, metadata) in rungs {
        let order = Order::new(ProbeId::Register, variant, metadata);
        match post(run, collected, flow, url, &order).await {
            RegistrationOutcome::Registered => return true,
            RegistrationOutcome::RefusedMetadata { .. } => {}
            _ => return false,
        }
    }
    false
}

/// What a stranger gets with a client for `client_credentials`, where that grant was kept.
async fn machine(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    server: &AuthorizationServer,
) {
    let found = flow.clients.iter().find(|client| {
        let kept = |grants: &Vec<String>| grants.iter().any(|it| it == "client_credentials");
        client.record.variant == variants::MACHINE && client.grants.as_ref().is_none_or(kept)
    });
    if let Some(client) = found {
        flow.stranger = stranger::token(run, collected, client, server).await;
    }
}

/// What the code is worth that came without a login; once is enough to see what a stranger reaches.
async fn unattended(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    server: &AuthorizationServer,
) {
    let accepted = |token: &StrangerToken| token.accepted == Some(true);
    if flow.stranger.as_ref().is_some_and(accepted) {
        return;
    }
    let (Some((code, redirect)), Some(client)) = (flow.code.take(), flow.clients.first()) else {
        return;
    };
    let verifier = usable::verifier(run);
    let unasked = stranger::Unasked {
        code,
        redirect,
        verifier,
    };
    flow.consequences.unattended = stranger::redeem(run, collected, client, server, unasked).await;
}

/// What can be learned only while two clients exist and nothing else needs them any more.
pub(super) async fn last(run: &Run<'_>, collected: &mut Collected, flow: &mut Flow, url: &str) {
    if let Some(wanted) = run.settings.observe_rate_limit
        && !flow.clients.is_empty()
    {
        burst(run, collected, flow, url, wanted).await;
    }
    isolation::isolation(run, collected, flow).await;
}

/// Registrations in a row, on request only and where each can be deleted again.
async fn burst(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    url: &str,
    wanted: usize,
) {
    let refuse = |why: &str| Untried {
        variant: variants::BURST.to_owned(),
        why: why.to_owned(),
    };
    if let Some(why) = flow.stopped.clone() {
        flow.consequences.untried.push(refuse(&why));
        return;
    }
    if flow.cannot_delete() {
        flow.consequences.untried.push(refuse(NO_MANAGEMENT));
        return;
    }
    let mut seen = Burst {
        wanted,
        accepted: 0,
        limited: false,
        exchanges: Vec::new(),
    };
    for number in 1..=wanted {
        let variant = format!("{}-{number}", variants::BURST);
        let metadata = body(run, &[LOOPBACK], "none", "native");
        let order = Order::new(ProbeId::RegisterBurst, &variant, metadata);
        let outcome = post(run, collected, flow, url, &order).await;
        let last = flow.attempts.last().map(|attempt| attempt.exchange);
        seen.exchanges.extend(last);
        match outcome {
            RegistrationOutcome::Registered => seen.accepted += 1,
            RegistrationOutcome::Limited | RegistrationOutcome::RefusedBySource => {
                seen.limited = true;
                break;
            }
            _ => break,
        }
    }
    flow.consequences.burst = Some(seen);
}

const NO_MANAGEMENT: &str = "the clients could not be deleted again (RFC 7592)";
