//! The replays of a session as a value: which parts of which histories it still has to get, and which new publications are
//! left to a replay instead of the mailbox. This module must not know sessions, brokers, locks or time.
//!
//! A replay of a pattern has a part for each partition. A part is read in passes, from an offset up to the newest one that is
//! known when the pass begins. A publication of a history that arrives while its part is active does not enter the mailbox:
//! it moves the end of the part, and the next pass reads it. The part ends, and delivery is live again, when a pass has read up
//! to the end. All of it happens under the lock of the session, so nothing is between the last page and the first live
//! publication.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bayeux::{Compiled, PageStart, Partition, Pattern, Positions, StreamPosition};

/// How a replay begins in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// The partition.
    pub partition: Partition,
    /// The offset after which publications are replayed.
    pub after: u64,
    /// The newest offset that was delivered here when the subscription was in effect.
    pub seam: u64,
    /// The epoch of `seam`.
    pub epoch: u64,
    /// Whether the client is told otherwise if something is missing since `after`.
    pub is_told: bool,
}

/// The replays of a session. The default has none.
#[derive(Debug, Clone, Default)]
pub struct Replays {
    list: Vec<Replay>,
    /// Distinguishes replays of the same pattern.
    serial: u64,
}

/// A replay of a channel or pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Replay {
    serial: u64,
    pattern: Compiled,
    parts: Vec<Part>,
    options: Options,
}

/// What is not replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Options {
    /// The offsets up to which the client has seen a channel of the pattern.
    #[serde(default, skip_serializing_if = "Offsets::is_empty")]
    pub seen: Offsets,
    /// Whether the first pass has only as many publications of a channel as its rule tells (`replay`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_by_rule: bool,
}

/// Offsets of channels. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "HashMap<String, u64>", into = "HashMap<String, u64>")]
pub struct Offsets(Arc<HashMap<String, u64>>);

impl std::ops::Deref for Offsets {
    type Target = HashMap<String, u64>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<HashMap<String, u64>> for Offsets {
    fn from(offsets: HashMap<String, u64>) -> Self {
        Self(Arc::new(offsets))
    }
}

impl From<Offsets> for HashMap<String, u64> {
    fn from(offsets: Offsets) -> Self {
        (*offsets.0).clone()
    }
}

impl Offsets {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns about how many bytes of memory they need.
    fn memory(&self) -> usize {
        self.0.keys().map(|channel| channel.len() + 2 * size_of::<(String, u64)>()).sum()
    }
}

/// One partition of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    partition: Partition,
    start: PageStart,
    /// The last offset of the pass; `None` between two passes.
    pass: Option<u64>,
    /// Whether a page of the pass was read.
    has_page: bool,
    /// The last offset of the part as known now.
    until: u64,
    /// The epoch of the offsets; zero if it is not known.
    epoch: u64,
    is_told: bool,
    is_first_pass: bool,
    /// Whether the seam is known. Before, nothing is read.
    is_begun: bool,
}

impl Part {
    /// Reads nothing but what was left to the replay since it was announced.
    fn begin_live(&mut self) {
        self.start = PageStart::after(self.until.saturating_sub(1));
        self.is_begun = true;
    }
}

/// A page to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    serial: u64,
    /// The channel or pattern.
    pub pattern: String,
    /// The partition.
    pub partition: Partition,
    /// Where the page begins.
    pub start: PageStart,
    /// The last offset of the pass.
    pub until: u64,
    /// The epoch of the part.
    pub epoch: u64,
    /// Whether it is the first page of a pass.
    pub is_first: bool,
    /// What is not replayed.
    pub options: Options,
}

/// What a page has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The epoch of the partition.
    pub epoch: u64,
    /// Whether no publication is missing.
    pub is_complete: bool,
    /// Whether the page has no publication.
    pub is_empty: bool,
}

/// What the client has to be told with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The publications of the page alone.
    Page,
    /// That publications are missing, before those of the page.
    Gap,
}

/// A replay for another instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayState {
    pattern: String,
    parts: Vec<Part>,
    #[serde(flatten)]
    options: Options,
}

impl Replays {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of replays.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns about how many bytes of memory the replays need.
    #[must_use]
    pub fn memory(&self) -> usize {
        let of = |replay: &Replay| {
            size_of::<Replay>() + replay.parts.len() * size_of::<Part>() + replay.options.seen.memory()
        };
        self.list.iter().map(of).sum()
    }

