//! The queue of publications of one partition that go to Redis. It must not know how they are sent.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::bayeux::Publication;
use crate::broker::{Appended, Refused};
use crate::config::History;

/// The maximum number of publications in a batch.
const BATCH: usize = 128;
/// The size of a batch in bytes, above which no further publication is added.
const BATCH_BYTES: usize = 256 * 1024;

/// Publications in the order of their counters.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) items: VecDeque<Item>,
    /// The counter of the newest item.
    pub(super) counter: u64,
    pub(super) redis: RedisState,
}

/// Whether Redis takes the publications of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum RedisState {
    /// The last batch was accepted.
    #[default]
    Up,
    /// A batch is being repeated since this instant. Its publishers wait.
    Failing(Instant),
    /// A batch was given up. Publishers are refused at once.
    Down,
}

/// A publication that goes to Redis.
pub(super) struct Item {
    pub(super) counter: u64,
    pub(super) publication: Arc<Publication>,
    pub(super) history: Option<History>,
    /// Whether this instance may accept the publication alone.
    pub(super) is_local: bool,
    /// Called once Redis has the publication.
    pub(super) appended: Option<Appended>,
    /// Receives the outcome; `None` once it was sent.
    pub(super) publisher: Option<oneshot::Sender<Result<(), Refused>>>,
}

impl Queue {
    /// Takes the oldest publications with consecutive counters.
    pub(super) fn next_batch(&mut self) -> Vec<Item> {
        let mut batch: Vec<Item> = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.items.front() {
            let follows = batch.last().is_none_or(|last| last.counter + 1 == item.counter);
            if batch.len() >= BATCH || bytes > BATCH_BYTES || !follows {
                break;
            }
            bytes += item.publication.size();
            batch.extend(self.items.pop_front());
        }
        batch
    }
}

impl Item {
    /// Sends the outcome to the publisher, if it waits. Returns whether it has waited.
    pub(super) fn answer(&mut self, outcome: Result<(), Refused>) -> bool {
        let Some(publisher) = self.publisher.take() else { return false };
        // The publisher may have gone.
        let _ = publisher.send(outcome);
        true
    }
}
