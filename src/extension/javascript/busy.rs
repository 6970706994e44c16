//! Since when the thread of JavaScript runs what it runs, for those who look from outside.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What the thread is at.
pub(super) struct Busy {
    origin: Instant,
    /// Milliseconds from the origin to the begin of the call, and one more; 0 while there is none.
    since: AtomicU64,
}

impl Default for Busy {
    fn default() -> Self {
        Self { origin: Instant::now(), since: AtomicU64::new(0) }
    }
}

impl Busy {
    /// A call begins.
    pub(super) fn begin(&self) {
        self.since.store(self.now() + 1, Ordering::Relaxed);
    }

    /// It has ended.
    pub(super) fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// Whether a call has been running for longer.
    pub(super) fn is_longer_than(&self, time: Duration) -> bool {
        let since = self.since.load(Ordering::Relaxed);
        since > 0 && u128::from(self.now().saturating_sub(since)) > time.as_millis()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}
