//! The message counts of one direction.

use std::sync::atomic::{AtomicU64, Ordering};

/// A monotonic counter.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(super) struct Counters {
    /// Received from one server.
    pub(super) received: Counter,
    /// Accepted by the other server.
    pub(super) forwarded: Counter,
    /// From the other server, or forwarded before.
    pub(super) duplicates: Counter,
    /// Refused by the other server.
    pub(super) refused: Counter,
    /// Dropped because the queue was full.
    pub(super) dropped: Counter,
    /// The value of `received` in the last report.
    reported: Counter,
}

impl Counters {
    /// Returns whether a message was received since the last report.
    pub(super) fn is_news(&self) -> bool {
        self.received.get() != self.reported.get()
    }

    pub(super) fn was_reported(&self) {
        self.reported.add(self.received.get() - self.reported.get());
    }
}
