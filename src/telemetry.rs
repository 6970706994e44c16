//! Log lines: to standard error, with fields, as text or JSON. No secret gets here; identifiers print shortened.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::filter::LevelFilter;

use crate::config::{Log, LogFormat};

/// Starts the log, and has panics logged as errors.
pub fn start(settings: &Log) {
    // The setting was checked; if not, the default level is a good one.
    let level = LevelFilter::from_str(&settings.level).unwrap_or(LevelFilter::INFO);
    let builder =
        tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // It fails when a program that embeds the server has a log of its own, which is then used.
    let _ = match settings.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| place.to_string()).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(place, text, "panic; please report it");
    }));
}
