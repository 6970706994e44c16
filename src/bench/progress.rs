//! A line that says how a load goes on, for whoever watches it.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

const EVERY: Duration = Duration::from_millis(250);

/// A line on standard error, if that is a terminal.
pub(super) struct Progress {
    shown: bool,
    last: Option<Instant>,
}

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal(), last: None }
    }

    /// Shows a text in place of the last one, unless that is too new to be read.
    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        if self.shown && self.last.is_none_or(|last| last.elapsed() >= EVERY) {
            self.last = Some(Instant::now());
            // A terminal that is gone needs no progress.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", text());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.last.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
