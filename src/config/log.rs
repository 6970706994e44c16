//! The section of `faye.toml` about log lines. It writes none.

use serde::Deserialize;

use super::units;

/// `[log]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// How a line is written.
    pub format: LogFormat,
    /// Maximum bytes of lines that wait for standard error.
    #[serde(deserialize_with = "units::size")]
    pub queue: usize,
    /// Whether each handshake, subscribe, unsubscribe and disconnect is a line.
    pub sessions: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, queue: 1024 * 1024, sessions: false }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
