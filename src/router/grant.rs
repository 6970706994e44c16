//! What the holder of a token may do. It is not known here how a token is proven.

use serde::{Deserialize, Serialize};

use crate::bayeux::Pattern;

/// The rights that a token gives.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grant {
    /// Who the holder is, if the token says so (`sub`).
    pub subject: Option<Box<str>>,
    /// Channels and patterns to which the holder may subscribe.
    pub subscribe: Vec<Box<str>>,
    /// Channels and patterns to which the holder may publish.
    pub publish: Vec<Box<str>>,
    /// The second since 1970 in which the token expires; `u64::MAX` if it never does.
    pub expires: u64,
    /// What tells the token from others without being one.
    pub digest: [u8; 32],
}

impl Grant {
    /// Whether the holder may subscribe to all of these channels.
    #[must_use]
    pub fn may_subscribe(&self, pattern: Pattern<'_>, now: u64) -> bool {
        now < self.expires && covers(&self.subscribe, pattern)
    }

    /// Whether the holder may publish to a channel.
    #[must_use]
    pub fn may_publish(&self, channel: Pattern<'_>, now: u64) -> bool {
        now < self.expires && covers(&self.publish, channel)
    }

    /// Whether somebody who holds the other token is the same as who holds this.
    #[must_use]
    pub fn is_of_the_holder_of(&self, other: &Self) -> bool {
        self.digest == other.digest || (self.subject.is_some() && self.subject == other.subject)
    }
}

fn covers(patterns: &[Box<str>], wanted: Pattern<'_>) -> bool {
    patterns.iter().filter_map(|pattern| Pattern::parse(pattern)).any(|pattern| pattern.covers(wanted))
}
