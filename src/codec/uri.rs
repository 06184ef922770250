//! Identifiers and the places where metadata about them is looked for.

use url::Url;

use crate::model::discovery::Route;
use crate::model::target::ResourceId;

pub use super::host::{is_internal_address, is_internal_host, is_loopback_host};

/// The canonical resource identifier of an endpoint (RFC 8707 §2).
///
/// Scheme and host are lower case, default port, user information and fragment are gone, and the
/// path is kept as given except for a lone slash.
pub fn canonical_resource(endpoint: &Url) -> ResourceId {
    let mut text = origin(endpoint);
    if endpoint.path() != "/" || endpoint.query().is_some() {
        text.push_str(endpoint.path());
    }
    if let Some(query) = endpoint.query() {
        text.push('?');
        text.push_str(query);
    }
    ResourceId(text)
}

/// Where protected resource metadata of an endpoint may be, in the order a client looks.
///
/// The segment inserted before path and query (RFC 9728 §3.1), the root of the host, and the
/// segment appended to the path, which no rule allows. An endpoint without a path has one place.
pub fn resource_metadata_candidates(endpoint: &Url) -> Vec<(Route, String)> {
    let origin = origin(endpoint);
    let path = match endpoint.path() {
        "/" => "",
        path => path,
    };
    let query = endpoint
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    distinct(vec![
        (
            Route::WellKnownInserted,
            format!("{origin}{RESOURCE_METADATA}{path}{query}"),
        ),
        (Route::WellKnownRoot, format!("{origin}{RESOURCE_METADATA}")),
        (
            Route::WellKnownAppended,
            format!("{origin}{}{RESOURCE_METADATA}", path.trim_end_matches('/')),
        ),
    ])
}

/// Where authorization server metadata of an issuer may be, in the order a client looks.
///
/// The issuer is cut as a string and never normalised, because it is compared as one.
///
/// # Errors
/// When the issuer is not an http(s) URL with a host and without query and fragment.
pub fn server_metadata_candidates(issuer: &str) -> Result<Vec<(Route, String)>, String> {
    let (origin, path) = split_issuer(issuer)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let inserted = |segment: &str| format!("{origin}{segment}{path}");
    let appended = format!("{origin}{path}{OPENID_CONFIGURATION}");
    let authorization_server = (Route::WellKnownInserted, inserted(SERVER_METADATA));
    if path.is_empty() {
        return Ok(vec![
            authorization_server,
            (Route::OpenIdAppended, appended),
        ]);
    }
    Ok(vec![
        authorization_server,
        (Route::OpenIdInserted, inserted(OPENID_CONFIGURATION)),
        (Route::OpenIdAppended, appended),
    ])
}

/// The one place of the 2025-03-26 rule: the root of the MCP server's own origin.
pub fn origin_metadata(endpoint: &Url) -> (Route, String) {
    let origin = origin(endpoint);
    (Route::ServerOrigin, format!("{origin}{SERVER_METADATA}"))
}

/// Scheme, host and port, the default port left out.
pub fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Whether two URLs share scheme, host and port (RFC 6454 §5).
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str().is_some()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// The host of a URL, lower case, IPv6 in brackets; `None` when it has none.
pub fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.host_str()
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
}

fn split_issuer(issuer: &str) -> Result<(&str, &str), String> {
    let shown = issuer.escape_debug();
    let refuse = |why: &str| Err(format!("issuer `{shown}` {why}"));
    if issuer.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("holds white space or control characters; expected a URL");
    }
    if issuer.contains(['?', '#']) {
        return refuse("has a query or fragment; RFC 8414 §2 allows neither");
    }
    if issuer.contains('\\') {
        return refuse("holds a backslash; expected a URL");
    }
    let Some((scheme, rest)) = issuer.split_once("://") else {
        return refuse("is not an absolute URL; expected https://host/path");
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return refuse("is not an https URL");
    }
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(authority_end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return refuse("holds user information; expected a host");
    }
    // `Url` would take the first path segment of `https:///x` for the host.
    if authority.is_empty() || host_of(issuer).is_none() {
        return refuse("has no valid host");
    }
    let origin_end = issuer.len().saturating_sub(path.len());
    Ok((issuer.get(..origin_end).unwrap_or(issuer), path))
}

fn distinct(candidates: Vec<(Route, String)>) -> Vec<(Route, String)> {
    let mut kept: Vec<(Route, String)> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        if !kept.iter().any(|(_, url)| *url == candidate.1) {
            kept.push(candidate);
        }
    }
    kept
}

