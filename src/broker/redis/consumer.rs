//! One partition on this instance: how far it has come, what is delivered in which order, and when something is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::frame::{Item, NodeId};
use crate::bayeux::{Partition, Publication, StreamPosition};
use crate::lock::{Mutex, MutexGuard, level};
use crate::metrics::Metrics;

/// Delivers publications to the subscribers on this instance, in their order. The second says whether others may have
/// them too: not if they are this instance's own, and Redis is away.
pub type Deliver = Arc<dyn Fn(&[Arc<Publication>], bool) + Send + Sync>;

/// Publications that may wait for those before them.
const WAITING: usize = 10_000;
/// Bytes of them.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Publications of our own that were delivered at once and are known again when they come back: more than ever wait.
const AT_ONCE: usize = 20_000;

/// A partition as it is heard here.
pub(super) struct Heard {
    partition: Partition,
    me: NodeId,
    state: Mutex<State, { level::PARTITION }>,
    deliver: Deliver,
    metrics: Metrics,
}

#[derive(Default)]
struct State {
    /// The life of the partition and the newest number of it that was delivered here. Nothing before this instance listens.
    at: Option<(u64, u64)>,
    /// The newest of our own counters that came back.
    own: u64,
    /// Those of our own that were delivered at once, because Redis was away, and have not come back yet.
    at_once: BTreeSet<u64>,
    /// Something is missing, and is being looked for; what comes meanwhile waits.
    gap: Option<Gap>,
}

struct Gap {
    /// The last number that is looked for: what is behind it comes by itself.
    until: u64,
    /// What has come since, by number.
    waiting: BTreeMap<u64, Arrived>,
    bytes: usize,
}

/// A publication that has come, or was found in what is kept.
pub(super) struct Arrived {
    pub(super) number: u64,
    pub(super) publisher: NodeId,
    pub(super) counter: u64,
    pub(super) item: Item,
}

/// What has to be done after something was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Look for what is missing.
    Fill,
}

impl Heard {
    pub(super) fn new(partition: Partition, me: NodeId, deliver: Deliver, metrics: Metrics) -> Self {
        Self { partition, me, state: Mutex::default(), deliver, metrics }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let index = self.partition.index();
        self.state.lock_of(u8::try_from(index).unwrap_or(u8::MAX))
    }

    /// The newest number that was delivered here; zero before this instance has listened.
    pub(super) fn number(&self) -> u64 {
        self.lock().at.map_or(0, |(_, number)| number)
    }

    /// Publications were heard, `first` is the number of the first.
    pub(super) fn publications(
        &self,
        epoch: u64,
        first: u64,
        publisher: NodeId,
        counter: u64,
        items: Vec<Item>,
    ) -> Then {
        let numbered = items.into_iter().enumerate();
        let arrived = numbered.map(|(at, item)| {
            let at = at as u64;
            Arrived { number: first + at, publisher, counter: counter + at, item }
        });
        let mut state = self.lock();
        if let Some(gap) = &mut state.gap {
            if first > gap.last() + 1 {
                gap.until = first - 1;
            }
            arrived.for_each(|arrived| gap.add(arrived));
            return Then::Nothing;
        }
        match state.at {
            Some((same, number)) if same == epoch && first > number + 1 => {}
            Some((other, number)) if other != epoch && first > number => {}
            _ => {
                self.deliver(&mut state, epoch, arrived);
                return Then::Nothing;
            }
        }
        let mut gap = Gap::until(first - 1);
        arrived.for_each(|arrived| gap.add(arrived));
        state.gap = Some(gap);
        self.metrics.redis.gaps.inc();
        Then::Fill
    }

    /// The partition has come to a number, as a test or Redis itself says. What was published before this instance listens
    /// is nothing that it misses.
    pub(super) fn reached(&self, epoch: u64, number: u64) -> Then {
        let mut state = self.lock();
        if let Some(gap) = &mut state.gap {
            if number > gap.last() {
                gap.until = number;
            }
            return Then::Nothing;
        }
        match state.at {
            None => state.at = Some((epoch, number)),
            Some((_, here)) if here >= number => state.at = Some((epoch, here)),
            Some(_) => {
                state.gap = Some(Gap::until(number));
                self.metrics.redis.gaps.inc();
                return Then::Fill;
            }
        }
        Then::Nothing
    }

