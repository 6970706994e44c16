//! Messages that are with a file until it calls back.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// What is kept longer than the message waits, so that the answer and the end of the wait do not meet.
const GRACE: Duration = Duration::from_secs(1);

/// All messages that wait for their callback, by number, and until when the server waits.
#[derive(Default)]
pub(super) struct Pending {
    waiting: HashMap<u64, Instant>,
    order: VecDeque<(Instant, u64)>,
}

impl Pending {
    /// Keeps a message.
    pub(super) fn add(&mut self, number: u64, until: Instant) {
        // One that is never answered keeps those behind it in the list.
        if self.order.len() > 2 * self.waiting.len() + 1000 {
            self.order.retain(|(_, number)| self.waiting.contains_key(number));
        }
        self.order.push_back((until + GRACE, number));
        self.waiting.insert(number, until);
    }

    /// Takes a message. False if it was answered before, or waits no longer.
    pub(super) fn take(&mut self, number: u64) -> bool {
        self.waiting.remove(&number).is_some()
    }

    /// Forgets messages for which the server has stopped waiting.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((until, number)) = self.order.front().copied()
            && (until <= now || !self.waiting.contains_key(&number))
        {
            self.waiting.remove(&number);
            self.order.pop_front();
        }
    }

    /// When something is to be forgotten next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.front().map(|(until, _)| *until)
    }
}
