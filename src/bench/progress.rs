//! The progress of a load, as one line on a terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

const EVERY: Duration = Duration::from_millis(250);

/// A line on standard error, if that is a terminal.
pub(super) struct Progress {
    /// The prefix of the line.
    prefix: String,
    shown: bool,
    last: Option<Instant>,
}

impl Progress {
    /// Shows nothing yet.
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), shown: std::io::stderr().is_terminal(), last: None }
    }

    /// Shows a text in place of the last one, unless that is too recent to be read.
    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        if self.shown && self.last.is_none_or(|last| last.elapsed() >= EVERY) {
            self.last = Some(Instant::now());
            // A terminal that is closed needs no progress.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}{}", self.prefix, text());
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
