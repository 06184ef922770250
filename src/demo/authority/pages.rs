//! The pages of the authorization endpoint, and the cookie that ties them to a browser.

use axum::response::Response;
use url::Url;

use super::super::behaviour::{FirstPage, FramePolicy, LoginPage, PageCookie};
use super::super::http::{self, Incoming, no_store, with_header};
use super::super::state::Shared;
use super::authorize::DECISION;

/// The first page of a flow, for the request that goes by this handle.
pub(crate) fn first(shared: &Shared, client: &str, redirect_uri: &str, handle: &str) -> Response {
    let front = &shared.behaviour.front;
    let host = Url::parse(redirect_uri)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| redirect_uri.to_owned());
    let (client, host) = (escaped(client), escaped(&host));
    let said = match shared.behaviour.registration.login_page {
        LoginPage::NameAndHost => format!(
            "{client} asks for access to your notes. You will be sent back to <b>{host}</b>."
        ),
        LoginPage::Name => format!("{client} asks for access to your notes."),
        LoginPage::Silent => "Sign in to go on.".to_owned(),
    };
    let mut body = format!("<p>{said}</p>\n");
    body.push_str(&format!(
        "<form method=\"post\" action=\"{}{DECISION}\">\n\
         <input type=\"hidden\" name=\"request\" value=\"{}\">\n",
        escaped(&shared.behaviour.authorization.issuer_path),
        escaped(handle),
    ));
    if front.page != FirstPage::Consent {
        body.push_str(
            "<label>User <input name=\"user\"></label>\n\
             <label>Password <input name=\"password\" type=\"password\"></label>\n",
        );
    }
    body.push_str(
        "<button name=\"decision\" value=\"approve\">Sign in and allow</button>\n\
         <button name=\"decision\" value=\"deny\">Refuse</button>\n</form>",
    );
    with_cookie(shared, html(shared, 200, "Sign in", &body))
}

/// What is wrong with a request.
pub(crate) fn error(shared: &Shared, message: &str) -> Response {
    let body = format!("<p>{}</p>", escaped(message));
    html(shared, 400, "This request cannot be served", &body)
}

/// The same answer with the cookie of the flow.
pub(crate) fn with_cookie(shared: &Shared, response: Response) -> Response {
    let value = shared.ids.next("flow");
    let cookie = match shared.behaviour.front.cookie {
        PageCookie::Guarded => {
            format!("{GUARDED}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")
        }
        PageCookie::Bare => format!("{BARE}={value}; Path=/"),
        PageCookie::Absent => return response,
    };
    with_header(response, "set-cookie", &cookie)
}

/// Whether the browser brings the cookie of the flow.
pub(crate) fn has_cookie(incoming: &Incoming) -> bool {
    let cookies = incoming.header("cookie").unwrap_or_default();
    cookies.split(';').any(|pair| {
        let name = pair.trim().split('=').next().unwrap_or_default();
        name == GUARDED || name == BARE
    })
}

fn html(shared: &Shared, status: u16, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         </head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    );
    let response = no_store(http::typed(status, "text/html; charset=utf-8", page));
    if shared.behaviour.front.framing == FramePolicy::Allowed {
        return response;
    }
    let response = with_header(
        response,
        "content-security-policy",
        "frame-ancestors 'none'",
    );
    with_header(response, "x-frame-options", "DENY")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const GUARDED: &str = "__Host-flow";
const BARE: &str = "flow";
