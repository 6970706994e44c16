//! The queue of messages to forward: bounded; the oldest messages are dropped for new ones.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Maximum bytes in the queue, because messages differ in size.
const BYTES: usize = 64 * 1024 * 1024;
/// Maximum messages and bytes of one request, below the usual limits of servers. A single message may be larger.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 256 * 1024;

/// A message to publish.
pub(super) struct Item {
    /// A JSON object.
    pub(super) object: Bytes,
    /// Its fingerprint, to recognize it if it returns without its mark; `None` if that is no longer needed.
    pub(super) fingerprint: Option<u64>,
}

pub(super) struct Queue {
    room: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    is_closed: bool,
}

impl State {
    fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= item.object.len();
        Some(item)
    }
}

impl Queue {
    pub(super) fn new(room: usize) -> Self {
        Self { room, state: Mutex::default(), changed: Notify::new() }
    }

    /// Appends a message. Returns the number of messages that were dropped for it.
    pub(super) fn push(&self, item: Item) -> u64 {
        let mut state = self.state.lock();
        state.bytes += item.object.len();
        state.items.push_back(item);
        let mut dropped = 0;
        while state.items.len() > self.room || state.bytes > BYTES {
            state.pop();
            dropped += 1;
        }
        drop(state);
        self.changed.notify_one();
        dropped
    }

    /// Waits for messages, and takes those for one request. Returns `None` once the queue is closed and empty.
    pub(super) async fn take(&self) -> Option<Vec<Item>> {
        loop {
            {
                let mut state = self.state.lock();
                let mut batch = Vec::new();
                let mut bytes = 0;
                while let Some(next) = state.items.front()
                    && batch.len() < BATCH
                    && (batch.is_empty() || bytes + next.object.len() <= BATCH_BYTES)
                {
                    bytes += next.object.len();
                    batch.extend(state.pop());
                }
                if !batch.is_empty() {
                    return Some(batch);
                }
                if state.is_closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Closes the queue: no more messages follow.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Returns the number of queued messages.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: usize) -> Item {
        Item { object: vec![b' '; bytes].into(), fingerprint: None }
    }

    #[tokio::test]
    async fn the_oldest_go_first_and_what_fits_goes_together() {
        let queue = Queue::new(100);
        assert_eq!((0..100).map(|_| queue.push(item(1))).sum::<u64>(), 0);
        assert_eq!(queue.push(item(BATCH_BYTES)), 1);
        queue.close();
        let mut sizes = Vec::new();
        while let Some(batch) = queue.take().await {
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [BATCH, 99 - BATCH, 1]);
        assert_eq!(queue.state.lock().bytes, 0);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let queue = Queue::new(100);
        assert_eq!(queue.push(item(BYTES)), 0);
        assert_eq!(queue.push(item(1)), 1);
        assert_eq!(queue.push(item(BYTES + 1)), 2);
        assert_eq!(queue.waiting(), 0);
    }
}
