//! The section of `faye.toml` about extensions in JavaScript.

use std::time::Duration;

use serde::Deserialize;

use super::units;

/// `[extensions]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extensions {
    /// Files that run in this order.
    pub files: Vec<String>,
    /// Variables of the environment that the files may read.
    pub environment: Vec<String>,
    /// Bytes that JavaScript may use.
    #[serde(deserialize_with = "units::size")]
    pub memory: usize,
    /// How long JavaScript may run without a pause.
    #[serde(deserialize_with = "units::duration")]
    pub cpu_limit: Duration,
    /// How long a file may take to call back.
    #[serde(deserialize_with = "units::duration")]
    pub timeout: Duration,
    /// Messages that may be with the files at one time.
    pub max_pending: usize,
    /// Lines a second that one file may print.
    pub log_rate: usize,
    /// What to do when no engine can be started.
    pub on_failure: OnFailure,
    /// Whether `fetch` may connect to addresses of this machine and of private networks.
    pub private_addresses: bool,
}

/// What the server does when there is no JavaScript engine for its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It refuses messages until there is one.
    Refuse,
    /// It drains and exits.
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
