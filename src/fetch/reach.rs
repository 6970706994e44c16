//! Which addresses requests may go to: public ones, and those of configured networks. It must not know names or HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which addresses requests may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Every address: the operator has named the URL.
    Everywhere,
    /// Only public addresses: a client may have chosen the URL.
    Public,
    /// Addresses of the internet and of these networks. `0.0.0.0/8` and `::`, which are other spellings of loopback on
    /// many systems, are not allowed even if a network contains them.
    Networks(Arc<[IpNet]>),
}

impl Reach {
    /// Whether a request may go to an address.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Public => is_public(address),
            Self::Networks(networks) => is_public(address) || is_exempt(address, networks),
        }
    }
}

/// Whether an address is in one of the networks. NAT64 addresses are not translated: they lead to a gateway.
fn is_exempt(address: IpAddr, networks: &[IpNet]) -> bool {
    // An IPv4-mapped address is reached over IPv4.
    let address = address.to_canonical();
    let is_this_host = match address {
        IpAddr::V4(address) => address.octets()[0] == 0,
        IpAddr::V6(address) => address.is_unspecified(),
    };
    !is_this_host && networks.iter().any(|network| network.contains(&address))
}

/// The unicast addresses of the internet. All other addresses are refused, known ranges and unknown ones.
const GLOBAL: &[IpNet] = &[v4(0, 0, 0, 0, 0), v6(0x2000, 0, 0, 0, 3)];

/// Exceptions from [`GLOBAL`]: every entry of the IANA special-purpose address registries (iana-ipv4-special-registry,
/// iana-ipv6-special-registry; RFC 6890) within them, and multicast. Loopback, unique local, link local and multicast
/// IPv6 addresses are outside 2000::/3.
///
/// Globally reachable entries of the registries are included if no host of the internet has such an address: anycast
/// addresses of devices in the local network, AS112, AMT, and tunnels that contain an IPv4 address.
const SPECIAL: &[IpNet] = &[
    v4(0, 0, 0, 0, 8),       // this network, RFC 791
    v4(10, 0, 0, 0, 8),      // private use, RFC 1918
    v4(100, 64, 0, 0, 10),   // shared address space (CGNAT), RFC 6598
    v4(127, 0, 0, 0, 8),     // loopback, RFC 1122
    v4(169, 254, 0, 0, 16),  // link local, RFC 3927
    v4(172, 16, 0, 0, 12),   // private use, RFC 1918
    v4(192, 0, 0, 0, 24),    // protocol assignments, DS-Lite, PCP and TURN anycast, RFC 6890
    v4(192, 0, 2, 0, 24),    // documentation, RFC 5737
    v4(192, 31, 196, 0, 24), // AS112, RFC 7535
    v4(192, 52, 193, 0, 24), // AMT, RFC 7450
    v4(192, 88, 99, 0, 24),  // 6to4 relay anycast, RFC 7526
    v4(192, 168, 0, 0, 16),  // private use, RFC 1918
    v4(192, 175, 48, 0, 24), // AS112, RFC 7534
    v4(198, 18, 0, 0, 15),   // benchmarks, RFC 2544
    v4(198, 51, 100, 0, 24), // documentation, RFC 5737
    v4(203, 0, 113, 0, 24),  // documentation, RFC 5737
    v4(224, 0, 0, 0, 4),     // multicast, RFC 5771
    v4(240, 0, 0, 0, 4),     // reserved, and the limited broadcast, RFC 1112
    // Protocol assignments, RFC 2928: Teredo (RFC 4380), PCP, TURN and DNS-SD anycast, benchmarks (RFC 5180), AMT,
    // AS112, ORCHID (RFC 4843, 7343), DRIP (RFC 9374).
    v6(0x2001, 0, 0, 0, 23),
    v6(0x2001, 0xdb8, 0, 0, 32),     // documentation, RFC 3849
    v6(0x2002, 0, 0, 0, 16),         // 6to4, RFC 3056
    v6(0x2620, 0x4f, 0x8000, 0, 48), // AS112, RFC 7534
    v6(0x3ffe, 0, 0, 0, 16),         // 6bone, RFC 3701
    v6(0x3fff, 0, 0, 0, 20),         // documentation, RFC 9637
];

/// NAT64 with the well-known prefix (RFC 6052): hosts of IPv6-only networks reach every IPv4 address by it.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(a: u16, b: u16, c: u16, d: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix))
}

