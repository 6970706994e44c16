//! Channels as feeds: the history of a channel whose rule has `syndicate`, as Atom and as JSON Feed, for readers and
//! for subscribers of the hub.
//!
//! This module must not know where histories are stored. It reads them through [`Channels`]; [`Feeds::appended`]
//! notifies it of publications.

mod description;
mod document;
mod endpoint;
mod entry;
mod feed;
mod html;
mod publish;
mod text;

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::broker::Span;
use crate::config::{Config, History};
use crate::store::Store;
use crate::web::urls;
use description::Description;
use feed::Feed;

/// A message in the history of a channel.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its number. Later messages of the channel have higher ones.
    pub number: u64,
    /// When it was published, in milliseconds since 1970.
    pub at: i64,
    /// Its data, as JSON.
    pub data: Bytes,
}

/// The newest messages of a channel.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    /// The messages after the requested number, newest first, up to the limit.
    pub messages: Vec<Kept>,
    /// The number of the oldest message of the history; `None` if it is empty.
    pub oldest: Option<u64>,
}

/// The history cannot be read for now.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// The future of [`Channels::recent`].
pub type RecentFuture<'a> = Pin<Box<dyn Future<Output = Result<Recent, Unavailable>> + Send + 'a>>;

/// The channels of the server.
pub trait Channels: Send + Sync {
    /// Returns the bounds of the history of a channel, if the current rules syndicate it under that name.
    fn history(&self, channel: &str, name: &str) -> Option<History>;

    /// Returns the newest messages of a channel.
    fn recent<'a>(&'a self, channel: &'a str, span: Span) -> RecentFuture<'a>;

    /// Whether histories are shared with other instances, and outlive this one.
    fn is_shared(&self) -> bool;
}

fn descriptions(config: &Config) -> impl Iterator<Item = Description> {
    let public_url = config.server.public_url.as_deref().map(|url| url.trim_end_matches('/'));
    let hub = config.hub.enabled.then_some(config.hub.path.as_str());
    config.channel.iter().filter_map(move |rule| {
        Some(Description::new(public_url?, rule.syndicate.as_ref()?, &rule.pattern, hub))
    })
}

/// Returns the normalised URLs of all feeds, which are topics of the hub.
pub(super) fn topics(config: &Config) -> HashSet<String> {
    descriptions(config).flat_map(|feed| [topic(&feed.atom), topic(&feed.json)]).collect()
}

/// Returns the topic of a feed's URL.
fn topic(url: &str) -> String {
    urls::read(url).map_or_else(|_| url.to_owned(), |url| url.key)
}

/// All feeds.
pub struct Feeds {
    by_channel: HashMap<String, Arc<Feed>>,
    by_name: HashMap<String, Arc<Feed>>,
    channels: Arc<dyn Channels>,
    /// The store with the deliveries of the hub; `None` without a hub.
    store: Option<Store>,
    /// The shortest time between two versions of a feed for subscribers.
    interval: Duration,
}

impl Feeds {
    /// Creates the configured feeds; `None` without any. `store` is the store of the hub, if it is enabled.
    #[must_use]
    pub fn new(config: &Config, channels: Arc<dyn Channels>, store: Option<Store>) -> Option<Arc<Self>> {
        let feeds = descriptions(config).map(|feed| Arc::new(Feed::new(feed, config.hub.topic_size)));
        let feeds: Vec<_> = feeds.collect();
        let by = |key: fn(&Description) -> &String| {
            feeds.iter().map(|feed| (key(&feed.description).clone(), Arc::clone(feed))).collect()
        };
        let is_empty = feeds.is_empty();
        let feeds = Self {
            by_channel: by(|description| &description.channel),
            by_name: by(|description| &description.name),
            channels,
            store,
            interval: config.hub.fetch_interval,
        };
        (!is_empty).then(|| Arc::new(feeds))
    }

    /// Notifies the feed of a channel of a new publication in the history. Does not block.
    pub fn appended(&self, channel: &str) {
        if let Some(feed) = self.by_channel.get(channel) {
            feed.changed.notify_one();
        }
    }
}
