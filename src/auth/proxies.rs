//! Client addresses of requests that arrive through proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::peer::Head;

/// The trusted proxies.
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Creates the list from networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.to_vec())
    }

    /// Returns whether an address belongs to a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns whether a trusted proxy reports that its client uses TLS (`X-Forwarded-Proto`). Each proxy appends its
    /// own scheme, so the first one is that of the client.
    #[must_use]
    pub fn is_secure(&self, peer: SocketAddr, head: &Head) -> bool {
        if self.0.is_empty() || !self.contains(peer.ip()) {
            return false;
        }
        let schemes = head.get("x-forwarded-proto").unwrap_or_default();
        let first = schemes.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
        first.eq_ignore_ascii_case(b"https") || first.eq_ignore_ascii_case(b"wss")
    }

    /// Returns the client address: the last entry of `X-Forwarded-For` that is not a trusted proxy. Each proxy
    /// appends the address of its peer; earlier entries may be forged.
    #[must_use]
    pub fn client(&self, peer: SocketAddr, head: &Head) -> SocketAddr {
        if self.0.is_empty() || !self.contains(peer.ip()) {
            return peer;
        }
        let lines: Vec<&str> =
            head.all("x-forwarded-for").filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let mut client = peer;
        for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(address) = address(text.trim()) else { break };
            client = SocketAddr::new(address.to_canonical(), 0);
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

/// Parses an address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Returns the network that counts as one client: an IPv4 address, or the /64 prefix of an IPv6 address.
#[must_use]
pub fn network_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, lines: &[&str]) -> String {
        let networks: Vec<IpNet> = proxies.iter().map(|text| text.parse().unwrap()).collect();
        let headers: String = lines.iter().map(|line| format!("X-Forwarded-For: {line}\r\n")).collect();
        let head = Head::new(format!("GET / HTTP/1.1\r\n{headers}").as_bytes(), 4..5);
        Proxies::new(&networks).client(peer.parse().unwrap(), &head).ip().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client(&[], "10.0.0.1:5", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "9.9.9.9:5", &["1.2.3.4"]), "9.9.9.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1:5", &["1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn what_a_client_makes_up_is_left_of_what_proxies_wrote() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(client(&proxies, "10.0.0.1:5", &["6.6.6.6, 1.2.3.4, 10.0.0.2"]), "1.2.3.4");
        assert_eq!(client(&proxies, "10.0.0.1:5", &["6.6.6.6", "1.2.3.4", "10.0.0.2"]), "1.2.3.4");
        assert_eq!(client(&proxies, "10.0.0.1:5", &["1.2.3.4, nonsense"]), "10.0.0.1");
        assert_eq!(client(&proxies, "10.0.0.1:5", &["10.0.0.3"]), "10.0.0.3");
        assert_eq!(client(&proxies, "10.0.0.1:5", &[]), "10.0.0.1");
    }

    #[test]
    fn addresses_as_proxies_write_them() {
        let proxies = ["::1/128", "127.0.0.0/8"];
        assert_eq!(client(&proxies, "[::1]:5", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client(&proxies, "[::1]:5", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client(&proxies, "[::ffff:127.0.0.1]:5", &["1.2.3.4:80"]), "1.2.3.4");
    }

    #[test]
    fn the_first_scheme_is_the_clients() {
        let is_secure = |peer: &str, line: &str| {
            let head = Head::new(format!("GET / HTTP/1.1\r\nX-Forwarded-Proto: {line}\r\n").as_bytes(), 4..5);
            Proxies::new(&["10.0.0.0/8".parse().unwrap()]).is_secure(peer.parse().unwrap(), &head)
        };
        for secure in ["https", "HTTPS", "https, http", "https,http", " wss ", "WSS, https"] {
            assert!(is_secure("10.0.0.1:5", secure), "{secure}");
            assert!(!is_secure("9.9.9.9:5", secure), "{secure}");
        }
        for plain in ["http", "http, https", "ws", "", ",https", "httpss", "xhttps"] {
            assert!(!is_secure("10.0.0.1:5", plain), "{plain}");
        }
    }

    #[test]
    fn a_household_is_one() {
        let network_prefix = |text: &str| network_prefix(text.parse().unwrap()).to_string();
        assert_eq!(network_prefix("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network_prefix("::ffff:1.2.3.4"), "1.2.3.4");
    }
}
