//! The consumer of one partition: delivers publications in the order of their offsets, once each, and detects gaps. The
//! decisions are in `consumer_state`; this file has the lock, the subscribers, the metrics, and the
//! window: the histories of what was received.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::consumer_state::{Action, ConsumerState, Recovered};
use super::frame::Item;
use super::gap::{Delivery, Epoch};
use crate::bayeux::{Partition, Publication, StreamPosition};
use crate::broker::history::{Budget, History};
use crate::broker::{Deliver, Page, PageRequest, PartitionState, with_replay_id};
use crate::lock::{Mutex, MutexGuard, level};
use crate::metrics::Metrics;
use crate::redis::NodeId;

/// The consumer of a partition.
pub(super) struct PartitionConsumer<D> {
    partition: Partition,
    state: Mutex<State, { level::PARTITION }>,
    /// The limits of the windows of all partitions.
    budget: Arc<Budget>,
    deliver: Arc<D>,
    metrics: Metrics,
}

struct State {
    consumer: ConsumerState,
    /// The window: what this instance has received of the histories. Complete after the offset that it has forgotten.
    window: History,
}

impl<D: Deliver> PartitionConsumer<D> {
    pub(super) fn new(
        partition: Partition,
        me: NodeId,
        budget: Arc<Budget>,
        deliver: Arc<D>,
        metrics: Metrics,
    ) -> Self {
        let state = State { consumer: ConsumerState::new(me), window: History::default() };
        Self { partition, state: Mutex::new(state), budget, deliver, metrics }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let index = self.partition.index();
        self.state.lock_of(u8::try_from(index).unwrap_or(u8::MAX))
    }

    /// Returns the newest delivered offset; zero before this instance joins.
    pub(super) fn offset(&self) -> u64 {
        self.lock().consumer.offset().unwrap_or(0)
    }

    /// Handles publications of one publisher. `first` is the offset of the first, `counter` its counter.
    pub(super) fn publications(
        &self,
        epoch: u64,
        first: u64,
        publisher: NodeId,
        counter: u64,
        items: Vec<Item>,
    ) -> Action {
        let State { consumer, window } = &mut *self.lock();
        if consumer.at().is_none() {
            window.clear(first.saturating_sub(1), &self.budget);
        }
        let action = self.deliver(|publications| {
            let collect = self.collect(window, publications);
            consumer.publications(epoch, first, publisher, counter, items, collect)
        });
        self.count(action)
    }

    /// Handles the newest offset of the partition, from a probe or from Redis. Publications before this instance joined are
    /// not missing.
    pub(super) fn reached(&self, epoch: u64, offset: u64) -> Action {
        let State { consumer, window } = &mut *self.lock();
        if consumer.at().is_none() {
            window.clear(offset, &self.budget);
        }
        self.count(consumer.reached(epoch, offset))
    }

    /// Counts the gap that has begun.
    fn count(&self, action: Action) -> Action {
        if action == Action::Recover {
            self.metrics.redis.gaps.inc();
        }
        action
    }

    /// Resets the consumer after this instance has left the partition.
    pub(super) fn reset(&self) {
        let State { consumer, window } = &mut *self.lock();
        consumer.reset();
        window.clear(u64::MAX, &self.budget);
    }

    /// Returns the epoch and the newest delivered offset; `None` before this instance joins.
    pub(super) fn at(&self) -> Option<(u64, u64)> {
        self.lock().consumer.at()
    }

