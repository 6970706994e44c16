//! The URL of the hub of this process. It must not know its users.

use super::urls::{self, WebUrl};

/// The URL of this hub.
#[derive(Debug)]
pub(crate) struct OwnUrl {
    place: Option<(String, u16, String)>,
    /// Whether the root of the host is the hub too.
    has_root: bool,
}

impl OwnUrl {
    pub(crate) fn new(url: &str, has_root: bool) -> Self {
        Self { place: urls::read(url).ok().map(|url| place(&url)), has_root }
    }

    /// Whether a URL is the URL of this hub. A trailing slash and the scheme are irrelevant: both lead here.
    pub(crate) fn is(&self, url: &str) -> bool {
        let Some((host, port, path)) = &self.place else { return false };
        urls::read(url).is_ok_and(|url| {
            let (other, other_port, other_path) = place(&url);
            let is_path = other_path == *path || self.has_root && other_path.is_empty();
            other == *host && other_port == *port && is_path
        })
    }
}

/// Host, port and path with the query.
fn place(url: &WebUrl) -> (String, u16, String) {
    let port = if url.port == 80 { 443 } else { url.port };
    let path = url.key.splitn(4, '/').nth(3).unwrap_or_default();
    (url.host.clone(), port, path.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_the_hub_has_a_few_spellings() {
        let own = OwnUrl::new("https://hub.example/hub", true);
        for same in [
            "https://hub.example/hub",
            "https://HUB.example:443/hub/",
            "http://hub.example/hub",
            "http://hub.example:80/%68ub",
            "https://hub.example",
            "http://hub.example/",
        ] {
            assert!(own.is(same), "{same}");
        }
        for other in [
            "https://hub.example/hub2",
            "https://hub.example/hub/x",
            "https://hub.example/hub?x",
            "https://hub.example:8443/hub",
            "https://hub.example.org/hub",
            "https://a.example/https://hub.example/hub",
            "hub.example/hub",
            "",
        ] {
            assert!(!own.is(other), "{other}");
        }
        assert!(!OwnUrl::new("https://hub.example/hub", false).is("https://hub.example/"));
        let local = OwnUrl::new("http://127.0.0.1:8000/hub", true);
        assert!(local.is("http://127.0.0.1:8000/hub/") && !local.is("http://127.0.0.1/hub"));
    }
}