    /// Announces a replay of a pattern, in place of one of the same pattern. From now on publications of histories are left to
    /// it. Returns the number of the replay. No effect for a text that is no pattern.
    pub fn announce(&mut self, pattern: &str, partitions: impl Iterator<Item = Partition>) -> u64 {
        let Some(compiled) = Compiled::parse(pattern) else { return 0 };
        self.cancel(pattern);
        let part = |partition| Part {
            partition,
            start: PageStart::default(),
            pass: None,
            has_page: false,
            until: 0,
            epoch: 0,
            is_told: false,
            is_first_pass: true,
            is_begun: false,
        };
        self.serial += 1;
        let parts = partitions.map(part).collect();
        self.list.push(Replay { serial: self.serial, pattern: compiled, parts, options: Options::default() });
        self.serial
    }

    /// Ends an announced replay that has not begun: only what was left to it is read.
    pub fn abandon(&mut self, serial: u64) {
        let Some(replay) = self.list.iter_mut().find(|replay| replay.serial == serial) else { return };
        replay.parts.retain_mut(|part| {
            if !part.is_begun {
                part.begin_live();
            }
            part.until > part.start.after
        });
        self.list.retain(|replay| !replay.parts.is_empty());
    }

    /// Begins an announced replay, whose subscription is in effect. A partition without a beginning is live. No effect if the
    /// replay was cancelled.
    pub fn begin(&mut self, pattern: &str, begins: &[Begin], options: Options) {
        let Some(replay) = self.find(pattern) else { return };
        replay.options = options;
        replay.parts.retain_mut(|part| {
            let Some(begin) = begins.iter().find(|begin| begin.partition == part.partition) else {
                // What was left to the replay in between is read.
                part.begin_live();
                return part.until > 0;
            };
            part.start = PageStart::after(begin.after);
            part.until = part.until.max(begin.seam);
            part.epoch = begin.epoch;
            part.is_told = begin.is_told;
            part.is_begun = true;
            part.until > begin.after
        });
        self.list.retain(|replay| !replay.parts.is_empty());
    }

    /// Begins a replay of one channel with its publication at an offset, which the mailbox has no room for.
    pub fn overflow(&mut self, channel: &str, partition: Partition, offset: u64, epoch: u64) {
        self.announce(channel, std::iter::once(partition));
        let after = offset.saturating_sub(1);
        let begin = Begin { partition, after, seam: offset, epoch, is_told: false };
        self.begin(channel, &[begin], Options::default());
    }

    /// Ends the replay of a pattern.
    pub fn cancel(&mut self, pattern: &str) {
        self.list.retain(|replay| !replay.is_of(pattern));
    }

    /// Whether a publication of a history is left to a replay. It then moves the end of the replay.
    pub fn defer(&mut self, channel: &str, partition: Partition, offset: u64) -> bool {
        let name = Pattern::of_name(channel);
        let mut is_left = false;
        for replay in self.list.iter_mut().filter(|replay| replay.pattern.pattern().covers(name)) {
            for part in replay.parts.iter_mut().filter(|part| part.partition == partition) {
                part.until = part.until.max(offset);
                is_left = true;
            }
        }
        is_left
    }

    /// Returns the next page to read; `None` if there is nothing to read now.
    #[must_use]
    pub fn next_job(&mut self) -> Option<Job> {
        for replay in &mut self.list {
            let Some(part) = replay.parts.iter_mut().find(|part| part.is_begun) else { continue };
            let until = *part.pass.get_or_insert(part.until);
            return Some(Job {
                serial: replay.serial,
                pattern: replay.pattern.pattern().to_string(),
                partition: part.partition,
                start: part.start.clone(),
                until,
                epoch: part.epoch,
                is_first: !part.has_page,
                options: Options {
                    is_by_rule: replay.options.is_by_rule && part.is_first_pass,
                    ..replay.options.clone()
                },
            });
        }
        None
    }

    /// Applies a page that was read, whose publications enter the mailbox under the same lock. `next` is where the next page
    /// begins. `None` if the replay was cancelled or has begun again: then the page is dropped.
    pub fn apply(&mut self, job: &Job, seen: Seen, next: Option<&PageStart>) -> Option<Applied> {
        let replay = self.list.iter_mut().find(|replay| replay.serial == job.serial)?;
        let at = replay.parts.iter().position(|part| part.partition == job.partition)?;
        let part = &mut replay.parts[at];
        if part.start != job.start || part.pass != Some(job.until) {
            return None;
        }
        // Publications of another epoch may have been lost with the end of the one before.
        let is_same = part.epoch == seen.epoch || part.epoch == 0;
        let is_whole = seen.is_complete && is_same;
        let applied = if is_whole || part.is_told { Applied::Page } else { Applied::Gap };
        // A gap without a publication after it is not told twice.
        part.is_told = seen.is_empty && (part.is_told || !is_whole);
        part.epoch = seen.epoch;
        match next {
            Some(start) => {
                part.start = start.clone();
                part.has_page = true;
            }
            None => {
                part.start = PageStart::after(job.until);
                (part.pass, part.has_page) = (None, false);
                part.is_first_pass = false;
                if part.until <= job.until {
                    replay.parts.swap_remove(at);
                }
            }
        }
        self.list.retain(|replay| !replay.parts.is_empty());
        Some(applied)
    }

