//! The message counts of one direction.

use std::sync::atomic::{AtomicU64, Ordering};

/// A monotonic counter.
#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(super) struct Tally {
    /// Received from one server.
    pub(super) received: Count,
    /// Accepted by the other server.
    pub(super) forwarded: Count,
    /// From the other server, or forwarded before.
    pub(super) duplicates: Count,
    /// Refused by the other server.
    pub(super) refused: Count,
    /// Dropped because the queue was full.
    pub(super) dropped: Count,
    /// The value of `received` in the last report.
    reported: Count,
}

impl Tally {
    /// Returns whether a message was received since the last report.
    pub(super) fn is_news(&self) -> bool {
        self.received.get() != self.reported.get()
    }

    pub(super) fn was_reported(&self) {
        self.reported.add(self.received.get() - self.reported.get());
    }
}
