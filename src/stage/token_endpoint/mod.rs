//! The token endpoint without a user: which grants run, who is believed to be a client, and which
//! assertions are believed at all.
//!
//! Every question has its control: a grant type that does not exist shows how the endpoint refuses.
//! A token that should not have been issued is revoked at once, or listed.

mod ask;
mod forge;
mod operator;
mod plan;

use self::ask::{Ask, Place};
use self::forge::Clock;
use super::metadata::note_blocked;
use super::{Run, file, mint};
use crate::model::audit::Collected;
use crate::model::discovery::AuthorizationServer;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::Revision;
use crate::model::token_endpoint::{Introspection, TokenEndpoint, TokenOutcome, TokenQuestion};
use crate::oracle::token_endpoint as reading;
use crate::wire::{Destination, Outgoing};

pub(crate) use plan::planned;

/// Asks every token endpoint that the metadata names.
pub async fn observe(run: &Run<'_>, collected: &mut Collected) {
    (run.progress)("token endpoint", 0);
    for server in collected.discovery.authorization_servers.clone() {
        let Some(place) = Place::of(&server, collected) else {
            continue;
        };
        let mut facts = TokenEndpoint {
            issuer: place.issuer.clone(),
            endpoint: place.endpoint.clone(),
            ..TokenEndpoint::default()
        };
        let clock = stranger(run, collected, &place, &mut facts).await;
        operator::operators(run, collected, &place, &mut facts, clock).await;
        introspect(run, collected, &server, &mut facts).await;
        collected.token_endpoints.push(facts);
    }
}

/// What a client that does not exist is told; the time by the server's clock when it answers.
async fn stranger(
    run: &Run<'_>,
    collected: &mut Collected,
    place: &Place,
    facts: &mut TokenEndpoint,
) -> Clock {
    let unknown = run.entropy.word("unknown-client", 20);
    let client = || vec![("client_id", unknown.clone())];
    let control = Ask::new(ProbeId::TokenGrant, TokenQuestion::UnknownGrant, "control")
        .grant(ask::UNKNOWN_GRANT)
        .with(client());
    let control = control.send(run, collected, place, None).await;
    let spoke = matches!(control.outcome, TokenOutcome::Refused { .. });
    let answer = collected.ledger.exchange(control.exchange);
    if let Some(answer) = answer {
        let answer = answer.clone();
        note_blocked(collected, &answer);
    }
    let clock = Clock::of(collected, control.exchange);
    facts.attempts.push(control);
    if !spoke {
        return clock;
    }
    let password = Ask::new(ProbeId::TokenGrant, TokenQuestion::Password, "stranger")
        .grant("password")
        .with(client())
        .with(ask::nobody(run));
    facts
        .attempts
        .push(password.send(run, collected, place, None).await);
    for forged in forge::for_stranger(run, place, &unknown, clock) {
        let asked = Ask::new(ProbeId::ForgedAssertion, forged.question, forged.form)
            .grant(forged.grant)
            .with(forged.members);
        facts
            .attempts
            .push(asked.send(run, collected, place, None).await);
    }
    clock
}

/// One random token, no credentials (RFC 7662 §2.1).
async fn introspect(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &AuthorizationServer,
    facts: &mut TokenEndpoint,
) {
    let Some(metadata) = server.chosen() else {
        return;
    };
    let Some(endpoint) = metadata.text("introspection_endpoint").map(str::to_owned) else {
        return;
    };
    let key = ProbeKey::new(ProbeId::Introspect).about(endpoint.clone());
    let mut outgoing = Outgoing::new(key, "POST", endpoint.clone());
    outgoing.destination = Destination::Discovered;
    outgoing.headers = mint::form_headers();
    let token = run.entropy.word("introspected", 32);
    outgoing.body = Some(mint::form(&[("token", token)]));
    outgoing.caused_by = Some(metadata.exchange);
    let sent = run.wire.send(outgoing).await;
    note_blocked(collected, &sent.exchange);
    let outcome = reading::introspection(&sent.exchange);
    let exchange = file(collected, sent);
    facts.introspection = Some(Introspection {
        endpoint,
        outcome,
        exchange,
    });
}

/// Whether the audited revision knows extensions (SEP-1046 and later).
fn has_extensions(collected: &Collected) -> bool {
    let revision = collected.discovery.revision();
    revision.is_none_or(|revision| revision >= Revision::R2025_11)
}
