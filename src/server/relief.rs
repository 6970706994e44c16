//! Ends sessions while memory exceeds `limits.memory`: first the sessions that never connected, oldest first, then the
//! largest ones.
//!
//! Responsible for the choice of sessions; the memory is charged where it is allocated.

use std::cmp::Reverse;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Server;
use crate::lock::{Mutex, level};
use crate::metrics::Cause;
use crate::router::{Patterns, Session, Weight};

/// Minimum interval between two warnings about an exhausted budget.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// The pause after a search that freed too little. A large increase of memory ends the pause early.
const SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// Bytes that are ignored in the order of sessions: the size of a session with a few subscriptions. Among smaller
/// sessions, those without an attached client end first, longest idle first.
const SMALL: usize = 16 * 1024;

/// One thread at a time selects sessions.
#[derive(Default)]
pub(super) struct Relief(Mutex<Searches, { level::RELIEF }>);

#[derive(Default)]
struct Searches {
    /// Time of the last warning about an exhausted budget.
    logged: Option<Instant>,
    /// Time of the last search that freed too little, and the bytes that remained.
    insufficient: Option<(Instant, usize)>,
}

impl Server {
    /// Ends sessions while they use more memory than the budget allows. Call it after charging memory, without any
    /// lock.
    pub fn relieve(&self) {
        if self.budget.excess(self.broker.history_size().bytes) > 0 {
            self.end_largest();
        }
    }

    /// Out of line, since the check runs for every message.
    #[cold]
    fn end_largest(&self) {
        // Another thread is already ending sessions.
        let Some(mut searches) = self.relief.0.try_lock() else { return };
        let kept = self.budget.kept();
        let has_grown = |before: usize| kept > before.saturating_add(self.budget.limit() / 16);
        if searches.insufficient.is_some_and(|(at, before)| at.elapsed() < SEARCH_PAUSE && !has_grown(before))
        {
            return;
        }
        let goal = kept.saturating_sub(self.budget.to_free(self.broker.history_size().bytes));
        let mut ended = 0;
        while self.budget.kept() > goal
            && let Some(session) = self.unconnected.take_oldest()
        {
            ended += usize::from(self.evict_unconnected(&session, Cause::memory));
        }
        if self.budget.kept() > goal {
            for session in self.largest_first() {
                if self.budget.kept() <= goal {
                    break;
                }
                ended += usize::from(self.record_eviction(&session, session.end(), Cause::memory));
            }
        }
        let left = self.budget.kept();
        searches.insufficient = (left > goal).then(|| (Instant::now(), left));
        if searches.logged.is_none_or(|logged| logged.elapsed() >= WARNING_INTERVAL) {
            searches.logged = Some(Instant::now());
            tracing::warn!(
                used = kept,
                limit = self.budget.limit(),
                sessions = ended,
                "limits.memory exceeded; ending sessions"
            );
        }
    }

    /// Returns all sessions in the order of eviction.
    fn largest_first(&self) -> impl Iterator<Item = Arc<Session>> {
        let order = |session: &Arc<Session>| {
            let Weight { bytes, is_attached, deadline } = session.weight();
            (Reverse(bytes.saturating_sub(SMALL)), is_attached, deadline)
        };
        let mut sessions = self.sessions.all();
        sessions.sort_by_cached_key(order);
        sessions.into_iter()
    }

    /// Evicts a session that has never connected. Returns `false` if it has connected by now.
    pub(super) fn evict_unconnected(&self, session: &Arc<Session>, cause: Cause) -> bool {
        self.record_eviction(session, session.end_if_unconnected(), cause)
    }

    /// Records the eviction of an ended session and forgets it. Returns `false` if `ended` is `None`: the session had
    /// already ended, or is frozen for another instance.
    fn record_eviction(&self, session: &Arc<Session>, ended: Option<Patterns>, cause: Cause) -> bool {
        let Some(patterns) = ended else { return false };
        tracing::debug!(client = %session.id(), cause = ?cause, "session evicted");
        self.metrics.evict(cause);
        self.forget_ended(session, patterns);
        true
    }
}
