//! Messages that are with a file until it calls back.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Additional time before a waiting message is forgotten, so that its answer does not race with its deadline.
const GRACE: Duration = Duration::from_secs(1);

/// All messages that wait for their callback, by number, with the deadlines of the server.
#[derive(Default)]
pub(super) struct Pending {
    waiting: HashMap<u64, Instant>,
    order: VecDeque<(Instant, u64)>,
}

impl Pending {
    /// Keeps a message.
    pub(super) fn add(&mut self, number: u64, until: Instant) {
        // A message without an answer keeps the later ones in the list.
        if self.order.len() > 2 * self.waiting.len() + 1000 {
            self.order.retain(|(_, number)| self.waiting.contains_key(number));
        }
        self.order.push_back((until + GRACE, number));
        self.waiting.insert(number, until);
    }

    /// Removes a message. Returns `false` if it was answered before, or no longer waits.
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

    /// Returns when the next message is forgotten.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.front().map(|(until, _)| *until)
    }
}
