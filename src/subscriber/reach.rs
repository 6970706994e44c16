//! Decides which addresses requests to feeds and hubs may use, which data may be sent there, and which hub is the one
//! of this process. It must not know when requests are sent or their results.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use hyper::Uri;
use hyper::header::HeaderValue;
use ipnet::IpNet;
use tokio::time::timeout;
use url::Url;

use super::discover::is_secure;
use crate::config::Config;
use crate::fetch::{Class, Fetch, Reach, Repeat};
use crate::metrics::Metrics;
use crate::store::FeedDescription;
use crate::transport::Endpoint;
use crate::web::own::OwnUrl;
use crate::web::urls::{self, WebUrl};

/// The deadline for the resolution of a name.
const RESOLUTION: Duration = Duration::from_secs(5);

/// The clients for feeds and hubs.
pub(super) struct Reached {
    /// To public addresses.
    pub(super) public: Fetch,
    /// To public addresses and those of `feeds.networks`.
    pub(super) networks: Fetch,
    /// To every address.
    pub(super) everywhere: Fetch,
    /// `feeds.networks`
    exempt: Arc<[IpNet]>,
    /// Hosts and ports at which feeds are allowed with any address.
    typed: Vec<(String, u16)>,
    /// The URL and the front of the hub of this process.
    own: Option<(OwnUrl, Arc<dyn Endpoint>)>,
}

impl Reached {
    pub(super) fn new(
        config: &Config,
        public_url: Option<&str>,
        hub: Option<&Arc<dyn Endpoint>>,
        metrics: &Metrics,
    ) -> Self {
        let exempt: Arc<[IpNet]> = config.feeds.networks.as_slice().into();
        // A duplicate of a request to a hub is harmless.
        let fetch = |reach| Fetch::of_class(Class::Feeds, reach, Repeat::Any, metrics);
        let own = public_url.zip(hub).map(|(url, hub)| {
            (OwnUrl::new(&format!("{url}{}", config.hub.path), config.hub.root), Arc::clone(hub))
        });
        Self {
            public: fetch(Reach::Networks(Arc::new([]))),
            networks: fetch(Reach::Networks(Arc::clone(&exempt))),
            everywhere: fetch(Reach::Everywhere),
            exempt,
            typed: config.feeds.exempt.clone(),
            own,
        }
    }

    /// Returns the client for the content of the feed at the URL `feed`, after so many redirects to `url`. The server
    /// of the feed chooses the target of a redirect, so the networks, and other hosts that were typed, are not allowed
    /// for it.
    pub(super) fn client_for_content(&self, feed: &str, url: &WebUrl, redirects: usize) -> &Fetch {
        let is_own = urls::read(feed).is_ok_and(|feed| (&feed.host, feed.port) == (&url.host, url.port));
        let is_typed = is_own && self.typed.iter().any(|(host, port)| *host == url.host && *port == url.port);
        match redirects {
            _ if is_typed => &self.everywhere,
            0 => &self.networks,
            _ => &self.public,
        }
    }

    /// Returns the hub of this process, if a URL is its own.
    pub(super) fn own_hub(&self, url: &str) -> Option<&Arc<dyn Endpoint>> {
        self.own.as_ref().filter(|(own, _)| own.is(url)).map(|(_, hub)| hub)
    }

    /// Whether a hub receives a secret: over HTTPS, in this process, or at an address of `feeds.networks`. Pushes of
    /// other hubs are unsigned.
    pub(super) fn sends_secret(&self, hub: &str) -> bool {
        let address = urls::read(hub).ok().and_then(|url| url.address);
        is_secure(hub)
            || self.own_hub(hub).is_some()
            || address.is_some_and(|address| self.is_exempt(address))
    }

    /// Returns the client for a hub. Only a hub that an operator names, or the hub of a feed that is itself in
    /// `feeds.networks`, may be in these networks.
    pub(super) async fn client_for(&self, feed: &FeedDescription, hub: &str) -> &Fetch {
        let is_named = feed.hub.as_deref() == Some(hub);
        if is_named || self.is_on_networks(&feed.url).await { &self.networks } else { &self.public }
    }

    /// Whether the address of a feed is in `feeds.networks`.
    async fn is_on_networks(&self, url: &str) -> bool {
        let Ok(uri) = urls::read(url).map(|url| url.location.parse::<Uri>()) else { return false };
        let Some(uri) = uri.ok().filter(|_| !self.exempt.is_empty()) else { return false };
        let address = timeout(RESOLUTION, self.networks.address(&uri)).await;
        address.ok().and_then(Result::ok).flatten().is_some_and(|address| self.is_exempt(address))
    }

    /// Whether an address is allowed by `feeds.networks` only.
    fn is_exempt(&self, address: IpAddr) -> bool {
        !Reach::Public.allows(address) && self.networks.reach().allows(address)
    }
}

/// Whether a hub receives the user and password of a feed: at the origin of the feed, or over HTTPS if the operator
/// names the hub. Other clients may have written a document that names another hub.
pub(super) fn sends_password(feed: &FeedDescription, hub: &str) -> bool {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    let is_named = feed.hub.as_deref() == Some(hub);
    is_named && is_secure(hub) || origin(hub).is_some_and(|hub| Some(hub) == origin(&feed.url))
}

