//! Where a request may go and where a secret may go: pure rules, decided before anything is sent.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use url::{Host, Url};

use super::Destination;
use super::address::Reach;

/// The hosts a run may talk to and trust, as the operator drew them.
#[derive(Clone, Debug)]
pub struct Bounds {
    target: Url,
    allowed: Vec<AllowedHost>,
    home: Arc<OnceLock<Reach>>,
}

/// An entry of `--allow-host` that names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no host; expected a host such as `auth.example.com` or `auth.example.com:8443`"
)]
pub struct BadHost(pub String);

/// Why a request must not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Blocked {
    /// The rule that forbids it.
    pub rule: Rule,
    /// The URL's host and the flag that would permit it, for the operator.
    pub text: String,
}

/// The rule that forbids a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The text is no absolute URL, or names no host.
    NotAUrl,
    /// Only http and https are spoken.
    Scheme,
    /// A URL that carries a user name or password.
    Userinfo,
    /// A discovered URL must be https.
    Plaintext,
    /// A discovered URL leads to an address inside somebody's network.
    Address,
    /// A secret would go to a host that nobody vouched for, or over plain http.
    Credential,
}

/// Which connector a permitted request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The operator vouched for the host: any address.
    Open,
    /// The target named the host: every resolved address is checked.
    Filtered,
}

impl Bounds {
    /// The bounds of a run against `target`.
    ///
    /// # Errors
    ///
    /// An entry of `allow_hosts` that is neither a host nor a host and port.
    pub fn new(target: &Url, allow_hosts: &BTreeSet<String>) -> Result<Self, BadHost> {
        let allowed = allow_hosts.iter().map(|entry| AllowedHost::parse(entry));
        let bounds = Self {
            target: target.clone(),
            allowed: allowed.collect::<Result<_, _>>()?,
            home: Arc::default(),
        };
        if let Some(reach) = literal_reach(target) {
            bounds.settle(reach);
        }
        Ok(bounds)
    }

    /// Records where the target was reached; the first answer counts, so that a name which later
    /// resolves elsewhere opens nothing.
    pub fn settle(&self, reach: Reach) {
        self.home.get_or_init(|| reach);
    }

    /// Where the target is, once that is known.
    pub fn home(&self) -> Option<Reach> {
        self.home.get().copied()
    }

    /// Whether the URL has the target's own scheme, host and port.
    pub fn is_target_origin(&self, url: &Url) -> bool {
        same_origin(url, &self.target)
    }

    fn is_target_host(&self, url: &Url) -> bool {
        host_key(url) == host_key(&self.target)
    }

    fn allows(&self, url: &Url) -> bool {
        self.allowed.iter().any(|entry| entry.covers(url))
    }
}

/// Decides whether a request may be sent, and how.
///
/// # Errors
///
/// The rule that forbids it.
pub fn check_url(
    bounds: &Bounds,
    url: &str,
    destination: Destination,
    carries_secret: bool,
) -> Result<(Url, Route), Blocked> {
    let url = parse(url)?;
    if carries_secret {
        check_secret(bounds, &url)?;
    }
    let vouched = bounds.is_target_origin(&url) || bounds.allows(&url);
    if destination == Destination::Named || vouched {
        return Ok((url, Route::Open));
    }
    check_discovered(bounds, &url)?;
    Ok((url, Route::Filtered))
}

/// Whether a discovered host may resolve to this address.
///
/// # Errors
///
/// The address lies inside a network that the target is not part of.
pub fn check_address(bounds: &Bounds, host: &str, address: IpAddr) -> Result<(), Blocked> {
    let reach = Reach::of(address);
    if reach.open_to(bounds.home()) {
        return Ok(());
    }
    Err(Blocked {
        rule: Rule::Address,
        text: format!(
            "`{host}` leads to {address}, {reach}, and only the target names it; expected a \
             public address. Pass `--allow-host {host}` if it is part of the audit"
        ),
    })
}

/// Whether two URLs share scheme, host and port.
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && host_key(one) == host_key(other)
        && one.port_or_known_default() == other.port_or_known_default()
}

