//! When which timer of a file is due.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

/// A timer: the file by its number, and its own number there.
pub(super) type Timer = (usize, u32);

/// All timers that were started and have not fired.
#[derive(Default)]
pub(super) struct Timers {
    order: BTreeSet<(Instant, Timer)>,
    times: HashMap<Timer, Instant>,
}

impl Timers {
    /// Starts a timer, in the place of one with the same number.
    pub(super) fn start(&mut self, timer: Timer, at: Instant) {
        self.stop(timer);
        self.times.insert(timer, at);
        self.order.insert((at, timer));
    }

    /// Stops a timer, if it is present.
    pub(super) fn stop(&mut self, timer: Timer) {
        if let Some(at) = self.times.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    /// Returns when the next timer is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Removes and returns the due timers, earliest first.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Timer> {
        let mut due = Vec::new();
        while let Some((at, timer)) = self.order.first().copied()
            && at <= now
        {
            self.stop(timer);
            due.push(timer);
        }
        due
    }
}
