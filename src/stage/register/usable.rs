//! What the authorization endpoint does with the clients that were registered: no login, no cookies,
//! and each question beside the answers to our own client and to one that cannot exist.

use secrecy::SecretString;
use url::Url;

use super::{Flow, variants};
use crate::codec::pkce;
use crate::model::audit::Collected;
use crate::model::consequence::AuthorizationTrial;
use crate::model::discovery::AuthorizationServer;
use crate::model::exchange::Exchange;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::registration::Usability;
use crate::oracle::{admission, redirects};
use crate::stage::client::{Client, LOOPBACK};
use crate::stage::{Run, file, mint, together};
use crate::wire::{Destination, Learned, Outgoing, Pending, RawAnswer, Sent};

/// The authorization endpoint with the new client and with one that cannot exist.
pub(super) async fn own(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    server: &AuthorizationServer,
) {
    let Some(client) = flow.clients.first() else {
        return;
    };
    let Some(endpoint) = endpoint(server) else {
        return;
    };
    let redirect = own_redirect(run, client);
    let unknown = run.entropy.word("unknown-client", 20);
    let probe = ProbeId::AuthorizeClient;
    let resource = mint::resource(&collected.discovery);
    let learn = |answer: &RawAnswer<'_>| code(answer, &redirect);
    let ask = |client_id: &str, variant: &str| {
        let url = authorization_url(run, &endpoint, client_id, &redirect, &resource);
        let mut outgoing = Outgoing::new(ProbeKey::new(probe).variant(variant), "GET", url);
        outgoing.destination = Destination::Discovered;
        outgoing.caused_by = Some(flow.named_by);
        outgoing.learn = Some(&learn);
        run.wire.send(outgoing)
    };
    let asks = vec![
        ask(&client.id, "own-client"),
        ask(&unknown, "unknown-client"),
    ];
    let answers = together(asks).await;
    let [ours, control] = answers.as_slice() else {
        return;
    };
    let code = ours.learned.first().map(|learned| learned.secret.clone());
    let (accepted, what) = admission::knows_client(&ours.exchange, &control.exchange, &redirect);
    if accepted == Some(true) {
        flow.controls = Some((ours.exchange.clone(), control.exchange.clone()));
    }
    let mut ids = Vec::new();
    for sent in answers {
        ids.push(file(collected, sent));
    }
    flow.code = code.map(|code| (code, redirect));
    if let (Some(client), Some(exchange)) = (flow.clients.first_mut(), ids.first().copied()) {
        client.record.usable = Some(Usability {
            accepted,
            what,
            exchange,
        });
    }
}

/// The code of a redirect back to the client, which nobody had to sign in for.
fn code(answer: &RawAnswer<'_>, redirect: &str) -> Vec<Learned> {
    let mut fields = answer.headers.iter();
    let location = fields.find(|(name, _)| name.eq_ignore_ascii_case("location"));
    let location = location.and_then(|(_, value)| std::str::from_utf8(value).ok());
    let (Some(to), Ok(own)) = (
        location.and_then(|it| Url::parse(it).ok()),
        Url::parse(redirect),
    ) else {
        return Vec::new();
    };
    let place = |url: &Url| (url.origin(), url.path().to_owned());
    if place(&to) != place(&own) {
        return Vec::new();
    }
    let mut pairs = to.query_pairs();
    let code = pairs.find(|(name, value)| name == "code" && !value.is_empty());
    code.map(|(_, value)| Learned {
        label: "code-stranger".to_owned(),
        secret: SecretString::from(value.into_owned()),
    })
    .into_iter()
    .collect()
}

/// Redirect URIs and scopes that the registered clients can use; nothing without controls.
pub(super) async fn consequences(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    server: &AuthorizationServer,
) {
    let (Some(endpoint), Some((own, unknown))) = (endpoint(server), flow.controls.clone()) else {
        return;
    };
    let controls = redirects::Controls {
        own: &own,
        unknown: &unknown,
    };
    hostile(run, collected, flow, &endpoint, controls).await;
    let resource = mint::resource(&collected.discovery);
    let trials = trials(run, collected, flow, server);
    let asks: Vec<Pending<'_, Sent>> = trials
        .iter()
        .map(|(probe, variant, question)| {
            send(run, flow, &endpoint, &resource, *probe, variant, question)
        })
        .collect();
    let name = variants::claimed_name(collected);
    for ((probe, variant, question), sent) in trials.iter().zip(together(asks).await) {
        let redirect = &question.redirect;
        let scoped = *probe == ProbeId::AuthorizeScope;
        let (accepted, what) = if scoped {
            redirects::goes_on(&sent.exchange, controls, redirect)
        } else {
            redirects::honours(&sent.exchange, controls, redirect)
        };
        let named = *variant == variants::NAMED;
        let page = page(&sent.exchange).filter(|_| named);
        let host = Url::parse(redirect)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default();
        let asked = question.scope.as_ref().unwrap_or(redirect);
        let trial = AuthorizationTrial {
            variant: (*variant).to_owned(),
            asked: asked.clone(),
            accepted,
            what,
            shows_name: page.as_deref().map(|page| page.contains(&name)),
            shows_host: page.as_deref().map(|page| page.contains(&host)),
            exchange: file(collected, sent),
        };
        flow.consequences.authorizations.push(trial);
    }
}

