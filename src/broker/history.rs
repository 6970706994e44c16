//! The histories of the channels of one partition in memory: the newest publications of each channel, up to a number and an
//! age, all within a budget. A plain value, which the broker locks.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::{Kept, Newest, Page, PageRequest, PageStart, PartitionState, Recent, Span};
use crate::bayeux::{Pattern, Publication};
use crate::config;

/// The age of a publication that never expires.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

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
    /// The kept publications of all channels, by their offsets.
    log: BTreeMap<u64, Entry>,
    channels: HashMap<Box<str>, Channel>,
    /// The highest offset of what was removed with its channel, or kept by other rules.
    forgotten: u64,
}

struct Channel {
    /// The offsets of the kept publications, at least one.
    offsets: VecDeque<u64>,
    /// The offset of the newest publication.
    last: u64,
    rule: config::History,
}

struct Entry {
    /// The offset of the previous publication in the channel, kept or not.
    previous: u64,
    expires: Instant,
    /// The time of publication in milliseconds since 1970.
    time: u64,
    publication: Arc<Publication>,
}

/// Bytes of an entry in the log and in the list of its channel, without its publication.
const OVERHEAD: usize = size_of::<Entry>() + 3 * size_of::<u64>();

/// Returns the approximate memory of a kept publication in bytes, with one wire form from its delivery.
fn memory(publication: &Publication) -> usize {
    OVERHEAD + publication.memory() + publication.size()
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
        let name = publication.channel();
        let forgotten = self.forgotten;
        if !self.channels.contains_key(name) {
            budget.kept_channels.fetch_add(1, Ordering::Relaxed);
            let channel = Channel { offsets: VecDeque::new(), last: forgotten, rule };
            self.channels.insert(name.into(), channel);
        }
        let Some(channel) = self.channels.get_mut(name) else { return };
        let previous = std::mem::replace(&mut channel.last, offset).max(forgotten);
        channel.rule = rule;
        channel.offsets.push_back(offset);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        let expires = now.checked_add(rule.age).unwrap_or_else(|| now + FAR);
        self.log.insert(offset, Entry { previous, expires, time, publication: Arc::clone(publication) });
        budget.kept_bytes.fetch_add(memory(publication), Ordering::Relaxed);
        self.prune(name, budget, now);
        while budget.is_exceeded() && self.forget_one(name, budget) {}
    }

    /// Reads a page of a replay.
    pub(super) fn page(&self, request: PageRequest<'_>, state: PartitionState, now: Instant) -> Page {
        let after = request.start.after;
        let complete_from = self.forgotten.max(state.base);
        let is_complete = after >= complete_from && after <= state.offset;
        let mut page = Page { publications: Vec::new(), next: None, state, complete_from, is_complete };
        let Some(pattern) = Pattern::parse(request.pattern) else { return page };
        let mut bytes = 0_usize;
        let mut last = after;
        for (offset, entry) in self.range(request.pattern, pattern, after, request.until) {
            let publication = &entry.publication;
            let after = request.seen.get(publication.channel()).map_or(after, |seen| after.max(*seen));
            if offset <= after || (request.age)(publication.channel()).is_zero() {
                continue;
            }
            if entry.expires <= now {
                page.is_complete = false;
                continue;
            }
            if page.next.is_none() && !self.is_older(offset, publication.channel(), request.newest) {
                bytes = bytes.saturating_add(publication.size());
                let is_full = page.publications.len() >= request.messages || bytes > request.bytes;
                if is_full && !page.publications.is_empty() {
                    page.next = Some(PageStart::after(last));
                } else {
                    page.publications.push(Arc::clone(publication));
                    last = offset;
                }
            }
            if page.next.is_some() && !request.is_first {
                break;
            }
            if entry.previous > after && !self.log.contains_key(&entry.previous) {
                page.is_complete = false;
            }
        }
        page
    }

    /// Returns the entries of a channel or pattern between two offsets, the first excluded.
    fn range<'a>(
        &'a self,
        name: &str,
        pattern: Pattern<'a>,
        after: u64,
        until: u64,
    ) -> Box<dyn Iterator<Item = (u64, &'a Entry)> + 'a> {
        if until <= after {
            return Box::new(std::iter::empty());
        }
        if pattern.is_name() {
            let Some(channel) = self.channels.get(name) else { return Box::new(std::iter::empty()) };
            let first = channel.offsets.partition_point(|offset| *offset <= after);
            let offsets = channel.offsets.range(first..).take_while(move |offset| **offset <= until);
            return Box::new(offsets.filter_map(|offset| Some((*offset, self.log.get(offset)?))));
        }
        let entries = self.log.range((Bound::Excluded(after), Bound::Included(until)));
        let is_matched = move |entry: &Entry| pattern.covers(Pattern::of_name(entry.publication.channel()));
        Box::new(entries.filter(move |(_, entry)| is_matched(entry)).map(|(offset, entry)| (*offset, entry)))
    }

    /// Whether a publication is not among this number of the newest ones of its channel.
    fn is_older(&self, offset: u64, name: &str, newest: Option<Newest<'_>>) -> bool {
        let Some(newest) = newest else { return false };
        let Some(channel) = self.channels.get(name) else { return false };
        let first = channel.offsets.len().saturating_sub(newest(name));
        channel.offsets.get(first).is_none_or(|first| offset < *first)
    }

    /// Returns the newest publications of a channel, newest first.
    pub(super) fn recent(&mut self, name: &str, span: Span, budget: &Budget, now: Instant) -> Recent {
        self.prune(name, budget, now);
        let Some(channel) = self.channels.get(name) else { return Recent::default() };
        let mut bytes = 0_usize;
        let entries =
            channel.offsets.iter().rev().filter_map(|offset| Some((*offset, self.log.get(offset)?)));
        let newest = entries.take(span.history.messages).take_while(|(offset, entry)| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(entry.publication.size());
            *offset > span.since && (is_first || bytes <= span.bytes)
        });
        let publications = newest
            .map(|(_, entry)| Kept { at: entry.time, publication: Arc::clone(&entry.publication) })
            .collect();
        Recent { publications, oldest: channel.offsets.front().copied() }
    }

    /// Removes expired publications.
    pub(super) fn sweep(&mut self, budget: &Budget, now: Instant) {
        let is_expired = |channel: &Channel| {
            channel
                .offsets
                .front()
                .and_then(|offset| self.log.get(offset))
                .is_none_or(|entry| entry.expires <= now)
        };
        let expired = self.channels.iter().filter(|(_, channel)| is_expired(channel));
        let expired: Vec<_> = expired.map(|(name, _)| name.clone()).collect();
        for name in expired {
            self.prune(&name, budget, now);
        }
    }

    /// Judges what is kept up to an offset as incomplete: it was kept by other rules.
    pub(super) fn forget(&mut self, offset: u64) {
        self.forgotten = self.forgotten.max(offset);
    }

    /// Removes the publications of a channel that are too old or too many, and the channel with the last of them.
    fn prune(&mut self, name: &str, budget: &Budget, now: Instant) {
        let Some(channel) = self.channels.get_mut(name) else { return };
        while let Some(offset) = channel.offsets.front() {
            let is_expired = self.log.get(offset).is_none_or(|entry| entry.expires <= now);
            if channel.offsets.len() <= channel.rule.messages && !is_expired {
                return;
            }
            remove_front(&mut self.log, channel, budget);
        }
        self.forgotten = channel.last.max(self.forgotten);
        self.channels.remove(name);
        budget.kept_channels.fetch_sub(1, Ordering::Relaxed);
    }

    /// Removes the history with the oldest last publication, except that of `but`. False if nothing can be removed.
    fn forget_one(&mut self, but: &str, budget: &Budget) -> bool {
        let others = self.channels.iter().filter(|(name, _)| name.as_ref() != but);
        let oldest = others.min_by_key(|(_, channel)| channel.last).map(|(name, _)| name.clone());
        let Some(mut channel) = oldest.and_then(|name| self.channels.remove(&name)) else {
            // Only `but` is left: its oldest publication is removed.
            let Some(channel) = self.channels.get_mut(but).filter(|channel| channel.offsets.len() > 1) else {
                return false;
            };
            remove_front(&mut self.log, channel, budget);
            return true;
        };
        self.forgotten = channel.last.max(self.forgotten);
        while !channel.offsets.is_empty() {
            remove_front(&mut self.log, &mut channel, budget);
        }
        budget.kept_channels.fetch_sub(1, Ordering::Relaxed);
        true
    }
}

