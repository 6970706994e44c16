//! The broker of a single node: one order for each channel, kept by one of a number of lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::history::{Budget, History};
use super::{Recent, Replay, Span};
use crate::bayeux::{LANES, Lane, Position, Publication};
use crate::config;
use crate::lock::{Mutex, level};

/// Delivers on the thread that publishes.
pub struct Memory {
    lanes: Box<[Mutex<State, { level::LANE }>]>,
    budget: Budget,
    /// The lane that is swept next.
    swept: AtomicUsize,
}

/// A lane.
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
        let lanes = (0..LANES).map(|_| Mutex::default()).collect();
        Self { lanes, budget: Budget::new(settings), swept: AtomicUsize::new(0) }
    }

    /// Gives a publication its place, keeps it where its rule says so, and delivers it. Publications of one channel are
    /// delivered one after the other, so all subscribers see them in one order.
    pub fn publish(
        &self,
        publication: Publication,
        history: Option<config::History>,
        deliver: impl FnOnce(&Arc<Publication>),
    ) {
        let lane = Lane::of(publication.channel());
        let mut state = self.lanes[lane.index()].lock();
        state.number += 1;
        let publication = Arc::new(publication.at(Position { lane, number: state.number }));
        if let Some(rule) = history {
            state.history.keep(&publication, rule, &self.budget, Instant::now());
        }
        deliver(&publication);
    }

    /// What was published to a channel behind a number of its lane and is kept, oldest first.
    #[must_use]
    pub fn replay(&self, channel: &str, since: u64) -> Replay {
        let lane = Lane::of(channel);
        self.lanes[lane.index()].lock().history.replay(channel, since, &self.budget, Instant::now())
    }

    /// The newest publications of a channel that are kept.
    #[must_use]
    pub fn recent(&self, channel: &str, span: Span) -> Recent {
        let lane = Lane::of(channel);
        self.lanes[lane.index()].lock().history.recent(channel, span, &self.budget, Instant::now())
    }

    /// Bytes that histories keep, about.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.budget.kept_bytes()
    }

    /// Forgets what is too old, in one lane each time; to be called about once a second.
    pub fn sweep(&self) {
        let lane = self.swept.fetch_add(1, Ordering::Relaxed) % LANES;
        self.lanes[lane].lock().history.sweep(&self.budget, Instant::now());
    }
}
