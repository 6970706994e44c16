//! The sections of `faye.toml` about the application beside the server: asked what is allowed, told what happens.

use std::time::Duration;

use serde::Deserialize;

use super::{Secret, units};

/// `[hook]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hook {
    /// Where the application is asked.
    pub url: Option<String>,
    /// What requests are signed with.
    pub secret: Option<Secret>,
    /// Headers of the client that the application sees.
    pub headers: Vec<String>,
    /// How long it may take to answer.
    #[serde(deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// Requests at one time.
    pub concurrent: usize,
    /// Questions that may wait for their turn.
    pub max_pending: usize,
    /// How long an answer is kept, unless it says so itself.
    #[serde(deserialize_with = "units::duration")]
    pub cache: Duration,
    /// What holds when there is no answer.
    pub on_error: OnError,
    /// Failures in a row after which the application is left alone.
    pub breaker_threshold: usize,
    /// For how long it is left alone.
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

/// What holds when the application does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Nothing is allowed.
    Refuse,
    /// Everything is.
    Allow,
}

impl Hook {
    /// Connections to the application at one time; none if it is not asked.
    #[must_use]
    pub fn connections(&self) -> usize {
        if self.url.is_some() { self.concurrent } else { 0 }
    }
}

/// `[webhook]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// Where the application is told.
    pub url: Option<String>,
    /// What requests are signed with.
    pub secret: Option<Secret>,
    /// What it is told of.
    pub events: Vec<String>,
    /// Events in one request.
    pub batch: usize,
    /// How long it may take to answer.
    #[serde(deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// For how long a request is sent again that failed.
    #[serde(deserialize_with = "units::duration")]
    pub retry: Duration,
    /// Events that may wait.
    pub max_pending: usize,
    /// Bytes of events that may wait.
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
