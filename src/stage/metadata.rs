//! Fetching protected resource metadata and authorization server metadata, every route a client
//! may take, without credentials.

use std::collections::BTreeSet;

use url::Url;

use super::{Run, file, obtain, together};
use crate::codec::{metadata, uri};
use crate::model::audit::Collected;
use crate::model::discovery::{AuthorizationServer, BlockedUrl, MetadataAttempt, Route};
use crate::model::exchange::{Exchange, ExchangeId, FailureKind, Outcome};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::wire::{Destination, Outgoing, Pending, Sent};

/// Protected resource metadata at the well-known places of the endpoint.
pub(crate) fn resource_routes(endpoint: &str) -> Vec<(Route, String)> {
    Url::parse(endpoint)
        .map(|url| uri::resource_metadata_candidates(&url))
        .unwrap_or_default()
}

/// Fetches metadata documents at once, in the order given.
pub(crate) async fn fetch(
    run: &Run<'_>,
    probe: ProbeId,
    routes: &[(Route, String)],
    named_by: Option<ExchangeId>,
) -> Vec<Sent> {
    let asks = routes.iter().map(|(route, url)| {
        let mut outgoing =
            Outgoing::new(ProbeKey::new(probe).about(url.clone()), "GET", url.clone());
        outgoing.headers = vec![("Accept".to_owned(), "application/json".to_owned())];
        outgoing.caused_by = named_by;
        if matches!(route, Route::ServerOrigin) {
            // MCP 2025-03-26 §Server Metadata Discovery: clients SHOULD send the header.
            outgoing
                .headers
                .push(("MCP-Protocol-Version".to_owned(), "2025-03-26".to_owned()));
        }
        if named_by.is_some() {
            outgoing.destination = Destination::Discovered;
        }
        run.wire.send(outgoing)
    });
    together(asks.collect::<Vec<Pending<'_, Sent>>>()).await
}

/// Files fetched documents and reads them.
pub(crate) fn read(
    collected: &mut Collected,
    routes: &[(Route, String)],
    sent: Vec<Sent>,
) -> Vec<MetadataAttempt> {
    let mut attempts = Vec::new();
    for ((route, url), sent) in routes.iter().zip(sent) {
        note_blocked(collected, &sent.exchange);
        let (document, problem) = match document(&sent.exchange) {
            Ok(document) => (Some(document), None),
            Err(problem) => (None, Some(problem)),
        };
        let exchange = file(collected, sent);
        attempts.push(MetadataAttempt {
            url: url.clone(),
            route: *route,
            exchange,
            document,
            problem,
        });
    }
    attempts
}

/// Adds the document that a challenge points at, unless it was fetched already.
pub(crate) async fn follow_challenge(run: &Run<'_>, collected: &mut Collected) {
    let Some(challenge) = collected.discovery.token_challenge() else {
        return;
    };
    let named_by = challenge.exchange;
    let Some(url) = challenge
        .value
        .param("resource_metadata")
        .map(str::to_owned)
    else {
        return;
    };
    let routes = vec![(Route::Challenge, url.clone())];
    let known = collected
        .discovery
        .resource_metadata
        .iter()
        .find(|known| known.url == url)
        .cloned();
    let attempts = if let Some(known) = known {
        // The same bytes by another route: no second request.
        vec![MetadataAttempt {
            route: Route::Challenge,
            ..known
        }]
    } else {
        let sent = fetch(run, ProbeId::ResourceMetadata, &routes, Some(named_by)).await;
        read(collected, &routes, sent)
    };
    collected.discovery.resource_metadata.splice(0..0, attempts);
}

/// Metadata of every authorization server that the resource metadata names.
pub(crate) async fn authorization_servers(run: &Run<'_>, collected: &mut Collected) {
    let mut planned: Vec<(AuthorizationServer, Vec<(Route, String)>)> = Vec::new();
    for (issuer, named_by) in named_issuers(collected) {
        let (routes, blocked) = match uri::server_metadata_candidates(&issuer) {
            Ok(routes) => (routes, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let server = AuthorizationServer {
            issuer,
            named_by,
            metadata: Vec::new(),
            blocked,
            assumed: false,
        };
        planned.push((server, routes));
    }
    let fetches = planned.iter().map(|(server, routes)| {
        Box::pin(fetch(
            run,
            ProbeId::ServerMetadata,
            routes,
            Some(server.named_by),
        )) as Pending<'_, Vec<Sent>>
    });
    let answers = together(fetches.collect()).await;
    for ((mut server, routes), sent) in planned.into_iter().zip(answers) {
        server.metadata = read(collected, &routes, sent);
        collected.discovery.authorization_servers.push(server);
    }
}

/// The 2025-03-26 rule: the origin of the MCP endpoint is the authorization server.
pub(crate) async fn own_origin(run: &Run<'_>, collected: &mut Collected, refused: ExchangeId) {
    let Ok(url) = Url::parse(&collected.discovery.endpoint) else {
        return;
    };
    let issuer = uri::origin(&url);
    let routes = vec![
        uri::origin_metadata(&url),
        (
            Route::OpenIdAppended,
            format!("{issuer}/.well-known/openid-configuration"),
        ),
    ];
    let sent = fetch(run, ProbeId::ServerMetadata, &routes, None).await;
    let attempts = read(collected, &routes, sent);
    let found = attempts.iter().any(|attempt| attempt.document.is_some());
    // A server that fails at everything says nothing by failing there.
    let status = |attempt: &MetadataAttempt| collected.ledger.exchange(attempt.exchange)?.status();
    let tells_absence = attempts.iter().any(|it| status(it) == Some(404));
    let server = AuthorizationServer {
        issuer: issuer.clone(),
        named_by: refused,
        metadata: attempts,
        blocked: None,
        assumed: true,
    };
    if found || default_endpoints(run, collected, &issuer, tells_absence).await {
        collected.discovery.authorization_servers.push(server);
    }
}

/// Whether the default paths of 2025-03-26 answer anything but 404 or 405.
async fn default_endpoints(
    run: &Run<'_>,
    collected: &mut Collected,
    issuer: &str,
    tells_absence: bool,
) -> bool {
    let asks = [("GET", "/authorize"), ("POST", "/token")].map(|(method, path)| {
        let url = format!("{issuer}{path}");
        let key = ProbeKey::new(ProbeId::DefaultEndpoint).about(url.clone());
        let mut outgoing = Outgoing::new(key, method, url);
        if method == "POST" {
            let form = "application/x-www-form-urlencoded".to_owned();
            outgoing.headers = vec![("Content-Type".to_owned(), form)];
            outgoing.body = Some(Vec::new());
        }
        run.wire.send(outgoing)
    });
    // Some stumble over a bare request, which by itself would prove nothing; somebody who wants a
    // token from there is given the try.
    let wanted = run.settings.login.is_some()
        || run
            .settings
            .identities
            .iter()
            .any(|it| obtain::own(it).is_some());
    let mut live = 0;
    for sent in together(asks.into_iter().collect()).await {
        // OAuth endpoints answer a bare request with an error of their own, never with success.
        live += usize::from(match sent.exchange.status() {
            Some(302 | 400 | 401 | 403) => true,
            Some(500) => wanted && tells_absence,
            _ => false,
        });
        file(collected, sent);
    }
    live == 2
}

fn named_issuers(collected: &Collected) -> Vec<(String, ExchangeId)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for attempt in &collected.discovery.resource_metadata {
        if attempt.route == Route::WellKnownAppended {
            continue;
        }
        for issuer in attempt.texts("authorization_servers").unwrap_or_default() {
            if seen.insert(issuer.to_owned()) && found.len() < MOST_ISSUERS {
                found.push((issuer.to_owned(), attempt.exchange));
            }
        }
    }
    found
}

fn document(exchange: &Exchange) -> Result<serde_json::Value, String> {
    match &exchange.outcome {
        Outcome::Response(response) if response.status == 200 => {
            metadata::parse_document(&response.media_type(), &response.body.bytes())
        }
        Outcome::Response(response) => match response.header("location") {
            Some(location) => Err(format!(
                "HTTP {} to {location}, not followed",
                response.status
            )),
            None => Err(format!("HTTP {}", response.status)),
        },
        Outcome::Failure(failure) => Err(failure.text.clone()),
    }
}

pub(crate) fn note_blocked(collected: &mut Collected, exchange: &Exchange) {
    if let Some(failure) = exchange.failure()
        && failure.kind.is_refusal()
    {
        collected.discovery.blocked.push(BlockedUrl {
            url: exchange.request.url.clone(),
            named_by: exchange.caused_by,
            reason: failure.text.clone(),
            internal: failure.kind == FailureKind::Inside,
        });
    }
}

/// Issuers looked at; a hostile list could name thousands.
const MOST_ISSUERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::LoginRequest;
    use crate::oracle::testing::http;
    use crate::rehearsal::defaults;
    use crate::stage::Entropy;
    use crate::stage::testing::Scripted;

    /// Whether the origin counts as an authorization server that answers with these statuses: two
    /// places of metadata, then the two default endpoints.
    async fn is_there(statuses: [u16; 4], login: bool) -> bool {
        let wire = Scripted::new(statuses.map(|status| http(status, &[], "")).to_vec());
        let mut settings = defaults(&[7; 32]);
        settings.login = login.then(|| LoginRequest::named("user"));
        let run = Run::new(&wire, &settings, Entropy::new([7; 32]), &|_, _| {});
        let mut collected = Collected::default();
        collected.discovery.endpoint = "https://mcp.example/mcp".to_owned();
        own_origin(&run, &mut collected, ExchangeId(1)).await;
        assert_eq!(wire.asked().len(), 4);
        let servers = &collected.discovery.authorization_servers;
        servers
            .iter()
            .any(AuthorizationServer::has_default_endpoints)
    }

    #[tokio::test]
    async fn default_endpoints_are_there_when_both_refuse_a_bare_request() {
        for statuses in [[404, 404, 302, 400], [404, 404, 400, 401]] {
            assert!(is_there(statuses, false).await, "{statuses:?}");
        }
        for statuses in [
            [404, 404, 404, 400],
            [404, 404, 200, 200],
            [404, 404, 302, 405],
        ] {
            assert!(!is_there(statuses, true).await, "{statuses:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_stumbles_is_tried_where_somebody_signs_in_and_it_does_not_stumble_always()
     {
        for statuses in [
            [404, 404, 500, 500],
            [404, 404, 500, 400],
            [500, 404, 302, 500],
        ] {
            assert!(is_there(statuses, true).await, "{statuses:?}");
            assert!(!is_there(statuses, false).await, "{statuses:?}");
        }
        for statuses in [
            [500, 500, 500, 500],
            [500, 500, 302, 500],
            [401, 503, 500, 500],
        ] {
            assert!(!is_there(statuses, true).await, "{statuses:?}");
        }
    }
}
