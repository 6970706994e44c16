//! The remaining run time of JavaScript. The engine checks it while it runs, and stops when it is exhausted.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// The time that one call has.
#[derive(Default)]
pub(super) struct Allowance {
    until: Cell<Option<Instant>>,
    is_cut: Cell<bool>,
}

impl Allowance {
    /// Begins a call.
    pub(super) fn begin(&self, time: Duration) {
        self.until.set(Some(Instant::now() + time));
        self.is_cut.set(false);
    }

    /// Whether the time is over. The caller ends the call then.
    pub(super) fn cut(&self) -> bool {
        let is_over = self.is_over();
        if is_over {
            self.is_cut.set(true);
        }
        is_over
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.until.get().is_some_and(|until| Instant::now() >= until)
    }

    /// Whether the time limit ended the call; resets the flag.
    pub(super) fn take_cut(&self) -> bool {
        self.is_cut.replace(false)
    }
}
