//! The sections of `faye.toml` about messages on their way to a client. Field names are the keys; defaults are the
//! documentation's defaults.

use std::time::Duration;

use serde::Deserialize;

use super::units;

/// `[mailbox]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mailbox {
    /// Messages that may wait for one session.
    pub messages: usize,
    /// Bytes that may wait for one session.
    #[serde(deserialize_with = "units::size")]
    pub bytes: usize,
    /// What happens when one of the two is reached.
    pub overflow: Overflow,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { messages: 10_000, bytes: 4 * 1024 * 1024, overflow: Overflow::Disconnect }
    }
}

/// What happens to a publication for which a mailbox has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The session is ended; its client is told and starts a new one.
    #[default]
    Disconnect,
    /// The messages that wait longest make room.
    DropOldest,
    /// The new message is not kept.
    DropNewest,
}

/// `[websocket]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocket {
    /// How long a connection may be silent before it is pinged; one that stays silent for as long again is cut.
    #[serde(deserialize_with = "units::duration")]
    pub ping: Duration,
    /// How hard messages are compressed for clients that offer it: 0 not at all, 1 fastest, 9 smallest.
    pub compression: u32,
    /// Bytes of the shortest payload that is compressed.
    #[serde(deserialize_with = "units::size")]
    pub compression_threshold: usize,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self { ping: Duration::from_secs(25), compression: 0, compression_threshold: 1024 }
    }
}

/// `[eventsource]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventSource {
    /// How often a silent stream carries a comment.
    #[serde(deserialize_with = "units::duration")]
    pub ping: Duration,
    /// How long a browser waits before it opens a broken stream again.
    #[serde(deserialize_with = "units::duration")]
    pub retry: Duration,
}

impl Default for EventSource {
    fn default() -> Self {
        Self { ping: Duration::from_secs(10), retry: Duration::from_secs(5) }
    }
}
