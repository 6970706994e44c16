//! Whether the store can be used: the flag, the metric and one line in the log for each change.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::metrics::Metrics;

pub(super) struct Health {
    is_up: AtomicBool,
    pub(super) metrics: Metrics,
}

impl Health {
    pub(super) fn new(metrics: Metrics) -> Self {
        metrics.hub.enable();
        metrics.hub.store_up.set(1);
        Self { is_up: AtomicBool::new(true), metrics }
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// A write has reached the store.
    pub(super) fn succeeded(&self) {
        if !self.is_up() && !self.is_up.swap(true, Ordering::Relaxed) {
            self.metrics.hub.store_up.set(1);
            tracing::info!("store available again");
        }
    }

    /// An operation has not reached the store.
    pub(super) fn failed(&self, reason: &str) {
        if self.is_up.swap(false, Ordering::Relaxed) {
            self.metrics.hub.store_up.set(0);
            tracing::warn!(
                reason,
                "store unavailable; the hub answers 503 until it can be used, messaging goes on"
            );
        }
    }
}
