//! The sections `[hook]` and `[webhook]`: requests to the application for decisions, and about events. Field names are the
//! keys.

use std::time::Duration;

use serde::Deserialize;

use super::{Secret, units};

/// `[hook]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hook {
    /// URL of the requests.
    pub url: Option<String>,
    /// Key with which requests are signed.
    pub secret: Option<Secret>,
    /// Headers of the client that are passed on.
    pub headers: Vec<String>,
    /// Time for a response.
    #[serde(deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// Concurrent requests.
    pub concurrent: usize,
    /// Maximum number of decisions that wait for a free request.
    pub max_pending: usize,
    /// Time for which a decision is reused, unless the response sets its own.
    #[serde(deserialize_with = "units::duration")]
    pub cache: Duration,
    /// Decision if the request fails.
    pub on_error: OnError,
    /// Failures in a row that open the circuit breaker.
    pub breaker_threshold: usize,
    /// The time for which the circuit breaker stays open.
    #[serde(deserialize_with = "units::duration")]
    pub breaker_cooldown: Duration,
}

impl Default for Hook {
    fn default() -> Self {
        Self {
            url: None,
            secret: None,
            headers: Vec::new(),
            deadline: Duration::from_secs(5),
            concurrent: 64,
            max_pending: 10_000,
            cache: Duration::ZERO,
            on_error: OnError::Refuse,
            breaker_threshold: 10,
            breaker_cooldown: Duration::from_secs(5),
        }
    }
}

/// Decision if a request to the application fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Deny all operations.
    Refuse,
    /// Allow all operations.
    Allow,
}

impl Hook {
    /// Connections to the application at one time; 0 without a URL.
    #[must_use]
    pub fn connections(&self) -> usize {
        if self.url.is_some() { self.concurrent } else { 0 }
    }
}

/// `[webhook]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// URL of the requests.
    pub url: Option<String>,
    /// Key with which requests are signed.
    pub secret: Option<Secret>,
    /// Events to send.
    pub events: Vec<String>,
    /// Events in one request.
    pub batch: usize,
    /// Time for a response.
    #[serde(deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// Time for which a failed request is retried.
    #[serde(deserialize_with = "units::duration")]
    pub retry: Duration,
    /// Events that may be queued.
    pub max_pending: usize,
    /// Bytes of queued events.
    #[serde(deserialize_with = "units::size")]
    pub max_pending_bytes: usize,
}

impl Default for Webhook {
    fn default() -> Self {
        let events = ["handshake", "subscribe", "unsubscribe", "disconnect"];
        Self {
            url: None,
            secret: None,
            events: events.map(str::to_owned).to_vec(),
            batch: 100,
            deadline: Duration::from_secs(10),
            retry: Duration::from_secs(3600),
            max_pending: 100_000,
            max_pending_bytes: 64 * 1024 * 1024,
        }
    }
}
