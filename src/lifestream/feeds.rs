//! The public feeds.
//!
//! It must not know their presentation.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::{self, Config};
use crate::entries::FeedInfo;
use crate::store::{self, FeedRow, FeedState, Store};
use crate::subscriber::Channels;

/// The lifetime of a cached list of feeds.
const FRESH: Duration = Duration::from_secs(1);
/// Maximum time for a starting server to record the configured feeds.
const START: Duration = Duration::from_secs(30);

/// The public feeds by name.
#[derive(Debug, Default)]
pub(super) struct Visible {
    by_name: HashMap<String, FeedInfo>,
    names: Vec<String>,
    /// Whether some feeds are not visible.
    has_hidden: bool,
}

impl Visible {
    /// Selects the public feeds. `is_public` decides about channels.
    pub(super) fn of(rows: Vec<FeedRow>, is_public: impl Fn(&str) -> bool) -> Self {
        let (seen, hidden): (Vec<_>, Vec<_>) =
            rows.into_iter().filter(|row| row.state != FeedState::Removed).partition(|row| {
                is_shown(row.feed.username.is_some(), row.feed.public) && is_public(&row.feed.name)
            });
        let info = |row: FeedRow| {
            let title = row.feed.title.or(row.found_title);
            FeedInfo { name: row.feed.name, title, site: row.site, topic: row.topic }
        };
        Self { has_hidden: !hidden.is_empty(), ..Self::some(seen.into_iter().map(info)) }
    }

    /// These feeds.
    pub(super) fn some(infos: impl IntoIterator<Item = FeedInfo>) -> Self {
        let mut visible = Self::default();
        visible.add(infos);
        visible
    }

    /// Adds feeds whose names are not present.
    fn add(&mut self, infos: impl IntoIterator<Item = FeedInfo>) {
        for info in infos {
            self.by_name.entry(info.name.clone()).or_insert(info);
        }
        self.names = self.by_name.keys().cloned().collect();
        self.names.sort_unstable();
    }

    /// Whether all feeds are public.
    pub(super) fn is_all(&self) -> bool {
        !self.has_hidden
    }

    /// Returns the feed of that name.
    pub(super) fn get(&self, name: &str) -> Option<&FeedInfo> {
        self.by_name.get(name)
    }

    /// Returns all names, sorted.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns all feeds by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &FeedInfo> {
        self.names.iter().filter_map(|name| self.by_name.get(name))
    }
}

/// Whether a feed with a public channel may be shown. A feed with a user requires a setting.
fn is_shown(has_user: bool, is_public: bool) -> bool {
    !has_user || is_public
}

/// Reads the visible feeds.
pub(super) struct Feeds {
    settings: config::Feeds,
    channels: Arc<dyn Channels>,
    last: Mutex<Read>,
}

struct Read {
    visible: Option<(Instant, Arc<Visible>)>,
    /// Configured feeds that the store may not have yet. A starting server records them soon; until then they are shown
    /// without entries.
    expected: Vec<config::Feed>,
    /// When the store was read first.
    began: Option<Instant>,
}

impl Read {
    /// Forgets the expected feeds when the store has them all, or after a while: the settings may have changed since.
    fn forget_recorded(&mut self, rows: &[FeedRow]) {
        let began = *self.began.get_or_insert_with(Instant::now);
        let has =
            |name: &str| rows.iter().any(|row| row.feed.name == name && row.state != FeedState::Removed);
        if began.elapsed() > START || self.expected.iter().all(|feed| has(&feed.name)) {
            self.expected = Vec::new();
        }
    }
}

impl Feeds {
    /// Creates the feeds of a server that starts with these settings.
    pub(super) fn new(config: &Config, channels: Arc<dyn Channels>) -> Self {
        let last = Read { visible: None, expected: config.feed.clone(), began: None };
        Self { settings: config.feeds.clone(), channels, last: Mutex::new(last) }
    }

    /// Returns the visible feeds of at most a second ago. Requests at the same time share one read.
    pub(super) async fn visible(&self, store: &Store) -> store::Result<Arc<Visible>> {
        let mut last = self.last.lock().await;
        if let Some((_, visible)) = last.visible.as_ref().filter(|(read, _)| read.elapsed() < FRESH) {
            return Ok(Arc::clone(visible));
        }
        let rows = store.feed_rows().await?;
        let is_public = |name: &str| self.channels.is_public(&self.settings.channel_of(name));
        last.forget_recorded(&rows);
        let mut visible = Visible::of(rows, is_public);
        let (seen, hidden): (Vec<_>, Vec<_>) = last
            .expected
            .iter()
            .partition(|feed| is_shown(feed.username.is_some(), feed.public) && is_public(&feed.name));
        visible.has_hidden |= !hidden.is_empty();
        visible.add(seen.into_iter().map(|feed| FeedInfo {
            name: feed.name.clone(),
            title: feed.title.clone(),
            ..FeedInfo::default()
        }));
        let visible = Arc::new(visible);
        last.visible = Some((Instant::now(), Arc::clone(&visible)));
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
