//! The replays of a session as a value: which parts of which histories it still has to get, and which new publications are
//! left to a replay instead of the mailbox. This module must not know sessions, brokers, locks or time.
//!
//! A replay of a pattern has a part for each partition. A part is read in passes, from an offset up to the newest one that is
//! known when the pass begins. A publication of a history that arrives while its part is active does not enter the mailbox:
//! it moves the end of the part, and the next pass reads it. The part ends, and delivery is live again, when a pass has read up
//! to the end. All of it happens under the lock of the session, so nothing is between the last page and the first live
//! publication.
//!
//! Several replays may cover a channel. A publication is left to the last of them only, and those before it are read first, so it
//! is delivered once and in its order.

mod options;
mod part;
mod transfer;

use crate::bayeux::{Compiled, PageStart, Partition, Pattern, Positions, StreamPosition};
pub use options::{Offsets, Options};
use part::Part;
pub use transfer::ReplayState;

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

impl Begin {
    /// Begins with what is kept of a single channel: with its `first` publication up to the seam. What is missing before
    /// `complete_from` was told.
    #[must_use]
    pub fn of_kept(self, first: Option<u64>, complete_from: u64) -> Self {
        let after = first.map_or(self.seam, |first| first.saturating_sub(1));
        Self { after, is_told: after < complete_from, ..self }
    }
}

/// The replays of a session. The default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Replays {
    list: Vec<Replay>,
    /// Distinguishes replays of the same pattern.
    serial: u64,
}

/// A replay of a channel or pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Replay {
    serial: u64,
    pattern: Compiled,
    parts: Vec<Part>,
    options: Options,
}

