//! The broker of a single instance. The lock of a partition gives the publications of its channels one order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::history::{Budget, History, HistorySize};
use super::{
    Deliver, Page, PageRequest, PartitionState, PublishOptions, Receipt, Recent, Span, with_replay_id,
};
use crate::bayeux::{PARTITIONS, Partition, Publication, StreamPosition};
use crate::config;
use crate::lock::{Mutex, level};

/// Delivers on the publishing thread.
pub struct Memory<D> {
    deliver: Arc<D>,
    partitions: Box<[Mutex<State, { level::PARTITION }>]>,
    budget: Budget,
    /// The epoch of all partitions, which is another one after each start.
    epoch: u64,
    /// The offset before the first one of each partition.
    base: u64,
    /// The hash of the rules of the histories.
    rules: AtomicU64,
    /// The partition to sweep next.
    swept: AtomicUsize,
}

/// How far the offsets begin after the current time: a clock that is set back by less does not repeat offsets after a restart.
const AHEAD: Duration = Duration::from_secs(60 * 60);

/// Returns the base of the offsets: the time in microseconds, and some more. Offsets stay below 2^53 for centuries.
fn first_base() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + AHEAD;
    u64::try_from(time.as_micros()).unwrap_or(0)
}

/// The state of a partition.
struct State {
    /// The offset of the newest publication.
    offset: u64,
    history: History,
}

impl<D: Deliver> Memory<D> {
    /// Creates a broker without publications.
    #[must_use]
    pub fn new(settings: &config::HistoryStore, deliver: Arc<D>) -> Self {
        let base = first_base();
        let new = || Mutex::new(State { offset: base, history: History::default() });
        Self {
            deliver,
            partitions: std::iter::repeat_with(new).take(PARTITIONS).collect(),
            budget: Budget::new(settings),
            epoch: fastrand::u64(1..),
            base,
            rules: AtomicU64::new(0),
            swept: AtomicUsize::new(0),
        }
    }

    /// Assigns a publication its position, adds it to the history of its channel if there is one, and delivers it. All under
    /// the lock of the partition, so that all subscribers receive the publications of a channel in one order.
    pub(super) fn publish(
        &self,
        publication: Publication,
        options: PublishOptions<'_>,
        pending: &mut D::Pending,
    ) -> Receipt {
        let partition = Partition::of(publication.channel());
        let mut state = self.partitions[partition.index()].lock();
        state.offset += 1;
        let position = StreamPosition { partition, offset: state.offset };
        let publication = Arc::new(match options.history {
            None => publication.at(position),
            Some(rule) => {
                let (channel, object) = (publication.channel(), publication.object());
                let object = with_replay_id(&*self.deliver, channel, position, object);
                state.history.keep(channel, position, &object, rule, &self.budget, Instant::now())
            }
        });
        self.deliver.deliver(&publication, options.overflow, pending);
        drop(state);
        if let Some(appended) = options.appended {
            appended(publication.channel());
        }
        Receipt::accepted()
    }

    /// Reads a page of a replay.
    pub(super) fn page(&self, request: PageRequest<'_>) -> Page {
        let state = self.partitions[request.partition.index()].lock();
        state.history.page(request, self.state_at(state.offset), Instant::now())
    }

    /// Returns the state of a partition.
    pub(super) fn state(&self, partition: Partition) -> PartitionState {
        self.state_at(self.partitions[partition.index()].lock().offset)
    }

    fn state_at(&self, offset: u64) -> PartitionState {
        PartitionState { epoch: self.epoch, base: self.base, offset }
    }

    /// Judges everything that is kept as incomplete if the rules of the histories are others than before. `rules` is their hash.
    pub(super) fn set_rules(&self, rules: u64) {
        if self.rules.swap(rules, Ordering::AcqRel) == rules {
            return;
        }
        for partition in &self.partitions {
            let mut state = partition.lock();
            let offset = state.offset;
            state.history.forget(offset);
        }
    }

    /// Returns the newest publications of a channel that are kept, newest first.
    pub(super) fn recent(&self, channel: &str, span: Span) -> Recent {
        let partition = Partition::of(channel);
        self.partitions[partition.index()].lock().history.recent(channel, span, &self.budget, Instant::now())
    }

    /// Returns the size of all histories.
    pub(super) fn history_size(&self) -> HistorySize {
        self.budget.size()
    }

    /// Removes expired publications from the histories of one partition. To be called about once a second.
    pub(super) fn sweep(&self) {
        let partition = self.swept.fetch_add(1, Ordering::Relaxed) % PARTITIONS;
        self.partitions[partition].lock().history.sweep(&self.budget, Instant::now());
    }
}
