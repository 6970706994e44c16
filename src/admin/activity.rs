//! The activity on the page: sessions, messages and uptime. It must not know the page.

use tokio::time::Instant;

use crate::metrics::Metrics;

/// Totals since the start; a reader computes rates from two of them.
pub struct Activity {
    metrics: Metrics,
    started: Instant,
}

impl Activity {
    /// Counts the uptime from now on.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, started: Instant::now() }
    }

    /// Returns the number of live sessions, accepted publications and their deliveries, and the uptime in seconds, as a
    /// JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        let uptime = self.started.elapsed().as_secs_f64();
        format!(
            r#"{{"sessions":{},"published":{},"delivered":{},"uptime":{uptime:.3}}}"#,
            self.metrics.sessions.get(),
            self.metrics.publications.get(),
            self.metrics.deliveries.get()
        )
    }
}
