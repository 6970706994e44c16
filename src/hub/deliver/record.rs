//! Records the outcomes of deliveries in the store, many in one transaction.
//!
//! Outcomes stay in memory while the store is unavailable. Their number is bounded, because nothing is claimed while
//! the maximum number of deliveries has no recorded outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;

use crate::hub::Hub;
use crate::store::{DeliveryOutcome, FinishedDelivery};

/// Outcomes of one transaction.
const BATCH: usize = 256;
/// Maximum time that an outcome waits for others while deliveries are running.
const GATHER: Duration = Duration::from_millis(10);
/// The pause after a failed transaction.
const AGAIN: Duration = Duration::from_millis(500);

/// State that the parts of the worker share.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Deliveries that are claimed and have no recorded outcome.
    pub(super) claimed: AtomicUsize,
    /// Attempts under way.
    pub(super) running: AtomicUsize,
    /// Whether the store rejects outcomes now.
    pub(super) is_stuck: AtomicBool,
    /// Notified when outcomes were recorded, which makes room for others.
    pub(super) recorded: Notify,
}

/// Records outcomes until their senders are gone.
pub(super) async fn record(hub: Arc<Hub>, mut outcomes: Receiver<FinishedDelivery>, progress: Arc<Progress>) {
    let mut batch = Vec::with_capacity(BATCH);
    while outcomes.recv_many(&mut batch, BATCH).await > 0 {
        let others = async {
            while batch.len() < BATCH && progress.running.load(Ordering::Acquire) > 0 {
                let room = BATCH - batch.len();
                if outcomes.recv_many(&mut batch, room).await == 0 {
                    return;
                }
            }
        };
        // The received outcomes are recorded in any case.
        let _ = tokio::time::timeout(GATHER, others).await;
        finish(&hub, &batch, &progress).await;
        progress.claimed.fetch_sub(batch.len(), Ordering::AcqRel);
        batch.clear();
        progress.recorded.notify_one();
    }
}

async fn finish(hub: &Hub, batch: &[FinishedDelivery], progress: &Progress) {
    let lost = loop {
        match hub.store.finish_deliveries(batch).await {
            Ok(lost) => break lost,
            Err(error) => {
                if !progress.is_stuck.swap(true, Ordering::AcqRel) {
                    tracing::warn!(%error, "outcomes of deliveries cannot be recorded; retrying");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    if progress.is_stuck.swap(false, Ordering::AcqRel) {
        tracing::info!("outcomes of deliveries are recorded again");
    }
    for result in ["delivered", "retried", "gone", "given_up"] {
        let count = batch.iter().filter(|finished| label(&finished.outcome) == Some(result)).count();
        if count > 0 {
            hub.metrics.hub.count_deliveries(result, count as u64);
        }
    }
    if lost > 0 {
        tracing::warn!(lost, "claims of deliveries have ended before their outcome was recorded");
        hub.metrics.hub.count_deliveries("lost", lost);
    }
}

/// Returns the label of an outcome in `faye_hub_deliveries_total`. A postponed delivery is no attempt.
fn label(outcome: &DeliveryOutcome) -> Option<&'static str> {
    match outcome {
        DeliveryOutcome::Delivered => Some("delivered"),
        DeliveryOutcome::Gone => Some("gone"),
        DeliveryOutcome::Retry(..) => Some("retried"),
        DeliveryOutcome::GivenUp(_) => Some("given_up"),
        DeliveryOutcome::Postponed(_) => None,
    }
}
