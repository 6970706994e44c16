//! The address of a listener in settings and flags: `127.0.0.1:8000`, `localhost:8000`, or `:8000` for all addresses of
//! the machine. This module binds nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use serde::Deserialize;

/// Characters of the longest host name (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// Every address of the machine, IPv6 and IPv4.
    All,
    Address(IpAddr),
    /// A name that is resolved when the listener binds.
    Name(String),
}

impl ListenAddress {
    /// Replaces the port.
    pub fn set_port(&mut self, port: u16) {
        self.port = port;
    }

    /// Returns the name of the host in lower case; `None` for an address.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::All | Host::Address(_) => None,
        }
    }

    /// Returns the address of the host; the unspecified one for every address of the machine and for a name, which may
    /// have several.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match &self.host {
            Host::Address(address) => *address,
            Host::All | Host::Name(_) => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    /// Returns the addresses to try, in order. Resolving a name may block; IPv4 is first.
    ///
    /// # Errors
    /// The error of the resolver for the name.
    pub fn candidates(&self) -> io::Result<Vec<SocketAddr>> {
        let with_port = |address: IpAddr| SocketAddr::new(address, self.port);
        match &self.host {
            Host::All => Ok(vec![
                with_port(Ipv6Addr::UNSPECIFIED.into()),
                // A machine without IPv6.
                with_port(Ipv4Addr::UNSPECIFIED.into()),
            ]),
            Host::Address(address) => Ok(vec![with_port(*address)]),
            Host::Name(name) => {
                let mut found: Vec<_> = (name.as_str(), self.port).to_socket_addrs()?.collect();
                found.sort_by_key(SocketAddr::is_ipv6);
                Ok(found)
            }
        }
    }

    /// Whether only this machine can reach it. A name that cannot be resolved counts as reachable from outside.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let is_loopback = |found: Vec<SocketAddr>| found.iter().all(|address| address.ip().is_loopback());
        self.candidates().is_ok_and(is_loopback)
    }

    /// Host and port for a client on this machine.
    #[must_use]
    pub fn reachable(&self) -> String {
        let address = match self.host {
            Host::Address(address) if !address.is_unspecified() => address,
            Host::Address(IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
            Host::Address(IpAddr::V4(_)) | Host::All => Ipv4Addr::LOCALHOST.into(),
            Host::Name(ref name) => return format!("{name}:{}", self.port),
        };
        SocketAddr::new(address, self.port).to_string()
    }

    /// Whether two listeners cannot both bind their addresses.
    #[must_use]
    pub(super) fn clashes_with(&self, other: &Self) -> bool {
        let is_all = |host: &Host| match host {
            Host::All => true,
            Host::Address(address) => address.is_unspecified(),
            Host::Name(_) => false,
        };
        self.port == other.port
            && self.port != 0
            && (self.host == other.host || is_all(&self.host) || is_all(&other.host))
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Address(address.ip()), port: address.port() }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let wrong = || format!("{text:?} is not an address with a port");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        let host = match host {
            "" => Host::All,
            name if is_name(name) => Host::Name(name.to_ascii_lowercase()),
            _ => return Err(wrong()),
        };
        Ok(Self { host, port })
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::All => write!(formatter, ":{}", self.port),
            Host::Address(address) => SocketAddr::new(*address, self.port).fmt(formatter),
            Host::Name(name) => write!(formatter, "{name}:{}", self.port),
        }
    }
}

/// A host name. One of digits and dots alone is an address with a mistake in it.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.len() <= LONGEST_NAME
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ListenAddress {
        text.parse().unwrap()
    }

    #[test]
    fn forms() {
        for (text, reachable) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:8000", "[::1]:8000"),
            ("[::1]:0", "[::1]:0"),
            (":8000", "127.0.0.1:8000"),
            ("localhost:8000", "localhost:8000"),
            ("my-host.example:443", "my-host.example:443"),
        ] {
            assert_eq!(parsed(text).reachable(), reachable);
            assert_eq!(parsed(text).to_string(), text);
        }
        for text in [
            "",
            ":",
            "8000",
            "localhost",
            "localhost:",
            "a:+1",
            "a:65536",
            "::1:8000",
            "1.2.3:80",
            "a b:1",
            "a..b:1",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_reached_from_outside() {
        for text in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"] {
            assert!(parsed(text).is_loopback(), "{text}");
        }
        for text in [":1", "0.0.0.0:1", "[::]:1", "192.0.2.1:1", "no-such-host.invalid:1"] {
            assert!(!parsed(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn every_address_has_one_port_once() {
        for (one, other, clashes) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            (":1", "127.0.0.1:1", true),
            ("localhost:1", "0.0.0.0:1", true),
            (":0", ":0", false),
        ] {
            assert_eq!(parsed(one).clashes_with(&parsed(other)), clashes, "{one} {other}");
        }
    }
}
