//! Requests that cannot register: truncated JSON at the advertised endpoint and at guessed ones.

use url::Url;

use super::{Flow, attempt};
use crate::model::audit::Collected;
use crate::model::discovery::AuthorizationServer;
use crate::model::exchange::ExchangeId;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::admission;
use crate::stage::client::json_headers;
use crate::stage::{Run, file, hardening, together};
use crate::wire::{Destination, Outgoing, Pending, Sent};

pub(super) async fn gate(run: &Run<'_>, collected: &mut Collected, flow: &mut Flow, url: &str) {
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
pub(super) async fn shadows(
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

fn truncated<'a>(probe: ProbeId, url: &str, named_by: ExchangeId) -> Outgoing<'a> {
    let mut outgoing = Outgoing::new(ProbeKey::new(probe).about(url), "POST", url);
    outgoing.destination = Destination::Discovered;
    outgoing.headers = json_headers();
    // One byte of JSON cannot create a client.
    outgoing.body = Some(b"{".to_vec());
    outgoing.caused_by = Some(named_by);
    outgoing
}

/// Paths that frameworks mount without advertising (REG-16).
const SHADOW_PATHS: [&str; 5] = [
    "/register",
    "/oauth/register",
    "/oauth2/register",
    "/connect/register",
    "/clients-registrations/openid-connect",
];
