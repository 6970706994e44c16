//! The broker of a single node: one order for each channel, kept by one of a number of partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::history::{Budget, History};
use super::{Recent, Replay, Span};
use crate::bayeux::{PARTITIONS, Partition, Publication, StreamPosition};
use crate::config;
use crate::lock::{Mutex, level};

/// Delivers on the thread that publishes.
pub struct Memory {
    partitions: Box<[Mutex<State, { level::PARTITION }>]>,
    budget: Budget,
    /// The partition that is swept next.
    swept: AtomicUsize,
}

/// A partition.
#[derive(Default)]
struct State {
    /// The number of the newest publication.
    number: u64,
    history: History,
}

impl Memory {
    /// A broker without publications.
    #[must_use]
    pub fn new(settings: &config::HistoryStore) -> Self {
        let partitions = (0..PARTITIONS).map(|_| Mutex::default()).collect();
        Self { partitions, budget: Budget::new(settings), swept: AtomicUsize::new(0) }
    }

    /// Gives a publication its place, keeps it where its rule says so, and delivers it. Publications of one channel are
    /// delivered one after the other, so all subscribers see them in one order.
    pub fn publish(
        &self,
        publication: Publication,
        history: Option<config::History>,
        deliver: impl FnOnce(&Arc<Publication>),
    ) {
        let partition = Partition::of(publication.channel());
        let mut state = self.partitions[partition.index()].lock();
        state.number += 1;
        let publication = Arc::new(publication.at(StreamPosition { partition, offset: state.number }));
        if let Some(rule) = history {
            state.history.keep(&publication, rule, &self.budget, Instant::now());
        }
        deliver(&publication);
    }

    /// What was published to a channel behind a number of its partition and is kept, oldest first.
    #[must_use]
    pub fn replay(&self, channel: &str, since: u64) -> Replay {
        let partition = Partition::of(channel);
        self.partitions[partition.index()].lock().history.replay(channel, since, &self.budget, Instant::now())
    }

    /// The newest publications of a channel that are kept.
    #[must_use]
    pub fn recent(&self, channel: &str, span: Span) -> Recent {
        let partition = Partition::of(channel);
        self.partitions[partition.index()].lock().history.recent(channel, span, &self.budget, Instant::now())
    }

    /// Bytes that histories keep, about.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.budget.kept_bytes()
    }

    /// Forgets what is too old, in one partition each time; to be called about once a second.
    pub fn sweep(&self) {
        let partition = self.swept.fetch_add(1, Ordering::Relaxed) % PARTITIONS;
        self.partitions[partition].lock().history.sweep(&self.budget, Instant::now());
    }
}
