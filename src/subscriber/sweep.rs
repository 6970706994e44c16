//! The worker that removes entries that are too many or too old, and sets the gauges of feeds. Which entries these are, only
//! the store decides.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Subscriber;
use crate::store::{FeedState, Result};

/// The time between two rounds of removal.
const SWEEP: Duration = Duration::from_secs(60);
/// The shortest time between two updates of the gauges.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum pause, with many feeds.
const LONGEST: Duration = Duration::from_secs(60);
/// The pause after an update as a multiple of its duration, which bounds the share of the store's time.
const REST: u32 = 50;

/// Works until the subscriber stops.
pub(super) async fn work(subscriber: Arc<Subscriber>) {
    let mut sweep_due = Instant::now();
    while !subscriber.workers.is_stopping() {
        if sweep_due <= Instant::now() {
            note(sweep(&subscriber).await);
            // Jitter, so that several instances do not sweep at the same time.
            sweep_due = Instant::now() + SWEEP.mul_f64(0.9 + 0.2 * fastrand::f64());
        }
        let begin = Instant::now();
        note(count(&subscriber).await);
        tokio::select! {
            () = tokio::time::sleep((begin.elapsed() * REST).clamp(PAUSE, LONGEST)) => {}
            () = subscriber.workers.stopped() => {}
        }
    }
}

fn note(result: Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "sweep of feeds failed");
    }
}

async fn sweep(subscriber: &Subscriber) -> Result<()> {
    let settings = &subscriber.settings;
    // A feed may have gained or lost a hub, which changes its rate.
    subscriber.store.schedule_feeds(subscriber.rates()).await?;
    let entries = subscriber.store.sweep_feeds(settings.keep, settings.keep_for).await?;
    if entries > 0 {
        tracing::debug!(entries, "old entries removed");
    }
    Ok(())
}

async fn count(subscriber: &Subscriber) -> Result<()> {
    let rows = subscriber.store.feed_rows().await?;
    for state in FeedState::ALL {
        let count = rows.iter().filter(|row| row.state == state).count();
        subscriber.metrics.feeds.set_state(state.name(), count as u64);
    }
    Ok(())
}
