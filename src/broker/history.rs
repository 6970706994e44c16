//! The histories of the channels of one partition in memory: the newest publications of each channel, up to a number and an
//! age, all within a budget. A plain value, which the broker locks.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::{Kept, Recent, Replay, Span};
use crate::bayeux::Publication;
use crate::config;

/// The limits of the histories of all partitions, and their current size.
pub(super) struct Budget {
    channels: usize,
    bytes: usize,
    kept_channels: AtomicUsize,
    kept_bytes: AtomicUsize,
}

impl Budget {
    pub(super) fn new(settings: &config::HistoryStore) -> Self {
        let (kept_channels, kept_bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { channels: settings.channels, bytes: settings.bytes, kept_channels, kept_bytes }
    }

    /// Returns the size of all histories in bytes.
    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    fn is_exceeded(&self) -> bool {
        self.kept_channels.load(Ordering::Relaxed) > self.channels
            || self.kept_bytes.load(Ordering::Relaxed) > self.bytes
    }
}

/// The histories of a partition.
#[derive(Default)]
pub(super) struct History {
    channels: HashMap<Box<str>, Channel>,
    /// The highest offset of the channels whose histories were removed.
    forgotten: u64,
}

struct Channel {
    entries: VecDeque<Entry>,
    /// The offset of the newest publication, kept or not.
    last: u64,
    rule: config::History,
}

struct Entry {
    offset: u64,
    /// The offset of the previous publication in the channel, kept or not.
    previous: u64,
    at: Instant,
    /// The time of publication in milliseconds since 1970.
    time: u64,
    publication: Arc<Publication>,
}

/// Returns the approximate memory of a kept publication in bytes, with one wire form from its delivery.
fn memory(publication: &Publication) -> usize {
    size_of::<Entry>() + publication.memory() + publication.size()
}

impl Channel {
    fn prune(&mut self, budget: &Budget, now: Instant) {
        let is_old = |entry: &Entry| now.saturating_duration_since(entry.at) >= self.rule.age;
        while self.entries.len() > self.rule.messages || self.entries.front().is_some_and(is_old) {
            if let Some(entry) = self.entries.pop_front() {
                budget.kept_bytes.fetch_sub(memory(&entry.publication), Ordering::Relaxed);
            }
        }
    }
}

impl History {
    /// Adds a publication, which has a position in this partition. If that exceeds the budget, removes others of this partition.
    pub(super) fn keep(
        &mut self,
        publication: &Arc<Publication>,
        rule: config::History,
        budget: &Budget,
        now: Instant,
    ) {
        let Some(position) = publication.position() else { return };
        let offset = position.offset;
        let forgotten = self.forgotten;
        let channel = self.channels.entry(publication.channel().into()).or_insert_with(|| {
            budget.kept_channels.fetch_add(1, Ordering::Relaxed);
            Channel { entries: VecDeque::new(), last: forgotten, rule }
        });
        let previous = std::mem::replace(&mut channel.last, offset);
        channel.rule = rule;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        let entry = Entry { offset, previous, at: now, time, publication: Arc::clone(publication) };
        channel.entries.push_back(entry);
        budget.kept_bytes.fetch_add(memory(publication), Ordering::Relaxed);
        channel.prune(budget, now);
        while budget.is_exceeded() && self.forget_one(publication.channel(), budget) {}
    }

    /// Returns the publications of a channel after an offset, oldest first.
    pub(super) fn replay(&mut self, name: &str, since: u64, budget: &Budget, now: Instant) -> Replay {
        let Some(channel) = self.channels.get_mut(name) else {
            return Replay { publications: Vec::new(), is_complete: self.forgotten <= since };
        };
        let last = channel.last;
        channel.prune(budget, now);
        let behind = channel.entries.iter().filter(|entry| entry.offset > since);
        let is_complete = behind.clone().next().map_or(last <= since, |entry| entry.previous <= since);
        let publications = behind.map(|entry| Arc::clone(&entry.publication)).collect();
        Replay { publications, is_complete }
    }

    /// Returns the newest publications of a channel, newest first.
    pub(super) fn recent(&mut self, name: &str, span: Span, budget: &Budget, now: Instant) -> Recent {
        let Some(channel) = self.channels.get_mut(name) else { return Recent::default() };
        channel.prune(budget, now);
        let mut bytes = 0_usize;
        let newest = channel.entries.iter().rev().take(span.history.messages);
        let newest = newest.take_while(|entry| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(entry.publication.size());
            entry.offset > span.since && (is_first || bytes <= span.bytes)
        });
        let publications = newest
            .map(|entry| Kept { at: entry.time, publication: Arc::clone(&entry.publication) })
            .collect();
        Recent { publications, oldest: channel.entries.front().map(|entry| entry.offset) }
    }

