//! The metrics of the histories in memory.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The histories in memory, as of the last second.
#[derive(Debug, Default)]
pub struct Histories {
    /// Channels with a history.
    pub channels: Gauge,
    /// Bytes of their publications.
    pub bytes: Gauge,
    /// Publications removed because of a limit in `[history]`.
    pub displaced: Counter,
}

impl Histories {
    /// Records the present size, and how many publications were removed so far.
    pub fn set(&self, channels: usize, bytes: usize, displaced: u64) {
        self.channels.set(i64::try_from(channels).unwrap_or(i64::MAX));
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.displaced.inc_by(displaced.saturating_sub(self.displaced.get()));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("history_channels", "Channels with a history in memory", self.channels.clone());
        registry.register("history_bytes", "Memory used for histories", self.bytes.clone());
        registry.register(
            "history_displaced",
            "Publications removed from histories in memory: a limit of [history] was exceeded",
            self.displaced.clone(),
        );
    }
}
