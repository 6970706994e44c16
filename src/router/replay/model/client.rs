//! What the client of the model may expect: each message once and in order, or a notice in its place.

use super::{CHANNELS, Item, State};

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Client {
    channels: [Channel; 2],
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Channel {
    /// The newest offset that the client has received, or after which it expects messages.
    newest: u64,
    /// Messages up to this offset may arrive again: they were published before a replay that the client has asked for.
    repeated: u64,
    /// Messages up to this offset are missing, and the client knows it.
    excused: u64,
    /// A notice was received since the newest message.
    is_told: bool,
}

impl Client {
    /// The position of a channel.
    pub(super) fn position(&self, channel: usize) -> u64 {
        self.channels[channel].newest
    }

    /// Expects messages of a channel after an offset. Messages up to it that are on their way may arrive.
    pub(super) fn expect_after(&mut self, channel: usize, offset: u64) {
        let channel = &mut self.channels[channel];
        channel.newest = channel.newest.max(offset);
        channel.repeated = channel.repeated.max(offset);
    }

    /// Messages up to an offset may arrive again.
    pub(super) fn repeat(&mut self, channel: usize, offset: u64) {
        self.channels[channel].repeated = self.channels[channel].repeated.max(offset);
    }

    /// The client knows that messages up to an offset may be missing.
    pub(super) fn excuse(&mut self, channel: usize, offset: u64) {
        self.channels[channel].excused = self.channels[channel].excused.max(offset);
    }

    /// The reply to a subscribe: everything after the position follows, or what the history has not trimmed.
    pub(super) fn begin(&mut self, channel: usize, trimmed: Option<u64>) {
        self.channels[channel].excused = trimmed.unwrap_or(0);
    }

    /// Receives an item. Returns what is wrong with it.
    pub(super) fn receive(&mut self, item: Item, published: &[usize]) -> Option<&'static str> {
        match item {
            Item::Gap(covered) => {
                let channels = self.channels.iter_mut().zip(covered);
                channels.for_each(|(channel, is_covered)| channel.is_told |= is_covered);
                None
            }
            Item::Message(offset) => {
                let name = published[offset as usize - 1];
                let is_missing = self.is_missing(name, published, offset - 1);
                let channel = &mut self.channels[name];
                if offset <= channel.newest {
                    return (offset > channel.repeated).then_some("twice or late");
                }
                (channel.newest, channel.is_told) = (offset, false);
                is_missing.then_some("missing without a notice")
            }
        }
    }

    /// Whether a message of a channel up to an offset is missing without a notice.
    fn is_missing(&self, name: usize, published: &[usize], until: u64) -> bool {
        let channel = &self.channels[name];
        let after = channel.newest.max(channel.excused);
        let has_any = (after + 1..=until).any(|offset| published[offset as usize - 1] == name);
        has_any && !channel.is_told
    }

    /// Whether the client has everything of the channels that it is subscribed to.
    pub(super) fn has_all(&self, state: &State, is_covered: impl Fn(usize) -> bool) -> bool {
        let end = state.published.len() as u64;
        (0..CHANNELS.len()).all(|name| !is_covered(name) || !self.is_missing(name, &state.published, end))
    }
}