    /// Removes the histories without publications that have not expired.
    pub(super) fn sweep(&mut self, budget: &Budget, now: Instant) {
        let forgotten = &mut self.forgotten;
        self.channels.retain(|_, channel| {
            let last = channel.last;
            channel.prune(budget, now);
            let is_kept = !channel.entries.is_empty();
            if !is_kept {
                *forgotten = last.max(*forgotten);
                budget.kept_channels.fetch_sub(1, Ordering::Relaxed);
            }
            is_kept
        });
    }

    /// Removes the history with the oldest last publication, except that of `but`. False if nothing can be removed.
    fn forget_one(&mut self, but: &str, budget: &Budget) -> bool {
        let others = self.channels.iter().filter(|(name, _)| name.as_ref() != but);
        let oldest = others.min_by_key(|(_, channel)| channel.last).map(|(name, _)| name.clone());
        let Some(channel) = oldest.and_then(|name| self.channels.remove(&name)) else {
            // Only `but` is left: its oldest publication is removed.
            let Some(channel) = self.channels.get_mut(but).filter(|channel| channel.entries.len() > 1) else {
                return false;
            };
            if let Some(entry) = channel.entries.pop_front() {
                budget.kept_bytes.fetch_sub(memory(&entry.publication), Ordering::Relaxed);
            }
            return true;
        };
        self.forgotten = channel.last.max(self.forgotten);
        let bytes = channel.entries.iter().map(|entry| memory(&entry.publication)).sum();
        budget.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
        budget.kept_channels.fetch_sub(1, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bayeux::{Partition, StreamPosition};

    fn publication(channel: &str, number: u64) -> Arc<Publication> {
        let position = StreamPosition { partition: Partition::of(channel), offset: number };
        Arc::new(Publication::encoded(channel, Some(position), b"{}"))
    }

    fn rule(messages: usize) -> config::History {
        config::History { messages, age: Duration::from_secs(60) }
    }

    fn budget(channels: usize) -> Budget {
        Budget::new(&config::HistoryStore { channels, bytes: 1 << 20 })
    }

    fn replayed(history: &mut History, channel: &str, since: u64, budget: &Budget) -> (Vec<u64>, bool) {
        replayed_at(history, channel, since, budget, Instant::now())
    }

    fn replayed_at(
        history: &mut History,
        channel: &str,
        since: u64,
        budget: &Budget,
        now: Instant,
    ) -> (Vec<u64>, bool) {
        let replay = history.replay(channel, since, budget, now);
        let numbers = replay.publications.iter().filter_map(|publication| publication.position());
        (numbers.map(|position| position.offset).collect(), replay.is_complete)
    }

    #[test]
    fn a_replay_says_whether_it_is_complete() {
        let (mut history, budget) = (History::default(), budget(10));
        for number in [3, 5, 6, 9] {
            history.keep(&publication("/a", number), rule(3), &budget, Instant::now());
        }
        assert_eq!(replayed(&mut history, "/a", 5, &budget), (vec![6, 9], true));
        assert_eq!(replayed(&mut history, "/a", 3, &budget), (vec![5, 6, 9], true), "3 was seen");
        assert_eq!(replayed(&mut history, "/a", 4, &budget), (vec![5, 6, 9], true), "there was no 4 in /a");
        assert_eq!(replayed(&mut history, "/a", 2, &budget), (vec![5, 6, 9], false), "3 is gone");
        assert_eq!(replayed(&mut history, "/a", 9, &budget), (vec![], true));
        assert_eq!(replayed(&mut history, "/b", 0, &budget), (vec![], true), "there never was any");
        let later = Instant::now() + Duration::from_secs(61);
        assert_eq!(replayed_at(&mut history, "/a", 5, &budget, later), (vec![], false), "they are too old");
        history.sweep(&budget, later);
        assert_eq!(replayed(&mut history, "/a", 5, &budget), (vec![], false), "and forgotten");
        assert_eq!(replayed(&mut history, "/a", 9, &budget), (vec![], true));
        assert_eq!(budget.kept_bytes.load(Ordering::Relaxed), 0);
        assert_eq!(budget.kept_channels.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_budget_is_kept() {
        let (mut history, budget) = (History::default(), budget(2));
        for (number, channel) in ["/a", "/b", "/c", "/c"].into_iter().enumerate() {
            history.keep(&publication(channel, number as u64 + 1), rule(9), &budget, Instant::now());
        }
        assert_eq!(replayed(&mut history, "/a", 0, &budget), (vec![], false), "the oldest had to go");
        assert_eq!(replayed(&mut history, "/b", 1, &budget), (vec![2], true));
        assert_eq!(replayed(&mut history, "/c", 1, &budget), (vec![3, 4], true));
        let bytes = 2 * memory(&publication("/a", 1));
        let tight = Budget::new(&config::HistoryStore { channels: 9, bytes });
        let mut history = History::default();
        for number in 1..9 {
            history.keep(&publication("/a", number), rule(9), &tight, Instant::now());
        }
        assert_eq!(replayed(&mut history, "/a", 0, &tight), (vec![7, 8], false));
    }
}
