//! The sections of `faye.toml` about messages on their way to a client. Field names are the keys; defaults are the
//! documentation's defaults.

use std::time::Duration;

use serde::Deserialize;

use super::units;

/// `[mailbox]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mailbox {
    /// Maximum number of queued messages of a session.
    pub messages: usize,
    /// Maximum bytes of queued messages of a session.
    #[serde(deserialize_with = "units::size")]
    pub bytes: usize,
    /// The policy when one of the two is reached.
    pub overflow: Overflow,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { messages: 10_000, bytes: 4 * 1024 * 1024, overflow: Overflow::Disconnect }
    }
}

/// The policy for a publication that does not fit into a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The session ends; its client is notified and starts a new one.
    #[default]
    Disconnect,
    /// The oldest queued messages are dropped.
    DropOldest,
    /// The new message is not kept.
    DropNewest,
}

/// `[websocket]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocket {
    /// The time without input after which a connection is pinged; it is closed after the same time without a response.
    #[serde(deserialize_with = "units::duration")]
    pub ping: Duration,
    /// The level of compression for clients that offer it: 0 for none, 1 for the fastest, 9 for the smallest.
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
    /// The interval of comments on an idle stream.
    #[serde(deserialize_with = "units::duration")]
    pub ping: Duration,
    /// The delay before a browser reopens a broken stream.
    #[serde(deserialize_with = "units::duration")]
    pub retry: Duration,
}

impl Default for EventSource {
    fn default() -> Self {
        Self { ping: Duration::from_secs(10), retry: Duration::from_secs(5) }
    }
}
