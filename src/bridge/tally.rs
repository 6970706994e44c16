//! What has become of the messages of one direction.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
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
    /// Came from the one server.
    pub(super) heard: Count,
    /// Were accepted by the other server.
    pub(super) carried: Count,
    /// Have been at the other server already, or were carried before.
    pub(super) known: Count,
    /// Were refused by the other server.
    pub(super) refused: Count,
    /// Had to go because too much waited.
    pub(super) dropped: Count,
    /// What `heard` was when it was last reported.
    reported: Count,
}

impl Tally {
    /// Whether anything has come since it was last reported.
    pub(super) fn is_news(&self) -> bool {
        self.heard.get() != self.reported.get()
    }

    pub(super) fn was_reported(&self) {
        self.reported.add(self.heard.get() - self.reported.get());
    }
}
