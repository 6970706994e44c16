//! Metrics of the feeds that the server follows. A feed has its own label for the first [`NAMED`] names of this process;
//! later ones are summed as `other`.

use std::collections::HashSet;
use std::sync::OnceLock;

use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::hub::{HubRequest, HubResult};

/// Feeds with a label of their own.
const NAMED: usize = 200;

/// The label of all other feeds. A feed with this name is counted among them.
const OTHER: &str = "other";

/// Labels of a change of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedChange {
    /// The name of the feed, or `other`.
    feed: String,
    /// `created`, `updated`, `deleted` or `rewritten`.
    change: &'static str,
}

/// The label of a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedResult {
    /// The name of the feed, or `other`.
    feed: String,
    /// One of a few words.
    result: &'static str,
}

/// The label of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedName {
    /// The name of the feed, or `other`.
    feed: String,
}

/// The label of a state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedLabel {
    /// The name of a state, as in `faye feeds list`.
    state: &'static str,
}

/// The metrics of feeds. They are absent from the exposition until [`Feeds::enable`] is called.
#[derive(Debug, Default)]
pub struct Feeds {
    enabled: OnceLock<()>,
    /// The feeds with a label of their own.
    names: RwLock<HashSet<String>>,
    entries: Family<FeedChange, Counter>,
    polls: Family<FeedResult, Counter>,
    missed: Family<FeedName, Counter>,
    pushes: Family<FeedResult, Counter>,
    callbacks: Family<HubRequest, Counter>,
    calls: Family<HubResult, Counter>,
    publications: Family<HubResult, Counter>,
    states: Family<FeedLabel, Gauge>,
}

impl Feeds {
    /// Adds the metrics to the text.
    pub fn enable(&self) {
        self.enabled.get_or_init(|| ());
    }

    /// Counts entries of a feed that were recorded with one change: `created`, `updated`, `deleted`, or `rewritten` for
    /// changes that are not published.
    pub fn entries(&self, feed: &str, change: &'static str, count: u64) {
        if count > 0 {
            self.entries.get_or_create(&FeedChange { feed: self.label(feed), change }).inc_by(count);
        }
    }

    /// Counts a fetch of a feed: `changed`, `unchanged`, `failed`, or `lost` if its claim was lost.
    pub fn poll(&self, feed: &str, result: &'static str) {
        self.polls.get_or_create(&FeedResult { feed: self.label(feed), result }).inc();
    }

    /// Counts entries that a poll found without a push of the hub.
    pub fn missed(&self, feed: &str, count: u64) {
        if count > 0 {
            self.missed.get_or_create(&FeedName { feed: self.label(feed) }).inc_by(count);
        }
    }

    /// Counts a notification of a hub: `read`, `fetch` if the feed is fetched instead, `unsigned` or `forged` if the
    /// signature is missing or wrong, `empty`, `broken`, `failed`.
    pub fn push(&self, feed: &str, result: &'static str) {
        self.pushes.get_or_create(&FeedResult { feed: self.label(feed), result }).inc();
    }

    /// Counts a request to a callback: `subscribe`, `unsubscribe`, `denied`, `push` or `none`.
    pub fn callback(&self, mode: &'static str, code: u16) {
        self.callbacks.get_or_create(&HubRequest { mode, code }).inc();
    }

    /// Counts a request to a hub: `accepted`, `retried`, `refused`, `lost`.
    pub fn call(&self, result: &'static str) {
        self.calls.get_or_create(&HubResult { result }).inc();
    }

    /// Counts publications of entries: `published`, `refused` (permanently), `failed` (temporarily).
    pub fn publications(&self, result: &'static str, count: u64) {
        if count > 0 {
            self.publications.get_or_create(&HubResult { result }).inc_by(count);
        }
    }

    /// Sets the number of feeds in a state.
    pub fn set_state(&self, state: &'static str, count: u64) {
        let gauge = self.states.get_or_create(&FeedLabel { state });
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Returns the value of the label of a feed.
    fn label(&self, feed: &str) -> String {
        if self.names.read().contains(feed) {
            return feed.to_owned();
        }
        let mut names = self.names.write();
        // Another thread may have added it.
        let is_named = feed != OTHER && (names.len() < NAMED || names.contains(feed));
        if is_named {
            names.insert(feed.to_owned());
        }
        if is_named { feed } else { OTHER }.to_owned()
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        if self.enabled.get().is_none() {
            return;
        }
        registry.register("feeds", "Feeds that are followed, by state", self.states.clone());
        let help = "Entries recorded, by feed and change";
        registry.register("feed_entries", help, self.entries.clone());
        registry.register("feed_polls", "Fetches of feeds, by feed and result", self.polls.clone());
        let help = "Entries that a poll found and a hub should have pushed, by feed";
        registry.register("feed_missed", help, self.missed.clone());
        let help = "Notifications of hubs, by feed and result";
        registry.register("feed_pushes", help, self.pushes.clone());
        let help = "Requests to callbacks of subscriptions, by mode and status code";
        registry.register("feed_callbacks", help, self.callbacks.clone());
        registry.register("feed_calls", "Subscription requests to hubs, by result", self.calls.clone());
        let help = "Publications of entries, by result";
        registry.register("feed_publications", help, self.publications.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;

    #[test]
    fn the_first_names_have_their_own_label_and_the_rest_is_summed() {
        let metrics = Metrics::default();
        assert!(!metrics.text().contains("faye_feed"), "off");
        metrics.feeds.enable();
        for _ in 0..2 {
            for number in 0..250 {
                metrics.feeds.poll(&format!("feed-{number}"), "changed");
            }
        }
        metrics.feeds.poll("other", "changed");
        metrics.feeds.entries("feed-0", "created", 3);
        metrics.feeds.entries("feed-249", "created", 4);
        metrics.feeds.entries("feed-1", "created", 0);
        metrics.feeds.set_state("active", 7);
        let text = metrics.text();
        let lines = text.lines().filter(|line| line.starts_with("faye_feed_polls_total{"));
        assert_eq!(lines.count(), super::NAMED + 1);
        for line in [
            "faye_feed_polls_total{feed=\"feed-199\",result=\"changed\"} 2",
            "faye_feed_polls_total{feed=\"other\",result=\"changed\"} 101",
            "faye_feed_entries_total{feed=\"feed-0\",change=\"created\"} 3",
            "faye_feed_entries_total{feed=\"other\",change=\"created\"} 4",
            "faye_feeds{state=\"active\"} 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(!text.contains("feed-1\",change"), "nothing happened");
    }
}
