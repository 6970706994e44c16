//! Settings that all sessions of a server share. It must not know sessions.

use std::sync::Arc;

use tokio::time::Duration;

use super::mailbox::Bounds;
use crate::budget::Budget;
use crate::metrics::Metrics;

/// What holds for all sessions of a server.
pub struct Terms {
    /// What a mailbox may hold.
    pub bounds: Bounds,
    /// How long a session lives after its last connect.
    pub lifetime: Duration,
    /// What a mailbox may hold before the first connect.
    pub unconnected_bounds: Bounds,
    /// How long a session waits for its first connect.
    pub unconnected_lifetime: Duration,
    /// What memory is charged to.
    pub budget: Arc<Budget>,
    /// The counters.
    pub metrics: Metrics,
}

impl Terms {
    /// Terms without a budget, which are the same before the first connect and after it.
    #[must_use]
    pub fn new(bounds: Bounds, lifetime: Duration, metrics: Metrics) -> Self {
        let budget = Budget::unlimited();
        let (unconnected_bounds, unconnected_lifetime) = (bounds, lifetime);
        Self { bounds, lifetime, unconnected_bounds, unconnected_lifetime, budget, metrics }
    }

    pub(super) fn bounds(&self, is_connected: bool) -> Bounds {
        if is_connected { self.bounds } else { self.unconnected_bounds }
    }
}
