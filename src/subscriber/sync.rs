//! Copies the configured feeds to the store, at the start and on a reload. It must not know how feeds are followed.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Subscriber;
use crate::config::Config;
use crate::store::{FeedDescription, PollRates, Result};

/// The settings of feeds that a reload changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The feeds of the settings.
    pub(super) feeds: Vec<FeedDescription>,
    /// How often feeds are polled.
    pub(super) rates: PollRates,
}

impl Wanted {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        let rates = PollRates { poll: config.feeds.poll, backup_poll: config.feeds.backup_poll };
        Arc::new(Self { feeds: descriptions(config), rates })
    }
}

/// Returns the feeds of the settings.
fn descriptions(config: &Config) -> Vec<FeedDescription> {
    let describe = |feed: &crate::config::Feed| FeedDescription {
        name: feed.name.clone(),
        url: feed.url.clone(),
        hub: feed.hub.clone(),
        poll: feed.poll,
        username: feed.username.clone(),
        password: feed.password.as_ref().map(|password| password.expose().to_owned()),
        public: feed.public,
        title: feed.title.clone(),
    };
    config.feed.iter().map(describe).collect()
}

/// Works until the subscriber stops.
pub(super) async fn work(subscriber: Arc<Subscriber>) {
    let mut wanted = subscriber.wanted.subscribe();
    loop {
        let now = Arc::clone(&wanted.borrow_and_update());
        while let Err(error) = record(&subscriber, &now).await {
            // A reload in the meantime counts at the next turn.
            tracing::debug!(%error, "feeds of the settings not recorded");
            if !subscriber.workers.wait(&Notify::new()).await {
                return;
            }
        }
        tokio::select! {
            // The sender is a part of the subscriber.
            _ = wanted.changed() => {}
            () = subscriber.workers.stopped() => return,
        }
    }
}

async fn record(subscriber: &Subscriber, wanted: &Wanted) -> Result<()> {
    subscriber.store.sync_feeds(&wanted.feeds).await?;
    // Feeds that were never polled may be from now on, and the other way round.
    subscriber.store.schedule_feeds(wanted.rates).await?;
    subscriber.store.unschedule_feeds(wanted.rates).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Feed;

    #[test]
    fn a_feed_of_the_settings_is_described_whole() {
        let mut config = Config::default();
        config.feed.push(Feed {
            name: "blog".to_owned(),
            url: "https://blog.example/feed".to_owned(),
            hub: Some("none".to_owned()),
            poll: Some(Some(Duration::from_secs(1))),
            username: Some("me".to_owned()),
            password: Some("secret".into()),
            public: true,
            title: Some("Blog".to_owned()),
        });
        let expected = FeedDescription {
            name: "blog".to_owned(),
            url: "https://blog.example/feed".to_owned(),
            hub: Some("none".to_owned()),
            poll: Some(Some(Duration::from_secs(1))),
            username: Some("me".to_owned()),
            password: Some("secret".to_owned()),
            public: true,
            title: Some("Blog".to_owned()),
        };
        assert_eq!(descriptions(&config), [expected]);
    }
}