    /// This instance has stopped listening.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.at = None;
        state.gap = None;
    }

    /// Behind which number something is missing, if it is, and up to which.
    pub(super) fn missing(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        state.gap.as_ref().zip(state.at).map(|(gap, (_, number))| (number, gap.until))
    }

    /// Ends a gap by what was found of the publications that were missing up to a number, in this life of the partition. If
    /// more are missing by now, it stays.
    pub(super) fn fill(&self, epoch: u64, until: u64, found: Vec<Arrived>) {
        let mut state = self.lock();
        if state.gap.as_ref().is_some_and(|gap| gap.until != until) {
            return;
        }
        let (Some(gap), Some((before, here))) = (state.gap.take(), state.at) else { return };
        let mut all = gap.waiting;
        let came = all.len();
        for arrived in found.into_iter().filter(|found| found.number > here && found.number <= gap.until) {
            all.entry(arrived.number).or_insert(arrived);
        }
        let recovered = all.len() - came;
        let end = all.keys().next_back().copied().unwrap_or(0).max(gap.until);
        // Of another life of the partition nobody knows how many there were in the one before.
        let begin = if before == epoch { here } else { all.keys().next().map_or(end, |first| first - 1) };
        let missed = (end - begin.min(end)).saturating_sub(all.len() as u64);
        self.metrics.redis.recovered.inc_by(recovered as u64);
        self.metrics.redis.missed.inc_by(missed);
        if before != epoch {
            self.metrics.redis.epoch_resets.inc();
        }
        if missed > 0 || before != epoch {
            let partition = self.partition.index();
            let epoch_reset = before != epoch;
            tracing::warn!(partition, missed, recovered, epoch_reset, "publications missed");
        } else {
            tracing::info!(partition = self.partition.index(), recovered, "gap recovered");
        }
        self.deliver(&mut state, epoch, all.into_values());
        state.at = Some((epoch, end));
    }

    /// Ends a gap without what was missing.
    pub(super) fn give_up(&self, until: u64) {
        let epoch = self.lock().at.map(|(epoch, _)| epoch);
        if let Some(epoch) = epoch {
            self.fill(epoch, until, Vec::new());
        }
    }

    /// The newest counter of our own publications that came back.
    pub(super) fn own(&self) -> u64 {
        self.lock().own
    }

    /// Delivers a publication of our own at once, because Redis does not take it now; when it comes back it is known.
    /// It has no place in the partition yet.
    pub(super) fn deliver_own(&self, counter: u64, publication: &Arc<Publication>) {
        let mut state = self.lock();
        if counter > state.own && state.at_once.insert(counter) {
            if state.at_once.len() > AT_ONCE {
                state.at_once.pop_first();
            }
            (self.deliver)(std::slice::from_ref(publication), false);
        }
    }

    /// Runs something while nothing is delivered in this partition, with the newest number that was.
    pub(super) fn while_still<T>(&self, act: impl FnOnce(u64) -> T) -> T {
        let state = self.lock();
        act(state.at.map_or(0, |(_, number)| number))
    }

    fn deliver(&self, state: &mut State, epoch: u64, arrived: impl Iterator<Item = Arrived>) {
        let mut publications = Vec::new();
        let mut newest = state.at.map_or(0, |(_, number)| number);
        for Arrived { number, publisher, counter, item } in arrived {
            if number <= newest {
                continue;
            }
            newest = number;
            if publisher == self.me {
                state.own = counter.max(state.own);
                if state.at_once.remove(&counter) {
                    continue;
                }
            }
            let position = StreamPosition { partition: self.partition, offset: number };
            publications.push(Arc::new(Publication::encoded(&item.channel, Some(position), &item.object)));
        }
        // Before they are delivered: whoever comes by the lock then finds them in the mailboxes.
        state.at = Some((epoch, newest));
        if !publications.is_empty() {
            self.metrics.redis.received.inc_by(publications.len() as u64);
            (self.deliver)(&publications, true);
        }
    }
}

impl Gap {
    fn until(number: u64) -> Self {
        Self { until: number, waiting: BTreeMap::new(), bytes: 0 }
    }

    /// The last number that is known of.
    fn last(&self) -> u64 {
        self.waiting.keys().next_back().copied().unwrap_or(0).max(self.until)
    }