    /// Returns the epoch of the newest delivered offset.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.lock().consumer.epoch()
    }

    /// Returns the gap: the newest delivered offset, and the last missing one.
    pub(super) fn gap(&self) -> Option<(u64, u64)> {
        self.lock().consumer.gap()
    }

    /// Ends the gap up to `until` with the publications that were found, in this epoch. Has no effect if the gap has grown.
    ///
    /// Publications that Redis has accepted before it began another epoch, and that no instance has received, are not known and
    /// not counted as missed: `epoch_resets` tells of them.
    pub(super) fn recover(&self, epoch: Epoch, until: u64, found: Vec<Delivery>) {
        self.end_gap(Some(epoch), until, found);
    }

    /// Ends the gap up to `until` without the missing publications.
    pub(super) fn abandon(&self, until: u64) {
        self.end_gap(None, until, Vec::new());
    }

    fn end_gap(&self, epoch: Option<Epoch>, until: u64, found: Vec<Delivery>) {
        let State { consumer, window } = &mut *self.lock();
        let mut publications = Vec::new();
        let ended = consumer.recover(epoch, until, found, self.collect(window, &mut publications));
        if ended.is_some_and(|ended| ended.missed > 0 || ended.is_reset) {
            // The offsets of another epoch may be lower.
            window.clear(consumer.offset().unwrap_or(u64::MAX), &self.budget);
            self.deliver.lost(self.partition);
        }
        let Some(Recovered { recovered, missed, is_reset }) = ended else { return };
        // Counted first, so that those who have received the publications find them counted.
        self.metrics.redis.recovered.inc_by(recovered);
        self.metrics.redis.missed.inc_by(missed);
        if is_reset {
            self.metrics.redis.epoch_resets.inc();
        }
        self.deliver(|delivered| *delivered = publications);
        if missed > 0 || is_reset {
            let partition = self.partition.index();
            tracing::warn!(partition, missed, recovered, epoch_reset = is_reset, "publications missed");
        } else {
            tracing::info!(partition = self.partition.index(), recovered, "gap recovered");
        }
    }

    /// Reads a page of a replay from memory. `None` if something may be missing there.
    pub(super) fn page(&self, request: PageRequest<'_>) -> Option<Page> {
        // How many are kept of a channel, only Redis knows. A replay that Redis reads channel by channel goes on there.
        if request.newest.is_some() || request.start.channel.is_some() {
            return None;
        }
        let State { consumer, window } = &mut *self.lock();
        let (epoch, offset) = consumer.at().filter(|(_, offset)| request.until <= *offset)?;
        let page = window.page(request, PartitionState { epoch, base: 0, offset }, Instant::now());
        page.is_complete.then_some(page)
    }

    /// Forgets what is in memory: it was kept by other rules.
    pub(super) fn forget(&self) {
        let State { consumer, window } = &mut *self.lock();
        window.clear(consumer.offset().unwrap_or(u64::MAX), &self.budget);
    }

    /// Removes expired publications from memory.
    pub(super) fn sweep(&self) {
        self.lock().window.sweep(&self.budget, Instant::now());
    }

    /// Returns the newest echoed counter of own publications.
    pub(super) fn own(&self) -> u64 {
        self.lock().consumer.own()
    }

    /// Delivers an own publication without Redis, which is down. The publication has no position. Its echo is dropped.
    /// `sent` is its offset if Redis has accepted it before.
    pub(super) fn deliver_alone(&self, counter: u64, publication: &Arc<Publication>, sent: Option<u64>) {
        let mut state = self.lock();
        if state.consumer.deliver_alone(counter, sent) {
            self.deliver.receive(std::slice::from_ref(publication), false);
        }
    }

    /// Notes that Redis has own publications with counters up to this one, at offsets up to this one.
    pub(super) fn sent(&self, counter: u64, offset: u64) {
        self.lock().consumer.sent(counter, offset);
    }

    /// Counts the publications that were delivered without Redis. `None` while one of them is not in Redis, or its echo has
    /// not arrived.
    pub(super) fn delivered_alone(&self) -> Option<u64> {
        self.lock().consumer.delivered_alone()
    }

    /// Calls a function while nothing is delivered in this partition, with the newest delivered offset.
    pub(super) fn while_paused<T>(&self, act: impl FnOnce(u64) -> T) -> T {
        let state = self.lock();
        act(state.consumer.offset().unwrap_or(0))
    }

    /// Delivers the publications that a change of the state releases. The caller holds the lock until then: a thread that reads
    /// the new offset afterwards finds them in the mailboxes.
    fn deliver<T>(&self, change: impl FnOnce(&mut Vec<Arc<Publication>>) -> T) -> T {
        let mut publications = Vec::new();
        let result = change(&mut publications);
        if !publications.is_empty() {
            self.metrics.redis.received.inc_by(publications.len() as u64);
            self.deliver.receive(&publications, true);
        }
        result
    }

    fn collect<'a>(
        &'a self,
        window: &'a mut History,
        publications: &'a mut Vec<Arc<Publication>>,
    ) -> impl FnMut(u64, Item) + 'a {
        let partition = self.partition;
        move |offset, item| {
            let position = StreamPosition { partition, offset };
            // By the rules of the publisher. An older one does not tell; nor does a history, which may be there for a recovery only.
            let Item { channel, object, is_kept } = &item;
            let rule = match is_kept {
                Some(false) => None,
                _ => window.rule(channel).or_else(|| self.deliver.history(channel)),
            };
            if rule.is_none() && *is_kept != Some(false) {
                // Perhaps Redis keeps it, by the rules of the publisher.
                window.forget(offset);
            }
            let is_kept = rule.is_some() || *is_kept == Some(true);
            let object = match is_kept {
                true => with_replay_id(&*self.deliver, channel, position, object),
                false => Cow::Borrowed(&**object),
            };
            publications.push(Arc::new(match rule {
                Some(rule) => window.keep(channel, position, &object, rule, &self.budget, Instant::now()),
                None if is_kept => Publication::kept(channel, position, &object),
                None => Publication::encoded(channel, Some(position), &object),
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gap::BUFFERED;
    use super::*;
    use crate::broker::PageStart;
    use crate::config::{self, Overflow};

    const ME: NodeId = NodeId([1; 16]);
    const OTHER: NodeId = NodeId([2; 16]);

    /// Records the offsets of received publications; zero for one without.
    #[derive(Default)]
    struct Recorder(parking_lot::Mutex<Vec<u64>>);

    impl Recorder {
        fn lock(&self) -> parking_lot::MutexGuard<'_, Vec<u64>> {
            self.0.lock()
        }
    }

    impl Deliver for Recorder {
        type Pending = ();

        fn deliver(&self, _: &Arc<Publication>, _: Overflow, (): &mut ()) {}

        fn receive(&self, publications: &[Arc<Publication>], _: bool) {
            let offsets = publications.iter().map(|one| one.position().map_or(0, |position| position.offset));
            self.lock().extend(offsets);
        }

        fn is_interested_in(&self, _: Partition) -> bool {
            true
        }

        fn history(&self, channel: &str) -> Option<config::History> {
            let age = std::time::Duration::from_secs(60);
            channel.starts_with("/kept").then_some(config::History { messages: 9, age })
        }

        fn has_replay_id(&self, _: &str) -> bool {
            false
        }

        fn lost(&self, _: Partition) {}
    }

    fn consumer() -> (PartitionConsumer<Recorder>, Arc<Recorder>, Metrics) {
        let (got, metrics) = (Arc::<Recorder>::default(), Metrics::default());
        let deliver = Arc::clone(&got);
        let budget = Arc::new(Budget::new(&config::HistoryStore::default()));
        (PartitionConsumer::new(Partition::of("/a"), ME, budget, deliver, metrics.clone()), got, metrics)
    }

    fn item() -> Item {
        Item { channel: "/a".into(), object: b"{}".into(), is_kept: None }
    }

    fn other(consumer: &PartitionConsumer<Recorder>, epoch: u64, first: u64, count: u64) -> Action {
        consumer.publications(epoch, first, OTHER, first, (0..count).map(|_| item()).collect())
    }

    fn epoch(id: u64) -> Epoch {
        Epoch { id, base: None }
    }

    fn found(number: u64) -> Delivery {
        Delivery { offset: number, publisher: OTHER, counter: number, item: item() }
    }

    #[test]
    fn a_gap_is_filled_in_order_and_what_stays_missing_is_counted() {
        let (consumer, got, metrics) = consumer();
        assert_eq!(consumer.reached(1, 10), Action::None);
        assert_eq!(other(&consumer, 1, 11, 2), Action::None);
        assert_eq!(other(&consumer, 1, 12, 1), Action::None, "a duplicate");
        assert_eq!(other(&consumer, 1, 16, 1), Action::Recover);
        assert_eq!(other(&consumer, 1, 17, 1), Action::None, "it is buffered");
        assert_eq!(*got.lock(), [11, 12]);
        assert_eq!(consumer.gap(), Some((12, 15)));
        consumer.recover(epoch(1), 15, vec![found(13), found(15), found(16), found(18)]);
        assert_eq!(*got.lock(), [11, 12, 13, 15, 16, 17]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.recovered.get()), (1, 2));
        assert_eq!(consumer.gap(), None);
        assert_eq!(other(&consumer, 1, 18, 1), Action::None);
    }

    #[test]
    fn a_test_shows_that_the_end_is_missing() {
        let (consumer, got, metrics) = consumer();
        consumer.reached(1, 10);
        assert_eq!(consumer.reached(1, 10), Action::None);
        assert_eq!(consumer.reached(1, 12), Action::Recover);
        consumer.recover(epoch(1), 12, vec![found(11), found(13)]);
        assert_eq!(*got.lock(), [11]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.recovered.get()), (1, 1));
        assert_eq!(consumer.offset(), 12);
    }

    #[test]
    fn a_lane_that_redis_has_lost_begins_anew() {
        let (consumer, got, metrics) = consumer();
        consumer.reached(1, 10);
        assert_eq!(other(&consumer, 2, 1001, 1), Action::Recover);
        consumer.recover(epoch(2), 1000, vec![]);
        assert_eq!(*got.lock(), [1001]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.epoch_resets.get()), (0, 1));
    }

    #[test]
    fn a_batch_that_a_new_master_takes_once_more_is_delivered_once() {
        let (consumer, got, metrics) = consumer();
        consumer.reached(1, 10);
        consumer.publications(1, 11, OTHER, 1, vec![item(), item()]);
        assert_eq!(consumer.publications(2, 1001, OTHER, 1, vec![item(), item()]), Action::Recover);
        consumer.publications(2, 1003, OTHER, 3, vec![item()]);
        consumer.recover(epoch(2), 1000, vec![]);
        assert_eq!(*got.lock(), [11, 12, 1003]);
        assert_eq!(metrics.redis.missed.get(), 0);
    }

    #[test]
    fn the_jump_of_the_offsets_of_another_epoch_is_not_counted_as_missed() {
        let (consumer, got, metrics) = consumer();
        consumer.reached(1, 10);
        // 11 is missing when Redis loses the partition, and 1001 and 1002 afterwards.
        assert_eq!(other(&consumer, 1, 12, 1), Action::Recover);
        assert_eq!(other(&consumer, 2, 1003, 1), Action::None);
        consumer.recover(Epoch { id: 2, base: Some(1000) }, 1002, vec![found(1001)]);
        assert_eq!(*got.lock(), [12, 1001, 1003]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.epoch_resets.get()), (2, 1));
        assert_eq!(consumer.reached(2, 1003), Action::None);
    }

    #[test]
    fn offsets_of_another_epoch_may_be_lower() {
        let (consumer, got, metrics) = consumer();
        let third = NodeId([3; 16]);
        let published =
            |epoch, first| consumer.publications(epoch, first, third, first, vec![item(), item()]);
        consumer.reached(1, 1000);
        assert_eq!(other(&consumer, 1, 1001, 1), Action::None);
        assert_eq!(published(2, 50), Action::Recover);
        // A caller that knows the offset has started another epoch.
        assert_eq!(consumer.reached(3, 1002), Action::None);
        assert_eq!(other(&consumer, 3, 1003, 1), Action::None);
        assert_eq!((consumer.epoch(), consumer.gap()), (Some(1), Some((1001, 1002))));
        let found = Delivery { publisher: NodeId([4; 16]), ..found(49) };
        consumer.recover(Epoch { id: 3, base: Some(1002) }, 1002, vec![found]);
        assert_eq!(*got.lock(), [1001, 49, 50, 51, 1003]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.epoch_resets.get()), (0, 1));
        assert_eq!((consumer.epoch(), consumer.offset()), (Some(3), 1003));
    }

    #[test]
    fn a_lower_offset_of_another_epoch_is_not_taken_for_the_own_one() {
        let (consumer, _, _) = consumer();
        consumer.reached(1, 1000);
        assert_eq!(consumer.reached(1, 60), Action::None);
        assert_eq!(consumer.reached(2, 60), Action::Recover);
        assert_eq!(consumer.gap(), Some((1000, 1000)));
        assert_eq!(consumer.epoch(), Some(1));
    }

    #[test]
    fn a_new_epoch_without_a_publication_misses_nothing() {
        let (consumer, _, metrics) = consumer();
        consumer.reached(1, 10);
        assert_eq!(consumer.reached(2, 1000), Action::Recover);
        consumer.recover(Epoch { id: 2, base: Some(1000) }, 1000, vec![]);
        assert_eq!((metrics.redis.missed.get(), metrics.redis.epoch_resets.get()), (0, 1));
        assert_eq!(consumer.offset(), 1000);
    }

    #[test]
    fn our_own_is_delivered_once_however_it_comes() {
        let (consumer, got, _) = consumer();
        consumer.reached(1, 10);
        let own = |counter, number| consumer.publications(1, number, ME, counter, vec![item()]);
        own(1, 11);
        consumer.deliver_alone(2, &Arc::new(Publication::encoded("/a", None, b"{}")), None);
        consumer.deliver_alone(1, &Arc::new(Publication::encoded("/a", None, b"{}")), None);
        own(2, 12);
        own(3, 13);
        assert_eq!(*got.lock(), [11, 0, 13]);
    }

    #[test]
    fn our_own_that_was_taken_before_redis_went_away_is_not_lost() {
        let (consumer, got, _) = consumer();
        consumer.reached(1, 10);
        // Redis has accepted the first, without an echo yet, when the second cannot be sent.
        let publication = Arc::new(Publication::encoded("/a", None, b"{}"));
        consumer.deliver_alone(1, &publication, Some(11));
        consumer.deliver_alone(2, &publication, None);
        assert_eq!(consumer.delivered_alone(), None);
        consumer.publications(1, 11, ME, 1, vec![item()]);
        assert_eq!(consumer.delivered_alone(), None, "the second is not in Redis");
        consumer.sent(2, 12);
        assert_eq!(consumer.delivered_alone(), None, "the second has not come back");
        consumer.publications(1, 12, ME, 2, vec![item()]);
        assert_eq!(consumer.delivered_alone(), Some(2));
        assert_eq!(*got.lock(), [0, 0]);
    }

    #[test]
    fn a_gap_that_grows_while_it_is_looked_for_stays() {
        let (consumer, got, metrics) = consumer();
        consumer.reached(1, 10);
        assert_eq!(other(&consumer, 1, 13, 1), Action::Recover);
        assert_eq!(other(&consumer, 1, 16, 1), Action::None);
        consumer.recover(epoch(1), 12, vec![found(11), found(12)]);
        assert_eq!(consumer.gap(), Some((10, 15)), "15 is missing too");
        consumer.recover(epoch(1), 15, vec![found(11), found(12), found(14), found(15)]);
        assert_eq!(*got.lock(), [11, 12, 13, 14, 15, 16]);
        assert_eq!(metrics.redis.missed.get(), 0);
    }

    #[test]
    fn memory_has_a_replay_of_what_was_received_since_its_start() {
        let (consumer, ..) = consumer();
        let partition = Partition::of("/a");
        let kept = || Item { channel: "/kept".into(), is_kept: Some(true), ..item() };
        let receive = |epoch, first, items| consumer.publications(epoch, first, OTHER, first, items);
        let read = |start: &PageStart, until| {
            let page = consumer.page(PageRequest {
                partition,
                pattern: "/kept",
                start,
                until,
                age: &|_| std::time::Duration::from_secs(60),
                newest: None,
                seen: &std::collections::HashMap::new(),
                is_first: true,
                messages: 10,
                bytes: 1000,
            });
            let offset = |one: &Arc<Publication>| one.position().map_or(0, |position| position.offset);
            page.map(|page| (page.state.epoch, page.publications.iter().map(offset).collect::<Vec<_>>()))
        };
        let replayed = |after, until| read(&PageStart::after(after), until);
        assert_eq!(replayed(10, 10), None, "it has not joined");
        consumer.reached(1, 10);
        let without = || Item { is_kept: Some(false), ..item() };
        receive(1, 11, vec![kept(), without(), kept()]);
        assert_eq!(replayed(10, 13), Some((1, vec![11, 13])));
        assert_eq!(replayed(11, 13), Some((1, vec![13])));
        assert_eq!(replayed(9, 13), None, "10 was before");
        assert_eq!(replayed(10, 14), None, "14 has not arrived");
        let by_channel = PageStart { channel: Some(("/kept".to_owned(), 11)), ..PageStart::after(10) };
        assert_eq!(read(&by_channel, 13), None, "Redis has begun the pass, channel by channel");
        // 14 stays missing.
        receive(1, 15, vec![kept()]);
        consumer.recover(epoch(1), 14, vec![]);
        assert_eq!(replayed(13, 15), None);
        receive(1, 16, vec![kept()]);
        assert_eq!(replayed(15, 16), Some((1, vec![16])));
        consumer.forget();
        assert_eq!(replayed(15, 16), None, "it was kept by other rules");
        receive(2, 1001, vec![kept()]);
        consumer.recover(epoch(2), 1000, vec![]);
        assert_eq!(replayed(16, 1001), None, "of another epoch");
        receive(2, 1002, vec![kept()]);
        assert_eq!(replayed(1001, 1002), Some((2, vec![1002])));
        consumer.reset();
        assert_eq!(replayed(1001, 1002), None);
        receive(2, 1005, vec![kept()]);
        assert_eq!(replayed(1003, 1005), None);
        assert_eq!(replayed(1004, 1005), Some((2, vec![1005])));
        receive(2, 1006, vec![Item { channel: "/other".into(), ..kept() }]);
        assert_eq!(replayed(1004, 1006), None, "the publisher has a rule for it");
        receive(2, 1007, vec![without(), kept()]);
        assert_eq!(replayed(1006, 1008), Some((2, vec![1008])));
    }

    #[test]
    fn what_waits_is_bounded() {
        let (consumer, got, metrics) = consumer();
        consumer.reached(1, 0);
        other(&consumer, 1, 2, 1);
        other(&consumer, 1, 3, BUFFERED as u64 + 5);
        consumer.recover(epoch(1), 1, vec![]);
        assert_eq!(got.lock().len(), BUFFERED);
        assert_eq!(metrics.redis.missed.get(), 7);
    }
}
