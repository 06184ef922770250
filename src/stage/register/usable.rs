//! Whether the authorization endpoint knows the clients that were registered.

use url::Url;

use super::Flow;
use crate::model::audit::Collected;
use crate::model::discovery::AuthorizationServer;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::Usability;
use crate::oracle::admission;
use crate::stage::client::LOOPBACK;
use crate::stage::{Run, file, mint, together};
use crate::wire::{Destination, Outgoing};

/// The authorization endpoint with the new client and with one that cannot exist.
pub(super) async fn usability(
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
    let resource = mint::resource(&collected.discovery);
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

fn authorization_url(
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
