//! One registration request, and the client that comes of it.

use serde_json::Value;

use super::{Flow, attempt};
use crate::model::audit::Collected;
use crate::model::consequence::ClientTerms;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::RegistrationOutcome;
use crate::oracle::admission;
use crate::stage::client::{client, json_headers, object, secrets, terms, texts};
use crate::stage::{Run, file};
use crate::wire::{Destination, Outgoing, RawAnswer};

/// A registration to be asked for.
pub(super) struct Order {
    pub(super) probe: ProbeId,
    pub(super) variant: String,
    pub(super) metadata: Value,
    /// What a software statement among the metadata claims.
    pub(super) stated: ClientTerms,
}

impl Order {
    pub(super) fn new(probe: ProbeId, variant: &str, metadata: Value) -> Self {
        Self {
            probe,
            variant: variant.to_owned(),
            metadata,
            stated: ClientTerms::default(),
        }
    }
}

/// Sends it; a limit or silence stops all further registrations.
pub(super) async fn post(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    url: &str,
    order: &Order,
) -> RegistrationOutcome {
    let variant = order.variant.as_str();
    let label = format!("client-{variant}");
    let learn = move |answer: &RawAnswer<'_>| secrets(answer, &label);
    let key = ProbeKey::new(order.probe).about(url).variant(variant);
    let mut outgoing = Outgoing::new(key, "POST", url);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = json_headers();
    outgoing.body = serde_json::to_vec(&order.metadata).ok();
    outgoing.caused_by = Some(flow.named_by);
    outgoing.learn = Some(&learn);
    // Registering writes to a host: it must be one the operator named or confirmed.
    outgoing.carries_secret = true;
    let sent = run.wire.send(outgoing).await;
    let learned = sent.learned.clone();
    let outcome = admission::registration(&sent.exchange);
    let answer = sent.exchange.clone();
    let exchange = file(collected, sent);
    let mut record = attempt(variant, url, outcome.clone(), exchange);
    record.requested_redirects = texts(&order.metadata, "redirect_uris").unwrap_or_default();
    record.requested = ClientTerms {
        stated_name: order.stated.stated_name.clone(),
        stated_redirects: order.stated.stated_redirects.clone(),
        ..terms(&order.metadata)
    };
    if outcome == RegistrationOutcome::Registered {
        let asked = &record.requested_redirects;
        let client = client(&answer, &learned, variant, asked, exchange);
        record.client = Some(client.record.client_id.clone());
        let body = object(&answer);
        record.echoed_redirects = texts(&body, "redirect_uris");
        record.echoed = terms(&body);
        flow.clients.push(client);
    }
    flow.attempts.push(record);
    if outcome == RegistrationOutcome::Limited {
        let count = flow.clients.len();
        flow.stopped = Some(format!(
            "the registration endpoint answered with a limit after {count} client(s)"
        ));
    } else if let Some(failure) = answer.failure() {
        let text = &failure.text;
        flow.stopped = Some(format!("the registration endpoint fell silent: {text}"));
    }
    outcome
}
