//! The sections of `faye.toml` for followed feeds and for the page that shows them. Field names are the keys; defaults
//! are the documented defaults.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::{PageOrigin, Rate, Secret, units};

/// The value of `feed.hub` for no hub.
pub(super) const NO_HUB: &str = "none";

/// `[feeds]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feeds {
    /// The channel of a feed; its last segment is `{name}`, in place of the name.
    pub channel: String,
    /// The mean time between two polls of a feed without a working hub; `None` is never.
    #[serde(deserialize_with = "units::duration_or_never")]
    pub poll: Option<Duration>,
    /// The interval of polls for a feed with a working hub; `None` for never.
    #[serde(deserialize_with = "units::duration_or_never")]
    pub backup_poll: Option<Duration>,
    /// Entries of the first fetch that are kept. They are not published.
    pub backfill: usize,
    /// Bytes of a feed, and of a notification.
    #[serde(deserialize_with = "units::size")]
    pub size: usize,
    /// Networks beyond the public addresses that are allowed for configured feeds, and for hubs that such feeds name.
    #[serde(deserialize_with = "units::networks")]
    pub networks: Vec<IpNet>,
    /// Hosts in the form of URLs, with ports, at which feeds may have any address. Only `faye lifestream` sets them, no
    /// file.
    #[serde(skip)]
    pub exempt: Vec<(String, u16)>,
    /// Where entries are read from when a hub notifies.
    pub ingest: Ingest,
    /// The lease of subscriptions at hubs.
    #[serde(deserialize_with = "units::duration")]
    pub lease: Duration,
    /// Entries of a feed that are kept.
    pub keep: u64,
    /// How long entries are kept.
    #[serde(deserialize_with = "units::duration")]
    pub keep_for: Duration,
    /// Requests of one client to callbacks.
    pub rate: Rate,
    /// Maximum number of concurrent requests to feeds and hubs.
    pub concurrent: usize,
    /// Those of one host.
    pub per_host: usize,
}

impl Default for Feeds {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            channel: "/feeds/{name}".to_owned(),
            poll: Some(Duration::from_secs(15 * MINUTE)),
            backup_poll: Some(Duration::from_secs(6 * 60 * MINUTE)),
            backfill: 20,
            size: 5 * 1024 * 1024,
            networks: Vec::new(),
            exempt: Vec::new(),
            ingest: Ingest::Auto,
            lease: Duration::from_secs(10 * DAY),
            keep: 10_000,
            keep_for: Duration::from_secs(1000 * DAY),
            rate: Rate::per_second(100),
            concurrent: 32,
            per_host: 2,
        }
    }
}

impl Feeds {
    /// The place of the name in [`Feeds::channel`].
    pub const NAME: &str = "{name}";

    /// Feeds of all sources that one server follows.
    pub const MOST: usize = 10_000;

    /// Returns the channel of the feed of that name.
    #[must_use]
    pub fn channel_of(&self, name: &str) -> String {
        self.channel.replace(Self::NAME, name)
    }

    /// Returns the pattern of the channels of all feeds.
    #[must_use]
    pub fn pattern(&self) -> String {
        self.channel_of("*")
    }
}

/// Where entries are read from when a hub notifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ingest {
    /// From the notification if it is signed or arrived over HTTPS, otherwise from the feed.
    Auto,
    /// From the notification.
    Payload,
    /// From the feed.
    Fetch,
}

/// `[[feed]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The last segment of its channel.
    pub name: String,
    /// The URL.
    pub url: String,
    /// The hub to use in place of the feed's hubs; `none` for no hub.
    #[serde(default)]
    pub hub: Option<String>,
    /// In place of `feeds.poll` and `feeds.backup_poll`.
    #[serde(default, deserialize_with = "units::maybe_duration_or_never")]
    pub poll: Option<Option<Duration>>,
    /// The user of the feed and of its hub (HTTP Basic).
    #[serde(default)]
    pub username: Option<String>,
    /// The password of that user.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Whether any client may see a feed that has a `username`.
    #[serde(default)]
    pub public: bool,
    /// In place of the title in the feed.
    #[serde(default)]
    pub title: Option<String>,
}

/// `[lifestream]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifestream {
    /// Whether the page is served; by default if there are feeds.
    pub enabled: Option<bool>,
    /// The path of the page.
    pub path: String,
    /// The title of the page.
    pub title: Option<String>,
    /// A text below the title.
    pub intro: Option<String>,
    /// The colour of links and marks, as `#rrggbb`.
    pub accent: Option<String>,
    /// A style sheet that follows those of the page.
    pub css: Option<PathBuf>,
    /// Whether images are shown or only linked.
    pub images: Images,
    /// Entries of one page.
    pub page: usize,
    /// Origins whose pages may embed the page.
    pub embed_origins: Vec<PageOrigin>,
    /// Requests of one client to the page and its lists.
    pub rate: Rate,
}

impl Default for Lifestream {
    fn default() -> Self {
        Self {
            enabled: None,
            path: "/lifestream".to_owned(),
            title: None,
            intro: None,
            accent: None,
            css: None,
            images: Images::Show,
            page: 50,
            embed_origins: Vec::new(),
            rate: Rate::per_second(50),
        }
    }
}

/// How a page has images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    /// Images are shown.
    Show,
    /// They are links.
    Link,
}
