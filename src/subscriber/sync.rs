//! Makes the feeds of the settings those of the store, at the start and when the settings are read again. It must not know
//! how feeds are followed.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Subscriber;
use crate::config::Config;
use crate::store::FeedDescription;

/// The feeds of the settings.
pub(super) fn descriptions(config: &Config) -> Arc<[FeedDescription]> {
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
        let feeds = Arc::clone(&wanted.borrow_and_update());
        while let Err(error) = subscriber.store.sync_feeds(&feeds).await {
            // A reload in the meantime counts at the next turn.
            tracing::debug!(%error, "feeds of the settings not recorded");
            if !subscriber.wait(&Notify::new()).await {
                return;
            }
        }
        tokio::select! {
            // The sender is a part of the subscriber.
            _ = wanted.changed() => {}
            () = subscriber.stopped() => return,
        }
    }
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
        assert_eq!(*descriptions(&config), [expected]);
    }
}
