//! The authorization endpoint: a login page for requests in order, an error page for all others.

use axum::response::Response;
use url::{Host, Url, form_urlencoded};

use super::super::behaviour::{
    ChallengeRule, Downgrade, ErrorPlace, ImplicitRule, IssuerParameter, Login, Looks,
    LoopbackPorts, MemberCheck, Pkce, Proxy, RedirectComparison, RedirectNeed, RedirectPolicy,
    ResourceRule, ResponseIssuer, UnknownClients,
};
use super::super::http::{self, Incoming, no_store, single, with_header};
use super::super::state::{Shared, lock};
use super::clients::{Authorization, KnownClient};
use super::documents::{self, Named};
use super::registration::acceptable;
use super::{pages, proxy, token};

/// Shows the login page, or says what is wrong with the request.
pub(crate) fn page(shared: &Shared, incoming: &Incoming) -> Response {
    let front = &shared.behaviour.front;
    let query = incoming.query_parameters();
    if front.looks == Looks::AfterLogin {
        return pages::first(shared, "", "", "");
    }
    let Some(client_id) = single(&query, "client_id") else {
        return pages::error(shared, "The request names no client.");
    };
    let Some(redirect_uri) = single(&query, "redirect_uri") else {
        return pages::error(shared, "The request names no redirect URI.");
    };
    let state = single(&query, "state");
    let back = |error: &str| redirect(shared, redirect_uri, state, ("error", error));
    // Never redirect to what was not registered (RFC 6749 §4.1.2.1).
    let refuse = |error: &str, message: &str| match front.errors {
        ErrorPlace::Page => pages::error(shared, message),
        ErrorPlace::RedirectUri => back(error),
    };
    let known = lock(&shared.clients).known.get(client_id).cloned();
    let anybody = || KnownClient {
        name: client_id.to_owned(),
        scopes: shared.behaviour.scope_catalogue(),
        redirect_uris: vec![redirect_uri.to_owned()],
        grants: vec!["authorization_code".to_owned()],
        ..KnownClient::default()
    };
    let by_anybody = front.unknown_clients == UnknownClients::Accepted;
    let (client, lenient) = match (known, documents::known(shared, client_id)) {
        (Some(client), _) => (client, false),
        (None, Some(Named::Client(client))) => {
            let rule = shared.behaviour.documents.redirect_uri;
            (*client, rule == MemberCheck::Unchecked)
        }
        (None, Some(Named::Deferred)) => {
            return pages::first(shared, client_id, redirect_uri, "");
        }
        (None, Some(Named::Refused(why))) => return refuse("unauthorized_client", why),
        (None, None) if by_anybody => (anybody(), false),
        (None, None) => return refuse("unauthorized_client", "The client is not known here."),
    };
    if !lenient && !is_registered(shared, &client, redirect_uri) {
        let message = "The redirect URI is not registered for this client.";
        return refuse("invalid_request", message);
    }
    let request = match demand(shared, &query, &client) {
        Ok(request) => request,
        Err(error) => return back(error),
    };
    let authorization = Authorization {
        client: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        state: state.map(str::to_owned),
        ..request
    };
    if front.proxy == Proxy::AtOnce {
        return proxy::forward(shared, &authorization);
    }
    if front.login == Login::Skipped {
        let code = shared.ids.next("code");
        lock(&shared.clients).promise(code.clone(), authorization);
        return redirect(shared, redirect_uri, state, ("code", &code));
    }
    let handle = shared.ids.next("auth");
    lock(&shared.clients).remember(handle.clone(), authorization);
    if front.login == Login::InPlace {
        return pages::first(shared, &client.name, redirect_uri, &handle);
    }
    let location = format!("{}{LOGIN}?request={handle}", shared.issuer);
    let on = with_header(http::empty(302), "location", &location);
    pages::with_cookie(shared, no_store(on))
}

/// The login page where it is not at the authorization endpoint.
pub(crate) fn login(shared: &Shared, incoming: &Incoming) -> Response {
    let query = incoming.query_parameters();
    let handle = single(&query, "request").unwrap_or_default();
    if shared.behaviour.front.login == Login::Circle {
        let location = format!("{}{LOGIN}?request={handle}", shared.issuer);
        return no_store(with_header(http::empty(302), "location", &location));
    }
    let pending = lock(&shared.clients).pending.get(handle).cloned();
    let Some(authorization) = pending.filter(|_| pages::has_cookie(incoming)) else {
        return pages::error(shared, "This request is not under way in this browser.");
    };
    let known = lock(&shared.clients)
        .known
        .get(&authorization.client)
        .cloned();
    let name = known.map_or_else(|| authorization.client.clone(), |client| client.name);
    pages::first(shared, &name, &authorization.redirect_uri, handle)
}

