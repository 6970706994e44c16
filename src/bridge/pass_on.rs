//! Publishes to one server what waits for it, in order: the next request begins when the one before was answered.

use bytes::Bytes;

use super::lane::Lane;
use super::queue::Item;
use super::retry::Retry;
use crate::bayeux::{Field, Message};
use crate::client::Failure;

/// Passes on what comes into the queue, until it is closed and empty.
pub(super) async fn pass_on(lane: &Lane) {
    while let Some(batch) = lane.queue.take().await {
        // What is left to do, the next last.
        let mut left = vec![batch];
        while let Some(batch) = left.pop() {
            left.extend(deliver(lane, batch).await);
        }
    }
}

/// Publishes a batch, again until the server has answered. Gives its halves, the first one last, if it does not take
/// the whole.
async fn deliver(lane: &Lane, mut batch: Vec<Item>) -> Vec<Vec<Item>> {
    let (to, count) = (&lane.to.url, batch.len());
    {
        let mut echo = lane.to.echo.lock();
        batch.iter().filter_map(|item| item.print).for_each(|print| echo.sent(print));
    }
    let objects: Vec<Bytes> = batch.iter().map(|item| item.object.clone()).collect();
    let mut retry = Retry::new();
    loop {
        match lane.to.publisher.post(&objects).await {
            Ok(replies) => {
                if retry.failed > 0 {
                    tracing::info!(
                        to,
                        queued = lane.queue.waiting(),
                        "reconnected; forwarding queued messages"
                    );
                }
                settle(lane, count, &replies);
                return Vec::new();
            }
            Err(Failure::Unfit { .. }) if count > 1 => {
                let second = batch.split_off(count / 2);
                return vec![second, batch];
            }
            Err(failure @ Failure::Unfit { .. }) => {
                refused(lane, 1, &failure.to_string());
                return Vec::new();
            }
            Err(failure) => {
                if retry.failed == 0 {
                    tracing::warn!(to, error = %failure, "cannot forward messages; queueing them");
                }
                retry.wait().await;
            }
        }
    }
}

/// Counts what has become of a batch.
fn settle(lane: &Lane, count: usize, replies: &[Message]) {
    let failed: Vec<_> =
        replies.iter().filter(|reply| reply.get(Field::Successful) == Some(b"false")).collect();
    lane.tally.forwarded.add(count.saturating_sub(failed.len()) as u64);
    if let Some(first) = failed.first() {
        refused(lane, failed.len() as u64, &first.text(Field::Error).unwrap_or_default());
    }
}

/// Counts what was refused, and says why, each time that there are ten times as many.
fn refused(lane: &Lane, more: u64, why: &str) {
    let before = lane.tally.refused.get();
    lane.tally.refused.add(more);
    let now = before + more;
    if before == 0 || before.ilog10() != now.ilog10() {
        tracing::warn!(
            to = lane.to.url,
            refused = now,
            reason = why,
            "server refused messages; dropping them"
        );
    }
}
