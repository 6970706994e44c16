//! What is said and counted about one file: what it prints, and how it fails. A message is never shown.

use super::throttle::Throttle;
use crate::metrics::{Metrics, Reason};

/// Bytes of a text that a line of the log shows.
pub(super) const LINE: usize = 2000;

/// Whoever speaks for a file.
pub(super) struct Report {
    file: String,
    metrics: Metrics,
    errors: Throttle,
    cuts: Throttle,
    silences: Throttle,
    repeats: Throttle,
    refusals: Throttle,
    shortages: Throttle,
}

impl Report {
    /// Speaks for a file, by its name in the settings.
    pub(super) fn new(file: String, metrics: Metrics) -> Self {
        Self {
            file,
            metrics,
            errors: Throttle::default(),
            cuts: Throttle::default(),
            silences: Throttle::default(),
            repeats: Throttle::default(),
            refusals: Throttle::default(),
            shortages: Throttle::default(),
        }
    }

    /// A line that the file prints: 0 is an error, 1 a warning, 2 for information, others to find errors.
    pub(super) fn print(&self, level: u32, text: &str) {
        let (file, text) = (self.file.as_str(), on_one_line(text));
        match level {
            0 => tracing::error!(file, "{text}"),
            1 => tracing::warn!(file, "{text}"),
            2 => tracing::info!(file, "{text}"),
            _ => tracing::debug!(file, "{text}"),
        }
    }

    /// It threw, or called back with what is no message.
    pub(super) fn error(&self, text: &str) {
        self.metrics.extension_errors.inc();
        if let Some(left_out) = self.errors.pass() {
            let (file, text) = (self.file.as_str(), on_one_line(text));
            tracing::error!(file, left_out, "the extension failed: {text}");
        }
    }

    /// It ran for too long.
    pub(super) fn cut(&self) {
        self.metrics.refuse(Reason::extension_time);
        if let Some(left_out) = self.cuts.pass() {
            let file = self.file.as_str();
            tracing::error!(file, left_out, "the extension ran longer than extensions.time and was ended");
        }
    }

    /// It did not call back.
    pub(super) fn silence(&self) {
        self.metrics.refuse(Reason::extension_answer);
        if let Some(left_out) = self.silences.pass() {
            let file = self.file.as_str();
            tracing::error!(file, left_out, "the extension did not call back within extensions.answer");
        }
    }

    /// It called a callback again.
    pub(super) fn repeat(&self) {
        self.metrics.extension_repeats.inc();
        if let Some(left_out) = self.repeats.pass() {
            let file = self.file.as_str();
            tracing::warn!(file, left_out, "the extension called a callback again, which has no effect");
        }
    }

    /// Too many messages are with the files.
    pub(super) fn refusal(&self) {
        self.metrics.refuse(Reason::extension_waiting);
        if let Some(left_out) = self.refusals.pass() {
            let file = self.file.as_str();
            tracing::error!(file, left_out, "more messages than extensions.waiting are with the extensions");
        }
    }

    /// JavaScript has used up its memory.
    pub(super) fn memory(&self) {
        self.metrics.refuse(Reason::extension_memory);
        if let Some(left_out) = self.shortages.pass() {
            let file = self.file.as_str();
            tracing::error!(file, left_out, "the extension used up extensions.memory");
        }
    }
}

/// A text on one line, cut where it gets too long. What a file prints may come from clients, and must not look like
/// lines of our own.
fn on_one_line(text: &str) -> String {
    let mut line = String::new();
    for letter in text.trim_end().chars() {
        if line.len() >= LINE {
            line.push_str("...");
            break;
        }
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_and_bounded() {
        assert_eq!(on_one_line("a\n\u{1b}[1mé\n"), "a\\n\\u{1b}[1mé");
        let long = on_one_line(&"é".repeat(LINE));
        assert!(long.ends_with("é...") && long.len() < LINE + 10, "{}", long.len());
    }
}
