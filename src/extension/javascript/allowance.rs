//! How long JavaScript may still run. The engine asks while it runs, and gives up when the time is over.

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

    /// Whether the call was ended because of its time; asked once.
    pub(super) fn take_cut(&self) -> bool {
        self.is_cut.replace(false)
    }
}