fn remove_front(log: &mut BTreeMap<u64, Entry>, channel: &mut Channel, budget: &Budget) {
    if let Some(entry) = channel.offsets.pop_front().and_then(|offset| log.remove(&offset)) {
        budget.kept_bytes.fetch_sub(memory(&entry.publication), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
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
            history.keep(&publication("/a", number), rule(3), &budget, Instant::now());
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
        assert_eq!(budget.kept_bytes.load(Ordering::Relaxed), 0);
        assert_eq!(budget.kept_channels.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_budget_is_kept() {
        let (mut history, budget) = (History::default(), budget(2));
        for (number, channel) in ["/a", "/b", "/c", "/c"].into_iter().enumerate() {
            history.keep(&publication(channel, number as u64 + 1), rule(9), &budget, Instant::now());
        }
        assert_eq!(replayed(&history, "/a", 0), (vec![], false), "the oldest had to go");
        assert_eq!(replayed(&history, "/b", 1), (vec![2], true));
        assert_eq!(replayed(&history, "/c", 1), (vec![3, 4], true));
        let bytes = 2 * memory(&publication("/a", 1));
        let tight = Budget::new(&config::HistoryStore { channels: 9, bytes });
        let mut history = History::default();
        for number in 1..9 {
            history.keep(&publication("/a", number), rule(9), &tight, Instant::now());
        }
        assert_eq!(replayed(&history, "/a", 0), (vec![7, 8], false));
    }

    #[test]
    fn a_pattern_is_replayed_in_pages_in_the_order_of_its_publications() {
        let (mut history, budget) = (History::default(), budget(10));
        for (number, channel) in ["/a/x", "/b", "/a/y", "/a/x/z", "/a/x", "/a/y"].into_iter().enumerate() {
            history.keep(&publication(channel, number as u64 + 1), rule(9), &budget, Instant::now());
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
            history.keep(&publication(channel, number as u64 + 1), rule, &budget, Instant::now());
        }
        let judged = |after, is_first| {
            let start = PageStart::after(after);
            let request = PageRequest { messages: 1, is_first, ..request("/a/*", &start) };
            history.page(request, STATE, Instant::now()).is_complete
        };
        assert!(!judged(2, true), "3 was removed");
        assert!(judged(2, false) && judged(3, true));
        let page =
            |after, state| history.page(request("/a/x", &PageStart::after(after)), state, Instant::now());
        assert!(page(1, STATE).is_complete);
        assert!(!page(1, PartitionState { base: 2, ..STATE }).is_complete, "of another epoch");
        assert!(!page(101, STATE).is_complete, "of the future");
    }

    #[test]
    fn what_other_rules_have_kept_is_not_complete() {
        let (mut history, budget) = (History::default(), budget(10));
        history.keep(&publication("/a", 1), rule(9), &budget, Instant::now());
        // 2 was published while the channel had no history.
        history.forget(2);
        history.keep(&publication("/a", 3), rule(9), &budget, Instant::now());
        assert_eq!(replayed(&history, "/a", 1), (vec![3], false));
        assert_eq!(replayed(&history, "/a", 2), (vec![3], true));
    }
}
