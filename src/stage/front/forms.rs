//! The known weak forms of a redirect URI: texts that a lax comparison takes for the registered one.

use crate::codec::uri::is_loopback_host;
use crate::model::authorization::FrontAsk;

/// The redirect URI in a weak form; nothing where the registered one has no such form.
pub(super) fn form(ask: FrontAsk, registered: &str, foreign_host: &str) -> Option<String> {
    let parts = Parts::of(registered)?;
    let Parts {
        scheme,
        host,
        port,
        path,
        query,
    } = &parts;
    let changed = match ask {
        FrontAsk::RedirectForeign => format!("https://{foreign_host}{path}"),
        FrontAsk::RedirectSubpath => {
            let path = path.trim_end_matches('/');
            parts.with(scheme, host, port, &format!("{path}/assay"))
        }
        FrontAsk::RedirectQuery if query.is_empty() => format!("{registered}?assay=1"),
        FrontAsk::RedirectQuery => format!("{registered}&assay=1"),
        FrontAsk::RedirectFragment => format!("{registered}#assay"),
        // RFC 8252 §7.3: any port of a loopback address is right.
        FrontAsk::RedirectPort if is_loopback_host(host) => return None,
        FrontAsk::RedirectPort => parts.with(scheme, host, ":8443", path),
        FrontAsk::RedirectUserinfo => format!("{scheme}://{host}{port}@{foreign_host}{path}"),
        FrontAsk::RedirectScheme => {
            let other = if scheme == "https" { "http" } else { "https" };
            parts.with(other, host, port, path)
        }
        FrontAsk::RedirectDotSegments => {
            parts.with(scheme, host, port, &format!("/assay/..{path}"))
        }
        FrontAsk::RedirectPathCase => parts.with(scheme, host, port, &path.to_ascii_uppercase()),
        FrontAsk::RedirectHostCase => parts.with(scheme, &host.to_ascii_uppercase(), port, path),
        FrontAsk::RedirectHostDot if is_name(host) => {
            parts.with(scheme, &format!("{host}."), port, path)
        }
        FrontAsk::RedirectDecimalHost => parts.with(scheme, &decimal(host)?, port, path),
        FrontAsk::RedirectEncoded => parts.with(scheme, host, port, &encoded(path)?),
        _ => return None,
    };
    (changed != registered).then_some(changed)
}

struct Parts {
    scheme: String,
    host: String,
    /// With its colon; empty when there is none.
    port: String,
    path: String,
    query: String,
}

impl Parts {
    fn of(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, format!("?{query}")),
            None => (rest, String::new()),
        };
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let colon = authority
            .rfind(':')
            .filter(|colon| !authority.get(*colon..).unwrap_or_default().contains(']'));
        let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
        Some(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: port.to_owned(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query,
        })
    }

    fn with(&self, scheme: &str, host: &str, port: &str, path: &str) -> String {
        format!("{scheme}://{host}{port}{path}{}", self.query)
    }
}

fn is_name(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_err() && !host.starts_with('[') && !host.ends_with('.')
}

/// An IPv4 loopback address as one number; other addresses have no business here.
fn decimal(host: &str) -> Option<String> {
    let address: std::net::Ipv4Addr = host.parse().ok()?;
    address
        .is_loopback()
        .then(|| u32::from(address).to_string())
}

/// The last letter of the path, percent-encoded.
fn encoded(path: &str) -> Option<String> {
    let at = path.rfind(|c: char| c.is_ascii_alphabetic())?;
    let letter = path.as_bytes().get(at)?;
    let (head, tail) = (path.get(..at)?, path.get(at + 1..)?);
    Some(format!("{head}%{letter:02X}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "https://app.example.com/oauth/cb";
    const NATIVE: &str = "http://127.0.0.1:53682/callback";

    fn shown(ask: FrontAsk, registered: &str) -> String {
        form(ask, registered, "evil.invalid").unwrap_or_default()
    }

    #[test]
    fn each_form_differs_from_a_web_redirect_in_one_thing() {
        for (ask, expected) in [
            (FrontAsk::RedirectForeign, "https://evil.invalid/oauth/cb"),
            (
                FrontAsk::RedirectSubpath,
                "https://app.example.com/oauth/cb/assay",
            ),
            (
                FrontAsk::RedirectQuery,
                "https://app.example.com/oauth/cb?assay=1",
            ),
            (
                FrontAsk::RedirectPort,
                "https://app.example.com:8443/oauth/cb",
            ),
            (
                FrontAsk::RedirectUserinfo,
                "https://app.example.com@evil.invalid/oauth/cb",
            ),
            (FrontAsk::RedirectScheme, "http://app.example.com/oauth/cb"),
            (
                FrontAsk::RedirectDotSegments,
                "https://app.example.com/assay/../oauth/cb",
            ),
            (
                FrontAsk::RedirectPathCase,
                "https://app.example.com/OAUTH/CB",
            ),
            (
                FrontAsk::RedirectHostCase,
                "https://APP.EXAMPLE.COM/oauth/cb",
            ),
            (
                FrontAsk::RedirectHostDot,
                "https://app.example.com./oauth/cb",
            ),
            (
                FrontAsk::RedirectEncoded,
                "https://app.example.com/oauth/c%62",
            ),
        ] {
            assert_eq!(shown(ask, WEB), expected, "{ask:?}");
        }
    }

    #[test]
    fn a_loopback_redirect_has_forms_of_its_own() {
        assert_eq!(
            shown(FrontAsk::RedirectDecimalHost, NATIVE),
            "http://2130706433:53682/callback"
        );
        assert_eq!(
            shown(FrontAsk::RedirectUserinfo, NATIVE),
            "http://127.0.0.1:53682@evil.invalid/callback"
        );
        for ask in [
            FrontAsk::RedirectPort,
            FrontAsk::RedirectHostCase,
            FrontAsk::RedirectHostDot,
        ] {
            assert_eq!(form(ask, NATIVE, "evil.invalid"), None, "{ask:?}");
        }
    }

    #[test]
    fn odd_redirects_are_taken_apart_without_harm() {
        assert_eq!(
            shown(FrontAsk::RedirectSubpath, "https://[::1]:80"),
            "https://[::1]:80/assay"
        );
        assert_eq!(
            shown(FrontAsk::RedirectQuery, "https://a.example/?b"),
            "https://a.example/?b&assay=1"
        );
        assert_eq!(form(FrontAsk::RedirectQuery, "com.example:/cb", "e"), None);
    }
}
