//! The topics and callbacks that the hub accepts. Decisions depend on URLs and settings only; nothing is fetched.

use super::Hub;
use crate::config::TopicPolicy;
use crate::web::urls::{self, WebUrl};

/// The only place at `server.public_url` that callbacks may be at.
const OWN_CALLBACKS: &str = "/websub/callback/";

/// Whether a topic may be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A channel of this server.
    Local,
    /// It may, without a check.
    Accepted,
    /// It may if it names this hub.
    NeedsCheck,
    /// It may not; the setting that would allow it.
    Refused(&'static str),
}

/// Returns the standing of a topic.
pub(super) fn standing(hub: &Hub, topic: &WebUrl) -> Standing {
    if hub.is_local(&topic.key) {
        return Standing::Local;
    }
    if hub.listed.have(&topic.key) {
        return Standing::Accepted;
    }
    match hub.settings.policy {
        TopicPolicy::Open => Standing::Accepted,
        TopicPolicy::Advertised => Standing::NeedsCheck,
        TopicPolicy::Listed => Standing::Refused("hub.topics"),
    }
}

/// Whether a topic has to name the hub.
pub(super) fn needs_check(hub: &Hub, topic: &str) -> bool {
    urls::read(topic).is_ok_and(|topic| standing(hub, &topic) == Standing::NeedsCheck)
}

/// The reason for the end of a subscription to a topic that is no longer allowed, for the subscriber.
pub(super) const REFUSED: &str = "this hub does not accept the topic";

/// Whether the settings refuse a topic, for instance one that was subscribed to with earlier settings.
pub(super) fn is_refused(hub: &Hub, topic: &str) -> bool {
    urls::read(topic).is_ok_and(|topic| matches!(standing(hub, &topic), Standing::Refused(_)))
}

/// Whether callbacks may have this URL: at this server only its own subscribers may.
pub(super) fn is_callback(public_url: &str, callback: &WebUrl) -> bool {
    let Ok(own) = urls::read(public_url) else { return false };
    // A server that is reached at 443 is often reached at 80 too, and the other way round.
    let is_default = |port| matches!(port, 80 | 443);
    let is_same_port = own.port == callback.port || is_default(own.port) && is_default(callback.port);
    own.host != callback.host || !is_same_port || is_own_callback(public_url, callback)
}

/// Whether a callback is a subscriber of this server, to which no connection is made.
pub(super) fn is_own_callback(public_url: &str, callback: &WebUrl) -> bool {
    let Ok(own) = urls::read(public_url) else { return false };
    let path = callback.location.strip_prefix(own.key.trim_end_matches('/'));
    path.and_then(|path| path.strip_prefix(OWN_CALLBACKS)).is_some_and(|name| !name.is_empty())
}

/// `hub.topics`: prefixes of URLs, by whole host and path segments.
#[derive(Debug, Default)]
pub(super) struct Prefixes(Vec<String>);

impl Prefixes {
    /// Reads prefixes.
    ///
    /// # Errors
    /// A text that names the setting and the prefix that is not a URL.
    pub(super) fn new(prefixes: &[String]) -> Result<Self, String> {
        let read = |prefix: &String| {
            let url = urls::read(prefix).map_err(|error| format!("hub.topics: {prefix:?} {error}"))?;
            Ok(url.key)
        };
        prefixes.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a normalised URL begins with one of them. A prefix with a query is a whole URL.
    pub(super) fn have(&self, key: &str) -> bool {
        let path = key.split('?').next().unwrap_or_default();
        self.0.iter().any(|prefix| {
            prefix == key
                || path
                    .strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        urls::read(text).unwrap().key
    }

    #[test]
    fn prefixes_end_between_segments() {
        let texts = [
            "https://Chromic.org",
            "http://a.example:8080/blog",
            "http://b.example/feeds/",
            "http://c.example/x?f=1",
        ];
        let prefixes = Prefixes::new(&texts.map(str::to_owned)).unwrap();
        for listed in [
            "https://chromic.org/",
            "https://CHROMIC.org:443/feed.xml?x",
            "http://a.example:8080/blog",
            "http://a.example:8080/blog?page=2",
            "http://a.example:8080/%62log/feed",
            "http://b.example/feeds/1",
            "http://b.example/feeds/",
            "http://c.example/x?f=1",
        ] {
            assert!(prefixes.have(&key(listed)), "{listed}");
        }
        for other in [
            "http://chromic.org/",
            "https://chromic.org.evil.example/",
            "https://chromic.organic/",
            "https://evil.example/https://chromic.org/",
            "https://sub.chromic.org/",
            "https://chromic.org:8443/",
            "http://a.example/blog",
            "http://a.example:8080/blogger",
            "http://a.example:8080/",
            "http://a.example:8080/blog/../x",
            "http://a.example:8080/x/blog",
            "http://b.example/feeds",
            "http://b.example/feedsx",
            "http://c.example/x",
            "http://c.example/x?f=12",
            "http://c.example/x?f=1&g",
            "http://c.example/x/y",
        ] {
            assert!(!prefixes.have(&key(other)), "{other}");
        }
        let error = Prefixes::new(&["chromic.org".to_owned()]).unwrap_err();
        assert!(error.starts_with("hub.topics: \"chromic.org\" is not"), "{error}");
    }

    #[test]
    fn callbacks_at_the_server_are_its_own_subscribers() {
        let is_callback = |own: &str, text: &str| is_callback(own, &urls::read(text).unwrap());
        for good in [
            "https://other.example/hub",
            "https://hub.example:8443/hub",
            "https://hub.example/websub/callback/x",
            "HTTPS://HUB.example:443/websub/callback/x?y",
        ] {
            assert!(is_callback("https://hub.example", good), "{good}");
        }
        for bad in [
            "https://hub.example/",
            "https://hub.example./",
            "https://hub.example/hub",
            "http://hub.example/hub",
            "http://hub.example/websub/callback/x",
            "https://hub.example/websub/callback",
            "https://hub.example/websub/callback/",
            "https://hub.example/websub/callback/../../hub",
            "https://hub.example/websub/callback/%2e%2e/%2e%2e/hub",
            "https://hub.example/websub/callbackx/y",
        ] {
            assert!(!is_callback("https://hub.example", bad), "{bad}");
        }
        assert!(is_callback("http://127.0.0.1:8000", "http://127.0.0.1:9000/hub"));
        assert!(!is_callback("http://127.0.0.1:8000", "http://127.0.0.1:8000/hub"));
        assert!(is_callback("http://127.0.0.1:8000", "http://127.0.0.1:8000/websub/callback/x"));
    }
}
