//! The authorization endpoint: a login page for requests in order, an error page for all others.

use axum::response::Response;
use url::{Host, Url, form_urlencoded};

use super::super::behaviour::{Downgrade, IssuerParameter, Pkce, ResponseIssuer, Support};
use super::super::http::{self, Incoming, no_store, single, with_header};
use super::super::state::{Shared, lock};
use super::clients::Authorization;
use super::token;

/// Shows the login page, or says what is wrong with the request.
pub(crate) fn page(shared: &Shared, incoming: &Incoming) -> Response {
    let query = incoming.query_parameters();
    let Some(client_id) = single(&query, "client_id") else {
        return error_page("The request names no client.");
    };
    let Some(redirect_uri) = single(&query, "redirect_uri") else {
        return error_page("The request names no redirect URI.");
    };
    let client = lock(&shared.clients).known.get(client_id).cloned();
    let Some(client) = client else {
        let by_url = shared.behaviour.authorization.cimd == Support::Advertised;
        if by_url && is_document_url(client_id) {
            return login_page(shared, client_id, redirect_uri, "");
        }
        return error_page("The client is not known here.");
    };
    if !client
        .redirect_uris
        .iter()
        .any(|known| same_redirect(known, redirect_uri))
    {
        // Never redirect to what was not registered (RFC 6749 §4.1.2.1).
        return error_page("The redirect URI is not registered for this client.");
    }
    let state = single(&query, "state");
    let back = |error: &str| redirect(shared, redirect_uri, state, ("error", error));
    if single(&query, "response_type") != Some("code") {
        return back("unsupported_response_type");
    }
    if !client
        .grants
        .iter()
        .any(|grant| grant == "authorization_code")
    {
        return back("unauthorized_client");
    }
    let challenge = single(&query, "code_challenge").unwrap_or_default();
    let bare = challenge.is_empty();
    if bare && shared.behaviour.grants.downgrade == Downgrade::Impossible {
        return back("invalid_request");
    }
    // A request without a method means `plain` (RFC 7636 §4.3).
    let plain = match single(&query, "code_challenge_method") {
        Some("S256") => false,
        None if bare => false,
        Some("plain") | None if shared.behaviour.authorization.pkce == Pkce::PlainToo => true,
        _ => return back("invalid_request"),
    };
    let Some(audience) = token::audience(shared, &query) else {
        return back("invalid_target");
    };
    let wanted = single(&query, "scope");
    let Some(scopes) = token::granted(shared, &client.scopes, wanted) else {
        return back("invalid_scope");
    };
    if single(&query, "prompt") == Some("none") {
        return back("login_required");
    }
    let handle = shared.ids.next("auth");
    let authorization = Authorization {
        client: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        state: state.map(str::to_owned),
        scopes,
        audience,
        challenge: challenge.to_owned(),
        plain,
    };
    lock(&shared.clients).remember(handle.clone(), authorization);
    login_page(shared, &client.name, redirect_uri, &handle)
}

/// Takes the answer to the login page.
pub(crate) fn decide(shared: &Shared, incoming: &Incoming) -> Response {
    let form = incoming.form();
    let handle = single(&form, "request").unwrap_or_default();
    let Some(authorization) = lock(&shared.clients).pending.remove(handle) else {
        return error_page("This request is not under way any more.");
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
    let code = shared.ids.next("code");
    lock(&shared.clients).promise(code.clone(), authorization);
    redirect(shared, &redirect_uri, state.as_deref(), ("code", &code))
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

/// Whether a client id can be the URL of a metadata document (CIMD-00 §3).
fn is_document_url(client_id: &str) -> bool {
    let Ok(url) = Url::parse(client_id) else {
        return false;
    };
    url.scheme() == "https"
        && url.path() != "/"
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && !client_id.contains("/./")
        && !client_id.contains("/../")
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
    if shared.behaviour.authorization.iss_parameter == IssuerParameter::Advertised {
        match shared.behaviour.grants.response_issuer {
            ResponseIssuer::Own | ResponseIssuer::Unpromised => {
                answer.append_pair("iss", &shared.issuer);
            }
            ResponseIssuer::Foreign => {
                answer.append_pair("iss", "https://login.example.com");
            }
            ResponseIssuer::Missing => {}
        }
    }
    let glue = if redirect_uri.contains('?') { '&' } else { '?' };
    let location = format!("{redirect_uri}{glue}{}", answer.finish());
    no_store(with_header(http::empty(302), "location", &location))
}

fn login_page(shared: &Shared, client: &str, redirect_uri: &str, handle: &str) -> Response {
    let host = Url::parse(redirect_uri)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| redirect_uri.to_owned());
    let body = format!(
        "<p>{} asks for access to your notes. You will be sent back to <b>{}</b>.</p>\n\
         <form method=\"post\" action=\"{}{DECISION}\">\n\
         <input type=\"hidden\" name=\"request\" value=\"{}\">\n\
         <label>User <input name=\"user\"></label>\n\
         <label>Password <input name=\"password\" type=\"password\"></label>\n\
         <button name=\"decision\" value=\"approve\">Sign in and allow</button>\n\
         <button name=\"decision\" value=\"deny\">Refuse</button>\n</form>",
        escaped(client),
        escaped(&host),
        escaped(&shared.behaviour.authorization.issuer_path),
        escaped(handle),
    );
    html(200, "Sign in", &body)
}

fn error_page(message: &str) -> Response {
    html(
        400,
        "This request cannot be served",
        &format!("<p>{}</p>", escaped(message)),
    )
}

fn html(status: u16, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         </head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    );
    let response = http::typed(status, "text/html; charset=utf-8", page);
    let response = with_header(
        response,
        "content-security-policy",
        "frame-ancestors 'none'",
    );
    no_store(with_header(response, "x-frame-options", "DENY"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Path that the login page is sent to.
pub(crate) const DECISION: &str = "/authorize/decision";
