//! The worker that ends leases, queues renewals, removes obsolete data, and sets the gauges of the hub. The store
//! defines what is obsolete.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Hub;
use crate::store::Result;

/// The time between two rounds.
const PAUSE: Duration = Duration::from_secs(1);
/// Minimum pause, for leases of seconds.
const SHORTEST: Duration = Duration::from_millis(50);
/// Maximum pause, while the store is slow.
const LONGEST: Duration = Duration::from_secs(30);
/// Rounds during the shortest lease, at least: a renewal is queued in its last tenth.
const ROUNDS: u32 = 40;
/// The pause after a round as a multiple of its duration, which bounds the share of the store's time.
const REST: u32 = 20;

/// Works until the hub stops.
pub(super) async fn work(hub: Arc<Hub>) {
    let least = (hub.settings.lease_min / ROUNDS).clamp(SHORTEST, PAUSE);
    let mut pause = least;
    loop {
        // Jitter, so that several instances do not sweep at the same time.
        let pause_now = pause.mul_f64(0.9 + 0.2 * fastrand::f64());
        tokio::select! {
            () = tokio::time::sleep(pause_now) => {}
            () = hub.workers.stopped() => return,
        }
        let begin = Instant::now();
        pause = match round(&hub).await {
            Ok(()) => (begin.elapsed() * REST).clamp(least, LONGEST),
            Err(error) => {
                tracing::debug!(%error, "sweep failed");
                PAUSE
            }
        };
    }
}

async fn round(hub: &Hub) -> Result<()> {
    let swept = hub.store.sweep().await?;
    if swept.expired + swept.renewals + swept.topics > 0 {
        let (expired, renewals, topics) = (swept.expired, swept.renewals, swept.topics);
        tracing::debug!(expired, renewals, topics, "swept");
    }
    let counts = hub.store.counts().await?;
    let metrics = &hub.metrics.hub;
    let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    metrics.subscriptions.set(gauge(counts.subscriptions));
    metrics.verifications_pending.set(gauge(counts.requests));
    metrics.deliveries_waiting.set(gauge(counts.deliveries));
    Ok(())
}
