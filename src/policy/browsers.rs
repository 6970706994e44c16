//! From which pages a request may come. All transports are judged alike: what a browser sends along with them differs.

use crate::config::PageOrigin;
use crate::peer::Head;

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

/// The pages that may use the server.
pub struct Browsers {
    origins: Vec<PageOrigin>,
    /// Whether JSON-P is served.
    pub jsonp: bool,
}

impl Browsers {
    /// By the settings.
    #[must_use]
    pub fn new(settings: &crate::config::Browsers) -> Self {
        Self { origins: settings.origins.clone(), jsonp: settings.jsonp }
    }

    /// Judges the page of a request; a script is how JSON-P is asked for. Where the client uses TLS, a page that came without
    /// may be anybody's.
    #[must_use]
    pub fn judge(&self, head: &Head, is_script: bool, is_secure: bool) -> Page {
        let text = |name| head.get(name).and_then(|value| std::str::from_utf8(value).ok());
        if let Some(origin) = text("origin").filter(|origin| !origin.is_empty()) {
            return self.page(origin, head, is_secure);
        }
        // A browser does not say the origin of a page that loads a script.
        let referer = text("referer").and_then(origin_of);
        match text("sec-fetch-site") {
            Some("same-origin" | "none") => Page::Known,
            Some(_) => referer.map_or_else(|| self.unknown(), |origin| self.page(origin, head, is_secure)),
            None if is_script => {
                referer.map_or_else(|| self.unknown(), |origin| self.page(origin, head, is_secure))
            }
            // A program, or an old browser on a page of our own: others say the origin.
            None => Page::Known,
        }
    }

    fn page(&self, origin: &str, head: &Head, is_secure: bool) -> Page {
        let host = head.get("host").unwrap_or_default();
        let is_own = origin.split_once("://").is_some_and(|(scheme, authority)| {
            is_web(scheme, is_secure) && authority.as_bytes().eq_ignore_ascii_case(host)
        });
        if is_own || self.origins.iter().any(|allowed| allowed.allows(origin)) {
            return Page::Known;
        }
        self.unknown()
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

    fn judge(origins: &[&str], headers: &[(&str, &str)], is_script: bool) -> Page {
        let origins = origins.iter().map(|text| PageOrigin::try_from((*text).to_owned()).unwrap()).collect();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head =
            Head::new(format!("GET / HTTP/1.1\r\nHost: own.example:8000\r\n{headers}").as_bytes(), 4..5);
        Browsers::new(&crate::config::Browsers { origins, jsonp: true }).judge(&head, is_script, false)
    }

    #[test]
    fn an_origin_is_own_listed_foreign_or_forbidden() {
        let listed = ["https://app.example"];
        for (origin, by_default, with_list) in [
            ("http://own.example:8000", Page::Known, Page::Known),
            ("https://own.example:8000", Page::Known, Page::Known),
            ("https://app.example", Page::Foreign, Page::Known),
            ("https://evil.example", Page::Foreign, Page::Forbidden),
            ("http://own.example", Page::Foreign, Page::Forbidden),
            ("http://own.example:8000.evil.example", Page::Foreign, Page::Forbidden),
            ("null", Page::Foreign, Page::Forbidden),
            ("file://own.example:8000", Page::Foreign, Page::Forbidden),
        ] {
            assert_eq!(judge(&[], &[("Origin", origin)], false), by_default, "{origin}");
            assert_eq!(judge(&listed, &[("Origin", origin)], false), with_list, "{origin}");
        }
        assert_eq!(judge(&["*"], &[("Origin", "https://evil.example")], false), Page::Known);
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
}
