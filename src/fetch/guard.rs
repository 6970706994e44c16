//! Decides which addresses requests may use, at connect time: the resolver drops addresses that are not allowed, and a
//! literal address that is not allowed gets no connection. It must not know HTTP.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper::http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use tower_service::Service;

use super::lookups::look_up;
use super::resolved::Resolved;
use crate::tls::name_error;

/// Addresses of one name that are used; the others are ignored.
const ADDRESSES: usize = 16;

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

/// The error of a connection to an address that is not allowed.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the address is private")]
pub(super) struct Refused(pub(super) IpAddr);

impl Refused {
    /// Returns the refusal among an error and its sources.
    pub(super) fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            // `source` of an I/O error skips the error that it wraps.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if let Some(refused) = wrapped.and_then(|wrapped| wrapped.downcast_ref()) {
                return Some(*refused);
            }
            next = error.source();
        }
        None
    }
}

/// Parses a host that is a literal address: hyper connects to it without the resolver.
fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok()
}

/// Resolves names for connections.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    reach: Reach,
    resolved: Arc<Resolved>,
}

impl Guard {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach, resolved: Arc::default() }
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Returns the allowed address of a host. The address of a name is cached for a few seconds, and connections within
    /// that time use only this address: a client could otherwise give a name the address of another server, too.
    pub(super) async fn address(&self, host: &str) -> io::Result<Option<IpAddr>> {
        if let Some(address) = literal(host) {
            return self.check(address).map(|()| Some(address)).map_err(io::Error::other);
        }
        if let Some(known) = self.resolved.get(host) {
            return Ok(Some(known));
        }
        let found = self.resolve(host).await?;
        Ok(self.resolved.insert(host, &found))
    }

    /// Notes that no connection could be made to the address of a host. Its other addresses are preferred for a while.
    pub(super) fn unreachable(&self, host: &str) {
        self.resolved.avoid(host);
    }

    fn check(&self, address: IpAddr) -> Result<(), Refused> {
        if self.reach.allows(address) { Ok(()) } else { Err(Refused(address)) }
    }

    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = look_up(name).await.map_err(|error| name_error(&error))?;
        self.allowed(found.iter().map(SocketAddr::ip)).map_err(io::Error::other)
    }

    /// Returns the allowed addresses of a name.
    ///
    /// # Errors
    /// The name has addresses, and none is allowed.
    fn allowed(&self, found: impl Iterator<Item = IpAddr>) -> Result<Vec<IpAddr>, Refused> {
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in found {
            match self.check(address) {
                Ok(()) if allowed.contains(&address) || allowed.len() == ADDRESSES => {}
                Ok(()) => allowed.push(address),
                Err(found) => refused = refused.or(Some(found)),
            }
        }
        refused.filter(|_| allowed.is_empty()).map_or(Ok(allowed), Err)
    }
}

impl Service<Name> for Guard {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move {
            let found = match guard.resolved.get(name.as_str()) {
                Some(known) => vec![known],
                None => guard.resolve(name.as_str()).await?,
            };
            Ok(found.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}

/// Makes connections, but none to a literal that is not allowed. Names are left to the resolver, which is a [`Guard`] too.
#[derive(Clone)]
pub(super) struct Guarded<C> {
    pub(super) guard: Guard,
    pub(super) connector: C,
}

impl<C> Service<Uri> for Guarded<C>
where
    C: Service<Uri>,
    C::Error: Into<Box<dyn Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let address = url.host().and_then(literal);
        if let Some(Err(refused)) = address.map(|address| self.guard.check(address)) {
            return Box::pin(async move { Err(io::Error::other(refused).into()) });
        }
        let connecting = self.connector.call(url);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
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

    /// Returns the text of the refusal of a host.
    fn refused(guard: &Guard, found: &[&str]) -> Option<String> {
        let found = found.iter().map(|address| address.parse().unwrap());
        guard.allowed(found).err().map(|Refused(address)| address.to_string())
    }

    #[test]
    fn a_name_has_its_allowed_addresses_only() {
        let guard = Guard::new(Reach::Public);
        let parse =
            |addresses: &[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let mixed = parse(&["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111", "1.1.1.1", "127.0.0.1"]);
        assert_eq!(guard.allowed(mixed.into_iter()).unwrap(), parse(&["1.1.1.1", "2606:4700::1111"]));
        assert_eq!(refused(&guard, &["::ffff:10.0.0.1", "127.0.0.1"]), Some("::ffff:10.0.0.1".to_owned()));
        assert_eq!(refused(&guard, &[]), None);
        let many = (0..1000_u32).map(|number| IpAddr::V4(Ipv4Addr::from(0x0800_0000 + number)));
        assert_eq!(guard.allowed(many).unwrap().len(), ADDRESSES);
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
