//! Samples for unit tests: a feed, and a subscriber with an empty store and no channels.

use std::sync::Arc;

use super::{Channels, Published, Subscriber};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{FeedDescription, Store};

/// Returns a feed with this URL.
pub(super) fn feed(url: &str) -> FeedDescription {
    FeedDescription {
        name: "blog".to_owned(),
        url: url.to_owned(),
        hub: None,
        poll: None,
        username: None,
        password: None,
        public: false,
        title: None,
    }
}

struct NoChannels;

impl Channels for NoChannels {
    fn publish<'a>(&'a self, _: &'a str, _: &'a str) -> Published<'a> {
        Box::pin(async { Err("there are no channels".to_owned()) })
    }

    fn is_public(&self, _: &str) -> bool {
        false
    }
}

/// Returns a subscriber at `https://push.example` with these settings.
pub(super) async fn subscriber(mut config: Config) -> Arc<Subscriber> {
    config.server.public_url = Some("https://push.example".to_owned());
    config.store.url = Some("sqlite::memory:".into());
    let metrics = Metrics::default();
    let store = Store::open(&config.store, metrics.clone()).await.unwrap();
    Subscriber::new(&config, store, Arc::new(NoChannels), None, metrics).unwrap()
}