    fn add(&mut self, arrived: Arrived) {
        self.bytes += arrived.item.object.len();
        self.waiting.insert(arrived.number, arrived);
        while self.waiting.len() > WAITING || self.bytes > WAITING_BYTES {
            // What is kept may still hold it; if not, it is counted as missed.
            let Some((_, oldest)) = self.waiting.pop_first() else { return };
            self.bytes -= oldest.item.object.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId([1; 16]);
    const OTHER: NodeId = NodeId([2; 16]);

    type Got = Arc<parking_lot::Mutex<Vec<u64>>>;

    fn heard() -> (Heard, Got, Metrics) {
        let (got, metrics) = (Got::default(), Metrics::default());
        let into = Arc::clone(&got);
        let deliver: Deliver = Arc::new(move |publications, _| {
            let numbers = publications.iter().map(|one| one.position().map_or(0, |position| position.offset));
            into.lock().extend(numbers);
        });
        (Heard::new(Partition::of("/a"), ME, deliver, metrics.clone()), got, metrics)
    }

    fn item() -> Item {
        Item { channel: "/a".into(), object: b"{}".into() }
    }

    fn other(heard: &Heard, epoch: u64, first: u64, count: u64) -> Then {
        heard.publications(epoch, first, OTHER, first, (0..count).map(|_| item()).collect())
    }

    fn found(number: u64) -> Arrived {
        Arrived { number, publisher: OTHER, counter: number, item: item() }
    }

    #[test]
    fn a_gap_is_filled_in_order_and_what_stays_missing_is_counted() {
        let (heard, got, metrics) = heard();
        assert_eq!(heard.reached(1, 10), Then::Nothing);
        assert_eq!(other(&heard, 1, 11, 2), Then::Nothing);
        assert_eq!(other(&heard, 1, 12, 1), Then::Nothing, "heard before");
        assert_eq!(other(&heard, 1, 16, 1), Then::Fill);
        assert_eq!(other(&heard, 1, 17, 1), Then::Nothing, "it waits");
        assert_eq!(*got.lock(), [11, 12]);
        assert_eq!(heard.missing(), Some((12, 15)));
        heard.fill(1, 15, vec![found(13), found(15), found(16), found(18)]);
        assert_eq!(*got.lock(), [11, 12, 13, 15, 16, 17]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.recovered.get()), (1, 2));
        assert_eq!(heard.missing(), None);
        assert_eq!(other(&heard, 1, 18, 1), Then::Nothing);
    }

    #[test]
    fn a_test_shows_that_the_end_is_missing() {
        let (heard, got, metrics) = heard();
        heard.reached(1, 10);
        assert_eq!(heard.reached(1, 10), Then::Nothing);
        assert_eq!(heard.reached(1, 12), Then::Fill);
        heard.fill(1, 12, vec![found(11), found(13)]);
        assert_eq!(*got.lock(), [11]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.recovered.get()), (1, 1));
        assert_eq!(heard.number(), 12);
    }

    #[test]
    fn a_lane_that_redis_has_lost_begins_anew() {
        let (heard, got, metrics) = heard();
        heard.reached(1, 10);
        assert_eq!(other(&heard, 2, 1001, 1), Then::Fill);
        heard.fill(2, 1000, vec![]);
        assert_eq!(*got.lock(), [1001]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.epoch_resets.get()), (0, 1));
    }

    #[test]
    fn our_own_is_delivered_once_however_it_comes() {
        let (heard, got, _) = heard();
        heard.reached(1, 10);
        let own = |counter, number| heard.publications(1, number, ME, counter, vec![item()]);
        own(1, 11);
        heard.deliver_own(2, &Arc::new(Publication::encoded("/a", None, b"{}")));
        heard.deliver_own(1, &Arc::new(Publication::encoded("/a", None, b"{}")));
        own(2, 12);
        own(3, 13);
        assert_eq!(*got.lock(), [11, 0, 13]);
    }

    #[test]
    fn our_own_that_was_taken_before_redis_went_away_is_not_lost() {
        let (heard, got, _) = heard();
        heard.reached(1, 10);
        // Redis took the first, which has not come back yet, when the second could not be sent.
        heard.deliver_own(2, &Arc::new(Publication::encoded("/a", None, b"{}")));
        heard.publications(1, 11, ME, 1, vec![item()]);
        heard.publications(1, 12, ME, 2, vec![item()]);
        assert_eq!(*got.lock(), [0, 11]);
    }

    #[test]
    fn a_gap_that_grows_while_it_is_looked_for_stays() {
        let (heard, got, metrics) = heard();
        heard.reached(1, 10);
        assert_eq!(other(&heard, 1, 13, 1), Then::Fill);
        assert_eq!(other(&heard, 1, 16, 1), Then::Nothing);
        heard.fill(1, 12, vec![found(11), found(12)]);
        assert_eq!(heard.missing(), Some((10, 15)), "15 is missing too");
        heard.fill(1, 15, vec![found(11), found(12), found(14), found(15)]);
        assert_eq!(*got.lock(), [11, 12, 13, 14, 15, 16]);
        assert_eq!(metrics.redis.missed.get(), 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (heard, got, metrics) = heard();
        heard.reached(1, 0);
        other(&heard, 1, 2, 1);
        other(&heard, 1, 3, WAITING as u64 + 5);
        heard.fill(1, 1, vec![]);
        assert_eq!(got.lock().len(), WAITING);
        assert_eq!(metrics.redis.missed.get(), 7);
    }
}
