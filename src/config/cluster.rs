//! The sections of `faye.toml` about several instances together, and about what is kept of channels.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{Secret, units};

/// `[redis]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Where Redis is; without it the server is by itself. It may hold a password.
    pub url: Option<Secret>,
    /// What every key and channel in Redis begins with.
    pub prefix: String,
    /// A file with the authority that Redis's certificate goes back to, if it is none that the system knows.
    pub tls_ca: Option<PathBuf>,
    /// When a publication is accepted.
    pub ack: Ack,
    /// Publications that are kept for the other instances while Redis is away, in each of 64 lanes.
    pub backlog: usize,
    /// How long an answer of Redis is waited for.
    #[serde(deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// How often an instance says that it lives.
    #[serde(deserialize_with = "units::duration")]
    pub heartbeat: Duration,
    /// How long it counts as alive after that.
    #[serde(deserialize_with = "units::duration")]
    pub lease: Duration,
    /// How often each lane is tested.
    #[serde(deserialize_with = "units::duration")]
    pub probe: Duration,
    /// How long a stopping instance goes on after its readiness has turned red.
    #[serde(deserialize_with = "units::duration")]
    pub drain_delay: Duration,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "faye".to_owned(),
            tls_ca: None,
            ack: Ack::Local,
            backlog: 1000,
            deadline: Duration::from_secs(2),
            heartbeat: Duration::from_secs(1),
            lease: Duration::from_secs(4),
            probe: Duration::from_secs(5),
            drain_delay: Duration::from_secs(2),
        }
    }
}

/// When a publication is accepted while Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// When this instance has delivered it; the others get it when Redis is back.
    Local,
    /// Only when Redis has taken it.
    Cluster,
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryStore {
    /// Channels of which something is kept at one time.
    pub channels: usize,
    /// Bytes of the messages that are kept.
    #[serde(deserialize_with = "units::size")]
    pub bytes: usize,
}

impl Default for HistoryStore {
    fn default() -> Self {
        Self { channels: 10_000, bytes: 64 * 1024 * 1024 }
    }
}
