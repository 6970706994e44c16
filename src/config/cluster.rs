//! The sections `[redis]` and `[history]`. Field names are the keys.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{Secret, units};

/// `[redis]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// The URL of Redis, which may contain a password. Without it the server is a single instance.
    pub url: Option<Secret>,
    /// Prefix of every key and channel in Redis.
    pub prefix: String,
    /// The file with the CA certificate of Redis, if it is not a CA of the system.
    pub tls_ca: Option<PathBuf>,
    /// When a publication to a channel without history is accepted.
    pub ack: Ack,
    /// Time for which a publication that Redis does not take is sent again before it is refused.
    #[serde(deserialize_with = "units::duration")]
    pub patience: Duration,
    /// Publications kept for the other instances while Redis is down, for each of 64 partitions.
    pub backlog: usize,
    /// Time for Redis to respond.
    #[serde(deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// Interval of heartbeats.
    #[serde(deserialize_with = "units::duration")]
    pub heartbeat: Duration,
    /// Time without a heartbeat after which an instance counts as dead.
    #[serde(deserialize_with = "units::duration")]
    pub lease: Duration,
    /// Interval of probes of each partition.
    #[serde(deserialize_with = "units::duration")]
    pub probe: Duration,
    /// Time that a stopping instance continues after `/readyz` fails.
    #[serde(deserialize_with = "units::duration")]
    pub drain_delay: Duration,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "faye".to_owned(),
            tls_ca: None,
            ack: Ack::Cluster,
            patience: Duration::from_secs(5),
            backlog: 1000,
            deadline: Duration::from_secs(2),
            heartbeat: Duration::from_secs(1),
            lease: Duration::from_secs(4),
            probe: Duration::from_secs(5),
            drain_delay: Duration::from_secs(2),
        }
    }
}

/// When a publication is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Once Redis has it, or while Redis is down, once this instance has delivered it. The others receive it when Redis
    /// is back. Only for channels without history.
    Local,
    /// Once Redis has it.
    Cluster,
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryStore {
    /// Channels with history.
    pub channels: usize,
    /// Bytes of all kept messages.
    #[serde(deserialize_with = "units::size")]
    pub bytes: usize,
}

impl Default for HistoryStore {
    fn default() -> Self {
        Self { channels: 10_000, bytes: 64 * 1024 * 1024 }
    }
}
