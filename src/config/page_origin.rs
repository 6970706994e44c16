//! Page origins (RFC 6454) in settings: `https://example.com`, or `https://*.example.com` for every name below a
//! domain, but not the domain itself. `null` and `file://` stand for pages without a host.

use serde::Deserialize;

use super::HostName;

/// Origins of pages without a host: files, sandboxed frames, `data:` URLs.
const WITHOUT_HOST: [&str; 2] = ["null", "file://"];

/// One origin, or all of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PageOrigin {
    /// Every page.
    Any,
    /// Exactly this, in lower case.
    One(String),
    /// Origins with the first text as prefix (`https://`) and the second as suffix (`.example.com:8443`).
    Below(String, String),
}

impl TryFrom<String> for PageOrigin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not an origin"))
    }
}

impl PageOrigin {
    /// Parses `scheme://host` or `scheme://host:port`, whose host may start with `*.`. Removes the default port of the
    /// scheme, as browsers do. Returns `None` for other texts.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if WITHOUT_HOST.contains(&text.as_str()) {
            return Some(Self::One(text));
        }
        let (scheme, authority) = text.split_once("://")?;
        if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            || scheme.is_empty()
        {
            return None;
        }
        let default = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let authority = authority.strip_suffix(default).unwrap_or(authority);
        let is_host = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
        };
        match authority.strip_prefix("*.") {
            Some(domain) if is_host(domain) => {
                Some(Self::Below(format!("{scheme}://"), format!(".{domain}")))
            }
            None if is_host(authority) => Some(Self::One(format!("{scheme}://{authority}"))),
            _ => None,
        }
    }

    /// Returns the hosts of the pages; `None` for `*` and for schemes other than http and https.
    #[must_use]
    pub fn host(&self) -> Option<HostName> {
        let without_port = |authority: &str| match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
            _ => authority.to_owned(),
        };
        let is_web = |scheme: &str| matches!(scheme, "http" | "https");
        match self {
            Self::Any => None,
            Self::One(one) => {
                let (scheme, authority) = one.split_once("://")?;
                HostName::parse(&without_port(authority)).filter(|_| is_web(scheme))
            }
            Self::Below(scheme, domain) => {
                let host = HostName::parse(&format!("*{}", without_port(domain)));
                host.filter(|_| is_web(scheme.trim_end_matches("://")))
            }
        }
    }

    /// Whether a page of this origin, as a browser spells it, is meant.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one.eq_ignore_ascii_case(origin),
            Self::Below(scheme, domain) => {
                let origin = origin.to_ascii_lowercase();
                let inner =
                    origin.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_suffix(domain.as_str()));
                inner.is_some_and(|name| {
                    !name.is_empty()
                        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(setting: &str, origin: &str) -> bool {
        PageOrigin::try_from(setting.to_owned()).unwrap().allows(origin)
    }

    #[test]
    fn an_origin_is_compared_as_a_whole() {
        assert!(allows("https://example.com", "https://example.com"));
        assert!(allows("https://Example.com:443", "https://example.com"));
        for other in [
            "http://example.com",
            "https://example.com:8443",
            "https://example.com.evil.org",
            "https://evil-example.com",
            "https://a.example.com",
            "null",
            "",
        ] {
            assert!(!allows("https://example.com", other), "{other}");
        }
    }

    #[test]
    fn a_star_stands_for_names_below_a_domain() {
        assert!(allows("https://*.example.com", "https://a.example.com"));
        assert!(allows("https://*.example.com", "https://a.b.example.com"));
        assert!(allows("http://*.example.com:8080", "http://a.example.com:8080"));
        for other in [
            "https://example.com",
            "https://.example.com",
            "https://evilexample.com",
            "https://evil.org/.example.com",
            "https://evil.org#.example.com",
            "https://user@a.example.com",
            "http://a.example.com",
            "https://a.example.com:8443",
        ] {
            assert!(!allows("https://*.example.com", other), "{other}");
        }
    }

    #[test]
    fn pages_without_a_host_can_be_named() {
        assert!(allows("null", "null") && allows("file://", "file://"));
        assert!(!allows("null", "file://") && !allows("file://", "null") && !allows("null", "https://null"));
        assert!(allows("capacitor://localhost", "capacitor://localhost"));
    }

    #[test]
    fn the_host_of_an_origin() {
        let host = |text: &str| PageOrigin::try_from(text.to_owned()).unwrap().host();
        assert_eq!(host("https://a.example"), HostName::parse("a.example"));
        assert_eq!(host("http://a.example:8080"), HostName::parse("a.example"));
        assert_eq!(host("https://[::1]"), HostName::parse("::1"));
        assert_eq!(host("https://[::1]:8443"), HostName::parse("::1"));
        assert_eq!(host("https://*.example:8443"), HostName::parse("*.example"));
        for none in ["*", "null", "file://", "capacitor://a.example", "chrome-extension://abc"] {
            assert_eq!(host(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_origin() {
        for bad in
            ["example.com", "https://", "https://a/b", "https://*", "https://a.*.b", "://a", "https://a b"]
        {
            assert!(PageOrigin::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
