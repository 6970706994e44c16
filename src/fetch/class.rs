//! The purposes of requests.

/// The purpose of requests. Each class has its own [`Fetch`](super::Fetch), so that classes share no connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Topics of the hub.
    Topics,
    /// Callbacks of subscribers.
    Callbacks,
    /// Feeds that the server subscribes to.
    Feeds,
    /// Hooks and webhooks.
    Hooks,
}

impl Class {
    /// Returns the value of the label `class` of `faye_fetch_refused_total`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Topics => "topics",
            Self::Callbacks => "callbacks",
            Self::Feeds => "feeds",
            Self::Hooks => "hooks",
        }
    }
}
