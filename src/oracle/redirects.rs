//! Redirect URIs: which of them must not be registered, and whether the authorization endpoint
//! follows them, read from differences between paired answers.

use url::{Host, Url};

use crate::model::exchange::{Exchange, Response};

/// What is wrong with a redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weakness {
    /// In words that follow "which".
    pub what: &'static str,
    /// Whether RFC 8252 §7.1 allows it although MCP read literally does not.
    pub tolerable: bool,
}

/// Why a redirect URI must not be registered (MCP §Communication Security, RFC 7591 §5); nothing for
/// https and loopback.
pub fn weakness(uri: &str) -> Option<Weakness> {
    let bad = |what| {
        Some(Weakness {
            what,
            tolerable: false,
        })
    };
    if uri.contains('#') {
        return bad("has a fragment");
    }
    let scheme = uri
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("javascript" | "data" | "vbscript" | "file" | "blob") => bad("runs or reads locally"),
        Some("https" | "http") if uri.contains('*') => bad("has a wildcard"),
        Some("https") => None,
        Some("http") if is_loopback(uri) => None,
        Some("http") => bad("is not encrypted and not on loopback"),
        Some(_) => Some(Weakness {
            what: "has a private-use scheme",
            tolerable: true,
        }),
        None => bad("is not absolute"),
    }
}

/// Answers to the same authorization request of a client that exists and of one that cannot.
#[derive(Clone, Copy, Debug)]
pub struct Controls<'a> {
    /// The answer to our own client with its own redirect URI.
    pub own: &'a Exchange,
    /// The answer to a client that cannot exist.
    pub unknown: &'a Exchange,
}

/// Whether the authorization endpoint went on with a redirect URI, compared with the controls.
pub fn honours(asked: &Exchange, controls: Controls<'_>, redirect: &str) -> (Option<bool>, String) {
    if let Some(response) = asked.response()
        && leads_to(response, redirect)
    {
        return (Some(true), format!("redirected to `{redirect}`"));
    }
    compare(asked, controls)
}

/// Whether the authorization endpoint went on with a request, compared with the controls.
pub fn goes_on(asked: &Exchange, controls: Controls<'_>, redirect: &str) -> (Option<bool>, String) {
    let error = |exchange: &Exchange| {
        let response = exchange.response()?;
        leads_to(response, redirect)
            .then(|| parameter(response, "error"))
            .flatten()
    };
    match (error(asked), error(controls.own)) {
        (Some(asked), Some(own)) if asked == own => (
            None,
            format!("`{asked}`, and the control is answered in the same way"),
        ),
        (Some(asked), _) => (Some(false), format!("redirected back with `{asked}`")),
        (None, _) => compare(asked, controls),
    }
}

fn compare(asked: &Exchange, controls: Controls<'_>) -> (Option<bool>, String) {
    let (Some(answer), Some(own), Some(unknown)) = (
        asked.response(),
        controls.own.response(),
        controls.unknown.response(),
    ) else {
        return (None, "the authorization endpoint did not answer".to_owned());
    };
    let status = answer.status;
    let (answer, own, unknown) = (Shape::of(answer), Shape::of(own), Shape::of(unknown));
    if own == unknown {
        let text = "the control cannot be told from a client that does not exist";
        return (None, text.to_owned());
    }
    if answer == own {
        return (
            Some(true),
            format!("went on (HTTP {status}) as it does for the control"),
        );
    }
    let refused = answer == unknown
        || (matches!(status, 400..=499) && status != 429 && own.status < 400)
        || (answer.error && !own.error);
    if refused {
        return (
            Some(false),
            format!("refused with HTTP {status} where the control goes on"),
        );
    }
    (
        None,
        format!("HTTP {status}, unlike the control and unlike a refusal"),
    )
}

/// What of an answer can be compared: everything but what changes with each request.
#[derive(PartialEq, Eq)]
struct Shape {
    status: u16,
    place: Option<String>,
    error: bool,
}

impl Shape {
    fn of(response: &Response) -> Self {
        let place = response.header("location").map(|location| {
            let end = location.find(['?', '#']).unwrap_or(location.len());
            let path = location.get(..end).unwrap_or_default();
            path.split('/').map(steady).collect::<Vec<_>>().join("/")
        });
        Self {
            status: response.status,
            place,
            error: parameter(response, "error").is_some(),
        }
    }
}

/// A long segment is an identifier that the server makes up for each request.
fn steady(segment: &str) -> &str {
    let made_up = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if segment.len() >= MADE_UP && segment.chars().all(made_up) {
        "*"
    } else {
        segment
    }
}

fn leads_to(response: &Response, redirect: &str) -> bool {
    let start = redirect.split(['?', '#']).next().unwrap_or(redirect);
    response
        .header("location")
        .and_then(|location| location.strip_prefix(start))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '#', '&']))
}

