//! The reports of the engine process about one file: its lines and failures. The server counts and logs them
//! (`report.rs`).

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use tokio::time::Instant;

use super::console::Console;
use super::out::Out;
use super::wire::{Failure, FromEngine};

/// Reports about a file.
pub(super) struct Reporter {
    file: usize,
    out: Arc<Out>,
    console: RefCell<Console>,
    repeats: Cell<u64>,
}

impl Reporter {
    /// For the file of this number, which may print so many lines a second.
    pub(super) fn new(file: usize, out: Arc<Out>, log_rate: usize) -> Self {
        let console = RefCell::new(Console::new(log_rate, Instant::now()));
        Self { file, out, console, repeats: Cell::new(0) }
    }

    /// The file prints a line.
    pub(super) fn print(&self, level: u32, text: String) {
        if self.console.borrow_mut().admit(Instant::now()) {
            self.out.send(&FromEngine::Print { file: self.file, level, text });
        }
    }

    /// The file threw, or called back with a value that is no message.
    pub(super) fn error(&self, text: String) {
        self.fail(Failure::Error(text));
    }

    /// The file fails.
    pub(super) fn fail(&self, failure: Failure) {
        self.out.send(&FromEngine::Failed { file: self.file, failure });
    }

    /// Counts a repeated call of a callback.
    pub(super) fn repeat(&self) {
        self.repeats.set(self.repeats.get() + 1);
    }

    /// Returns when to report suppressed lines.
    pub(super) fn next(&self) -> Option<Instant> {
        self.console.borrow().next()
    }

    /// Sends the reports that are due.
    pub(super) fn settle(&self, now: Instant) {
        let times = self.repeats.take();
        if times > 0 {
            self.out.send(&FromEngine::Repeated { file: self.file, times });
        }
        if let Some(lines) = self.console.borrow_mut().take_due(now) {
            self.suppressed(lines);
        }
    }

    /// Sends all pending reports.
    pub(super) fn finish(&self) {
        self.settle(Instant::now());
        if let Some(lines) = self.console.borrow_mut().take() {
            self.suppressed(lines);
        }
    }

    fn suppressed(&self, lines: u64) {
        self.out.send(&FromEngine::Suppressed { file: self.file, lines });
    }
}
