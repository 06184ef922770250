//! Dynamic client registration: a request that cannot register by default, and with consent a short
//! ladder of real ones, each client deleted again.

use serde_json::{Value, json};
use url::Url;

use super::client::{
    Client, LOOPBACK, body, client, hostile, json_headers, object, secrets, texts,
};
use super::{Run, file, hardening, stranger, together};
use crate::model::audit::{Collected, ResidueItem};
use crate::model::discovery::AuthorizationServer;
use crate::model::exchange::ExchangeId;
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::registration::{
    Deletion, Registration, RegistrationAttempt, RegistrationOutcome, Usability,
};
use crate::oracle::admission;
use crate::oracle::posture::{self, PostureInput};
use crate::wire::{Destination, Outgoing, Pending, RawAnswer, Sent};

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
        named_by: metadata
            .as_ref()
            .map_or(server.named_by, |metadata| metadata.exchange),
    };
    let mut endpoint = advertised.clone();
    match &advertised {
        Some(url) => gate(run, collected, &mut flow, url).await,
        // 2025-03-26 §Fallbacks: without metadata the default path is normative.
        None if server.assumed && metadata.is_none() => {
            let url = format!("{}/register", server.issuer);
            gate(run, collected, &mut flow, &url).await;
            endpoint = Some(url);
        }
        None => shadows(run, collected, &mut flow, server).await,
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
    if let Some(url) = endpoint.as_deref().filter(|_| may_register && !gated) {
        ladder(run, collected, &mut flow, url, server).await;
    }
    delete_all(run, collected, &mut flow).await;
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
        may_register,
    });
    Registration {
        issuer: server.issuer.clone(),
        endpoint: advertised,
        attempts: flow.attempts,
        clients,
        stranger_token: flow.stranger,
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
    pub(crate) stranger: Option<crate::model::registration::StrangerToken>,
    named_by: ExchangeId,
}

async fn gate(run: &Run<'_>, collected: &mut Collected, flow: &mut Flow, url: &str) {
    let mut asks = vec![
        run.wire
            .send(truncated(ProbeId::RegistrationGate, url, flow.named_by)),
    ];
    let plain = hardening::plain_http(url);
    if let Some(plain) = &plain {
        asks.push(run.wire.send(truncated(
            ProbeId::RegistrationPlaintext,
            plain,
            flow.named_by,
        )));
    }
    let mut answers = together(asks).await.into_iter();
    if let Some(sent) = answers.next() {
        let outcome = admission::registration(&sent.exchange);
        let exchange = file(collected, sent);
        flow.attempts
            .push(attempt("truncated", url, outcome, exchange));
    }
    for sent in answers {
        file(collected, sent);
    }
}

/// Well-trodden paths on the issuer's origin, when nothing is advertised.
async fn shadows(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    server: &AuthorizationServer,
) {
    let Ok(issuer) = Url::parse(&server.issuer) else {
        return;
    };
    let origin = issuer.origin().ascii_serialization();
    let urls = SHADOW_PATHS.map(|path| format!("{origin}{path}"));
    let asks: Vec<Pending<'_, Sent>> = urls
        .iter()
        .map(|url| {
            run.wire
                .send(truncated(ProbeId::ShadowRegistration, url, flow.named_by))
        })
        .collect();
    for (url, sent) in urls.iter().zip(together(asks).await) {
        let live = admission::is_live_registration(&sent.exchange);
        let outcome = admission::registration(&sent.exchange);
        let exchange = file(collected, sent);
        let variant = if live { "shadow-live" } else { "shadow" };
        flow.attempts.push(attempt(variant, url, outcome, exchange));
    }
}

