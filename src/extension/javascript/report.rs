//! Logs and counts the lines and failures of one file. Messages are never logged.

use super::throttle::{Throttle, more};
use super::wire::Failure;
use crate::metrics::{Metrics, Reason};

/// Maximum bytes of a text in a log line.
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

    /// Logs a line of the file: level 0 is an error, 1 a warning, 2 information, others are for debugging.
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
        tracing::warn!(file, lines, "extension exceeded extensions.log_rate; suppressing lines");
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
        if let Some(suppressed) = self.errors.pass() {
            let (file, text) = (self.file.as_str(), on_one_line(text));
            tracing::error!(file, suppressed = more(suppressed), "extension failed: {text}");
        }
    }

    fn cut(&self) {
        self.metrics.refuse(Reason::extension_cpu_limit);
        if let Some(suppressed) = self.cuts.pass() {
            let file = self.file.as_str();
            tracing::error!(
                file,
                suppressed = more(suppressed),
                "extension exceeded extensions.cpu_limit; refusing the message"
            );
        }
    }

    fn memory(&self) {
        self.metrics.refuse(Reason::extension_memory);
        if let Some(suppressed) = self.shortages.pass() {
            let file = self.file.as_str();
            tracing::error!(file, suppressed = more(suppressed), "extension exceeded extensions.memory");
        }
    }

    /// The file did not call back.
    pub(super) fn silence(&self) {
        self.metrics.refuse(Reason::extension_timeout);
        if let Some(suppressed) = self.silences.pass() {
            let file = self.file.as_str();
            tracing::error!(
                file,
                suppressed = more(suppressed),
                "extension did not call back within extensions.timeout; refusing the message"
            );
        }
    }

    /// Reports repeated calls of a callback.
    pub(super) fn repeats(&self, times: u64) {
        self.metrics.extension_repeated_callbacks.inc_by(times);
        if let Some(suppressed) = self.repeats.pass() {
            let file = self.file.as_str();
            tracing::warn!(
                file,
                suppressed = more(suppressed),
                "extension called back more than once; ignoring the call"
            );
        }
    }

    /// Too many messages are with the files.
    pub(super) fn refusal(&self) {
        self.metrics.refuse(Reason::extension_max_pending);
        if let Some(suppressed) = self.refusals.pass() {
            let file = self.file.as_str();
            tracing::error!(
                file,
                suppressed = more(suppressed),
                "more than extensions.max_pending messages wait for extensions; refusing a message"
            );
        }
    }

    /// Reports a message without an engine for the file. The reason was logged once.
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

    /// Reports a call of a function that does not return.
    pub(super) fn stuck(&self, file: &Report) {
        file.metrics.refuse(Reason::extension_cpu_limit);
        if let Some(suppressed) = self.restart() {
            let file = file.file.as_str();
            tracing::error!(
                file,
                suppressed = more(suppressed),
                "extension exceeded extensions.cpu_limit in a call that cannot be interrupted; restarting the JavaScript \
                 engine, extensions lose their variables"
            );
        }
    }

    /// Reports a lost engine: the memory stays full, promises do not end, or our code panicked.
    pub(super) fn lost(&self) {
        if let Some(suppressed) = self.restart() {
            tracing::error!(
                suppressed = more(suppressed),
                "restarting the JavaScript engine, extensions lose their variables"
            );
        }
    }

    /// The process ended without a reason.
    pub(super) fn crashed(&self, status: &str) {
        if let Some(suppressed) = self.restart() {
            tracing::error!(
                status,
                suppressed = more(suppressed),
                "JavaScript engine process ended; restarting it, extensions lose their variables"
            );
        }
    }

    fn restart(&self) -> Option<u64> {
        self.metrics.extension_restarts.inc();
        self.lines.pass()
    }
}

/// Returns a text on one line, truncated to the maximum length. The output of a file may come from clients, and must
/// not look like log lines of the server.
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
