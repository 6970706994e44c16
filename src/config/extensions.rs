//! The section of `faye.toml` about extensions in JavaScript.

use std::time::Duration;

use serde::Deserialize;

use super::units;

/// `[extensions]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extensions {
    /// Files, in the order in which they run.
    pub files: Vec<String>,
    /// Environment variables that are visible to the files.
    pub environment: Vec<String>,
    /// Bytes of memory for all files together.
    #[serde(deserialize_with = "units::size")]
    pub memory: usize,
    /// Time that a call may run without a pause.
    #[serde(deserialize_with = "units::duration")]
    pub cpu_limit: Duration,
    /// Time for a file to call back.
    #[serde(deserialize_with = "units::duration")]
    pub timeout: Duration,
    /// Messages being processed by the files.
    pub max_pending: usize,
    /// Lines a second that one file may log.
    pub log_rate: usize,
    /// Reaction if no engine can be started.
    pub on_failure: OnFailure,
    /// Whether `fetch` may connect to addresses of this machine and of private networks.
    pub private_addresses: bool,
}

/// Reaction of the server if no JavaScript engine can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Refuses messages until an engine starts.
    Refuse,
    /// Drains and exits.
    Exit,
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            environment: Vec::new(),
            memory: 64 * 1024 * 1024,
            cpu_limit: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            max_pending: 1000,
            log_rate: 100,
            on_failure: OnFailure::Refuse,
            private_addresses: false,
        }
    }
}
