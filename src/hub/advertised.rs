//! Whether a topic names this hub, as WebSub, section 4, wants it. It fetches nothing.

use url::Url;

use super::links::Links;
use super::urls::{self, WebUrl};

/// Why a topic does not name this hub, for its publisher and the subscriber.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotNamed {
    #[error("the topic names no hub")]
    None,
    #[error("the topic does not name this hub")]
    Other,
    #[error("the topic names another URL as its own: {0}")]
    Self_(String),
}

/// Checks that a topic names the hub, and itself by the URL that was subscribed to. Without a self link that is `url`, where
/// the content was found.
pub(super) fn check(own: &OwnUrl, topic: &str, links: &Links, url: &Url) -> Result<(), NotNamed> {
    if links.hubs.is_empty() {
        return Err(NotNamed::None);
    }
    if !links.hubs.iter().any(|hub| own.is(hub)) {
        return Err(NotNamed::Other);
    }
    let self_url = links.self_url.as_deref().unwrap_or(url.as_str());
    let is_same = urls::read(self_url).is_ok_and(|self_url| self_url.key == topic);
    if is_same { Ok(()) } else { Err(NotNamed::Self_(self_url.to_owned())) }
}

/// The URL of this hub.
#[derive(Debug)]
pub(super) struct OwnUrl {
    place: Option<(String, u16, String)>,
    /// Whether the root of the host is the hub too.
    has_root: bool,
}

impl OwnUrl {
    pub(super) fn new(url: &str, has_root: bool) -> Self {
        Self { place: urls::read(url).ok().map(|url| place(&url)), has_root }
    }

    /// Whether a URL is that of this hub. A slash at its end does not matter, nor does the scheme: both lead here.
    fn is(&self, url: &str) -> bool {
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

    #[test]
    fn a_topic_names_the_hub_and_itself() {
        let own = OwnUrl::new("https://hub.example/hub", true);
        let topic = "http://a.example/feed";
        let checked = |hubs: &[&str], self_url: Option<&str>, url: &str| {
            let hubs = hubs.iter().map(|hub| (*hub).to_owned()).collect();
            let links = Links { hubs, self_url: self_url.map(str::to_owned) };
            check(&own, topic, &links, &Url::parse(url).unwrap())
        };
        let hubs = ["https://other.example/", "https://hub.example/hub"];
        assert_eq!(checked(&hubs, Some("HTTP://A.example:80/%66eed"), topic), Ok(()));
        assert_eq!(checked(&hubs, Some(topic), "https://cdn.example/1"), Ok(()));
        assert_eq!(checked(&hubs, None, topic), Ok(()));
        assert_eq!(checked(&[], Some(topic), topic), Err(NotNamed::None));
        assert_eq!(checked(&hubs[..1], Some(topic), topic), Err(NotNamed::Other));
        let other = "http://a.example/other";
        assert_eq!(checked(&hubs, Some(other), topic), Err(NotNamed::Self_(other.to_owned())));
        assert_eq!(checked(&hubs, None, other), Err(NotNamed::Self_(other.to_owned())));
    }
}
