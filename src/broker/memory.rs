//! The broker of a single instance. The lock of a partition gives the publications of its channels one order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::history::{Budget, History};
use super::{Deliver, PublishOptions, Receipt, Recent, Replay, Span};
use crate::bayeux::{PARTITIONS, Partition, Publication, StreamPosition};
use crate::config;
use crate::lock::{Mutex, level};

/// Delivers on the publishing thread.
pub struct Memory<D> {
    deliver: Arc<D>,
    partitions: Box<[Mutex<State, { level::PARTITION }>]>,
    budget: Budget,
    /// The partition to sweep next.
    swept: AtomicUsize,
}

/// The state of a partition.
#[derive(Default)]
struct State {
    /// The offset of the newest publication.
    offset: u64,
    history: History,
}

impl<D: Deliver> Memory<D> {
    /// Creates a broker without publications.
    #[must_use]
    pub fn new(settings: &config::HistoryStore, deliver: Arc<D>) -> Self {
        let partitions = (0..PARTITIONS).map(|_| Mutex::default()).collect();
        Self { deliver, partitions, budget: Budget::new(settings), swept: AtomicUsize::new(0) }
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
        let publication = Arc::new(publication.at(StreamPosition { partition, offset: state.offset }));
        if let Some(rule) = options.history {
            state.history.keep(&publication, rule, &self.budget, Instant::now());
        }
        self.deliver.deliver(&publication, options.overflow, pending);
        drop(state);
        if let Some(appended) = options.appended {
            appended(publication.channel());
        }
        Receipt::accepted()
    }

    /// Returns the publications of a channel after an offset of its partition that are kept, oldest first.
    pub(super) fn replay(&self, channel: &str, since: u64) -> Replay {
        let partition = Partition::of(channel);
        self.partitions[partition.index()].lock().history.replay(channel, since, &self.budget, Instant::now())
    }

    /// Returns the newest publications of a channel that are kept, newest first.
    pub(super) fn recent(&self, channel: &str, span: Span) -> Recent {
        let partition = Partition::of(channel);
        self.partitions[partition.index()].lock().history.recent(channel, span, &self.budget, Instant::now())
    }

    /// Returns the approximate size of all histories in bytes.
    pub(super) fn kept(&self) -> usize {
        self.budget.kept_bytes()
    }

    /// Removes expired publications from the histories of one partition. To be called about once a second.
    pub(super) fn sweep(&self) {
        let partition = self.swept.fetch_add(1, Ordering::Relaxed) % PARTITIONS;
        self.partitions[partition].lock().history.sweep(&self.budget, Instant::now());
    }
}
