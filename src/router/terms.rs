//! Settings that all sessions of a server share. This module must not depend on sessions.

use std::sync::{Arc, OnceLock};

use tokio::time::Duration;

use super::mailbox::Bounds;
use super::replaying::StartReplay;
use crate::budget::Budget;
use crate::metrics::Metrics;

/// Settings of all sessions of a server.
pub struct Terms {
    /// The capacity of a mailbox.
    pub bounds: Bounds,
    /// The lifetime of a session after its last connect.
    pub lifetime: Duration,
    /// The capacity of a mailbox before the first connect.
    pub unconnected_bounds: Bounds,
    /// The lifetime of a session before its first connect.
    pub unconnected_lifetime: Duration,
    /// The memory budget.
    pub budget: Arc<Budget>,
    /// The metrics.
    pub metrics: Metrics,
    /// Starts replays; set once, before the first session.
    pub pager: OnceLock<Arc<dyn StartReplay>>,
}

impl Terms {
    /// Creates terms without a budget, with the same bounds and lifetime before and after the first connect.
    #[must_use]
    pub fn new(bounds: Bounds, lifetime: Duration, metrics: Metrics) -> Self {
        let budget = Budget::unlimited();
        let (unconnected_bounds, unconnected_lifetime) = (bounds, lifetime);
        Self {
            bounds,
            lifetime,
            unconnected_bounds,
            unconnected_lifetime,
            budget,
            metrics,
            pager: OnceLock::new(),
        }
    }

    pub(super) fn bounds(&self, is_connected: bool) -> Bounds {
        if is_connected { self.bounds } else { self.unconnected_bounds }
    }
}
