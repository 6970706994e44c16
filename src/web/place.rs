//! The target of requests to a URL, as far as the URL determines it. It must not know what is allowed.

use std::net::{IpAddr, Ipv4Addr};

use super::urls;
use crate::fetch::Reach;

/// Where requests to a URL go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// To the addresses of a name, which may be anywhere.
    Named,
    /// To an address of the internet.
    Public(IpAddr),
    /// To an address that only some networks have.
    Private(IpAddr),
}

/// Returns where requests to a URL go; `None` for a text that is no URL.
pub(crate) fn of(url: &str) -> Option<Place> {
    let url = urls::read(url).ok()?;
    let is_this_host = url.host == "localhost" || url.host.ends_with(".localhost");
    let address = url.address.or(is_this_host.then_some(Ipv4Addr::LOCALHOST.into()));
    // An IPv4-mapped address is reached over IPv4.
    let address = address.map(|address| address.to_canonical());
    Some(match address {
        None => Place::Named,
        Some(address) if Reach::Public.allows(address) => Place::Public(address),
        Some(address) => Place::Private(address),
    })
}

/// Returns a hint how to allow requests to a private address, if `setting` contains the networks.
pub(crate) fn remedy(address: IpAddr, setting: &str) -> String {
    if is_unreachable(address) {
        return format!("is at {address}, and no setting allows that; write the address of its host");
    }
    format!("is at a private address, and {setting} does not allow it; add \"{address}\" there")
}

/// Whether an address means "this host"; no request is sent there.
fn is_unreachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 0,
        IpAddr::V6(address) => address.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (url, expected) in [
            ("https://a.example/", Some(Place::Named)),
            ("http://9.9.9.9/", Some(Place::Public([9, 9, 9, 9].into()))),
            ("http://10.0.0.1:8080/x", Some(Place::Private([10, 0, 0, 1].into()))),
            ("http://LOCALHOST/", Some(Place::Private([127, 0, 0, 1].into()))),
            ("http://a.localhost/", Some(Place::Private([127, 0, 0, 1].into()))),
            ("http://[::ffff:127.0.0.1]/", Some(Place::Private([127, 0, 0, 1].into()))),
            ("http://[::1]/", Some(Place::Private(std::net::Ipv6Addr::LOCALHOST.into()))),
            ("a.example", None),
        ] {
            assert_eq!(of(url), expected, "{url}");
        }
    }
}
