//! The origin check: which pages may send requests. It is the same for all transports; the headers that browsers send
//! differ between them.

use std::net::IpAddr;

use super::hosts::Hosts;
use crate::config::{Config, PageOrigin};
use crate::peer::{Authority, Head};

/// The class of the page that sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// An allowed page, or a client that is not a page.
    Known,
    /// An unknown page, while every page is allowed. Credentials that its browser adds automatically are
    /// ignored.
    Foreign,
    /// A page that is not allowed.
    Forbidden,
}

/// The inputs of the origin check.
#[derive(Clone, Copy)]
pub struct PageRequest<'a> {
    /// The request head.
    pub head: &'a Head,
    /// Whether a `<script>` element may have sent the request, as with JSON-P.
    pub is_script: bool,
    /// Whether the client uses TLS, to this server or to a trusted proxy.
    pub is_secure: bool,
    /// The address that accepted the connection.
    pub local: &'a dyn Fn() -> Option<IpAddr>,
}

/// The allowed origins.
pub struct Origins {
    origins: Vec<PageOrigin>,
    hosts: Hosts,
    /// `server.public_url`, the origin of the server's own pages.
    public: Option<String>,
    /// Whether JSON-P is enabled.
    pub jsonp: bool,
}

impl Origins {
    /// Reads the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let settings = &config.browsers;
        Self {
            origins: settings.origins.clone(),
            hosts: Hosts::new(config),
            public: config.server.public_url.clone(),
            jsonp: settings.jsonp,
        }
    }

    /// Classifies the page of a request. For a client with TLS, a page loaded without TLS is not an own page.
    #[must_use]
    pub fn classify(&self, request: &PageRequest<'_>) -> Page {
        let head = request.head;
        if let Some(origin) = head.get("origin").filter(|origin| !origin.is_empty()) {
            // No browser sends an origin that is not UTF-8.
            let origin = std::str::from_utf8(origin);
            return origin.map_or_else(|_| self.unknown(), |origin| self.page(origin, request));
        }
        // Browsers send no `Origin` with scripts and navigations; some omit it in requests to the page's own host.
        let text = |name| head.get(name).and_then(|value| std::str::from_utf8(value).ok());
        match (text("sec-fetch-site"), text("referer").and_then(origin_of)) {
            (Some("same-origin" | "none"), _) => Page::Known,
            (_, Some(origin)) => self.page(origin, request),
            (Some(_), None) => self.unknown(),
            // A page can suppress the referer.
            (None, None) if request.is_script => self.unknown(),
            // Not a browser.
            (None, None) => Page::Known,
        }
    }

    fn page(&self, origin: &str, request: &PageRequest<'_>) -> Page {
        if self.is_own(origin, request) || self.origins.iter().any(|allowed| allowed.allows(origin)) {
            return Page::Known;
        }
        self.unknown()
    }

    /// Returns whether a page of another host sent the request, including pages of `browsers.origins`. Programs send
    /// no `Origin` and do not count.
    #[must_use]
    pub fn is_of_other_host(&self, request: &PageRequest<'_>) -> bool {
        let Some(origin) = request.head.get("origin").filter(|origin| !origin.is_empty()) else {
            return false;
        };
        std::str::from_utf8(origin).map_or(true, |origin| !self.is_own(origin, request))
    }

    /// Returns whether a page was loaded from the server: from `server.public_url`, or from the host and port of the
    /// request if that host is an own host.
    fn is_own(&self, origin: &str, request: &PageRequest<'_>) -> bool {
        if self.public.as_ref().is_some_and(|public| public.eq_ignore_ascii_case(origin)) {
            return true;
        }
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let (Some(page), Some(own)) = (Authority::parse(authority.as_bytes()), request.head.authority())
        else {
            return false;
        };
        is_web(scheme, request.is_secure)
            && page.is_same(own, scheme)
            && self.hosts.contains(own, request.local)
    }

    fn unknown(&self) -> Page {
        match self.origins.as_slice() {
            [] => Page::Foreign,
            origins if origins.contains(&PageOrigin::Any) => Page::Known,
            _ => Page::Forbidden,
        }
    }
}

fn is_web(scheme: &str, is_secure: bool) -> bool {
    scheme.eq_ignore_ascii_case("https") || !is_secure && scheme.eq_ignore_ascii_case("http")
}

