//! From which pages a request may come. All transports are judged alike: what a browser sends along with them differs.

use std::net::IpAddr;

use super::hosts::Hosts;
use crate::config::{Config, PageOrigin};
use crate::peer::{Authority, Head};

/// Which page a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// One that may use the server, or no page at all.
    Known,
    /// Some page, where every page may use the server; what its browser sends by itself counts for nothing.
    Foreign,
    /// One that may not use the server.
    Forbidden,
}

/// A request, as far as its page is judged by it.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// The head of the request.
    pub head: &'a Head,
    /// Whether it may come from a `<script>` of a page, as JSON-P does.
    pub is_script: bool,
    /// Whether the client uses TLS, with us or with a trusted proxy.
    pub is_secure: bool,
    /// The address at which the connection was accepted.
    pub local: &'a dyn Fn() -> Option<IpAddr>,
}

/// The pages that may use the server.
pub struct Browsers {
    origins: Vec<PageOrigin>,
    hosts: Hosts,
    /// `server.public_url`, which is the origin of the server's own pages.
    public: Option<String>,
    /// Whether JSON-P is served.
    pub jsonp: bool,
}

impl Browsers {
    /// By the settings.
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

    /// Judges the page of a request. If the client uses TLS, a page that was loaded without TLS is not the server's own.
    #[must_use]
    pub fn judge(&self, visit: &Visit<'_>) -> Page {
        let head = visit.head;
        if let Some(origin) = head.get("origin").filter(|origin| !origin.is_empty()) {
            // No browser sends an origin that is not UTF-8.
            let origin = std::str::from_utf8(origin);
            return origin.map_or_else(|_| self.unknown(), |origin| self.page(origin, visit));
        }
        // Browsers send no origin with scripts and navigations, and some send none with requests to the page's own host.
        let text = |name| head.get(name).and_then(|value| std::str::from_utf8(value).ok());
        match (text("sec-fetch-site"), text("referer").and_then(origin_of)) {
            (Some("same-origin" | "none"), _) => Page::Known,
            (_, Some(origin)) => self.page(origin, visit),
            (Some(_), None) => self.unknown(),
            // A page can suppress the referer.
            (None, None) if visit.is_script => self.unknown(),
            // A program.
            (None, None) => Page::Known,
        }
    }

    fn page(&self, origin: &str, visit: &Visit<'_>) -> Page {
        if self.is_own(origin, visit) || self.origins.iter().any(|allowed| allowed.allows(origin)) {
            return Page::Known;
        }
        self.unknown()
    }

    /// Whether a page of another host sent the request. Pages of `browsers.origins` are such pages; programs, which send no
    /// `Origin`, are not.
    #[must_use]
    pub fn is_of_other_host(&self, visit: &Visit<'_>) -> bool {
        let Some(origin) = visit.head.get("origin").filter(|origin| !origin.is_empty()) else { return false };
        std::str::from_utf8(origin).map_or(true, |origin| !self.is_own(origin, visit))
    }

    /// Whether a page was loaded from the server itself: from `server.public_url`, or from the host and port of the request
    /// if the host is an own host.
    fn is_own(&self, origin: &str, visit: &Visit<'_>) -> bool {
        if self.public.as_ref().is_some_and(|public| public.eq_ignore_ascii_case(origin)) {
            return true;
        }
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let (Some(page), Some(own)) = (Authority::parse(authority.as_bytes()), visit.head.authority()) else {
            return false;
        };
        is_web(scheme, visit.is_secure) && page.is_same(own, scheme) && self.hosts.have(own, visit.local)
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

/// The origin of a URL.
fn origin_of(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    Some(&url[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges a request for this host.
    fn judge_at(host: &str, origins: &[&str], headers: &[(&str, &str)], is_script: bool) -> Page {
        let mut config = Config::default();
        config.browsers.origins =
            origins.iter().map(|text| PageOrigin::try_from((*text).to_owned()).unwrap()).collect();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = Head::new(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{headers}").as_bytes(), 4..5);
        let local = || None;
        Browsers::new(&config).judge(&Visit { head: &head, is_script, is_secure: false, local: &local })
    }

    fn judge(origins: &[&str], headers: &[(&str, &str)], is_script: bool) -> Page {
        judge_at("localhost:8000", origins, headers, is_script)
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
            assert_eq!(judge(&[], &[("Origin", origin)], false), by_default, "{origin}");
            assert_eq!(judge(&listed, &[("Origin", origin)], false), with_list, "{origin}");
        }
        assert_eq!(judge(&["*"], &[("Origin", "https://evil.example")], false), Page::Known);
        assert_eq!(judge(&["null"], &[("Origin", "null")], false), Page::Known);
        assert_eq!(judge(&["file://"], &[("Origin", "file://")], false), Page::Known);
    }

    #[test]
    fn pages_of_other_hosts() {
        let mut config = Config::default();
        config.server.public_url = Some("https://push.example".to_owned());
        config.browsers.origins = vec![PageOrigin::Any];
        let browsers = Browsers::new(&config);
        let of = |host: &str, origin: Option<&str>| {
            let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
            let head = Head::new(format!("POST / HTTP/1.1\r\nHost: {host}\r\n{origin}").as_bytes(), 5..6);
            let local = || None;
            browsers.is_of_other_host(&Visit {
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
                judge_at(host, &["https://app.example"], &[("Origin", origin)], false),
                Page::Forbidden
            );
            assert_eq!(judge_at(host, &[], &[("Origin", origin)], false), Page::Foreign);
            assert_eq!(
                judge_at(host, &["https://app.example"], &[("Referer", origin)], true),
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
            assert_eq!(judge_at(host, &listed, &[("Origin", origin)], false), page, "{host} {origin}");
        }
    }

    #[test]
    fn a_script_is_judged_by_what_the_browser_says_of_it() {
        let listed = ["https://app.example"];
        let referer = [("Referer", "https://app.example/page?x#y")];
        assert_eq!(judge(&listed, &referer, true), Page::Known);
        assert_eq!(
            judge(&listed, &[("Referer", "https://evil.example/https://app.example")], true),
            Page::Forbidden
        );
        assert_eq!(judge(&listed, &[], true), Page::Forbidden, "a page can hide the referer");
        assert_eq!(judge(&listed, &[("Sec-Fetch-Site", "cross-site")], true), Page::Forbidden);
        assert_eq!(judge(&listed, &[("Sec-Fetch-Site", "same-origin")], true), Page::Known);
        assert_eq!(judge(&[], &[], true), Page::Foreign);
    }

    #[test]
    fn a_program_is_no_page() {
        assert_eq!(judge(&["https://app.example"], &[], false), Page::Known);
        assert_eq!(judge(&[], &[], false), Page::Known);
        assert_eq!(
            judge(&["https://app.example"], &[("Sec-Fetch-Site", "cross-site")], false),
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
                assert_eq!(judge(&[], &[("Referer", referer)], is_script), by_default, "{referer}");
                assert_eq!(judge(&listed, &[("Referer", referer)], is_script), with_list, "{referer}");
            }
        }
        let both = [("Referer", "https://evil.example/"), ("Origin", "https://app.example")];
        assert_eq!(judge(&listed, &both, false), Page::Known);
        let own = [("Referer", "https://evil.example/"), ("Sec-Fetch-Site", "none")];
        assert_eq!(judge(&listed, &own, false), Page::Known);
    }
}
