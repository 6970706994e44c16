//! Grants: the rights of the holder of a token. Must not know how tokens are verified.

use serde::{Deserialize, Serialize};

use crate::bayeux::Pattern;

/// The rights of a token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grant {
    /// The user (`sub`), if the token names one.
    pub subject: Option<Box<str>>,
    /// Channels and patterns to which the holder may subscribe.
    pub subscribe: Vec<Box<str>>,
    /// Channels and patterns to which the holder may publish.
    pub publish: Vec<Box<str>>,
    /// The Unix time of expiry in seconds; `u64::MAX` for a token that does not expire.
    pub expires: u64,
    /// The SHA-256 digest that identifies the token.
    pub digest: [u8; 32],
}

impl Grant {
    /// Returns whether the holder may subscribe to all of these channels.
    #[must_use]
    pub fn may_subscribe(&self, pattern: Pattern<'_>, now: u64) -> bool {
        now < self.expires && covers(&self.subscribe, pattern)
    }

    /// Returns whether the holder may publish to a channel.
    #[must_use]
    pub fn may_publish(&self, channel: Pattern<'_>, now: u64) -> bool {
        now < self.expires && covers(&self.publish, channel)
    }

    /// Returns whether both tokens belong to the same holder.
    #[must_use]
    pub fn is_of_the_holder_of(&self, other: &Self) -> bool {
        self.digest == other.digest || (self.subject.is_some() && self.subject == other.subject)
    }
}

fn covers(patterns: &[Box<str>], wanted: Pattern<'_>) -> bool {
    patterns.iter().filter_map(|pattern| Pattern::parse(pattern)).any(|pattern| pattern.covers(wanted))
}