/// Returns the origin of a URL.
fn origin_of(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    Some(&url[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classifies a request to this host.
    fn classify_at(host: &str, origins: &[&str], headers: &[(&str, &str)], is_script: bool) -> Page {
        let mut config = Config::default();
        config.browsers.origins =
            origins.iter().map(|text| PageOrigin::try_from((*text).to_owned()).unwrap()).collect();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = Head::new(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{headers}").as_bytes(), 4..5);
        let local = || None;
        Origins::new(&config).classify(&PageRequest {
            head: &head,
            is_script,
            is_secure: false,
            local: &local,
        })
    }

    fn classify(origins: &[&str], headers: &[(&str, &str)], is_script: bool) -> Page {
        classify_at("localhost:8000", origins, headers, is_script)
    }

    #[test]
    fn an_origin_is_own_listed_foreign_or_forbidden() {
        let listed = ["https://app.example"];
        for (origin, by_default, with_list) in [
            ("http://localhost:8000", Page::Known, Page::Known),
            ("https://localhost:8000", Page::Known, Page::Known),
            ("https://app.example", Page::Foreign, Page::Known),
            ("https://evil.example", Page::Foreign, Page::Forbidden),
            ("http://localhost", Page::Foreign, Page::Forbidden),
            ("http://localhost:8000.evil.example", Page::Foreign, Page::Forbidden),
            ("null", Page::Foreign, Page::Forbidden),
            ("file://localhost:8000", Page::Foreign, Page::Forbidden),
            ("http://", Page::Foreign, Page::Forbidden),
            ("http://user@localhost:8000", Page::Foreign, Page::Forbidden),
        ] {
            assert_eq!(classify(&[], &[("Origin", origin)], false), by_default, "{origin}");
            assert_eq!(classify(&listed, &[("Origin", origin)], false), with_list, "{origin}");
        }
        assert_eq!(classify(&["*"], &[("Origin", "https://evil.example")], false), Page::Known);
        assert_eq!(classify(&["null"], &[("Origin", "null")], false), Page::Known);
        assert_eq!(classify(&["file://"], &[("Origin", "file://")], false), Page::Known);
    }

    #[test]
    fn pages_of_other_hosts() {
        let mut config = Config::default();
        config.server.public_url = Some("https://push.example".to_owned());
        config.browsers.origins = vec![PageOrigin::Any];
        let browsers = Origins::new(&config);
        let of = |host: &str, origin: Option<&str>| {
            let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
            let head = Head::new(format!("POST / HTTP/1.1\r\nHost: {host}\r\n{origin}").as_bytes(), 5..6);
            let local = || None;
            browsers.is_of_other_host(&PageRequest {
                head: &head,
                is_script: false,
                is_secure: false,
                local: &local,
            })
        };
        for (host, origin) in [
            ("push.example", None),
            ("push.example", Some("https://push.example")),
            // A proxy has replaced the host.
            ("127.0.0.1:8000", Some("https://push.example")),
            ("localhost:8000", Some("http://localhost:8000")),
        ] {
            assert!(!of(host, origin), "{host} {origin:?}");
        }
        for (host, origin) in [
            ("push.example", "https://evil.example"),
            ("evil.example", "https://evil.example"),
            ("push.example", "https://push.example.evil.example"),
            ("push.example", "null"),
            ("localhost:8000", "http://localhost:9000"),
        ] {
            assert!(of(host, Some(origin)), "{host} {origin}");
        }
    }

    #[test]
    fn a_name_that_is_not_known_to_be_the_servers_makes_no_page_its_own() {
        for (host, origin) in [
            ("evil.example", "http://evil.example"),
            ("evil.example:8000", "http://evil.example:8000"),
            ("10.0.0.1:8000", "http://10.0.0.1:8000"),
            ("localhost.evil.example", "http://localhost.evil.example"),
        ] {
            assert_eq!(
                classify_at(host, &["https://app.example"], &[("Origin", origin)], false),
                Page::Forbidden
            );
            assert_eq!(classify_at(host, &[], &[("Origin", origin)], false), Page::Foreign);
            assert_eq!(
                classify_at(host, &["https://app.example"], &[("Referer", origin)], true),
                Page::Forbidden
            );
        }
    }

    #[test]
    fn the_port_that_a_scheme_has_by_default_may_be_left_out() {
        let listed = ["https://app.example"];
        for (host, origin, page) in [
            ("localhost:443", "https://localhost", Page::Known),
            ("localhost", "https://localhost:443", Page::Known),
            ("localhost:80", "http://localhost", Page::Known),
            ("[::1]:80", "http://[::1]", Page::Known),
            ("localhost:443", "http://localhost", Page::Forbidden),
            ("localhost:80", "https://localhost", Page::Forbidden),
            ("localhost", "http://localhost:8000", Page::Forbidden),
        ] {
            assert_eq!(classify_at(host, &listed, &[("Origin", origin)], false), page, "{host} {origin}");
        }
    }

    #[test]
    fn a_script_is_judged_by_what_the_browser_says_of_it() {
        let listed = ["https://app.example"];
        let referer = [("Referer", "https://app.example/page?x#y")];
        assert_eq!(classify(&listed, &referer, true), Page::Known);
        assert_eq!(
            classify(&listed, &[("Referer", "https://evil.example/https://app.example")], true),
            Page::Forbidden
        );
        assert_eq!(classify(&listed, &[], true), Page::Forbidden, "a page can hide the referer");
        assert_eq!(classify(&listed, &[("Sec-Fetch-Site", "cross-site")], true), Page::Forbidden);
        assert_eq!(classify(&listed, &[("Sec-Fetch-Site", "same-origin")], true), Page::Known);
        assert_eq!(classify(&[], &[], true), Page::Foreign);
    }

    #[test]
    fn a_program_is_no_page() {
        assert_eq!(classify(&["https://app.example"], &[], false), Page::Known);
        assert_eq!(classify(&[], &[], false), Page::Known);
        assert_eq!(
            classify(&["https://app.example"], &[("Sec-Fetch-Site", "cross-site")], false),
            Page::Forbidden
        );
    }

    #[test]
    fn where_the_origin_is_missing_the_referer_counts() {
        let listed = ["https://app.example"];
        for (referer, by_default, with_list) in [
            ("https://app.example/page", Page::Foreign, Page::Known),
            ("http://localhost:8000/", Page::Known, Page::Known),
            ("https://evil.example/", Page::Foreign, Page::Forbidden),
        ] {
            for is_script in [false, true] {
                assert_eq!(classify(&[], &[("Referer", referer)], is_script), by_default, "{referer}");
                assert_eq!(classify(&listed, &[("Referer", referer)], is_script), with_list, "{referer}");
            }
        }
        let both = [("Referer", "https://evil.example/"), ("Origin", "https://app.example")];
        assert_eq!(classify(&listed, &both, false), Page::Known);
        let own = [("Referer", "https://evil.example/"), ("Sec-Fetch-Site", "none")];
        assert_eq!(classify(&listed, &own, false), Page::Known);
    }
}
