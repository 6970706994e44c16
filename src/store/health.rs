//! Whether the store can be used: the flag, the metric and one line in the log for each change.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::metrics::Metrics;

pub(super) struct Health {
    is_up: AtomicBool,
    /// Why the store could not be used the last time.
    reason: Mutex<String>,
    pub(super) metrics: Metrics,
}

impl Health {
    pub(super) fn new(metrics: Metrics) -> Self {
        metrics.hub.enable_store();
        metrics.hub.store_up.set(1);
        Self { is_up: AtomicBool::new(true), reason: Mutex::default(), metrics }
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Returns why the store could not be used the last time.
    pub(super) fn reason(&self) -> String {
        self.reason.lock().clone()
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
        reason.clone_into(&mut self.reason.lock());
        if self.is_up.swap(false, Ordering::Relaxed) {
            self.metrics.hub.store_up.set(0);
            tracing::warn!(
                reason,
                "store unavailable; the hub answers 503 until it can be used, messaging goes on"
            );
        }
    }
}
