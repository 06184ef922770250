//! Which hosts are inside: loopback, private and otherwise not globally reachable.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

/// Whether a host name or address literal is this machine's own.
pub fn is_loopback_host(host: &str) -> bool {
    match parse_host(host) {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || embedded_v4(address).is_some_and(|address| address.is_loopback())
        }
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// Whether a host name or address literal can only lead inside: loopback, private, link-local,
/// shared, reserved and multicast ranges, and the names reserved for local use.
pub fn is_internal_host(host: &str) -> bool {
    match parse_host(host) {
        Some(Host::Ipv4(address)) => is_internal_address(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_internal_address(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            LOCAL_NAMES.iter().any(|local| {
                name.strip_suffix(local)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        }
        None => false,
    }
}

/// Whether an address is not globally reachable (IANA special-purpose address registries).
pub fn is_internal_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_internal_v4(address),
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            embedded_v4(address).is_some_and(is_internal_v4)
                || address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || first & 0xffc0 == 0xfec0
                || first == 0x100
                || (first == 0x2001 && (second < 0x200 || second == 0xdb8))
                || first & 0xfff0 == 0x3ff0
        }
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18)
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, high, low] = address.segments();
    let join = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match (s0, s1, s2, s3, s4, s5) {
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, ..) => {
            Some(join(high, low))
        }
        (0, 0, 0, 0, 0, 0) if high != 0 => Some(join(high, low)),
        (0x2002, high, low, ..) => Some(join(high, low)),
        _ => None,
    }
}

fn parse_host(host: &str) -> Option<Host<String>> {
    let host = host.trim();
    if host.parse::<Ipv6Addr>().is_ok() {
        return Host::parse(&format!("[{host}]")).ok();
    }
    Host::parse(host).ok()
}

/// Names that never resolve on the public internet (RFC 6761, RFC 6762, RFC 8375, ICANN).
const LOCAL_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loopback_hosts_are_recognised_in_every_spelling() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "::1",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback_host(host), "{host}");
            assert!(is_internal_host(host), "{host}");
        }
        for host in ["localhost.example.com", "128.0.0.1", "notlocalhost", ""] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn internal_hosts_are_told_from_public_ones() {
        for host in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "[fd00::1]",
            "[fe80::1]",
            "[ff02::1]",
            "[::]",
            "[64:ff9b::10.0.0.1]",
            "[2002:a00:1::]",
            "[2001:db8::1]",
            "metadata.google.internal",
            "printer.local",
        ] {
            assert!(is_internal_host(host), "{host}");
        }
        for host in [
            "example.com",
            "internal.example.com",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "[2606:4700::1111]",
            "[2002:808:808::]",
            "mylocal",
        ] {
            assert!(!is_internal_host(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn no_host_panics(text in any::<String>()) {
            let _ = is_internal_host(&text);
            let _ = is_loopback_host(&text);
        }

        #[test]
        fn loopback_is_internal_in_every_embedding(low in any::<u8>()) {
            for host in [format!("127.0.0.{low}"), format!("[::ffff:127.0.0.{low}]"), format!("[64:ff9b::127.0.0.{low}]")] {
                prop_assert!(is_internal_host(&host));
                prop_assert!(is_loopback_host(&host));
            }
        }
    }
}