/// Every client with a redirect URI that should have been refused, asked for with that URI.
async fn hostile(
    run: &Run<'_>,
    collected: &mut Collected,
    flow: &mut Flow,
    endpoint: &Url,
    controls: redirects::Controls<'_>,
) {
    let resource = mint::resource(&collected.discovery);
    let mut stored = Vec::new();
    for (at, client) in flow.clients.iter().enumerate() {
        let mut uris = client.redirects.iter();
        if let Some(uri) = uris.find(|uri| redirects::weakness(uri).is_some()) {
            stored.push((at, client.record.variant.clone(), question(client, uri)));
        }
    }
    let asks = stored
        .iter()
        .map(|(_, variant, question)| {
            let probe = ProbeId::AuthorizeRedirect;
            send(run, flow, endpoint, &resource, probe, variant, question)
        })
        .collect();
    for ((at, _, question), sent) in stored.iter().zip(together(asks).await) {
        let (accepted, what) = redirects::honours(&sent.exchange, controls, &question.redirect);
        let exchange = file(collected, sent);
        if let Some(client) = flow.clients.get_mut(*at) {
            client.record.usable = Some(Usability {
                accepted,
                what,
                exchange,
            });
        }
    }
}

/// Whose request, where to, and for which scope.
struct Question {
    client: String,
    redirect: String,
    scope: Option<String>,
}

fn question(client: &Client, redirect: &str) -> Question {
    Question {
        client: client.id.clone(),
        redirect: redirect.to_owned(),
        scope: None,
    }
}

type Trial = (ProbeId, &'static str, Question);

fn trials(
    run: &Run<'_>,
    collected: &Collected,
    flow: &Flow,
    server: &AuthorizationServer,
) -> Vec<Trial> {
    let mut trials = Vec::new();
    let named = |variant: &str| {
        let mut clients = flow.clients.iter();
        clients.find(|client| client.record.variant == variant)
    };
    if let Some(client) = named(variants::BARE) {
        let redirect = format!("{}/anywhere", variants::own_redirect(run));
        let question = question(client, &redirect);
        trials.push((ProbeId::AuthorizeRedirect, variants::BARE, question));
    }
    if let Some(client) = named("native-loopback") {
        let question = question(client, OTHER_PORT);
        trials.push((ProbeId::AuthorizeRedirect, "other-port", question));
    }
    if let Some(client) = named(variants::NAMED) {
        let question = question(client, &variants::own_redirect(run));
        trials.push((ProbeId::AuthorizeRedirect, variants::NAMED, question));
    }
    let published = variants::scopes(collected, server);
    if let Some(client) = flow.clients.first().filter(|_| !published.is_empty()) {
        let unknown = run.entropy.word("unknown-scope", 20);
        for (variant, scope) in [
            ("every-scope", published.join(" ")),
            ("unknown-scope", unknown),
        ] {
            let mut question = question(client, &own_redirect(run, client));
            question.scope = Some(scope);
            trials.push((ProbeId::AuthorizeScope, variant, question));
        }
    }
    trials
}

fn send<'r>(
    run: &'r Run<'_>,
    flow: &Flow,
    endpoint: &Url,
    resource: &str,
    probe: ProbeId,
    variant: &str,
    question: &Question,
) -> Pending<'r, Sent> {
    let (client, redirect) = (&question.client, &question.redirect);
    let mut url = authorization_url(run, endpoint, client, redirect, resource);
    if let Some(scope) = &question.scope {
        url.query_pairs_mut().append_pair("scope", scope);
    }
    let mut outgoing = Outgoing::new(ProbeKey::new(probe).variant(variant), "GET", url);
    outgoing.destination = Destination::Discovered;
    outgoing.caused_by = Some(flow.named_by);
    run.wire.send(outgoing)
}

fn endpoint(server: &AuthorizationServer) -> Option<Url> {
    let metadata = server.chosen()?;
    Url::parse(metadata.text("authorization_endpoint")?).ok()
}

fn own_redirect(run: &Run<'_>, client: &Client) -> String {
    match client.record.variant.as_str() {
        "native-loopback" => LOOPBACK.to_owned(),
        _ => variants::own_redirect(run),
    }
}

/// The text of a page that was answered instead of a redirect.
fn page(exchange: &Exchange) -> Option<String> {
    let response = exchange.response().filter(|it| it.status == 200)?;
    let text = String::from_utf8_lossy(&response.body.bytes()).into_owned();
    (response.media_type() == "text/html").then_some(text)
}

/// The code verifier of every request made for clients of the run (RFC 7636 §4.1).
pub(crate) fn verifier(run: &Run<'_>) -> String {
    pkce::verifier(&run.entropy.bytes("verifier"))
}

/// A good authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2).
pub(crate) fn authorization_url(
    run: &Run<'_>,
    endpoint: &Url,
    client: &str,
    redirect: &str,
    resource: &str,
) -> Url {
    let challenge = pkce::challenge(&verifier(run));
    let mut url = endpoint.clone();
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", client)
        .append_pair("redirect_uri", redirect)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("state", &format!("{}-a", run.settings.run_id))
        .append_pair("resource", resource);
    drop(query);
    url
}

/// The loopback redirect URI of the native client at another port (RFC 8252 §7.3).
const OTHER_PORT: &str = "http://127.0.0.1:53683/callback";
