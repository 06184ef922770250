//! What can be learned before any token is used.

use url::Url;

use super::{Run, metadata};
use super::{demand, detect};
use crate::codec::challenge;
use crate::model::audit::Collected;
use crate::model::discovery::{AnonymousAccess, Sourced};
use crate::model::exchange::{ExchangeId, FailureKind};
use crate::model::identity::{Identity, IdentityKind};
use crate::model::probe::ProbeId;

/// Detection without a token and the well-known places together, then what they point at.
pub async fn discover(run: &Run<'_>, anonymous: &Identity, collected: &mut Collected) {
    (run.progress)("discover", 0);
    let mut routes = metadata::resource_routes(&collected.discovery.endpoint);
    let (mut sighting, mut documents) = tokio::join!(
        detect::look(run, anonymous, collected),
        metadata::fetch(run, ProbeId::ResourceMetadata, &routes, None),
    );
    if let Some((next, by)) = sighting.moved_to.take() {
        metadata::read(collected, &routes, documents);
        routes = metadata::resource_routes(&next);
        collected.discovery.endpoint = next;
        collected.discovery.redirected_by = Some(by);
        sighting = detect::look(run, anonymous, collected).await;
        documents = metadata::fetch(run, ProbeId::ResourceMetadata, &routes, None).await;
    }
    collected.discovery.resource_metadata = metadata::read(collected, &routes, documents);
    collected.discovery.anonymous = detect::anonymous_access(&sighting);
    note_challenges(collected, &sighting.exchanges);
    let refused_by = sighting.exchanges.first().copied();
    collected.discovery.demands = demand::differing(&sighting.forms);
    detect::settle(run, collected, sighting);
    metadata::follow_challenge(run, collected).await;
    metadata::authorization_servers(run, collected).await;
    let names_none = collected.discovery.authorization_servers.is_empty();
    let no_resource_metadata = collected.discovery.chosen_resource_metadata().is_none();
    if collected.discovery.anonymous == AnonymousAccess::Refused
        && names_none
        && no_resource_metadata
        && let Some(refused) = refused_by
    {
        metadata::own_origin(run, collected, refused).await;
    }
    let tokens_left = run
        .settings
        .identities
        .iter()
        .any(|source| source.kind == IdentityKind::Valid);
    collected.discovery.unusable = unusable(collected, tokens_left);
}

/// Only the documents at well-known places: what `plan` may look at.
pub async fn passive(run: &Run<'_>, collected: &mut Collected) {
    let routes = metadata::resource_routes(&collected.discovery.endpoint);
    let sent = metadata::fetch(run, ProbeId::ResourceMetadata, &routes, None).await;
    collected.discovery.resource_metadata = metadata::read(collected, &routes, sent);
    metadata::authorization_servers(run, collected).await;
}

/// Reads the challenges of refusals.
pub(crate) fn note_challenges(collected: &mut Collected, exchanges: &[ExchangeId]) {
    for id in exchanges {
        let Some(exchange) = collected.ledger.exchange(*id) else {
            continue;
        };
        let Some(response) = exchange.response() else {
            continue;
        };
        let values = response
            .header_values("www-authenticate")
            .collect::<Vec<_>>();
        if !matches!(response.status, 401 | 403) {
            continue;
        }
        let value = challenge::parse(&values);
        collected.discovery.challenges.push(Sourced {
            value,
            exchange: *id,
        });
    }
}

/// Why the target cannot be audited, in words that name the remedy. While there are tokens to try,
/// only what no token would change counts.
pub(crate) fn unusable(collected: &Collected, tokens_left: bool) -> Option<String> {
    let discovery = &collected.discovery;
    if discovery.anonymous != AnonymousAccess::Unknown || !discovery.revisions.is_empty() {
        return None;
    }
    let detections = collected.ledger.iter().filter(|exchange| {
        matches!(
            exchange.probe.id,
            ProbeId::DetectModern | ProbeId::DetectLegacy
        )
    });
    let mut said = Vec::new();
    let mut may_change = false;
    for exchange in detections {
        if let Some(failure) = exchange.failure() {
            let certain = [FailureKind::Dns, FailureKind::Connect, FailureKind::Tls];
            if certain.contains(&failure.kind) {
                return Some(format!("the target cannot be reached: {}", failure.text));
            }
            said.push(failure.text.clone());
        } else if let Some(response) = exchange.response() {
            let elsewhere = (300..400).contains(&response.status);
            may_change |= !elsewhere && response.media_type() != "text/html";
            said.push(describe(response, &discovery.endpoint));
        }
    }
    if tokens_left && may_change {
        return None;
    }
    said.dedup();
    Some(format!(
        "no MCP server answered at {}: {}; check the path of the endpoint",
        discovery.endpoint,
        if said.is_empty() {
            "no answer".to_owned()
        } else {
            said.join("; ")
        }
    ))
}

fn describe(response: &crate::model::exchange::Response, endpoint: &str) -> String {
    let status = response.status;
    match response.header("location") {
        Some(location) if (300..400).contains(&status) => {
            let host = Url::parse(endpoint)
                .ok()
                .and_then(|base| base.join(location).ok())
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_else(|| "another place".to_owned());
            format!(
                "HTTP {status} redirects to {host}, where no token is sent; audit the final URL"
            )
        }
        _ if response.media_type() == "text/html" => {
            format!("HTTP {status} with an HTML page, not JSON-RPC")
        }
        _ => format!("HTTP {status} {}", response.media_type())
            .trim_end()
            .to_owned(),
    }
}