const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";
const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn urls(candidates: Vec<(Route, String)>) -> Vec<String> {
        candidates.into_iter().map(|(_, url)| url).collect()
    }

    #[test]
    fn canonical_identifiers_drop_only_what_does_not_count() {
        for (given, expected) in [
            (
                "HTTPS://MCP.Example.com:443/mcp#x",
                "https://mcp.example.com/mcp",
            ),
            ("https://h/", "https://h"),
            ("https://h", "https://h"),
            ("https://h/mcp/", "https://h/mcp/"),
            ("https://user:pw@h:8443/Mcp", "https://h:8443/Mcp"),
            ("http://h:80/a?b=c", "http://h/a?b=c"),
            ("https://h/?b", "https://h/?b"),
        ] {
            assert_eq!(canonical_resource(&url(given)).0, expected, "{given}");
        }
    }

    #[test]
    fn resource_metadata_is_looked_for_inserted_then_at_the_root_then_appended() {
        let found = resource_metadata_candidates(&url("https://h/a/mcp"));
        let routes: Vec<Route> = found.iter().map(|(route, _)| *route).collect();
        assert_eq!(
            routes,
            [
                Route::WellKnownInserted,
                Route::WellKnownRoot,
                Route::WellKnownAppended
            ]
        );
        assert_eq!(
            urls(found),
            [
                "https://h/.well-known/oauth-protected-resource/a/mcp",
                "https://h/.well-known/oauth-protected-resource",
                "https://h/a/mcp/.well-known/oauth-protected-resource",
            ]
        );
        let with_query = urls(resource_metadata_candidates(&url("https://h/mcp?k=v")));
        assert_eq!(
            with_query.first().unwrap(),
            "https://h/.well-known/oauth-protected-resource/mcp?k=v"
        );
        let bare = resource_metadata_candidates(&url("https://h:8443/"));
        assert_eq!(
            urls(bare),
            ["https://h:8443/.well-known/oauth-protected-resource"]
        );
    }

    #[test]
    fn server_metadata_follows_the_three_step_order() {
        assert_eq!(
            urls(server_metadata_candidates("https://auth.example.com/tenant1").unwrap()),
            [
                "https://auth.example.com/.well-known/oauth-authorization-server/tenant1",
                "https://auth.example.com/.well-known/openid-configuration/tenant1",
                "https://auth.example.com/tenant1/.well-known/openid-configuration",
            ]
        );
        for issuer in ["https://auth.example.com", "https://auth.example.com/"] {
            assert_eq!(
                urls(server_metadata_candidates(issuer).unwrap()),
                [
                    "https://auth.example.com/.well-known/oauth-authorization-server",
                    "https://auth.example.com/.well-known/openid-configuration",
                ]
            );
        }
        assert_eq!(
            urls(server_metadata_candidates("https://h/realms/a/").unwrap())
                .last()
                .unwrap(),
            "https://h/realms/a/.well-known/openid-configuration"
        );
    }

    #[test]
    fn issuers_are_cut_but_never_normalised() {
        let found =
            urls(server_metadata_candidates("https://Auth.Example.com:443/A/../B").unwrap());
        assert_eq!(
            found.first().unwrap(),
            "https://Auth.Example.com:443/.well-known/oauth-authorization-server/A/../B"
        );
        assert_eq!(
            origin_metadata(&url("https://api.example.com/v1/mcp")).1,
            "https://api.example.com/.well-known/oauth-authorization-server"
        );
    }

    #[test]
    fn unusable_issuers_are_refused_with_the_reason() {
        for (issuer, why) in [
            ("auth.example.com", "absolute"),
            ("ftp://h", "https"),
            ("https://h?x", "query"),
            ("https://h/#f", "fragment"),
            ("https:///x", "host"),
            ("https://user@h/x", "user"),
            ("https://h/a b", "white space"),
            ("", "absolute"),
        ] {
            let error = server_metadata_candidates(issuer).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn origins_compare_with_default_ports() {
        assert!(same_origin(&url("https://h/a"), &url("https://H:443/b")));
        assert!(!same_origin(&url("https://h"), &url("http://h")));
        assert!(!same_origin(&url("https://h"), &url("https://h:8443")));
        assert!(!same_origin(&url("data:x"), &url("data:x")));
    }

    #[test]
    fn hosts_are_read_from_urls() {
        assert_eq!(host_of("https://EXAMPLE.com:8/x").unwrap(), "example.com");
        assert_eq!(host_of("http://[::1]/").unwrap(), "[::1]");
        assert_eq!(host_of("/relative"), None);
        assert_eq!(host_of("data:text/plain,x"), None);
    }

    proptest! {
        #[test]
        fn no_identifier_panics(text in any::<String>()) {
            let _ = server_metadata_candidates(&text);
            let _ = host_of(&text);
        }

        #[test]
        fn candidates_stay_on_the_origin(path in "(/[a-z.%]{0,4}){0,4}", query in "(\\?[a-z=/]{0,5})?") {
            let endpoint = url(&format!("https://h:8443{path}{query}"));
            for (_, candidate) in resource_metadata_candidates(&endpoint) {
                prop_assert!(same_origin(&url(&candidate), &endpoint));
            }
            for (_, candidate) in server_metadata_candidates(&format!("https://h:8443{path}")).unwrap() {
                prop_assert!(same_origin(&url(&candidate), &endpoint));
            }
        }
    }
}
