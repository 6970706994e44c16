//! The representation of feeds in the API. It never contains passwords.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::config;
use crate::store::{FeedRow, FeedSource};

#[derive(Serialize)]
pub(super) struct Feeds {
    feeds: Vec<Feed>,
}

#[derive(Serialize)]
struct Feed {
    name: String,
    url: String,
    /// The title of the description, or else that of the feed.
    title: Option<String>,
    site: Option<String>,
    channel: String,
    /// `config` or `store`
    source: &'static str,
    state: &'static str,
    username: Option<String>,
    topic: Option<String>,
    /// The hub in use.
    hub: Option<String>,
    /// Seconds until the lease ends.
    lease_expires_in: Option<u64>,
    /// Seconds since the last notification of the hub.
    last_push: Option<u64>,
    /// Seconds since the last fetch.
    last_poll: Option<u64>,
    /// Seconds until the next fetch; `null` for none.
    next_poll_in: Option<u64>,
    /// Seconds since the last entry.
    last_entry: Option<u64>,
    /// Entries that are kept.
    entries: u64,
    /// The number of entries that polls found without a push.
    missed: u64,
    /// Why the last fetch, or the last request to the hub, failed.
    failure: Option<String>,
}

impl Feeds {
    pub(super) fn new(rows: Vec<FeedRow>, settings: &config::Feeds) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Self { feeds: rows.into_iter().map(|row| feed(row, settings, now)).collect() }
    }
}

fn feed(row: FeedRow, settings: &config::Feeds, now: i64) -> Feed {
    // The clock of the database may differ.
    let seconds = |milliseconds: i64| u64::try_from(milliseconds / 1000).unwrap_or(0);
    let since = |at: Option<i64>| at.map(|at| seconds(now.saturating_sub(at)));
    let until = |at: Option<i64>| at.map(|at| seconds(at.saturating_sub(now)));
    let source = match row.source {
        FeedSource::Config => "config",
        FeedSource::Store => "store",
    };
    Feed {
        channel: settings.channel_of(&row.feed.name),
        name: row.feed.name,
        url: row.feed.url,
        title: row.feed.title.or(row.found_title),
        site: row.site,
        source,
        state: row.state.name(),
        username: row.feed.username,
        topic: row.topic,
        hub: row.hub,
        lease_expires_in: until(row.lease_until),
        last_push: since(row.pushed_at),
        last_poll: since(row.polled_at),
        next_poll_in: until(row.poll_due),
        last_entry: since(row.entry_at),
        entries: row.entries,
        missed: row.missed,
        failure: row.failure,
    }
}
