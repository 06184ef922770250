//! What an address says about itself: loopback, internal, in the clear, same site.

use std::net::IpAddr;

use url::Url;

use crate::codec::host::{is_internal_host, is_loopback_host};

/// An absolute URL with a host.
pub(crate) fn parse(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(Url::has_host)
}

/// Whether the host is this machine itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    is_loopback_host(url.host_str().unwrap_or_default())
}

/// Whether the host only means something inside a network.
pub(crate) fn is_internal(url: &Url) -> bool {
    is_internal_host(url.host_str().unwrap_or_default())
}

/// Whether it is plain http to another machine.
pub(crate) fn is_cleartext(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// Whether two hosts belong to one site, as far as names tell without a public suffix list.
pub(crate) fn same_site(one: &Url, other: &Url) -> bool {
    match (one.host_str(), other.host_str()) {
        (Some(one), Some(other)) => one == other || site(one) == site(other),
        _ => false,
    }
}

fn site(host: &str) -> &str {
    if host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
        return host;
    }
    let labels: Vec<&str> = host.rsplit('.').collect();
    let country = labels.first().is_some_and(|label| label.len() == 2);
    let short = labels.get(1).is_some_and(|label| label.len() <= 3);
    let keep = if country && short && labels.len() > 2 {
        3
    } else {
        2
    };
    let skip = labels.len().saturating_sub(keep);
    let mut rest = host;
    for _ in 0..skip {
        rest = rest.split_once('.').map_or(rest, |(_, tail)| tail);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        parse(text).unwrap()
    }

    #[test]
    fn only_plain_http_to_another_machine_is_cleartext() {
        for text in [
            "http://example.com/",
            "http://10.0.0.1/",
            "http://localhost.com/",
        ] {
            assert!(is_cleartext(&url(text)), "{text}");
        }
        for text in [
            "https://example.com/",
            "http://localhost/",
            "http://[::1]:80/",
        ] {
            assert!(!is_cleartext(&url(text)), "{text}");
        }
    }

    #[test]
    fn internal_addresses_are_told_from_public_ones() {
        assert!(is_internal(&url("https://169.254.169.254/")));
        assert!(is_internal(&url("https://wiki.internal/")));
        assert!(!is_internal(&url("https://8.8.8.8/")));
    }

    #[test]
    fn sites_are_compared_by_their_registered_part() {
        let same = |one: &str, other: &str| same_site(&url(one), &url(other));
        assert!(same(
            "https://mcp.example.com/",
            "https://auth.example.com/"
        ));
        assert!(same("https://example.com/", "https://a.b.example.com/"));
        assert!(!same("https://example.com/", "https://example.org/"));
        assert!(!same("https://a.example.co.uk/", "https://a.other.co.uk/"));
        assert!(!same("https://example.co.uk/", "https://other.co.uk/"));
        assert!(same("http://127.0.0.1:1/", "http://127.0.0.1:2/"));
        assert!(!same("http://10.0.0.1/", "http://11.0.0.1/"));
    }

    #[test]
    fn relative_and_hostless_texts_are_no_urls() {
        assert!(parse("/mcp").is_none());
        assert!(parse("urn:example").is_none());
    }
}
