//! The authority of a URL as `Host` and targets have it (RFC 3986, section 3.2, without userinfo): a host, and maybe a
//! port.

use std::net::{IpAddr, Ipv6Addr};

/// A host that is not empty, and maybe a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses `host`, `host:port` or `host:`. Returns `None` for other texts, such as an empty host, a user, a path, a
    /// space, or an invalid address in brackets.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let end = match text.strip_prefix('[') {
            Some(rest) => rest.find(']')? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(end);
        if !is_host(host) {
            return None;
        }
        let port = match rest.strip_prefix(':') {
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { host, port })
    }

    /// Returns the host: a name or an address, with brackets for IPv6.
    #[must_use]
    pub fn host(self) -> &'a str {
        self.host
    }

    /// Returns the host as an address; `None` for a name.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        address(self.host)
    }

    /// Returns the port, or the default port of the scheme.
    #[must_use]
    pub fn port(self, scheme: &str) -> Option<u16> {
        let default = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => Some(80),
            _ if scheme.eq_ignore_ascii_case("https") => Some(443),
            _ => None,
        };
        self.port.or(default)
    }

    /// Whether both lead to the same host and port for that scheme.
    #[must_use]
    pub fn is_same(self, other: Self, scheme: &str) -> bool {
        self.host.eq_ignore_ascii_case(other.host) && self.port(scheme) == other.port(scheme)
    }
}

/// Parses a host as an address; `None` for a name.
fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok().filter(IpAddr::is_ipv4),
    }
}

/// The rule `host` of RFC 3986, section 3.2.2. An IPv6 address may have a zone (RFC 6874), which some clients leave in.
fn is_host(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let inner = rest.strip_suffix(']').unwrap_or(rest);
        let (address, zone) = inner.split_once('%').unwrap_or((inner, "x"));
        return address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.bytes().all(is_in_name);
    }
    !host.is_empty() && host.bytes().all(is_in_name)
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("h", "h", None),
            ("a_b.example.", "a_b.example.", None),
            ("h:", "h", None),
            ("h:8000", "h", Some(8000)),
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("[::1]", "[::1]", None),
            ("[fe80::1%25eth0]:5", "[fe80::1%25eth0]", Some(5)),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ] {
            assert_eq!(Authority::parse(text.as_bytes()), Some(Authority { host, port }), "{text}");
        }
        for bad in [
            "",
            ":80",
            "a b",
            "a/b",
            "a b/c",
            "user@h",
            "h/path",
            "h:x",
            "h:80:80",
            "h:65536",
            "h: 80",
            "http://h",
            "::1",
            "[",
            "[]",
            "[::1",
            "[::g]",
            "[1.2.3.4]",
            "[::1]x",
            "[::1%]",
            "h?",
            "h#",
            "h\\",
            "h\"",
            "<h>",
            "\u{e9}",
        ] {
            assert_eq!(Authority::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Authority::parse(b"\xff"), None);
    }

    #[test]
    fn a_port_that_the_scheme_has_by_default_may_be_left_out() {
        let parse = |text: &'static str| Authority::parse(text.as_bytes()).unwrap();
        let is_same = |one, other, scheme| parse(one).is_same(parse(other), scheme);
        assert!(
            is_same("h", "H:443", "https") && is_same("h:80", "h", "HTTP") && is_same("h:8", "h:8", "http")
        );
        assert!(!is_same("h", "h:443", "http") && !is_same("h", "h:8", "http") && !is_same("h", "g", "http"));
    }

    #[test]
    fn addresses_are_no_names() {
        let address = |text: &str| Authority::parse(text.as_bytes()).and_then(Authority::address);
        assert_eq!(address("[::1]:5"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(address("10.0.0.1"), "10.0.0.1".parse().ok());
        assert_eq!((address("localhost"), address("10.0.0.1.example")), (None, None));
    }
}
