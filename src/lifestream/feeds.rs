//! The feeds that strangers may see.
//!
//! It must not know how they are shown.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config;
use crate::entries::FeedInfo;
use crate::store::{self, FeedRow, FeedState, Store};
use crate::subscriber::Channels;

/// How long the list of feeds is used before it is read again.
const FRESH: Duration = Duration::from_secs(1);

/// The feeds that strangers may see, by name.
#[derive(Debug, Default)]
pub(super) struct Visible {
    by_name: HashMap<String, FeedInfo>,
    names: Vec<String>,
}

impl Visible {
    /// Those of these feeds that strangers may see. `is_public` decides about channels.
    pub(super) fn of(rows: Vec<FeedRow>, is_public: impl Fn(&str) -> bool) -> Self {
        let is_visible = |row: &FeedRow| {
            row.state != FeedState::Removed
                && (row.feed.username.is_none() || row.feed.public)
                && is_public(&row.feed.name)
        };
        let info = |row: FeedRow| {
            let name = row.feed.name;
            let title = row.feed.title.or(row.found_title);
            (name.clone(), FeedInfo { name, title, site: row.site, topic: row.topic })
        };
        let by_name: HashMap<_, _> = rows.into_iter().filter(is_visible).map(info).collect();
        let mut names: Vec<_> = by_name.keys().cloned().collect();
        names.sort_unstable();
        Self { by_name, names }
    }

    #[cfg(test)]
    pub(super) fn some(infos: impl IntoIterator<Item = FeedInfo>) -> Self {
        let by_name: HashMap<_, _> = infos.into_iter().map(|info| (info.name.clone(), info)).collect();
        let mut names: Vec<_> = by_name.keys().cloned().collect();
        names.sort_unstable();
        Self { by_name, names }
    }

    /// The feed of that name.
    pub(super) fn get(&self, name: &str) -> Option<&FeedInfo> {
        self.by_name.get(name)
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// All feeds by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &FeedInfo> {
        self.names.iter().filter_map(|name| self.by_name.get(name))
    }
}

/// Reads the visible feeds.
pub(super) struct Feeds {
    settings: config::Feeds,
    channels: Arc<dyn Channels>,
    last: Mutex<Option<(Instant, Arc<Visible>)>>,
}

impl Feeds {
    pub(super) fn new(settings: config::Feeds, channels: Arc<dyn Channels>) -> Self {
        Self { settings, channels, last: Mutex::new(None) }
    }

    /// The visible feeds of at most a second ago. Requests at the same time share one read.
    pub(super) async fn visible(&self, store: &Store) -> store::Result<Arc<Visible>> {
        let mut last = self.last.lock().await;
        if let Some((_, visible)) = last.as_ref().filter(|(read, _)| read.elapsed() < FRESH) {
            return Ok(Arc::clone(visible));
        }
        let rows = store.feed_rows().await?;
        let is_public = |name: &str| self.channels.is_public(&self.settings.channel_of(name));
        let visible = Arc::new(Visible::of(rows, is_public));
        *last = Some((Instant::now(), Arc::clone(&visible)));
        Ok(visible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{FeedDescription, FeedSource};

    fn row(name: &str, username: Option<&str>, public: bool, state: FeedState) -> FeedRow {
        let feed = FeedDescription {
            name: name.to_owned(),
            url: "https://a.example/feed".to_owned(),
            hub: None,
            poll: None,
            username: username.map(str::to_owned),
            password: None,
            public,
            title: None,
        };
        FeedRow {
            id: 1,
            feed,
            source: FeedSource::Config,
            state,
            found_title: Some("Title".to_owned()),
            site: None,
            topic: None,
            hub: None,
            lease_until: None,
            pushed_at: None,
            polled_at: None,
            poll_due: None,
            entry_at: None,
            entries: 0,
            missed: 0,
            failure: None,
        }
    }

    #[test]
    fn strangers_see_public_feeds_only() {
        let rows = vec![
            row("open", None, false, FeedState::Active),
            row("login", Some("ana"), false, FeedState::Active),
            row("login-public", Some("ana"), true, FeedState::Polling),
            row("by-rule", None, true, FeedState::Active),
            row("removed", None, false, FeedState::Removed),
        ];
        let visible = Visible::of(rows, |name| name != "by-rule");
        assert_eq!(visible.names(), ["login-public", "open"]);
        assert_eq!(visible.get("open").unwrap().title.as_deref(), Some("Title"));
        assert!(visible.get("login").is_none());
    }
}