/// The host in the form in which hosts are compared.
pub fn host_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// What the host part of a URL alone tells about its address.
pub fn literal_reach(url: &Url) -> Option<Reach> {
    match url.host()? {
        Host::Ipv4(address) => Some(Reach::of(address.into())),
        Host::Ipv6(address) => Some(Reach::of(address.into())),
        // RFC 6761 §6.3: these names are loopback without asking.
        Host::Domain(_) => {
            let key = host_key(url);
            (key == "localhost" || key.ends_with(".localhost")).then_some(Reach::Loopback)
        }
    }
}

fn parse(text: &str) -> Result<Url, Blocked> {
    let blocked = |rule, text| Blocked { rule, text };
    let url = Url::parse(text).map_err(|error| {
        let shown: String = text.chars().take(SHOWN).collect();
        blocked(
            Rule::NotAUrl,
            format!("`{shown}` is no URL ({error}); expected one such as `https://host/path`"),
        )
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let text = format!("scheme `{}` is not spoken; expected `https`", url.scheme());
        return Err(blocked(Rule::Scheme, text));
    }
    if host_key(&url).is_empty() {
        let text = "the URL names no host; expected one such as `https://host/path`".to_owned();
        return Err(blocked(Rule::NotAUrl, text));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let text = format!(
            "the URL of `{}` carries a user name or password; expected none",
            host_key(&url)
        );
        return Err(blocked(Rule::Userinfo, text));
    }
    Ok(url)
}

fn check_secret(bounds: &Bounds, url: &Url) -> Result<(), Blocked> {
    let host = host_key(url);
    let blocked = |text| Blocked {
        rule: Rule::Credential,
        text,
    };
    if bounds.target.scheme() == "https" && url.scheme() != "https" {
        return Err(blocked(format!(
            "a secret would go to `{host}` over plain http; the target speaks https and its \
             secrets go nowhere else"
        )));
    }
    if !bounds.is_target_host(url) && !bounds.allows(url) {
        return Err(blocked(format!(
            "a secret would go to `{host}`, which is not the target's host `{}`. Pass \
             `--allow-host {host}` if it may have it",
            host_key(&bounds.target)
        )));
    }
    Ok(())
}

fn check_discovered(bounds: &Bounds, url: &Url) -> Result<(), Blocked> {
    let host = host_key(url);
    let own_scheme = bounds.is_target_host(url) && url.scheme() == bounds.target.scheme();
    if url.scheme() != "https" && !own_scheme && bounds.home() != Some(Reach::Loopback) {
        return Err(Blocked {
            rule: Rule::Plaintext,
            text: format!(
                "the target names `{host}` over plain http; expected https. Pass \
                 `--allow-host {host}` if it is part of the audit"
            ),
        });
    }
    match url.host() {
        Some(Host::Ipv4(address)) => check_address(bounds, &host, address.into()),
        Some(Host::Ipv6(address)) => check_address(bounds, &host, address.into()),
        Some(Host::Domain(_)) | None => match literal_reach(url) {
            Some(reach) if !reach.open_to(bounds.home()) => {
                check_address(bounds, &host, IpAddr::from([127, 0, 0, 1]))
            }
            _ => Ok(()),
        },
    }
}

#[derive(Clone, Debug)]
struct AllowedHost {
    host: String,
    port: Option<u16>,
}

impl AllowedHost {
    fn parse(entry: &str) -> Result<Self, BadHost> {
        let bad = || BadHost(entry.to_owned());
        let bare_v6 = entry.parse::<std::net::Ipv6Addr>().is_ok();
        let url = if bare_v6 {
            Url::parse(&format!("http://[{entry}]/"))
        } else {
            Url::parse(&format!("http://{entry}/"))
        };
        let url = url.map_err(|_| bad())?;
        let plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !entry.ends_with('/');
        if !plain || host_key(&url).is_empty() || entry.contains('*') {
            return Err(bad());
        }
        // `Url` hides the port 80 that the operator may have written.
        let port_text = entry.rsplit_once(':').map(|(_, port)| port);
        let port = port_text
            .filter(|_| !bare_v6)
            .and_then(|port| port.parse().ok());
        Ok(Self {
            host: host_key(&url),
            port,
        })
    }

    fn covers(&self, url: &Url) -> bool {
        self.host == host_key(url)
            && self
                .port
                .is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

/// Characters of a text that is no URL which a message repeats.
const SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(target: &str, allowed: &[&str]) -> Bounds {
        let allowed = allowed.iter().map(|&host| host.to_owned()).collect();
        Bounds::new(&Url::parse(target).unwrap(), &allowed).unwrap()
    }

    fn rule(bounds: &Bounds, url: &str, destination: Destination, secret: bool) -> Option<Rule> {
        check_url(bounds, url, destination, secret)
            .err()
            .map(|blocked| blocked.rule)
    }

    const PUBLIC: &str = "https://mcp.example.com/mcp";

    #[test]
    fn a_secret_goes_to_the_target_host_in_any_case_and_on_any_port() {
        let bounds = bounds(PUBLIC, &[]);
        for url in [
            PUBLIC,
            "https://MCP.Example.COM/other",
            "https://mcp.example.com:8443/token",
            "https://mcp.example.com./token",
        ] {
            assert_eq!(
                rule(&bounds, url, Destination::Discovered, true),
                None,
                "{url}"
            );
        }
    }

    #[test]
    fn a_secret_goes_to_no_other_host_unless_the_operator_allows_it() {
        for url in [
            "https://auth.example.com/token",
            "https://mcp.example.com.evil.test/",
            "https://evil.test/?mcp.example.com",
        ] {
            let strict = bounds(PUBLIC, &[]);
            let refused = rule(&strict, url, Destination::Named, true);
            assert_eq!(refused, Some(Rule::Credential), "{url}");
        }
        let allowed = bounds(PUBLIC, &["auth.example.com", "other.test:8443"]);
        let named = Destination::Named;
        assert_eq!(
            rule(&allowed, "https://auth.example.com/token", named, true),
            None
        );
        assert_eq!(
            rule(&allowed, "https://other.test:8443/token", named, true),
            None
        );
        assert_eq!(
            rule(&allowed, "https://other.test/token", named, true),
            Some(Rule::Credential)
        );
    }

    #[test]
    fn a_secret_of_an_https_target_never_goes_over_http() {
        let https = bounds(PUBLIC, &["mcp.example.com", "auth.example.com"]);
        for url in [
            "http://mcp.example.com/mcp",
            "http://auth.example.com/token",
        ] {
            let refused = rule(&https, url, Destination::Named, true);
            assert_eq!(refused, Some(Rule::Credential), "{url}");
            assert_eq!(rule(&https, url, Destination::Named, false), None, "{url}");
        }
        let http = bounds("http://127.0.0.1:8000/mcp", &[]);
        let upgraded = "https://127.0.0.1:8443/mcp";
        assert_eq!(rule(&http, upgraded, Destination::Named, true), None);
        assert_eq!(
            rule(&http, "http://127.0.0.1:9000/t", Destination::Named, true),
            None
        );
    }

    #[test]
    fn a_discovered_internal_address_is_refused_in_every_spelling() {
        let bounds = bounds(PUBLIC, &[]);
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.1.2.3/",
            "https://[fd00::1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.b.localhost/",
            "https://１２７.０.０.１/",
        ] {
            let refused = rule(&bounds, url, Destination::Discovered, false);
            assert_eq!(refused, Some(Rule::Address), "{url}");
            assert_eq!(rule(&bounds, url, Destination::Named, false), None, "{url}");
        }
        let public = "https://auth.example.com/";
        assert_eq!(rule(&bounds, public, Destination::Discovered, false), None);
    }

    #[test]
    fn a_target_opens_its_own_class_of_addresses_and_no_other() {
        let loopback = bounds("http://127.0.0.1:8000/mcp", &[]);
        let found = Destination::Discovered;
        assert_eq!(
            rule(&loopback, "http://localhost:9000/", found, false),
            None
        );
        assert_eq!(rule(&loopback, "http://[::1]:9000/", found, false), None);
        assert_eq!(
            rule(&loopback, "http://10.0.0.1/", found, false),
            Some(Rule::Address)
        );
        let private = bounds("http://10.0.0.5:8000/mcp", &[]);
        assert_eq!(rule(&private, "https://192.168.0.9/", found, false), None);
        assert_eq!(rule(&private, "http://10.0.0.5:8000/x", found, false), None);
        assert_eq!(rule(&private, "http://10.0.0.5:9000/x", found, false), None);
        assert_eq!(
            rule(&private, "http://10.0.0.6/x", found, false),
            Some(Rule::Plaintext)
        );
        assert_eq!(
            rule(&private, "https://127.0.0.1/", found, false),
            Some(Rule::Address)
        );
    }

    #[test]
    fn where_the_target_was_first_reached_is_where_it_stays() {
        let bounds = bounds(PUBLIC, &[]);
        let inside = "https://127.0.0.1/";
        bounds.settle(Reach::Public);
        bounds.settle(Reach::Loopback);
        let refused = rule(&bounds, inside, Destination::Discovered, false);
        assert_eq!(refused, Some(Rule::Address));
    }

    #[test]
    fn an_allowed_host_may_be_internal_and_plain() {
        let bounds = bounds(PUBLIC, &["10.0.0.7:8080", "::1", "[fd00::1]:80"]);
        let found = Destination::Discovered;
        assert_eq!(rule(&bounds, "http://10.0.0.7:8080/", found, false), None);
        assert_eq!(
            rule(&bounds, "http://10.0.0.7/", found, false),
            Some(Rule::Plaintext)
        );
        assert_eq!(rule(&bounds, "https://[::1]:1234/", found, false), None);
        assert_eq!(rule(&bounds, "http://[fd00::1]/", found, false), None);
        assert_eq!(
            rule(&bounds, "https://[fd00::1]/", found, false),
            Some(Rule::Address)
        );
    }

    #[test]
    fn plain_http_that_the_target_names_is_refused() {
        let bounds = bounds(PUBLIC, &[]);
        for url in ["http://auth.example.com/", "http://mcp.example.com/"] {
            let refused = rule(&bounds, url, Destination::Discovered, false);
            assert_eq!(refused, Some(Rule::Plaintext), "{url}");
        }
    }

    #[test]
    fn what_is_no_web_url_is_refused() {
        let bounds = bounds(PUBLIC, &[]);
        let named = Destination::Named;
        for (url, expected) in [
            ("", Rule::NotAUrl),
            ("/relative", Rule::NotAUrl),
            ("https://", Rule::NotAUrl),
            ("file:///etc/passwd", Rule::Scheme),
            ("javascript:alert(1)", Rule::Scheme),
            ("gopher://127.0.0.1:6379/_x", Rule::Scheme),
            ("https://user@mcp.example.com/", Rule::Userinfo),
            ("https://:pw@mcp.example.com/", Rule::Userinfo),
        ] {
            assert_eq!(rule(&bounds, url, named, false), Some(expected), "{url}");
        }
    }

    #[test]
    fn a_refusal_names_the_flag_that_would_permit_it() {
        let bounds = bounds(PUBLIC, &[]);
        let url = "https://10.0.0.7/token";
        let blocked = check_url(&bounds, url, Destination::Discovered, false).unwrap_err();
        assert!(
            blocked.text.contains("--allow-host 10.0.0.7"),
            "{}",
            blocked.text
        );
        assert!(
            blocked.text.contains("a private address"),
            "{}",
            blocked.text
        );
    }

    #[test]
    fn an_allow_host_that_names_no_host_is_an_error() {
        let target = Url::parse(PUBLIC).unwrap();
        for entry in [
            "",
            "https://auth.example.com",
            "a/b",
            "*.example.com",
            "u@h",
            "h:99999",
        ] {
            let entries = BTreeSet::from([entry.to_owned()]);
            let error = Bounds::new(&target, &entries).unwrap_err();
            assert!(error.to_string().contains(entry));
        }
    }
}
