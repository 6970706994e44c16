//! The log: lines with fields on standard error, as text or JSON. Secrets are never logged; identifiers are shortened.
//!
//! Logging never blocks the caller. Lines pass through a bounded queue (`queue`) to a thread that writes them
//! (`output`); lines beyond its capacity and failed writes are dropped and counted. `tracing-appender` does not meet
//! these requirements: its writer ignores failed writes without counting them, and dropping its guard prints to
//! standard error, which panics or blocks if standard error is broken. This module must not know the content of the
//! log.

mod output;
mod queue;

use std::io::{self, IsTerminal, Write};
use std::str::FromStr;
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};
use crate::metrics::Metrics;
use queue::Queue;

/// Libraries whose logs are disabled, because they log parsed input: a client's document or frame would determine the
/// volume. `html5ever` logs a warning for each misnested tag.
const SILENT: [&str; 4] = ["html5ever", "markup5ever", "tungstenite", "tokio_tungstenite"];

/// The running log, which has to be flushed before the process ends.
pub struct Handle(Arc<Queue>);

/// Starts the log, and has panics logged as errors. The subscriber of a program that embeds the server is kept.
///
/// # Errors
/// The system's error if the thread cannot be started.
pub fn start(settings: &Log) -> io::Result<Handle> {
    let queue = Arc::new(Queue::new(settings.queue));
    let lines = Arc::clone(&queue);
    std::thread::Builder::new().name("log".to_owned()).spawn(move || output::run(&lines))?;
    // The setting was checked; if not, the default level is a good one.
    let level = LevelFilter::from_str(&settings.level).unwrap_or(LevelFilter::INFO);
    let libraries = SILENT.map(|library| (library, LevelFilter::OFF));
    let targets = Targets::new().with_default(level).with_targets(libraries);
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(ToQueue(Arc::clone(&queue)))
        // It would print to standard error, and panic where that fails.
        .log_internal_errors(false)
        .with_target(false);
    // It fails if the embedding program has a subscriber.
    let _ = match settings.format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).finish().with(targets).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().with(targets).try_init(),
    };
    // A panic in the hook would abort the process: the following code never writes, waits or unwraps.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| place.to_string()).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(location = place, text, "panic; please report it");
    }));
    Ok(Handle(queue))
}

/// Returns a line for standard output that has the form of a JSON log line.
#[must_use]
pub fn json_line(message: &str) -> String {
    let mut timestamp = String::new();
    // Writing to a String cannot fail, and a clock before 1970 leaves it empty.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    serde_json::json!({ "timestamp": timestamp, "level": "INFO", "message": message }).to_string()
}

impl Handle {
    /// Counts dropped lines in these metrics, including those that were dropped before.
    pub fn count_in(&self, metrics: &Metrics) {
        self.0.count_in(metrics.log_dropped.clone());
    }

    /// Waits for a bounded time until all lines are written: a stalled reader does not block the exit.
    pub fn flush(&self) {
        self.0.flush();
    }
}

/// Passes each formatted line to the queue.
struct ToQueue(Arc<Queue>);

impl<'a> MakeWriter<'a> for ToQueue {
    type Writer = &'a ToQueue;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &ToQueue {
    /// Accepts a complete line, as tracing-subscriber writes it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
