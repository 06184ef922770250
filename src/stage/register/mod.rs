//! Dynamic client registration: a request that cannot register by default, and with consent a short
//! ladder of real ones, each client deleted again.

mod gate;
mod isolation;
mod ladder;
mod manage;
mod post;
pub(crate) mod usable;
mod variants;

use super::Run;
use super::client::Client;
use super::front;
use secrecy::SecretString;

use crate::model::audit::Collected;
use crate::model::consequence::{ClientTerms, Consequences};
use crate::model::discovery::AuthorizationServer;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::probe::Tier;
use crate::model::registration::{
    Registration, RegistrationAttempt, RegistrationOutcome, StrangerToken,
};
use crate::oracle::hardening::{self, Observed};
use crate::oracle::posture::{self, PostureInput};

/// Observes registration at every authorization server.
pub async fn register(run: &Run<'_>, collected: &mut Collected) {
    (run.progress)("register", 0);
    for server in collected.discovery.authorization_servers.clone() {
        let registration = observe(run, collected, &server).await;
        collected.registrations.push(registration);
    }
}

async fn observe(
    run: &Run<'_>,
    collected: &mut Collected,
    server: &AuthorizationServer,
) -> Registration {
    let metadata = server.chosen().cloned();
    let advertised = metadata
        .as_ref()
        .and_then(|metadata| metadata.text("registration_endpoint"))
        .map(str::to_owned);
    let mut flow = Flow {
        attempts: Vec::new(),
        clients: Vec::new(),
        stranger: None,
        controls: None,
        code: None,
        stopped: None,
        consequences: Consequences::default(),
        named_by: metadata
            .as_ref()
            .map_or(server.named_by, |metadata| metadata.exchange),
    };
    let mut endpoint = advertised.clone();
    match &advertised {
        Some(url) => gate::gate(run, collected, &mut flow, url).await,
        // 2025-03-26 §Fallbacks: without metadata the default path is normative.
        None if server.assumed && metadata.is_none() => {
            let url = format!("{}/register", server.issuer);
            gate::gate(run, collected, &mut flow, &url).await;
            endpoint = Some(url);
        }
        None => gate::shadows(run, collected, &mut flow, server).await,
    }
    let live = flow
        .attempts
        .iter()
        .find(|attempt| attempt.variant == "shadow-live");
    endpoint = endpoint.or_else(|| live.map(|attempt| attempt.endpoint.clone()));
    let may_register = run.settings.allows(Tier::Register);
    let gated = flow.attempts.iter().any(|attempt| {
        matches!(
            attempt.outcome,
            RegistrationOutcome::NeedsToken | RegistrationOutcome::Absent
        ) && attempt.variant == "truncated"
    });
    let writable = endpoint.as_deref().filter(|_| may_register && !gated);
    if let Some(url) = writable {
        ladder::ladder(run, collected, &mut flow, url, server).await;
    }
    let known = front::registered(run, &flow.clients);
    front::front(run, collected, server, known).await;
    if let Some(url) = writable {
        ladder::last(run, collected, &mut flow, url).await;
    }
    manage::delete_all(run, collected, &mut flow).await;
    let clients = flow
        .clients
        .into_iter()
        .map(|client| client.record)
        .collect::<Vec<_>>();
    let verdict = posture::posture(&PostureInput {
        metadata_read: metadata.is_some(),
        advertised: advertised.as_deref(),
        attempts: &flow.attempts,
        clients: &clients,
        stranger: flow.stranger.as_ref(),
        unattended: flow.consequences.unattended.as_ref(),
        may_register,
    });
    flow.consequences.hardening = hardening::hardening(&Observed {
        attempts: &flow.attempts,
        clients: &clients,
        stranger: flow.stranger.as_ref(),
        consequences: &flow.consequences,
    });
    Registration {
        issuer: server.issuer.clone(),
        endpoint: advertised,
        attempts: flow.attempts,
        clients,
        stranger_token: flow.stranger,
        consequences: flow.consequences,
        posture: verdict.posture,
        confidence: verdict.confidence,
        reason: verdict.reason,
        decided_by: verdict.decided_by,
        exchanges: verdict.exchanges,
    }
}

/// What one authorization server's registration left so far.
pub(crate) struct Flow {
    attempts: Vec<RegistrationAttempt>,
    clients: Vec<Client>,
    pub(crate) stranger: Option<StrangerToken>,
    /// The authorization endpoint's answers to our own client and to one that cannot exist, when
    /// they can be told apart.
    controls: Option<(Exchange, Exchange)>,
    /// The code that came at once for our own client, with the redirect URI it came to.
    code: Option<(SecretString, String)>,
    /// Why no further client is registered.
    stopped: Option<String>,
    consequences: Consequences,
    named_by: ExchangeId,
}

impl Flow {
    /// Whether some client of the run has to stay.
    fn cannot_delete(&self) -> bool {
        self.clients
            .iter()
            .any(|client| client.management.is_none())
    }

    /// Whether this registration was refused for what it asked.
    fn refused(&self, variant: &str) -> bool {
        self.attempts.iter().any(|attempt| {
            attempt.variant == variant
                && matches!(attempt.outcome, RegistrationOutcome::RefusedMetadata { .. })
        })
    }
}

fn attempt(
    variant: &str,
    endpoint: &str,
    outcome: RegistrationOutcome,
    exchange: ExchangeId,
) -> RegistrationAttempt {
    RegistrationAttempt {
        variant: variant.to_owned(),
        endpoint: endpoint.to_owned(),
        outcome,
        requested_redirects: Vec::new(),
        echoed_redirects: None,
        requested: ClientTerms::default(),
        echoed: ClientTerms::default(),
        client: None,
        exchange,
    }
}