/// What a request asks for, or the error that goes back to its redirect URI.
fn demand(
    shared: &Shared,
    query: &[(String, String)],
    client: &KnownClient,
) -> Result<Authorization, &'static str> {
    let front = &shared.behaviour.front;
    let response_type = single(query, "response_type").unwrap_or_default();
    let implicit =
        matches!(response_type, "token" | "code token") && front.implicit == ImplicitRule::Honoured;
    if response_type != "code" && !implicit {
        return Err("unsupported_response_type");
    }
    if !client
        .grants
        .iter()
        .any(|grant| grant == "authorization_code")
    {
        return Err("unauthorized_client");
    }
    let challenge = single(query, "code_challenge").unwrap_or_default();
    let bare = challenge.is_empty();
    let required = front.challenge == ChallengeRule::Required
        && shared.behaviour.grants.downgrade == Downgrade::Impossible;
    if bare && required {
        return Err("invalid_request");
    }
    // A request without a method means `plain` (RFC 7636 §4.3).
    let plain = match single(query, "code_challenge_method") {
        Some("S256") => false,
        None if bare => false,
        Some("plain") | None if shared.behaviour.authorization.pkce == Pkce::PlainToo => true,
        _ => return Err("invalid_request"),
    };
    let audience = match front.resource {
        ResourceRule::Checked => token::audience(shared, query).ok_or("invalid_target")?,
        ResourceRule::Ignored => shared.mcp_url.clone(),
    };
    let scopes = token::granted(shared, &client.scopes, single(query, "scope"));
    let scopes = scopes.ok_or("invalid_scope")?;
    if single(query, "prompt") == Some("none") {
        return Err("login_required");
    }
    Ok(Authorization {
        scopes,
        audience,
        challenge: challenge.to_owned(),
        plain,
        ..Authorization::default()
    })
}

/// Takes the answer to the login page.
pub(crate) fn decide(shared: &Shared, incoming: &Incoming) -> Response {
    let form = incoming.form();
    let handle = single(&form, "request").unwrap_or_default();
    let Some(authorization) = lock(&shared.clients).pending.remove(handle) else {
        return pages::error(shared, "This request is not under way any more.");
    };
    let Authorization {
        redirect_uri,
        state,
        ..
    } = authorization.clone();
    if single(&form, "decision") != Some("approve") {
        return redirect(
            shared,
            &redirect_uri,
            state.as_deref(),
            ("error", "access_denied"),
        );
    }
    if shared.behaviour.front.proxy == Proxy::AfterConsent {
        return proxy::forward(shared, &authorization);
    }
    let code = shared.ids.next("code");
    lock(&shared.clients).promise(code.clone(), authorization);
    redirect(shared, &redirect_uri, state.as_deref(), ("code", &code))
}

fn is_registered(shared: &Shared, client: &KnownClient, redirect_uri: &str) -> bool {
    let policy = &shared.behaviour.registration;
    if client.redirect_uris.is_empty() {
        return policy.redirect_need == RedirectNeed::Optional;
    }
    let refused_later = policy.redirects == RedirectPolicy::RefusedLater;
    if refused_later && !acceptable(RedirectPolicy::Exact, redirect_uri) {
        return false;
    }
    let same = |known: &String| match policy.loopback_ports {
        LoopbackPorts::Any => same_redirect(known, redirect_uri),
        LoopbackPorts::Registered => known == redirect_uri,
    };
    let comparison = shared.behaviour.front.redirects;
    client
        .redirect_uris
        .iter()
        .any(|known| same(known) || stands_for(comparison, known, redirect_uri))
}

/// Whether a redirect URI passes for a registered one where the comparison is lax.
fn stands_for(policy: RedirectComparison, registered: &str, given: &str) -> bool {
    let host = |uri: &str| Url::parse(uri).ok()?.host().map(|host| host.to_owned());
    match policy {
        RedirectComparison::Exact => false,
        RedirectComparison::Prefix => given.starts_with(registered),
        RedirectComparison::Host => host(registered) == host(given),
        RedirectComparison::Unchecked => true,
    }
}

/// Whether a redirect URI may stand for a registered one: only the port of loopback may differ
/// (RFC 8252 §7.3).
fn same_redirect(registered: &str, given: &str) -> bool {
    if registered == given {
        return true;
    }
    let (Ok(registered), Ok(mut portless)) = (Url::parse(registered), Url::parse(given)) else {
        return false;
    };
    // Anything that parsing rewrites could hide a difference.
    let unchanged = portless.as_str() == given;
    let loopback = matches!(registered.host(), Some(Host::Ipv4(ip)) if ip.is_loopback())
        || matches!(registered.host(), Some(Host::Ipv6(ip)) if ip.is_loopback());
    let ported = portless.set_port(registered.port()).is_ok();
    unchanged && loopback && ported && registered.scheme() == "http" && portless == registered
}

fn redirect(
    shared: &Shared,
    redirect_uri: &str,
    state: Option<&str>,
    (name, value): (&str, &str),
) -> Response {
    let mut answer = form_urlencoded::Serializer::new(String::new());
    answer.append_pair(name, value);
    if let Some(state) = state {
        answer.append_pair("state", state);
    }
    let advertised = shared.behaviour.authorization.iss_parameter == IssuerParameter::Advertised;
    match shared.behaviour.front.issuer {
        ResponseIssuer::AsAdvertised if advertised => {
            answer.append_pair("iss", &shared.issuer);
        }
        ResponseIssuer::Present => {
            answer.append_pair("iss", &shared.issuer);
        }
        ResponseIssuer::Other => {
            answer.append_pair("iss", "https://another-issuer.invalid");
        }
        ResponseIssuer::AsAdvertised | ResponseIssuer::Missing => {}
    }
    let glue = if redirect_uri.contains('?') { '&' } else { '?' };
    let location = format!("{redirect_uri}{glue}{}", answer.finish());
    no_store(with_header(http::empty(302), "location", &location))
}

/// Path that the login page is sent to.
pub(crate) const DECISION: &str = "/authorize/decision";
/// Path of the login page where it is one redirect away.
pub(crate) const LOGIN: &str = "/login";
