//! The entries of a document: number, order and identity. It must not know formats.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, SystemTime};

use super::Found;
use super::draft::Draft;
use super::fingerprint::Fingerprint;

/// Maximum distance between dates that a program takes from its clock, and to the time of the fetch: clocks may differ,
/// and a cache may keep the document.
const SPREAD: Duration = Duration::from_secs(2);
const CLOCK: Duration = Duration::from_secs(3600);

/// The first and the last entries of a document: the newest ones are at either end.
pub(super) struct List {
    most: usize,
    first: Vec<Draft>,
    last: VecDeque<Draft>,
}

impl List {
    /// Creates a list that leaves `most` entries.
    pub(super) fn new(most: usize) -> Self {
        Self { most, first: Vec::new(), last: VecDeque::new() }
    }

    /// Adds an entry in the order of the document, unless it is empty.
    pub(super) fn add(&mut self, draft: Draft) {
        let Some(draft) = draft.settle() else { return };
        if self.first.len() < self.most {
            return self.first.push(draft);
        }
        if self.last.len() == self.most {
            self.last.pop_front();
        }
        self.last.push_back(draft);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    pub(super) fn each(&mut self, mut change: impl FnMut(&mut Draft)) {
        self.first.iter_mut().chain(&mut self.last).for_each(&mut change);
    }

    /// Returns the newest entries, oldest first, with their keys. `fetched` is the time of the fetch.
    pub(super) fn finish(self, fetched: SystemTime) -> Vec<Found> {
        let mut drafts = self.first;
        drafts.extend(self.last);
        let mut drafts = unique(keyed(in_order(drafts), fetched));
        drafts.drain(..drafts.len().saturating_sub(self.most));
        drafts.into_iter().map(|(key, draft)| draft.finish(key)).collect()
    }
}

/// Sorts by date. Documents have the newest entry first, unless their dates indicate otherwise.
fn in_order(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let mut dates = drafts.iter().filter_map(Draft::date);
    let is_oldest_first = match (dates.next(), dates.next_back()) {
        (Some(first), Some(last)) => first < last,
        _ => false,
    };
    if !is_oldest_first {
        drafts.reverse();
    }
    // An entry without a date stays after its predecessor.
    let mut before = drafts.iter().find_map(Draft::date).unwrap_or_default();
    let mut dated: Vec<_> = drafts
        .into_iter()
        .map(|draft| {
            before = draft.date().unwrap_or(before);
            (before, draft)
        })
        .collect();
    dated.sort_by_key(|(date, _)| *date);
    dated.into_iter().map(|(_, draft)| draft).collect()
}

/// Assigns each entry its key.
fn keyed(drafts: Vec<Draft>, fetched: SystemTime) -> Vec<(String, Draft)> {
    let is_clock = are_dated_by_clock(&drafts, fetched);
    let mut urls: HashMap<&str, HashSet<&str>> = HashMap::new();
    for draft in drafts.iter().filter(|draft| !draft.is_deleted) {
        if let (Some(id), Some(url)) = (&draft.id, &draft.url) {
            urls.entry(id).or_default().insert(url);
        }
    }
    let ambiguous: HashSet<String> =
        urls.into_iter().filter(|(_, urls)| urls.len() > 1).map(|(id, _)| id.to_owned()).collect();
    drafts.into_iter().map(|draft| (key(&draft, &ambiguous, is_clock), draft)).collect()
}

/// Whether the dates of entries without ids are the time at which a program wrote the document. As a part of keys they would
/// make all entries new with each fetch. The date of a single entry may be right.
fn are_dated_by_clock(drafts: &[Draft], fetched: SystemTime) -> bool {
    let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let fetched = milliseconds(fetched.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    let dates = drafts.iter().filter(|draft| draft.id.is_none()).filter_map(|draft| draft.published);
    let dates: Vec<_> = dates.collect();
    let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) else { return false };
    let is_near = |one: i64, other: i64, most: Duration| {
        one.saturating_sub(other).unsigned_abs() <= milliseconds(most).unsigned_abs()
    };
    dates.len() > 1 && is_near(*last, *first, SPREAD) && is_near(*last, fetched, CLOCK)
}

/// Returns the key of an entry. Without an id it is derived from the entry alone: otherwise a change of one entry would
/// change all keys, and all entries would be published again.
fn key(draft: &Draft, ambiguous: &HashSet<String>, is_clock: bool) -> String {
    let published = draft.published.filter(|_| !is_clock);
    let date = || published.map(|time| time.to_string()).unwrap_or_default();
    match (&draft.id, &draft.url) {
        (Some(id), Some(url)) if !draft.is_deleted && ambiguous.contains(id) => {
            Draft::bounded(&format!("{id} {url}"))
        }
        (Some(id), _) => Draft::bounded(id),
        // The same track that is played twice is two entries.
        (None, Some(url)) if published.is_some() => Draft::hashed("link", [url.as_str(), date().as_str()]),
        (None, Some(url)) => Draft::hashed("link", [url.as_str()]),
        (None, None) => {
            let mut print = Fingerprint::default();
            print.html(draft.title.as_deref().unwrap_or_default());
            print.text(&date());
            print.html(draft.content.as_deref().unwrap_or_default());
            format!("content:{}", data_encoding::HEXLOWER.encode(&print.finish()))
        }
    }
}

/// Leaves the newest of entries with the same key. A tombstone counts as well.
fn unique(drafts: Vec<(String, Draft)>) -> Vec<(String, Draft)> {
    let mut newest: HashMap<String, usize> = HashMap::new();
    let rank = |draft: &Draft| draft.updated.or(draft.published);
    for (at, (key, draft)) in drafts.iter().enumerate() {
        let best = newest.entry(key.clone()).or_insert(at);
        if rank(draft) >= rank(&drafts[*best].1) {
            *best = at;
        }
    }
    let left: HashSet<usize> = newest.into_values().collect();
    let drafts = drafts.into_iter().enumerate().filter(|(at, _)| left.contains(at));
    drafts.map(|(_, draft)| draft).collect()
}
