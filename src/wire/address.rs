//! Which kind of network an address belongs to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// The kind of network behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Routed on the internet.
    Public,
    /// This machine, the unspecified address included: systems route it to loopback.
    Loopback,
    /// RFC 1918 space.
    Private,
    /// Link-local space.
    LinkLocal,
    /// Carrier-grade NAT space (RFC 6598).
    Shared,
    /// IPv6 unique local space (RFC 4193) and its deprecated site-local forerunner.
    UniqueLocal,
    /// The metadata service of a cloud provider.
    CloudMetadata,
    /// Multicast, documentation, benchmarking and reserved space: never a server.
    Reserved,
}

impl Reach {
    /// The kind of network an address belongs to, looking through IPv6 forms that embed IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// Whether a target in `home` may name an address of this kind.
    pub fn open_to(self, home: Option<Self>) -> bool {
        match self {
            Self::Public => true,
            Self::Reserved => false,
            Self::Loopback
            | Self::Private
            | Self::LinkLocal
            | Self::Shared
            | Self::UniqueLocal
            | Self::CloudMetadata => home == Some(self),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "a carrier-grade NAT address",
            Self::UniqueLocal => "a unique local address",
            Self::CloudMetadata => "a cloud metadata service",
            Self::Reserved => "a reserved address",
        })
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    V4.iter()
        .find(|(net, _)| net.contains(&address))
        .map_or(Reach::Public, |(_, reach)| *reach)
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if let Some((_, reach)) = V6.iter().find(|(net, _)| net.contains(&address)) {
        return *reach;
    }
    if let Some(inner) = embedded_v4(address) {
        return of_v4(inner);
    }
    // RFC 4291 §2.4: everything assigned for global unicast lies in 2000::/3.
    if GLOBAL_V6.contains(&address) {
        Reach::Public
    } else {
        Reach::Reserved
    }
}

fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let at = EMBEDDING
        .iter()
        .find(|(net, _)| net.contains(&address))
        .map(|(_, at)| *at)?;
    let inner: [u8; 4] = octets.get(at..at + 4)?.try_into().ok()?;
    Some(Ipv4Addr::from(inner))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = segments;
    let address = Ipv6Addr::new(first, second, third, fourth, fifth, sixth, seventh, eighth);
    Ipv6Net::new_assert(address, prefix)
}

/// First match wins: single hosts before the ranges around them.
const V4: [(Ipv4Net, Reach); 20] = [
    (v4(169, 254, 169, 254, 32), Reach::CloudMetadata),
    (v4(169, 254, 170, 2, 32), Reach::CloudMetadata),
    (v4(100, 100, 100, 200, 32), Reach::CloudMetadata),
    (v4(0, 0, 0, 0, 32), Reach::Loopback),
    (v4(127, 0, 0, 0, 8), Reach::Loopback),
    (v4(10, 0, 0, 0, 8), Reach::Private),
    (v4(172, 16, 0, 0, 12), Reach::Private),
    (v4(192, 168, 0, 0, 16), Reach::Private),
    (v4(169, 254, 0, 0, 16), Reach::LinkLocal),
    (v4(100, 64, 0, 0, 10), Reach::Shared),
    (v4(0, 0, 0, 0, 8), Reach::Reserved),
    (v4(192, 0, 0, 0, 24), Reach::Reserved),
    (v4(192, 0, 2, 0, 24), Reach::Reserved),
    (v4(192, 88, 99, 0, 24), Reach::Reserved),
    (v4(198, 18, 0, 0, 15), Reach::Reserved),
    (v4(198, 51, 100, 0, 24), Reach::Reserved),
    (v4(203, 0, 113, 0, 24), Reach::Reserved),
    (v4(224, 0, 0, 0, 4), Reach::Reserved),
    (v4(240, 0, 0, 0, 4), Reach::Reserved),
    (v4(255, 255, 255, 255, 32), Reach::Reserved),
];

