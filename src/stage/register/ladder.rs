//! Real registrations, with consent: valid ones until one succeeds, then hostile ones, then a machine.

use serde_json::{Value, json};

use super::{Flow, attempt, usable};
use crate::model::audit::Collected;
use crate::model::discovery::AuthorizationServer;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::RegistrationOutcome;
use crate::oracle::admission;
use crate::stage::client::{LOOPBACK, body, client, hostile, json_headers, object, secrets, texts};
use crate::stage::{Run, file, stranger};
use crate::wire::{Destination, Outgoing, RawAnswer};

/// Valid registrations until one succeeds, then what the client is good for, then hostile ones.
pub(super) async fn ladder(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    url: &str,
    server: &AuthorizationServer,
) {
    let own = format!("https://{}.mcp-assay.invalid/callback", run.settings.run_id);
    let rungs = [
        ("native-loopback", body(run, &[LOOPBACK], "none", "native")),
        (
            "https-confidential",
            body(run, &[&own], "client_secret_basic", "web"),
        ),
        ("https-public", body(run, &[&own], "none", "web")),
    ];
    for (variant, metadata) in rungs {
        let outcome = post(
            run,
            collected,
            flow,
            url,
            ProbeId::Register,
            variant,
            &metadata,
        )
        .await;
        match outcome {
            RegistrationOutcome::Registered => break,
            RegistrationOutcome::RefusedMetadata { .. } => {}
            _ => return,
        }
    }
    if flow.clients.is_empty() {
        return;
    }
    usable::usability(run, collected, flow, server).await;
    for (variant, redirects) in hostile(&run.settings.run_id) {
        let redirects = redirects.iter().map(String::as_str).collect::<Vec<_>>();
        let metadata = body(run, &redirects, "none", "native");
        let probe = ProbeId::RegisterHostile;
        let outcome = post(run, collected, flow, url, probe, variant, &metadata).await;
        if outcome == RegistrationOutcome::Limited {
            return;
        }
    }
    machine(run, collected, flow, url, server).await;
}

/// Another client like the first one, for what only two of them show.
pub(super) async fn second(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    url: &str,
) -> bool {
    let metadata = body(run, &[LOOPBACK], "none", "native");
    let probe = ProbeId::Register;
    let variant = "native-second";
    let outcome = post(run, collected, flow, url, probe, variant, &metadata).await;
    outcome == RegistrationOutcome::Registered
}

/// A client for `client_credentials`; if the grant is echoed, what a stranger gets with it.
async fn machine(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    url: &str,
    server: &AuthorizationServer,
) {
    let mut metadata = body(run, &[LOOPBACK], "client_secret_basic", "native");
    if let Some(members) = metadata.as_object_mut() {
        members.insert("grant_types".to_owned(), json!(["client_credentials"]));
        members.remove("response_types");
    }
    let probe = ProbeId::RegisterMachine;
    let outcome = post(
        run,
        collected,
        flow,
        url,
        probe,
        "client-credentials",
        &metadata,
    )
    .await;
    let Some(client) = flow.clients.last() else {
        return;
    };
    if outcome == RegistrationOutcome::Registered
        && client
            .grants
            .iter()
            .any(|grant| grant == "client_credentials")
    {
        flow.stranger = stranger::token(run, collected, client, server).await;
    }
}

async fn post(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    url: &str,
    probe: ProbeId,
    variant: &str,
    metadata: &Value,
) -> RegistrationOutcome {
    let label = format!("client-{variant}");
    let learn = move |answer: &RawAnswer<'_>| secrets(answer, &label);
    let key = ProbeKey::new(probe).about(url).variant(variant);
    let mut outgoing = Outgoing::new(key, "POST", url);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = json_headers();
    outgoing.body = serde_json::to_vec(metadata).ok();
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
    record.requested_redirects = texts(metadata, "redirect_uris").unwrap_or_default();
    if outcome == RegistrationOutcome::Registered {
        let client = client(&answer, &learned, variant, exchange);
        record.client = Some(client.record.client_id.clone());
        record.echoed_redirects = texts(&object(&answer), "redirect_uris");
        flow.clients.push(client);
    }
    flow.attempts.push(record);
    outcome
}
