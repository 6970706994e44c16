//! The histories of the channels of one partition in memory: the newest publications of each channel, up to a number and an
//! age, all within a budget. A plain value, which the broker locks.

mod budget;
mod channel;
mod page;
#[cfg(feature = "redis")]
mod window;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use slab::Slab;
use tokio::time::Instant;

pub(super) use budget::Budget;
pub use budget::HistorySize;
use channel::{Channel, memory};

use super::{Kept, Recent, Span};
use crate::bayeux::{Partition, Publication, StreamPosition};
use crate::config;

/// The size of the buffer for encoding that stays allocated, in bytes.
const SCRATCH: usize = 16 * 1024;
/// Removed publications that the log may have in addition to as many as are kept.
const DEAD: usize = 64;

/// The histories of a partition.
#[derive(Default)]
pub(super) struct History {
    names: HashMap<Arc<str>, usize, foldhash::fast::RandomState>,
    channels: Slab<Channel>,
    /// The offsets and channels of the kept publications of all channels in their order, and of some that were removed.
    log: VecDeque<(u64, usize)>,
    /// The number of kept publications.
    kept: usize,
    /// The highest offset of what was removed with its channel, or kept by other rules.
    forgotten: u64,
    /// The number of removals.
    removals: u64,
    /// A publication while it is encoded.
    scratch: Vec<u8>,
    clock: Clock,
}

/// The time of publications, from one reading of the clock of the system a second.
#[derive(Default)]
struct Clock(Option<(Instant, u64)>);

impl Clock {
    /// Returns the time in milliseconds since 1970.
    fn millis(&mut self, now: Instant) -> u64 {
        if let Some((read, millis)) = self.0 {
            let since = now.saturating_duration_since(read).as_millis();
            if since < 1000 {
                return millis.saturating_add(u64::try_from(since).unwrap_or(0));
            }
        }
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        self.0 = Some((now, millis));
        millis
    }
}