/// Exceptions inside and outside global unicast space; the rest of the latter is reserved.
const V6: [(Ipv6Net, Reach); 8] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Reach::Loopback),
    (
        v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254], 128),
        Reach::CloudMetadata,
    ),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Reach::UniqueLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Reach::UniqueLocal),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Reach::LinkLocal),
    // Teredo and the other IETF protocol assignments around it.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Reach::Reserved),
    (v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32), Reach::Reserved),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Reach::Reserved),
];

/// Prefixes that carry an IPv4 address, and the octet at which it starts: mapped, translated,
/// NAT64, 6to4 and the deprecated compatible form.
const EMBEDDING: [(Ipv6Net, usize); 5] = [
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), 12),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), 12),
    (v6([0x0064, 0xff9b, 0, 0, 0, 0, 0, 0], 96), 12),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), 2),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), 12),
];

const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> Reach {
        Reach::of(text.parse().unwrap())
    }

    #[test]
    fn internal_ranges_are_recognised_up_to_their_edges() {
        for (text, expected) in [
            ("127.0.0.1", Reach::Loopback),
            ("127.255.255.254", Reach::Loopback),
            ("0.0.0.0", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::", Reach::Loopback),
            ("10.255.0.1", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("172.31.255.255", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("169.254.0.1", Reach::LinkLocal),
            ("fe80::1", Reach::LinkLocal),
            ("febf::1", Reach::LinkLocal),
            ("100.64.0.1", Reach::Shared),
            ("100.127.255.255", Reach::Shared),
            ("fd12:3456::1", Reach::UniqueLocal),
            ("fc00::1", Reach::UniqueLocal),
            ("fec0::1", Reach::UniqueLocal),
            ("169.254.169.254", Reach::CloudMetadata),
            ("fd00:ec2::254", Reach::CloudMetadata),
            ("0.1.2.3", Reach::Reserved),
            ("192.0.2.9", Reach::Reserved),
            ("198.19.0.1", Reach::Reserved),
            ("203.0.113.1", Reach::Reserved),
            ("224.0.0.1", Reach::Reserved),
            ("255.255.255.255", Reach::Reserved),
            ("ff02::1", Reach::Reserved),
            ("2001:db8::1", Reach::Reserved),
            ("2001::1", Reach::Reserved),
            ("64:ff9b:1::1", Reach::Reserved),
            ("4000::1", Reach::Reserved),
        ] {
            assert_eq!(reach(text), expected, "{text}");
        }
    }

    #[test]
    fn neighbours_of_internal_ranges_stay_public() {
        for text in [
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "223.255.255.255",
            "1.1.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert_eq!(reach(text), Reach::Public, "{text}");
        }
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_counts_as_itself() {
        for (text, expected) in [
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("::ffff:169.254.169.254", Reach::CloudMetadata),
            ("::ffff:0:10.0.0.1", Reach::Private),
            ("::10.0.0.1", Reach::Private),
            ("64:ff9b::192.168.0.1", Reach::Private),
            ("64:ff9b::8.8.8.8", Reach::Public),
            ("::ffff:8.8.8.8", Reach::Public),
            ("2002:7f00:1::1", Reach::Loopback),
            ("2002:808:808::1", Reach::Public),
        ] {
            assert_eq!(reach(text), expected, "{text}");
        }
    }

    #[test]
    fn a_class_is_open_only_to_a_target_of_the_same_class() {
        assert!(Reach::Public.open_to(None));
        assert!(Reach::Private.open_to(Some(Reach::Private)));
        assert!(!Reach::Private.open_to(Some(Reach::Loopback)));
        assert!(!Reach::Loopback.open_to(Some(Reach::Private)));
        assert!(!Reach::Loopback.open_to(Some(Reach::Public)));
        assert!(!Reach::CloudMetadata.open_to(Some(Reach::LinkLocal)));
        assert!(!Reach::Reserved.open_to(Some(Reach::Reserved)));
    }
}
