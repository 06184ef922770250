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
mod tests;