    /// Returns the offset up to which the replays have everything in a partition; `None` without an active part in it.
    #[must_use]
    pub fn position(&self, partition: Partition) -> Option<u64> {
        let parts = self.list.iter().flat_map(|replay| &replay.parts);
        let parts = parts.filter(|part| part.partition == partition);
        parts.map(|part| if part.is_begun { part.start.after } else { 0 }).min()
    }

    /// Returns the first position in each partition that no begun replay has reached.
    #[must_use]
    pub fn unreached(&self) -> Positions {
        let mut lowest = Positions::default();
        for part in self.list.iter().flat_map(|replay| &replay.parts).filter(|part| part.is_begun) {
            let offset = part.start.after + 1;
            match lowest.offset_mut(part.partition) {
                Some(known) => *known = offset.min(*known),
                None => lowest.insert(StreamPosition { partition: part.partition, offset }),
            }
        }
        lowest
    }

    /// Returns the replays for another instance.
    #[must_use]
    pub fn export(&self) -> Vec<ReplayState> {
        let state = |replay: &Replay| ReplayState {
            pattern: replay.pattern.pattern().to_string(),
            parts: replay.parts.clone(),
            options: replay.options.clone(),
        };
        self.list.iter().map(state).collect()
    }

    /// Continues the replays of another instance. Skips what is malformed.
    pub fn import(&mut self, states: Vec<ReplayState>) {
        for ReplayState { pattern, parts, options } in states {
            let Some(compiled) = Compiled::parse(&pattern) else { continue };
            let begun = |mut part: Part| {
                if !part.is_begun {
                    // The subscription was not in effect yet. Its reply says that publications may be missing.
                    part.begin_live();
                }
                (part.until > part.start.after).then_some(part)
            };
            let parts: Vec<_> = parts.into_iter().filter_map(begun).collect();
            if !parts.is_empty() {
                self.serial += 1;
                self.list.push(Replay { serial: self.serial, pattern: compiled, parts, options });
            }
        }
    }

    fn find(&mut self, pattern: &str) -> Option<&mut Replay> {
        self.list.iter_mut().find(|replay| replay.is_of(pattern))
    }
}