/// A member of the query or the fragment of `Location`.
fn parameter(response: &Response, name: &str) -> Option<String> {
    let location = response.header("location")?;
    let (_, members) = location.split_once(['?', '#'])?;
    url::form_urlencoded::parse(members.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn is_loopback(uri: &str) -> bool {
    let host = Url::parse(uri)
        .ok()
        .and_then(|url| url.host().map(|host| host.to_owned()));
    match host {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

const MADE_UP: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Body, ExchangeId, HeaderField, Outcome, Request};
    use crate::model::probe::{ProbeId, ProbeKey, Tier};

    const OURS: &str = "http://127.0.0.1:53682/callback";
    const HOSTILE: &str = "http://run.mcp-assay.invalid/cb";

    fn answer(status: u16, location: Option<&str>) -> Exchange {
        Exchange {
            id: ExchangeId(1),
            probe: ProbeKey::new(ProbeId::AuthorizeClient),
            identity: "anonymous".to_owned(),
            tier: Tier::Register,
            request: Request {
                method: "GET".to_owned(),
                url: "https://as.example/authorize".to_owned(),
                headers: Vec::new(),
                body: None,
            },
            outcome: Outcome::Response(Response {
                status,
                headers: location
                    .map(|value| HeaderField::new("Location", value))
                    .into_iter()
                    .collect(),
                body: Body {
                    bytes: Vec::new().into(),
                    truncated: false,
                    length: 0,
                    sha256: String::new(),
                },
                stream: None,
            }),
            started_ms: 0,
            elapsed_ms: 0,
            caused_by: None,
        }
    }

    fn judged(asked: &Exchange, own: &Exchange, unknown: &Exchange) -> Option<bool> {
        honours(asked, Controls { own, unknown }, HOSTILE).0
    }

    #[test]
    fn https_and_loopback_are_no_weakness() {
        for uri in [
            "https://client.example/cb",
            OURS,
            "http://localhost:1/cb",
            "http://[::1]/cb",
            "HTTP://127.0.0.1/cb",
        ] {
            assert_eq!(weakness(uri), None, "{uri}");
        }
    }

    #[test]
    fn everything_else_is_one() {
        for uri in [
            HOSTILE,
            "https://*.attacker.invalid/cb",
            "https://attacker.invalid/cb#f",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://127.0.0.1.attacker.invalid/",
            "http://localhost.attacker.invalid/",
            "callback",
        ] {
            assert!(weakness(uri).is_some_and(|it| !it.tolerable), "{uri}");
        }
        assert!(weakness("com.example.audit:/cb").is_some_and(|it| it.tolerable));
    }

    #[test]
    fn a_page_for_a_foreign_redirect_is_acceptance_only_beside_a_refusal_of_the_unknown() {
        let (page, refusal) = (answer(200, None), answer(400, None));
        assert_eq!(judged(&page, &page, &refusal), Some(true));
        assert_eq!(judged(&page, &page, &page), None);
        assert_eq!(judged(&refusal, &page, &refusal), Some(false));
        assert_eq!(judged(&answer(500, None), &page, &refusal), None);
        assert_eq!(judged(&answer(429, None), &page, &refusal), None);
    }

    #[test]
    fn an_error_sent_to_the_foreign_uri_is_acceptance() {
        let (page, refusal) = (answer(200, None), answer(400, None));
        let sent = answer(
            302,
            Some("http://run.mcp-assay.invalid/cb?error=invalid_scope"),
        );
        assert_eq!(judged(&sent, &page, &refusal), Some(true));
        let elsewhere = answer(302, Some("http://run.mcp-assay.invalid/cbx"));
        assert_eq!(judged(&elsewhere, &page, &refusal), None);
    }

    #[test]
    fn an_error_page_by_redirect_is_a_refusal_and_a_changing_path_is_nothing() {
        let login = answer(302, Some("https://as.example/login?id=1"));
        let other = answer(302, Some("https://as.example/login?id=2"));
        let failed = answer(302, Some("https://as.example/oops?error=invalid_request"));
        assert_eq!(judged(&failed, &login, &failed), Some(false));
        assert_eq!(judged(&other, &login, &failed), Some(true));
        let short = answer(302, Some("https://as.example/login/8f31"));
        assert_eq!(judged(&short, &login, &failed), None);
    }

    #[test]
    fn an_identifier_in_the_path_is_no_difference() {
        let at = |path: &str| answer(303, Some(&format!("https://as.example{path}")));
        let own = at("/interaction/YlyIHv2hS0EjXPQ-8G9F");
        let refusal = answer(400, None);
        let same = at("/interaction/nB_TxX-wC3mnL_FxLYMX");
        assert_eq!(judged(&same, &own, &refusal), Some(true));
        let other = at("/problem/nB_TxX-wC3mnL_FxLYMX");
        assert_eq!(judged(&other, &own, &refusal), None);
    }

    #[test]
    fn an_error_redirected_back_is_a_refusal_unless_the_control_gets_the_same() {
        let refusal = answer(400, None);
        let page = answer(200, None);
        let scope = answer(
            302,
            Some("http://127.0.0.1:53682/callback?error=invalid_scope"),
        );
        let ask = |asked: &Exchange, own: &Exchange| {
            let controls = Controls {
                own,
                unknown: &refusal,
            };
            goes_on(asked, controls, OURS).0
        };
        assert_eq!(ask(&scope, &page), Some(false));
        assert_eq!(ask(&scope, &scope), None);
        assert_eq!(ask(&page, &page), Some(true));
    }
}
