//! What is logged and counted about one file: the lines that it prints and how it fails. A message is never shown.

use super::throttle::Throttle;
use super::wire::Failure;
use crate::metrics::{Metrics, Reason};

/// Bytes of a text that a line of the log shows.
pub(super) const LINE: usize = 2000;

/// Reports about a file.
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
    /// For a file, by its name in the settings.
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

    /// The file printed lines beyond `extensions.log_rate`.
    pub(super) fn suppressed(&self, lines: u64) {
        self.metrics.refuse_all(Reason::extension_log_rate, lines);
        let file = self.file.as_str();
        tracing::warn!(
            file,
            lines,
            "the extension printed more lines than extensions.log_rate; they are suppressed"
        );
    }

    /// The file fails.
    pub(super) fn failure(&self, failure: &Failure) {
        match failure {
            Failure::Error(text) => self.error(text),
            Failure::Time => self.cut(),
            Failure::Memory => self.memory(),
        }
    }

    fn error(&self, text: &str) {
        self.metrics.extension_errors.inc();
        if let Some(left_out) = self.errors.pass() {
            let (file, text) = (self.file.as_str(), on_one_line(text));
            tracing::error!(file, left_out, "the extension failed: {text}");
        }
    }

    fn cut(&self) {
        self.metrics.refuse(Reason::extension_cpu_limit);
        if let Some(left_out) = self.cuts.pass() {
            let file = self.file.as_str();
            tracing::error!(
                file,
                left_out,
                "the extension ran longer than extensions.cpu_limit and was ended"
            );
        }
    }

    fn memory(&self) {
        self.metrics.refuse(Reason::extension_memory);
        if let Some(left_out) = self.shortages.pass() {
            let file = self.file.as_str();
            tracing::error!(file, left_out, "the extension used up extensions.memory");
        }
    }

    /// The file did not call back.
    pub(super) fn silence(&self) {
        self.metrics.refuse(Reason::extension_timeout);
        if let Some(left_out) = self.silences.pass() {
            let file = self.file.as_str();
            tracing::error!(file, left_out, "the extension did not call back within extensions.timeout");
        }
    }

    /// The file called a callback again, so many times.
    pub(super) fn repeats(&self, times: u64) {
        self.metrics.extension_repeated_callbacks.inc_by(times);
        if let Some(left_out) = self.repeats.pass() {
            let file = self.file.as_str();
            tracing::warn!(file, left_out, "the extension called a callback again, which has no effect");
        }
    }

    /// Too many messages are with the files.
    pub(super) fn refusal(&self) {
        self.metrics.refuse(Reason::extension_max_pending);
        if let Some(left_out) = self.refusals.pass() {
            let file = self.file.as_str();
            tracing::error!(
                file,
                left_out,
                "more messages than extensions.max_pending are with the extensions"
            );
        }
    }

    /// There is no engine for the file. The log has had the reason once.
    pub(super) fn unavailable(&self) {
        self.metrics.refuse(Reason::extension_unavailable);
    }
}

/// Reports about engines that are replaced.
pub(super) struct Restarts {
    metrics: Metrics,
    lines: Throttle,
}

impl Restarts {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, lines: Throttle::default() }
    }

    /// A file called a function that does not return.
    pub(super) fn stuck(&self, file: &Report) {
        file.metrics.refuse(Reason::extension_cpu_limit);
        if let Some(left_out) = self.restart() {
            let file = file.file.as_str();
            tracing::error!(
                file,
                left_out,
                "the extension called a function that cannot be interrupted and ran longer than extensions.cpu_limit; the \
                 JavaScript engine is restarted; extensions lost their variables"
            );
        }
    }

    /// The memory stays full, promises do not end, or our own code panicked.
    pub(super) fn lost(&self) {
        if let Some(left_out) = self.restart() {
            tracing::error!(left_out, "the JavaScript engine is restarted; extensions lost their variables");
        }
    }

    /// The process ended without a reason.
    pub(super) fn crashed(&self, status: &str) {
        if let Some(left_out) = self.restart() {
            tracing::error!(
                status,
                left_out,
                "the process of the JavaScript engine ended; it is restarted; extensions lost their variables"
            );
        }
    }

    fn restart(&self) -> Option<u64> {
        self.metrics.extension_restarts.inc();
        self.lines.pass()
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
