//! Publishes the queued messages of one direction in order: each request starts after the response to the previous one.

use bytes::Bytes;

use super::direction::Direction;
use super::queue::Item;
use super::retry::Retry;
use crate::bayeux::{Field, Message};
use crate::client::Failure;

/// Publishes the messages of the queue, until it is closed and empty.
pub(super) async fn forward(direction: &Direction) {
    while let Some(batch) = direction.queue.take().await {
        // The remaining batches, the next one last.
        let mut left = vec![batch];
        while let Some(batch) = left.pop() {
            left.extend(deliver(direction, batch).await);
        }
    }
}

/// Publishes a batch, and retries it until the server responds. If the batch is too large for the server, returns its
/// halves, the first one last.
async fn deliver(direction: &Direction, mut batch: Vec<Item>) -> Vec<Vec<Item>> {
    let (to, count) = (&direction.to.url, batch.len());
    {
        let mut echo = direction.to.echo.lock();
        batch.iter().filter_map(|item| item.fingerprint).for_each(|fingerprint| echo.sent(fingerprint));
    }
    let objects: Vec<Bytes> = batch.iter().map(|item| item.object.clone()).collect();
    let mut retry = Retry::new();
    loop {
        match direction.to.publisher.post(&objects).await {
            Ok(replies) => {
                if retry.failed > 0 {
                    tracing::info!(
                        to,
                        queued = direction.queue.waiting(),
                        "reconnected; forwarding queued messages"
                    );
                }
                count_replies(direction, count, &replies);
                return Vec::new();
            }
            Err(Failure::Unfit { .. }) if count > 1 => {
                let second = batch.split_off(count / 2);
                return vec![second, batch];
            }
            Err(failure @ Failure::Unfit { .. }) => {
                refused(direction, 1, &failure.to_string());
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

/// Counts the results of a batch.
fn count_replies(direction: &Direction, count: usize, replies: &[Message]) {
    let failed: Vec<_> =
        replies.iter().filter(|reply| reply.get(Field::Successful) == Some(b"false")).collect();
    direction.counters.forwarded.add(count.saturating_sub(failed.len()) as u64);
    if let Some(first) = failed.first() {
        refused(direction, failed.len() as u64, &first.text(Field::Error).unwrap_or_default());
    }
}

/// Counts refused messages, and logs the reason each time that their number has grown tenfold.
fn refused(direction: &Direction, more: u64, why: &str) {
    let before = direction.counters.refused.get();
    direction.counters.refused.add(more);
    let now = before + more;
    if before == 0 || before.ilog10() != now.ilog10() {
        tracing::warn!(
            to = direction.to.url,
            refused = now,
            reason = why,
            "server refused messages; dropping them"
        );
    }
}