impl Replay {
    fn is_of(&self, pattern: &str) -> bool {
        Pattern::parse(pattern) == Some(self.pattern.pattern())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Seen = Seen { epoch: 1, is_complete: true, is_empty: false };

    fn partition() -> Partition {
        Partition::of("/a")
    }

    fn begin(after: u64, seam: u64) -> Begin {
        Begin { partition: partition(), after, seam, epoch: 1, is_told: false }
    }

    fn replays(after: u64, seam: u64) -> Replays {
        let mut replays = Replays::default();
        replays.announce("/a", std::iter::once(partition()));
        replays.begin("/a", &[begin(after, seam)], Options::default());
        replays
    }

    #[test]
    fn what_arrives_during_a_pass_is_read_by_the_next_one() {
        let mut replays = replays(5, 9);
        let job = replays.next_job().unwrap();
        assert_eq!((job.start.after, job.until, job.is_first), (5, 9, true));
        assert!(replays.defer("/a", partition(), 10));
        assert_eq!(replays.apply(&job, SEEN, Some(&PageStart::after(7))), Some(Applied::Page));
        let job = replays.next_job().unwrap();
        assert_eq!((job.start.after, job.until, job.is_first), (7, 9, false));
        assert_eq!(replays.apply(&job, SEEN, None), Some(Applied::Page));
        assert_eq!(replays.position(partition()), Some(9));
        let job = replays.next_job().unwrap();
        assert_eq!((job.start.after, job.until, job.is_first), (9, 10, true));
        assert_eq!(replays.apply(&job, SEEN, None), Some(Applied::Page));
        assert!(replays.is_empty() && !replays.defer("/a", partition(), 11));
        assert_eq!(replays.apply(&job, SEEN, None), None, "once");
    }

    #[test]
    fn publications_before_the_seam_is_known_are_left_to_the_replay() {
        let mut replays = Replays::default();
        replays.announce("/a", std::iter::once(partition()));
        assert!(replays.defer("/a", partition(), 8) && !replays.defer("/b", partition(), 8));
        assert_eq!((replays.next_job(), replays.position(partition())), (None, Some(0)));
        replays.begin("/a", &[begin(3, 7)], Options::default());
        let job = replays.next_job().unwrap();
        assert_eq!((job.start.after, job.until), (3, 8));
        let mut live = Replays::default();
        live.announce("/a", std::iter::once(partition()));
        live.defer("/a", partition(), 8);
        live.begin("/a", &[], Options::default());
        let job = live.next_job().unwrap();
        assert_eq!((job.start.after, job.until), (7, 8));
    }

    #[test]
    fn an_abandoned_replay_reads_what_was_left_to_it() {
        let mut replays = Replays::default();
        let serial = replays.announce("/a", std::iter::once(partition()));
        replays.abandon(serial);
        assert!(replays.is_empty());
        let serial = replays.announce("/a", std::iter::once(partition()));
        replays.defer("/a", partition(), 8);
        replays.abandon(serial);
        let job = replays.next_job().unwrap();
        assert_eq!((job.start.after, job.until), (7, 8));
        // One that has begun, or another one, goes on.
        replays.announce("/a", std::iter::once(partition()));
        replays.abandon(serial);
        assert_eq!(replays.next_job(), None);
        replays.begin("/a", &[begin(3, 7)], Options::default());
        replays.abandon(serial + 1);
        assert_eq!(replays.next_job().unwrap().start.after, 3);
    }

    #[test]
    fn a_replay_without_anything_to_replay_is_over() {
        assert!(replays(9, 9).is_empty());
    }

    #[test]
    fn a_page_of_a_cancelled_replay_is_dropped() {
        let mut replays = replays(5, 9);
        let job = replays.next_job().unwrap();
        replays.announce("/a", std::iter::once(partition()));
        replays.begin("/a", &[begin(5, 9)], Options::default());
        assert_eq!(replays.apply(&job, SEEN, None), None);
        let job = replays.next_job().unwrap();
        replays.cancel("/a");
        assert_eq!(replays.apply(&job, SEEN, None), None);
        assert!(replays.is_empty());
    }

    #[test]
    fn the_client_is_told_of_a_gap_once_for_each() {
        let mut replays = replays(5, 9);
        let lost = Seen { is_complete: false, ..SEEN };
        for (seen, next, told) in [
            (lost, Some(PageStart::after(6)), Applied::Gap),
            (SEEN, Some(PageStart::after(7)), Applied::Page),
            (Seen { is_empty: true, ..lost }, Some(PageStart::after(7)), Applied::Gap),
            (lost, Some(PageStart::after(7)), Applied::Page),
            (Seen { epoch: 2, ..SEEN }, Some(PageStart::after(8)), Applied::Gap),
            (Seen { epoch: 2, ..SEEN }, None, Applied::Page),
        ] {
            let job = replays.next_job().unwrap();
            assert_eq!(replays.apply(&job, seen, next.as_ref()), Some(told));
        }
        let mut told = Replays::default();
        told.announce("/a", std::iter::once(partition()));
        told.begin("/a", &[Begin { is_told: true, ..begin(0, 9) }], Options::default());
        let job = told.next_job().unwrap();
        assert_eq!(told.apply(&job, lost, None), Some(Applied::Page));
    }

    #[test]
    fn another_instance_continues_a_replay() {
        let mut replays = replays(5, 9);
        let job = replays.next_job().unwrap();
        let start = PageStart { channel: Some(("/a".to_owned(), 7)), ..PageStart::after(5) };
        replays.apply(&job, SEEN, Some(&start));
        replays.announce("/b", std::iter::once(partition()));
        replays.announce("/c", std::iter::once(partition()));
        replays.defer("/c", partition(), 12);
        let text = serde_json::to_string(&replays.export()).unwrap();
        let mut here = Replays::default();
        here.import(serde_json::from_str(&text).unwrap());
        let job = here.next_job().unwrap();
        assert_eq!((&job.start, job.until, job.is_first, &*job.pattern), (&start, 9, false, "/a"));
        assert_eq!(here.apply(&job, SEEN, None), Some(Applied::Page));
        let job = here.next_job().unwrap();
        assert_eq!((job.start.after, job.until, &*job.pattern), (11, 12, "/c"), "it has not begun there");
    }
}