/// A page to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

    /// Announces a replay of a pattern. From now on publications of histories are left to it. One of the same pattern goes on
    /// until it begins. Returns the number of the replay. No effect for a text that is no pattern.
    pub fn announce(&mut self, pattern: &str, partitions: impl Iterator<Item = Partition>) -> u64 {
        let Some(compiled) = Compiled::parse(pattern) else { return 0 };
        let part = |partition| Part {
            partition,
            start: PageStart::default(),
            pass: None,
            has_page: false,
            until: 0,
            first: 0,
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

    /// Begins an announced replay, whose subscription is in effect, in place of others of the same pattern. A partition without a
    /// beginning is live. No effect if the replay was cancelled.
    pub fn begin(&mut self, pattern: &str, begins: &[Begin], options: Options) {
        let is_announced =
            |replay: &&mut Replay| replay.is_of(pattern) && replay.parts.iter().any(|part| !part.is_begun);
        let Some(replay) = self.list.iter_mut().rev().find(is_announced) else { return };
        let serial = replay.serial;
        let others = self.list.extract_if(.., |replay| replay.is_of(pattern) && replay.serial != serial);
        let deferred: Vec<Part> =
            others.flat_map(|other| other.parts).filter_map(|part| part.keep_deferred()).collect();
        let Some(replay) = self.list.iter_mut().find(|replay| replay.serial == serial) else { return };
        replay.options = options;
        replay.parts.retain_mut(|part| {
            for other in &deferred {
                if other.partition == part.partition {
                    part.defer_all(other);
                }
            }
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
        self.defer(channel, partition, offset);
        let after = offset.saturating_sub(1);
        let begin = Begin { partition, after, seam: offset, epoch, is_told: false };
        self.begin(channel, &[begin], Options::default());
    }

    /// Ends the replays for a subscription that has ended. What was left to them is read for the `others` of the session.
    pub fn cancel<'a>(&mut self, pattern: &str, others: impl Iterator<Item = &'a str>) {
        let others: Vec<Pattern<'_>> = others.filter_map(Pattern::parse).collect();
        let list = std::mem::take(&mut self.list);
        for replay in list {
            let covered = replay.pattern.pattern();
            if !replay.is_of(pattern) && others.iter().any(|other| other.covers(covered)) {
                self.list.push(replay);
                continue;
            }
            let parts: Vec<_> = replay.parts.iter().filter_map(Part::keep_deferred).collect();
            let mut rests: Vec<Pattern<'_>> = Vec::new();
            for rest in others.iter().filter_map(|other| other.common(covered)) {
                if !rests.iter().any(|wider| wider.covers(rest)) {
                    rests.retain(|narrower| !rest.covers(*narrower));
                    rests.push(rest);
                }
            }
            for rest in rests {
                let text = rest.to_string();
                let is_in = |part: &&Part| !rest.is_name() || part.partition == Partition::of(&text);
                let parts: Vec<_> = parts.iter().filter(is_in).cloned().collect();
                let Some(pattern) = Compiled::parse(&text) else { continue };
                let options = Options { is_by_rule: false, ..replay.options.clone() };
                self.add(pattern, parts, options);
            }
        }
    }

    /// Adds parts that have begun, to a replay of the same pattern if there is one.
    fn add(&mut self, pattern: Compiled, mut parts: Vec<Part>, options: Options) {
        for replay in self.list.iter_mut().filter(|replay| replay.pattern == pattern) {
            for known in replay.parts.iter_mut().filter(|known| known.is_begun) {
                parts.retain(|part| {
                    let is_same = part.partition == known.partition;
                    if is_same {
                        known.defer_all(part);
                    }
                    !is_same
                });
            }
        }
        if !parts.is_empty() {
            self.serial += 1;
            self.list.push(Replay { serial: self.serial, pattern, parts, options });
        }
    }

    /// Whether a publication of a history is left to a replay. It then moves the end of the replay.
    pub fn defer(&mut self, channel: &str, partition: Partition, offset: u64) -> bool {
        self.part_of(channel, partition).map(|part| part.defer(offset)).is_some()
    }

    /// Returns the last part for a channel.
    fn part_of(&mut self, channel: &str, partition: Partition) -> Option<&mut Part> {
        let name = Pattern::of_name(channel);
        let covering = self.list.iter_mut().rev().filter(|replay| replay.pattern.pattern().covers(name));
        covering.flat_map(|replay| &mut replay.parts).find(|part| part.partition == partition)
    }

    /// Whether a publication of a page belongs to it: it was not left to a later replay.
    #[must_use]
    pub fn is_of_page(&self, job: &Job, channel: &str, offset: u64) -> bool {
        let later = self.list.iter().skip_while(|replay| replay.serial != job.serial).skip(1);
        let mut covering = later.filter(|replay| replay.pattern.pattern().covers(Pattern::of_name(channel)));
        let has_it = |part: &Part| part.partition == job.partition && part.first > 0 && part.first <= offset;
        !covering.any(|replay| replay.parts.iter().any(has_it))
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
        // A gap without a publication after it is not told twice. The reply to the subscribe tells only what is missing before it.
        let is_first = part.is_first_pass && !part.has_page;
        part.is_told = seen.is_empty && (applied == Applied::Gap || part.is_told && !is_first);
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
                let is_over = part.until <= job.until;
                let part = replay.parts.remove(at);
                if !is_over {
                    replay.parts.push(part);
                }
                self.list.retain(|replay| !replay.parts.is_empty());
                self.give_turn(job.serial);
            }
        }
        Some(applied)
    }

    /// Moves a replay behind the others, so that a publisher that is faster than the reader delays no other channel. One that
    /// shares channels with another replay keeps its place: their order is the one of the publications.
    fn give_turn(&mut self, serial: u64) {
        let Some(at) = self.list.iter().position(|replay| replay.serial == serial) else { return };
        let pattern = self.list[at].pattern.pattern();
        let shares =
            |other: &Replay| other.serial != serial && other.pattern.pattern().common(pattern).is_some();
        if !self.list.iter().any(shares) {
            self.list[at..].rotate_left(1);
        }
    }

    /// Returns the offset up to which the replays have everything in a partition; `None` without an active part in it.
    #[must_use]
    pub fn position(&self, partition: Partition) -> Option<u64> {
        let parts = self.list.iter().flat_map(|replay| &replay.parts);
        let parts = parts.filter(|part| part.partition == partition);
        parts.map(|part| if part.is_begun { part.start.after } else { 0 }).min()
    }

    /// Returns the first position in each partition that the replays have not reached: of those that have not begun, the first
    /// that was left to them.
    #[must_use]
    pub fn unreached(&self) -> Positions {
        let mut lowest = Positions::default();
        let parts = self.list.iter().flat_map(|replay| &replay.parts);
        for part in parts.filter(|part| part.is_begun || part.first > 0) {
            let offset = if part.is_begun { part.start.after + 1 } else { part.first };
            match lowest.offset_mut(part.partition) {
                Some(known) => *known = offset.min(*known),
                None => lowest.insert(StreamPosition { partition: part.partition, offset }),
            }
        }
        lowest
    }
}

impl Replay {
    fn is_of(&self, pattern: &str) -> bool {
        Pattern::parse(pattern) == Some(self.pattern.pattern())
    }
}

#[cfg(test)]
mod model;

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
        // Another one is left as it is, until it begins.
        let next = replays.announce("/a", std::iter::once(partition()));
        replays.defer("/a", partition(), 9);
        replays.defer("/a", partition(), 10);
        replays.abandon(serial);
        assert_eq!(replays.next_job(), Some(job));
        let mut begun = replays.clone();
        begun.begin("/a", &[begin(3, 9)], Options::default());
        begun.abandon(next);
        assert_eq!((begun.len(), begun.next_job().unwrap().start.after), (1, 3), "one that has begun");
        replays.abandon(next);
        let job = replays.next_job().unwrap();
        assert_eq!(replays.apply(&job, SEEN, None), Some(Applied::Page));
        let job = replays.next_job().unwrap();
        assert_eq!((job.start.after, job.until), (8, 10), "from the first one on");
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
        replays.cancel("/a", std::iter::empty());
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
        here.import(serde_json::from_str(&text).unwrap(), &Positions::default());
        let job = here.next_job().unwrap();
        assert_eq!((&job.start, job.until, job.is_first, &*job.pattern), (&start, 9, false, "/a"));
        assert_eq!(here.apply(&job, SEEN, None), Some(Applied::Page));
        let job = here.next_job().unwrap();
        assert_eq!((job.start.after, job.until, &*job.pattern), (11, 12, "/c"), "it has not begun there");
    }
}