/// Returns the header `Authorization` for the user of a feed.
pub(super) fn authorization(feed: &FeedDescription) -> Option<HeaderValue> {
    let user = feed.username.as_deref()?;
    let password = feed.password.as_deref().unwrap_or_default();
    let encoded = BASE64.encode(format!("{user}:{password}").as_bytes());
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hub;

    impl Endpoint for Hub {
        fn route(&self, _: crate::transport::Method, _: &str) -> Option<crate::transport::Route> {
            None
        }
    }

    fn reached(networks: &[&str]) -> Reached {
        let mut config = Config::default();
        config.feeds.networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let hub: Arc<dyn Endpoint> = Arc::new(Hub);
        Reached::new(&config, Some("http://push.example"), Some(&hub), &Metrics::default())
    }

    fn feed(url: &str, hub: Option<&str>) -> FeedDescription {
        FeedDescription {
            name: "blog".to_owned(),
            url: url.to_owned(),
            hub: hub.map(str::to_owned),
            poll: None,
            username: Some("me".to_owned()),
            password: Some("secret".to_owned()),
            public: false,
            title: None,
        }
    }

    #[test]
    fn secrets_go_only_to_hubs_that_nobody_on_the_way_can_read() {
        let reached = reached(&["10.0.0.0/8", "192.0.2.0/24"]);
        for hub in
            ["https://a.example/", "http://10.1.2.3/hub", "http://push.example/hub", "http://192.0.2.1/"]
        {
            assert!(reached.sends_secret(hub), "{hub}");
        }
        for hub in
            ["http://a.example/", "http://11.1.2.3/", "http://127.0.0.1/", "http://push.example/x", "x"]
        {
            assert!(!reached.sends_secret(hub), "{hub}");
        }
    }

    #[test]
    fn a_password_goes_to_hubs_at_the_origin_of_the_feed_and_to_the_one_that_the_operator_names() {
        let found = feed("http://blog.example/feed", None);
        assert!(sends_password(&found, "http://blog.example:80/hub"));
        for hub in [
            "https://hub.example/",
            "https://blog.example/hub",
            "http://hub.example/",
            "http://blog.example:8080/hub",
            "http://10.0.0.1/hub",
            "x",
        ] {
            assert!(!sends_password(&found, hub), "{hub}");
        }
        let named = |hub: &str| feed("http://blog.example/feed", Some(hub));
        assert!(sends_password(&named("https://hub.example/"), "https://hub.example/"));
        assert!(!sends_password(&named("https://hub.example/"), "https://other.example/"));
        assert!(
            !sends_password(&named("http://hub.example/"), "http://hub.example/"),
            "it is readable on the way"
        );
        let encoded = authorization(&found).unwrap();
        assert_eq!(encoded, "Basic bWU6c2VjcmV0");
        assert!(!format!("{encoded:?}").contains("bWU6"));
    }

    #[tokio::test]
    async fn a_public_feed_cannot_open_networks_for_its_hub() {
        let reached = reached(&["10.0.0.0/8"]);
        let has_networks = async |url: &str, hub: Option<&str>, asked: &str| {
            std::ptr::eq(reached.client_for(&feed(url, hub), asked).await, &raw const reached.networks)
        };
        let hub = "http://10.0.0.1/hub";
        assert!(has_networks("http://10.0.0.2/feed", None, hub).await);
        assert!(!has_networks("http://1.1.1.1/feed", None, hub).await);
        assert!(!has_networks("http://127.0.0.1/feed", None, hub).await);
        assert!(has_networks("http://1.1.1.1/feed", Some(hub), hub).await, "an operator names it");
        assert!(!has_networks("http://1.1.1.1/feed", Some("http://10.0.0.1/other"), hub).await);
    }

    #[test]
    fn content_comes_from_everywhere_for_a_typed_host_and_port_only() {
        let mut config = Config::default();
        config.feeds.networks = vec!["10.0.0.0/8".parse().unwrap()];
        config.feeds.exempt = vec![("localhost".to_owned(), 4000), ("a.example".to_owned(), 443)];
        let reached = Reached::new(&config, None, None, &Metrics::default());
        let client = |url: &str, redirects| {
            let feed = if redirects == 0 { url } else { "http://localhost:4000/feed" };
            let client = reached.client_for_content(feed, &urls::read(url).unwrap(), redirects);
            client.reach().clone()
        };
        let networks = || Reach::Networks(config.feeds.networks.as_slice().into());
        let public = || Reach::Networks(Arc::new([]));
        for (url, redirects, reach) in [
            ("http://localhost:4000/x", 0, Reach::Everywhere),
            ("http://LOCALHOST.:4000/x", 3, Reach::Everywhere),
            ("https://a.example/x", 0, Reach::Everywhere),
            ("https://a.example:4000/x", 0, networks()),
            ("http://localhost/x", 0, networks()),
            ("http://127.0.0.1:4000/x", 0, networks()),
            ("http://127.0.0.1:4000/x", 1, public()),
            ("http://localhost:4001/x", 1, public()),
            ("https://a.example/x", 1, public()),
        ] {
            assert_eq!(client(url, redirects), reach, "{url}, {redirects}");
        }
    }
}
