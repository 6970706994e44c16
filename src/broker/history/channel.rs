//! The history of one channel: its newest publications as bytes, which a few buffers of the channel contain. A buffer is
//! freed with the last publication in it, kept or on its way to a client. This module must not know other channels.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use crate::config;

/// The maximum size of a buffer in bytes, unless one publication is larger.
const BUFFER: usize = 16 * 1024;
/// A buffer has this part of what the channel keeps, so that little of it is unused.
const PARTS: usize = 8;

/// The history of a channel.
pub(super) struct Channel {
    pub(super) name: Arc<str>,
    pub(super) rule: config::History,
    /// The kept publications, oldest first.
    entries: VecDeque<Entry>,
    /// The offset of the newest publication.
    pub(super) last: u64,
    /// The offset of the newest publication that is not kept any more, or one before the first.
    pub(super) removed: u64,
    /// Counts the removals of the partition: the newest one of this channel.
    pub(super) removal: u64,
    /// The kept bytes.
    bytes: usize,
    /// Room for the next publications.
    buffer: BytesMut,
}

/// A kept publication.
pub(super) struct Entry {
    pub(super) offset: u64,
    /// The time of publication in milliseconds since 1970.
    pub(super) time: u64,
    since: Instant,
    /// The publication for its subscribers, `[{…}]`.
    pub(super) array: Bytes,
}

/// Returns the approximate memory of a kept publication in bytes. The lists may have twice the room that they need.
pub(super) fn memory(array: &[u8]) -> usize {
    2 * (size_of::<Entry>() + size_of::<(u64, usize)>()) + array.len()
}

impl Channel {
    /// Creates a history. What is up to an offset is not known.
    pub(super) fn new(name: &str, rule: config::History, forgotten: u64) -> Self {
        Self {
            name: name.into(),
            rule,
            entries: VecDeque::new(),
            last: forgotten,
            removed: forgotten,
            removal: 0,
            bytes: 0,
            buffer: BytesMut::new(),
        }
    }

    /// Adds a publication, `[{…}]`, with its time in milliseconds since 1970. Returns its bytes in the buffer.
    pub(super) fn push(&mut self, offset: u64, array: &[u8], now: Instant, time: u64) -> Bytes {
        if self.buffer.capacity() < array.len() {
            let size = (self.bytes / PARTS).min(BUFFER).max(array.len());
            self.buffer = BytesMut::with_capacity(size);
        }
        self.buffer.extend_from_slice(array);
        let array = self.buffer.split().freeze();
        self.bytes += array.len();
        self.last = offset;
        self.entries.push_back(Entry { offset, time, since: now, array: array.clone() });
        array
    }

    /// Removes the oldest publication. Returns its memory.
    pub(super) fn pop(&mut self, removal: u64) -> Option<usize> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.array.len();
        (self.removed, self.removal) = (entry.offset, removal);
        Some(memory(&entry.array))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_expired(&self, entry: &Entry, now: Instant) -> bool {
        now.saturating_duration_since(entry.since) >= self.rule.age
    }

    /// Whether the oldest publication is too old, or there are too many, or none.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.len() > self.rule.messages
            || self.entries.front().is_none_or(|oldest| self.is_expired(oldest, now))
    }

    pub(super) fn oldest(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.offset)
    }

    /// Returns the publications after an offset, oldest first.
    pub(super) fn after(&self, offset: u64) -> impl Iterator<Item = &Entry> {
        let first = self.entries.partition_point(|entry| entry.offset <= offset);
        self.entries.range(first..)
    }

    /// Returns the publications, newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// Returns the publication at an offset.
    pub(super) fn at(&self, offset: u64) -> Option<&Entry> {
        self.after(offset.checked_sub(1)?).next().filter(|entry| entry.offset == offset)
    }

    /// Whether a publication is not among this number of the newest ones.
    pub(super) fn is_older(&self, offset: u64, newest: usize) -> bool {
        let first = self.len().saturating_sub(newest);
        self.entries.get(first).is_none_or(|first| offset < first.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publications_share_buffers_that_are_freed_with_them() {
        let rule = config::History { messages: 9, age: std::time::Duration::from_secs(60) };
        let mut channel = Channel::new("/a", rule, 0);
        let now = Instant::now();
        let arrays: Vec<Bytes> = (1..200).map(|offset| channel.push(offset, &[b'x'; 100], now, 0)).collect();
        let is_next = |pair: &[Bytes]| pair[0].as_ptr_range().end == pair[1].as_ptr();
        let shared = arrays.windows(2).filter(|pair| is_next(pair)).count();
        assert!(shared > 150, "most are in the buffer of the one before: {shared}");
        let large = channel.push(200, &[b'y'; 3 * BUFFER], now, 0);
        assert_eq!(large.len(), 3 * BUFFER);
        drop((arrays, large));
        while channel.pop(1).is_some() {}
        assert_eq!((channel.len(), channel.bytes, channel.removed, channel.last), (0, 0, 200, 200));
    }
}
