//! The acknowledged delivery of a session as a value, and the part of a connect in it. This module must not know sessions.

use tokio::time::{Duration, Instant};

use super::ack::Ack;

/// The pause between two replies with the same messages, once the client has acknowledged none of them repeatedly.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The acknowledged delivery of a session.
pub(super) struct Batched {
    pub(super) ack: Ack,
    /// When the last reply with messages was made.
    pub(super) sent: Instant,
}

impl Batched {
    /// The bytes of memory of a value.
    pub(super) const MEMORY: usize = size_of::<Self>() - size_of::<Ack>() + Ack::MEMORY;

    pub(super) fn new(ack: Ack) -> Self {
        Self { ack, sent: Instant::now() }
    }

    /// Returns until when the messages are not sent again.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.ack.is_stalled().then(|| self.sent + PAUSE)
    }
}

/// How a connect takes part in acknowledged delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectAck {
    /// The session has none.
    Off,
    /// The connect does not tell which reply the client has received. It waits for messages that were never sent.
    Missing,
    /// The connect tells which reply the client has received. It is answered as long as messages are unacknowledged.
    Present,
}

impl ConnectAck {
    /// Whether the session has acknowledged delivery.
    #[must_use]
    pub fn is_on(self) -> bool {
        self != Self::Off
    }
}