/// Valid registrations until one succeeds, then what the client is good for, then hostile ones.
async fn ladder(
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
    usability(run, collected, flow, server).await;
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

/// The authorization endpoint with the new client and with one that cannot exist.
async fn usability(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    server: &AuthorizationServer,
) {
    let endpoint = server
        .chosen()
        .and_then(|metadata| metadata.text("authorization_endpoint"))
        .map(str::to_owned);
    let Some(client) = flow.clients.first_mut() else {
        return;
    };
    let Some(endpoint) = endpoint.and_then(|text| Url::parse(&text).ok()) else {
        return;
    };
    let redirect = match client.record.variant.as_str() {
        "native-loopback" => LOOPBACK.to_owned(),
        _ => format!("https://{}.mcp-assay.invalid/callback", run.settings.run_id),
    };
    let unknown = run.entropy.word("unknown-client", 20);
    let resource = super::mint::resource(&collected.discovery);
    let ask = |client_id: &str, variant: &str| {
        let url = authorization_url(run, &endpoint, client_id, &redirect, &resource);
        let key = ProbeKey::new(ProbeId::AuthorizeClient).variant(variant);
        let mut outgoing = Outgoing::new(key, "GET", url);
        outgoing.destination = Destination::Discovered;
        outgoing.caused_by = Some(flow.named_by);
        run.wire.send(outgoing)
    };
    let asks = vec![
        ask(&client.id, "own-client"),
        ask(&unknown, "unknown-client"),
    ];
    let answers = together(asks).await;
    if let [ours, control] = answers.as_slice() {
        let (accepted, what) =
            admission::knows_client(&ours.exchange, &control.exchange, &redirect);
        let mut ids = Vec::new();
        for sent in answers {
            ids.push(file(collected, sent));
        }
        if let Some(exchange) = ids.first().copied() {
            client.record.usable = Some(Usability {
                accepted,
                what,
                exchange,
            });
        }
    }
}

async fn delete_all(run: &Run<'_>, collected: &mut Collected, flow: &mut Flow) {
    for client in &mut flow.clients {
        if let Some((uri, token)) = &client.management {
            let key = ProbeKey::new(ProbeId::DeleteClient).variant(client.record.variant.clone());
            let mut outgoing = Outgoing::new(key, "DELETE", uri.clone());
            outgoing.destination = Destination::Discovered;
            outgoing.credential = Some(token.clone());
            outgoing.cleanup = true;
            outgoing.caused_by = Some(client.record.exchange);
            let sent = run.wire.send(outgoing).await;
            let status = sent.exchange.status();
            let failure = sent.exchange.failure().map(|failure| failure.text.clone());
            let exchange = file(collected, sent);
            client.record.deletion = match status {
                Some(200..=299) => Deletion::Deleted { exchange },
                Some(status) => Deletion::Refused {
                    exchange,
                    what: format!("HTTP {status}"),
                },
                None => Deletion::Refused {
                    exchange,
                    what: failure.unwrap_or_default(),
                },
            };
        }
        let left = match &client.record.deletion {
            Deletion::Deleted { exchange } => still_there(run, collected, client, *exchange).await,
            Deletion::Refused { .. } | Deletion::NotOffered => true,
        };
        if left {
            collected.residue.push(residue(client));
        }
    }
}

/// Reads a deleted client back: 401 or 404 is right (RFC 7592 §2.1).
async fn still_there(
    run: &Run<'_>,
    collected: &mut Collected,
    client: &Client,
    deleted: ExchangeId,
) -> bool {
    let Some((uri, token)) = &client.management else {
        return false;
    };
    let key = ProbeKey::new(ProbeId::ReadClient).variant(client.record.variant.clone());
    let mut outgoing = Outgoing::new(key, "GET", uri.clone());
    outgoing.destination = Destination::Discovered;
    outgoing.credential = Some(token.clone());
    outgoing.cleanup = true;
    outgoing.caused_by = Some(deleted);
    let sent = run.wire.send(outgoing).await;
    let readable =
        sent.exchange.status() == Some(200) && object(&sent.exchange).get("client_id").is_some();
    file(collected, sent);
    readable
}

fn residue(client: &Client) -> ResidueItem {
    let location = client.management.as_ref().map(|(uri, _)| uri.clone());
    ResidueItem {
        kind: "client".to_owned(),
        name: client.record.client_id.clone(),
        reason: match &client.record.deletion {
            Deletion::Refused { what, .. } => {
                format!("DELETE was answered with {what} (RFC 7592 §2.3)")
            }
            Deletion::Deleted { .. } => {
                "DELETE was confirmed, and the client can still be read".to_owned()
            }
            Deletion::NotOffered => "the server offers no client management (RFC 7592)".to_owned(),
        },
        undo: match &location {
            Some(uri) => format!("DELETE {uri} with its registration access token"),
            None => "ask the operator of the authorization server to remove this client".to_owned(),
        },
        location: location.unwrap_or_else(|| "the authorization server".to_owned()),
        exchange: Some(client.record.exchange),
    }
}

fn truncated<'a>(probe: ProbeId, url: &str, named_by: ExchangeId) -> Outgoing<'a> {
    let mut outgoing = Outgoing::new(ProbeKey::new(probe).about(url), "POST", url);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = json_headers();
    // One byte of JSON cannot create a client.
    outgoing.body = Some(b"{".to_vec());
    outgoing.caused_by = Some(named_by);
    outgoing
}

pub(crate) fn authorization_url(
    run: &Run<'_>,
    endpoint: &Url,
    client_id: &str,
    redirect: &str,
    resource: &str,
) -> String {
    use base64::Engine;
    use sha2::Digest;
    let verifier = run.entropy.word("verifier", 32);
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(sha2::Sha256::digest(verifier.as_bytes()));
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", redirect)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("state", &format!("{}-a", run.settings.run_id))
        .append_pair("resource", resource);
    url.into()
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
        client: None,
        exchange,
    }
}

/// Paths that frameworks mount without advertising (REG-16).
const SHADOW_PATHS: [&str; 5] = [
    "/register",
    "/oauth/register",
    "/oauth2/register",
    "/connect/register",
    "/clients-registrations/openid-connect",
];