/// Whether an address is public: it is in [`GLOBAL`], and in no range with a special purpose.
fn is_public(address: IpAddr) -> bool {
    // An IPv4-mapped address is reached over IPv4.
    let address = match address.to_canonical() {
        IpAddr::V6(address) if NAT64.contains(&address) => {
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() as u32))
        }
        address => address,
    };
    let is_in = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&address));
    is_in(GLOBAL) && !is_in(SPECIAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last address of every range that is not public, the following address if it is public, and
    /// addresses that contain an IPv4 address.
    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("169.254.169.254", "169.254.170.2"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.0.0.9", "192.0.0.10"),
            ("192.0.0.170", "192.0.0.171"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.31.196.0", "192.31.196.255"),
            ("192.52.193.0", "192.52.193.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("192.175.48.0", "192.175.48.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("198.51.100.0", "198.51.100.255"),
            ("203.0.113.0", "203.0.113.255"),
            ("224.0.0.0", "239.255.255.255"),
            ("240.0.0.0", "255.255.255.255"),
            ("::", "::1"),
            // IPv4-compatible (RFC 4291), IPv4-mapped, IPv4-translated (RFC 2765).
            ("::7f00:1", "::ffff:ffff"),
            ("::1.1.1.1", "::8.8.8.8"),
            ("::ffff:0.0.0.0", "::ffff:10.0.0.1"),
            ("::ffff:127.0.0.1", "::ffff:169.254.169.254"),
            ("::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1"),
            ("::ffff:0:1.1.1.1", "::ffff:0:8.8.8.8"),
            // NAT64 to addresses that are not public, and with a prefix of the network (RFC 8215).
            ("64:ff9b::", "64:ff9b::127.0.0.1"),
            ("64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254"),
            ("64:ff9b::192.168.0.1", "64:ff9b::255.255.255.255"),
            ("64:ff9b:0:1::", "64:ff9b:0:ffff::1.1.1.1"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
            ("64:ff9b:1::1.1.1.1", "64:ff9b:2::1.1.1.1"),
            ("100::", "100:0:0:1:ffff:ffff:ffff:ffff"),
            ("1000::", "1fff:ffff::1"),
            // Teredo, the anycast addresses, benchmarks, AMT, AS112, ORCHID, DRIP.
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::7f00:1"),
            ("2001:1::1", "2001:1::3"),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
            ("2001:3::", "2001:4:112:ffff:ffff:ffff:ffff:ffff"),
            ("2001:10::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:100::"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            // 6to4, with any embedded address.
            ("2002::", "2002:7f00:1::"),
            ("2002:a00:1::", "2002:c0a8:1::"),
            ("2002:101:101::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
            ("3ffe::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("4000::", "5fff::1"),
            ("5f00::", "fbff:ffff::1"),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fe00::", "fe7f::1"),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("ff02::1", "ff0e::1"),
        ] {
            for private in [first, last] {
                assert!(!is_public(private.parse().unwrap()), "{private}");
            }
        }
        for public in [
            "1.0.0.0",
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2001:200::",
            "2001:4860:4860::8888",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700::1111",
            "2620:4f:7fff::1",
            "2620:4f:8001::1",
            "2a00:1450::1",
            "2c0f:ffff::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_network_allows_its_addresses_and_never_this_host() {
        let networks = |networks: &[&str]| {
            Reach::Networks(networks.iter().map(|network| network.parse().unwrap()).collect())
        };
        let allows = |reach: &Reach, address: &str| reach.allows(address.parse().unwrap());
        let loopback = networks(&["127.0.0.0/8", "::1/128"]);
        for allowed in
            ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "1.1.1.1", "2606:4700::1111"]
        {
            assert!(allows(&loopback, allowed), "{allowed}");
        }
        for refused in ["10.0.0.1", "0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::127.0.0.1", "::127.0.0.1"] {
            assert!(!allows(&loopback, refused), "{refused}");
        }
        let all = networks(&["0.0.0.0/0", "::/0"]);
        for refused in ["0.0.0.0", "0.0.0.1", "0.255.255.255", "::", "::ffff:0.0.0.0", "::ffff:0.1.2.3"] {
            assert!(!allows(&all, refused) && allows(&Reach::Everywhere, refused), "{refused}");
        }
        assert!(allows(&all, "10.0.0.1") && allows(&all, "fd00::1") && allows(&all, "::1"));
        for refused in ["127.0.0.1", "10.0.0.1", "::1"] {
            assert!(!allows(&networks(&[]), refused), "{refused}");
        }
    }
}