impl History {
    /// Adds a publication, `object`, at the next position of this partition, and returns it for its subscribers. If that exceeds
    /// the budget, removes others of this partition.
    pub(super) fn keep(
        &mut self,
        name: &str,
        position: StreamPosition,
        object: &[u8],
        rule: config::History,
        budget: &Budget,
        now: Instant,
    ) -> Publication {
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH);
        Publication::write_kept(&mut self.scratch, position, object);
        let time = self.clock.millis(now);
        let id = self.names.get(name).copied().unwrap_or_else(|| self.add(name, rule, budget));
        let channel = &mut self.channels[id];
        channel.rule = rule;
        let array = channel.push(position.offset, &self.scratch, now, time);
        self.log.push_back((position.offset, id));
        self.kept += 1;
        budget.add_bytes(memory(&array));
        let publication = Publication::stored(Arc::clone(&channel.name), position, array);
        self.prune(id, budget, now);
        while self.make_room(id, budget) {}
        self.compact();
        publication
    }

    fn add(&mut self, name: &str, rule: config::History, budget: &Budget) -> usize {
        let channel = Channel::new(name, rule, self.forgotten);
        let name = Arc::clone(&channel.name);
        let id = self.channels.insert(channel);
        self.names.insert(name, id);
        budget.add_channel();
        id
    }

    /// Returns the newest publications of a channel, newest first.
    pub(super) fn recent(&mut self, name: &str, span: Span, budget: &Budget, now: Instant) -> Recent {
        if let Some(id) = self.names.get(name) {
            self.prune(*id, budget, now);
        }
        let Some(channel) = self.names.get(name).and_then(|id| self.channels.get(*id)) else {
            return Recent::default();
        };
        let partition = Partition::of(name);
        let mut bytes = 0_usize;
        let newest = channel.newest().take(span.history.messages).take_while(|entry| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(entry.array.len());
            entry.offset > span.since && (is_first || bytes <= span.bytes)
        });
        let kept = newest.map(|entry| {
            let position = StreamPosition { partition, offset: entry.offset };
            let publication = Publication::stored(Arc::clone(&channel.name), position, entry.array.clone());
            Kept { at: entry.time, publication: Arc::new(publication) }
        });
        Recent { publications: kept.collect(), oldest: channel.oldest() }
    }

    /// Removes expired publications.
    pub(super) fn sweep(&mut self, budget: &Budget, now: Instant) {
        let due: Vec<usize> =
            self.channels.iter().filter(|(_, channel)| channel.is_due(now)).map(|(id, _)| id).collect();
        for id in due {
            self.prune(id, budget, now);
        }
        self.compact();
    }

    /// Judges what is kept up to an offset as incomplete: it was kept by other rules.
    pub(super) fn forget(&mut self, offset: u64) {
        self.forgotten = self.forgotten.max(offset);
    }

    /// Removes the publications of a channel that are too old or too many, and the channel with the last of them.
    fn prune(&mut self, id: usize, budget: &Budget, now: Instant) {
        while self.channels.get(id).is_some_and(|channel| channel.is_due(now)) {
            self.pop(id, budget);
        }
    }

    /// Removes the oldest publication of a channel, and the channel with the last of them.
    fn pop(&mut self, id: usize, budget: &Budget) {
        let Some(channel) = self.channels.get_mut(id) else { return };
        self.removals += 1;
        if let Some(bytes) = channel.pop(self.removals) {
            self.kept -= 1;
            budget.remove_bytes(bytes);
        }
        if channel.len() == 0 {
            self.forgotten = channel.last.max(self.forgotten);
            self.names.remove(&channel.name);
            self.channels.remove(id);
            budget.remove_channel();
        }
    }

    /// If the budget is exceeded, removes the channel without a publication for the longest time, or the oldest publication, but
    /// not the last one of `but`. Returns `false` if nothing is to be removed, or can be.
    fn make_room(&mut self, but: usize, budget: &Budget) -> bool {
        if budget.has_too_many_channels() {
            let others = self.channels.iter().filter(|(id, _)| *id != but);
            if let Some(id) = others.min_by_key(|(_, channel)| channel.last).map(|(id, _)| id) {
                let before = self.kept;
                while self.channels.contains(id) {
                    self.pop(id, budget);
                }
                budget.note_displaced(before - self.kept);
                return true;
            }
        }
        if !budget.has_too_many_bytes() {
            return false;
        }
        self.drop_dead();
        let Some((_, id)) = self.log.front().copied() else { return false };
        if id == but && self.channels.get(id).is_none_or(|channel| channel.len() == 1) {
            return false;
        }
        self.pop(id, budget);
        budget.note_displaced(1);
        true
    }

    /// Whether an entry of the log is kept.
    fn is_kept(&self, offset: u64, id: usize) -> bool {
        let Some(channel) = self.channels.get(id) else { return false };
        match channel.oldest() {
            // The usual cases at the front of the log.
            Some(oldest) if oldest >= offset => oldest == offset,
            _ => channel.at(offset).is_some(),
        }
    }

    /// Drops removed publications from the front of the log.
    fn drop_dead(&mut self) {
        while let Some((offset, id)) = self.log.front().copied()
            && !self.is_kept(offset, id)
        {
            self.log.pop_front();
        }
    }

    /// Drops removed publications from the log, if it has too many.
    fn compact(&mut self) {
        self.drop_dead();
        if self.log.len() > 2 * self.kept + DEAD {
            let mut log = std::mem::take(&mut self.log);
            log.retain(|(offset, id)| self.is_kept(*offset, *id));
            self.log = log;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Page, PageRequest, PageStart, PartitionState};
    use super::*;

    fn keep(
        history: &mut History,
        channel: &str,
        offset: u64,
        rule: config::History,
        budget: &Budget,
    ) -> Publication {
        let position = StreamPosition { partition: Partition::of(channel), offset };
        history.keep(channel, position, b"{}", rule, budget, Instant::now())
    }

    fn rule(messages: usize) -> config::History {
        config::History { messages, age: Duration::from_secs(60) }
    }

    fn budget(channels: usize) -> Budget {
        Budget::new(&config::HistoryStore { channels, bytes: 1 << 20 })
    }

    static NOTHING_SEEN: std::sync::OnceLock<HashMap<String, u64>> = std::sync::OnceLock::new();
    const STATE: PartitionState = PartitionState { epoch: 1, base: 0, offset: 100 };

    fn numbers(page: &Page) -> Vec<u64> {
        page.publications.iter().filter_map(|one| one.position()).map(|position| position.offset).collect()
    }

    fn request<'a>(pattern: &'a str, start: &'a PageStart) -> PageRequest<'a> {
        let partition = Partition::of("/a");
        let (messages, bytes) = (100, 1 << 20);
        let (newest, seen) = (None, NOTHING_SEEN.get_or_init(HashMap::new));
        let age = &|_: &str| Duration::from_secs(60);
        PageRequest {
            partition,
            pattern,
            start,
            until: 100,
            age,
            newest,
            seen,
            is_first: true,
            messages,
            bytes,
        }
    }

    fn replayed(history: &History, channel: &str, since: u64) -> (Vec<u64>, bool) {
        replayed_at(history, channel, since, Instant::now())
    }

    fn replayed_at(history: &History, channel: &str, since: u64, now: Instant) -> (Vec<u64>, bool) {
        let page = history.page(request(channel, &PageStart::after(since)), STATE, now);
        assert_eq!(page.next, None);
        (numbers(&page), page.is_complete)
    }

    #[test]
    fn a_replay_says_whether_it_is_complete() {
        let (mut history, budget) = (History::default(), budget(10));
        for number in [3, 5, 6, 9] {
            keep(&mut history, "/a", number, rule(3), &budget);
        }
        assert_eq!(replayed(&history, "/a", 5), (vec![6, 9], true));
        assert_eq!(replayed(&history, "/a", 3), (vec![5, 6, 9], true), "3 was seen");
        assert_eq!(replayed(&history, "/a", 4), (vec![5, 6, 9], true), "there was no 4 in /a");
        assert_eq!(replayed(&history, "/a", 2), (vec![5, 6, 9], false), "3 is gone");
        assert_eq!(replayed(&history, "/a", 9), (vec![], true));
        assert_eq!(replayed(&history, "/b", 0), (vec![], true), "there never was any");
        let later = Instant::now() + Duration::from_secs(61);
        assert_eq!(replayed_at(&history, "/a", 5, later), (vec![], false), "they are too old");
        history.sweep(&budget, later);
        assert_eq!(replayed(&history, "/a", 5), (vec![], false), "and forgotten");
        assert_eq!(replayed(&history, "/a", 9), (vec![], true));
        assert_eq!(budget.size().bytes, 0);
        assert_eq!(budget.size().channels, 0);
    }

    #[test]
    fn the_budget_is_kept() {
        let (mut history, budget) = (History::default(), budget(2));
        for (number, channel) in ["/a", "/b", "/c", "/c"].into_iter().enumerate() {
            keep(&mut history, channel, number as u64 + 1, rule(9), &budget);
        }
        assert_eq!(replayed(&history, "/a", 0), (vec![], false), "the oldest had to go");
        assert_eq!(replayed(&history, "/b", 1), (vec![2], true));
        assert_eq!(replayed(&history, "/c", 1), (vec![3, 4], true));
        let bytes = 2 * memory(keep(&mut History::default(), "/a", 1, rule(9), &budget).array());
        let tight = Budget::new(&config::HistoryStore { channels: 9, bytes });
        let mut history = History::default();
        for number in 1..9 {
            keep(&mut history, "/a", number, rule(9), &tight);
        }
        assert_eq!(replayed(&history, "/a", 0), (vec![7, 8], false));
    }

    #[test]
    fn a_pattern_is_replayed_in_pages_in_the_order_of_its_publications() {
        let (mut history, budget) = (History::default(), budget(10));
        for (number, channel) in ["/a/x", "/b", "/a/y", "/a/x/z", "/a/x", "/a/y"].into_iter().enumerate() {
            keep(&mut history, channel, number as u64 + 1, rule(9), &budget);
        }
        let mut start = Some(PageStart::after(1));
        let mut pages = Vec::new();
        while let Some(at) = start.take() {
            let page =
                history.page(PageRequest { messages: 2, ..request("/a/**", &at) }, STATE, Instant::now());
            assert!(page.is_complete, "{page:?}");
            pages.push(numbers(&page));
            start = page.next;
        }
        assert_eq!(pages, [vec![3, 4], vec![5, 6]]);
        let page = |request: PageRequest<'_>| numbers(&history.page(request, STATE, Instant::now()));
        let start = PageStart::after(0);
        assert_eq!(page(PageRequest { newest: Some(&|_| 1), ..request("/a/*", &start) }), [5, 6]);
        let seen = HashMap::from([("/a/y".to_owned(), 3)]);
        assert_eq!(page(PageRequest { seen: &seen, ..request("/a/*", &start) }), [1, 5, 6]);
        assert_eq!(page(PageRequest { until: 4, ..request("/a/**", &start) }), [1, 3, 4]);
        assert_eq!(page(PageRequest { bytes: 1, ..request("/**", &start) }), [1]);
    }

    #[test]
    fn the_first_page_judges_the_whole_replay() {
        let (mut history, budget) = (History::default(), budget(10));
        for (number, channel) in ["/a/x", "/a/y", "/a/y", "/a/x", "/a/y"].into_iter().enumerate() {
            let rule = rule(if channel == "/a/y" { 1 } else { 9 });
            keep(&mut history, channel, number as u64 + 1, rule, &budget);
        }
        let pages = |start: PageStart, is_first, until| {
            let request = PageRequest { messages: 1, is_first, until, ..request("/a/*", &start) };
            let page = history.page(request, STATE, Instant::now());
            (page.is_complete, numbers(&page), page.next)
        };
        let (is_complete, first, next) = pages(PageStart::after(2), true, 5);
        assert_eq!((is_complete, first), (false, vec![4]), "3 was removed");
        let (is_complete, second, next) = pages(next.unwrap(), false, 5);
        assert_eq!((is_complete, second, next), (true, vec![5], None), "the first page has told it");
        assert!(pages(PageStart::after(3), true, 5).0);
        let page =
            |after, state| history.page(request("/a/x", &PageStart::after(after)), state, Instant::now());
        assert!(page(1, STATE).is_complete);
        assert!(!page(1, PartitionState { base: 2, ..STATE }).is_complete, "of another epoch");
        assert!(!page(101, STATE).is_complete, "of the future");
    }

    #[test]
    fn what_is_removed_between_two_pages_is_missed_by_the_next() {
        let budget = budget(10);
        for pattern in ["/a/x", "/a/*"] {
            let mut history = History::default();
            for offset in 1..=3 {
                keep(&mut history, "/a/x", offset, rule(9), &budget);
            }
            let page = |history: &History, start: PageStart, is_first| {
                let request = PageRequest { messages: 1, is_first, until: 3, ..request(pattern, &start) };
                history.page(request, STATE, Instant::now())
            };
            let first = page(&history, PageStart::after(0), true);
            assert_eq!((first.is_complete, numbers(&first)), (true, vec![1]));
            // All that the replay has left is removed.
            keep(&mut history, "/a/x", 4, rule(1), &budget);
            let second = page(&history, first.next.unwrap(), false);
            assert_eq!((second.is_complete, numbers(&second), second.next), (false, vec![], None));
            assert!(page(&history, PageStart::after(3), true).is_complete, "3 was the last removed one");
        }
    }

    #[test]
    fn the_log_has_few_removed_publications() {
        let (mut history, budget) = (History::default(), budget(10));
        keep(&mut history, "/quiet", 1, rule(9), &budget);
        for offset in 2..5000 {
            keep(&mut history, "/busy", offset, rule(3), &budget);
        }
        assert!(history.log.len() <= 2 * history.kept + DEAD + 1, "{}", history.log.len());
        let (start, state) = (PageStart::after(0), PartitionState { offset: 5000, ..STATE });
        let page = |until| {
            let request = PageRequest { until, ..request("/**", &start) };
            numbers(&history.page(request, state, Instant::now()))
        };
        assert_eq!(page(100), [1]);
        assert_eq!(page(5000), [1, 4997, 4998, 4999]);
    }

    #[test]
    fn what_other_rules_have_kept_is_not_complete() {
        let (mut history, budget) = (History::default(), budget(10));
        keep(&mut history, "/a", 1, rule(9), &budget);
        // 2 was published while the channel had no history.
        history.forget(2);
        keep(&mut history, "/a", 3, rule(9), &budget);
        assert_eq!(replayed(&history, "/a", 1), (vec![3], false));
        assert_eq!(replayed(&history, "/a", 2), (vec![3], true));
    }
}
