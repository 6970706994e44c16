//! Hosts in settings: `example.com`, `*.example.com` for every name below a domain, an address, or `*`. They have no
//! port: the port of a page is compared with that of the request.

use std::net::Ipv6Addr;

use serde::Deserialize;

/// One host, or all of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum HostName {
    /// Every host.
    Any,
    /// Exactly this, in lower case; an address of IPv6 in brackets, in its shortest form.
    One(String),
    /// Every name that ends with this (`.example.com`).
    Below(String),
}

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not a host"))
    }
}

impl HostName {
    /// Parses a name, which may start with `*.`, an address, or `*`. Returns `None` for other texts.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let text = text.to_ascii_lowercase();
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&text);
        if let Ok(address) = bare.parse::<Ipv6Addr>() {
            return Some(Self::One(format!("[{address}]")));
        }
        let is_name = |name: &str| {
            let is_in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_in_name)
        };
        match text.strip_prefix("*.") {
            Some(domain) if is_name(domain) => Some(Self::Below(format!(".{domain}"))),
            None if is_name(&text) => Some(Self::One(text)),
            _ => None,
        }
    }

    /// Whether this host is meant, spelt as a browser spells it.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one.eq_ignore_ascii_case(host),
            Self::Below(domain) => {
                let start = host.len().checked_sub(domain.len());
                start.is_some_and(|start| {
                    start > 0 && host.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(domain))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_as_a_whole() {
        let allows = |setting: &str, host: &str| HostName::parse(setting).unwrap().allows(host);
        assert!(allows("Example.com", "example.COM") && allows("10.0.0.1", "10.0.0.1"));
        assert!(allows("::1", "[::1]") && allows("[0:0::1]", "[::1]") && allows("*", "x"));
        assert!(allows("*.example.com", "a.example.com") && allows("*.example.com", "a.b.EXAMPLE.com"));
        assert!(!allows("example.com", "a.example.com") && !allows("example.com", "example.com.evil"));
        assert!(!allows("*.example.com", "example.com") && !allows("*.example.com", "evilexample.com"));
        assert!(!allows("*.example.com", ".example.com"));
    }

    #[test]
    fn what_is_no_host() {
        for bad in [
            "",
            "https://a",
            "a:80",
            "[::1]:80",
            "a/b",
            "a b",
            "*.",
            "*a",
            "a.*",
            ".a",
            "**",
            "*.*",
            "\u{e9}",
        ] {
            assert_eq!(HostName::parse(bad), None, "{bad}");
        }
    }
}
