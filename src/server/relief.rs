//! Ends sessions that keep more memory together than `limits.memory` leaves for them: first the sessions that never
//! connected, oldest first, then the largest.
//!
//! Responsible for the choice; memory is counted where it is taken.

use std::cmp::Reverse;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Server;
use crate::lock::{Mutex, level};
use crate::metrics::Cause;
use crate::router::{Patterns, Session, Weight};

/// How long the warning about an exhausted budget is not repeated.
const SILENCE: Duration = Duration::from_secs(10);

/// How long no session is looked for after a search that freed too little, unless much more is kept by then.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a session that are not held against it: a session with a few subscriptions. Of such sessions those end first
/// that have no client attached, for the longest time.
const SMALL: usize = 16 * 1024;

/// Locked while sessions are chosen, since one thread at a time is enough.
#[derive(Default)]
pub(super) struct Relief(Mutex<Searches, { level::RELIEF }>);

#[derive(Default)]
struct Searches {
    /// When the exhausted budget was last logged.
    logged: Option<Instant>,
    /// When a search freed too little, and how many bytes were kept after it.
    in_vain: Option<(Instant, usize)>,
}

impl Server {
    /// Ends sessions if they keep more than the budget of memory leaves for them. To be called after memory was charged,
    /// without any lock.
    pub fn relieve(&self) {
        if self.budget.excess(self.broker.kept()) > 0 {
            self.end_largest();
        }
    }

    /// Apart from the check, which is on the path of every message.
    #[cold]
    fn end_largest(&self) {
        // Another thread does it already.
        let Some(mut searches) = self.relief.0.try_lock() else { return };
        let kept = self.budget.kept();
        let has_grown = |before: usize| kept > before.saturating_add(self.budget.limit() / 16);
        if searches.in_vain.is_some_and(|(at, before)| at.elapsed() < PAUSE && !has_grown(before)) {
            return;
        }
        let goal = kept.saturating_sub(self.budget.to_free(self.broker.kept()));
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
                ended += usize::from(self.note_evicted(&session, session.end(), Cause::memory));
            }
        }
        let left = self.budget.kept();
        searches.in_vain = (left > goal).then(|| (Instant::now(), left));
        if searches.logged.is_none_or(|logged| logged.elapsed() >= SILENCE) {
            searches.logged = Some(Instant::now());
            tracing::warn!(
                used = kept,
                limit = self.budget.limit(),
                sessions = ended,
                "limits.memory exceeded; ending sessions"
            );
        }
    }

    /// All sessions in the order in which they have to end.
    fn largest_first(&self) -> impl Iterator<Item = Arc<Session>> {
        let order = |session: &Arc<Session>| {
            let Weight { bytes, is_attached, deadline } = session.weight();
            (Reverse(bytes.saturating_sub(SMALL)), is_attached, deadline)
        };
        let mut sessions = self.sessions.all();
        sessions.sort_by_cached_key(order);
        sessions.into_iter()
    }

    /// Ends a session that has never connected so that others have room. False if it has connected by now.
    pub(super) fn evict_unconnected(&self, session: &Arc<Session>, cause: Cause) -> bool {
        self.note_evicted(session, session.end_if_unconnected(), cause)
    }

    /// Buries a session that was ended so that others have room. False if it had ended before, or is another instance's
    /// by now.
    fn note_evicted(&self, session: &Arc<Session>, ended: Option<Patterns>, cause: Cause) -> bool {
        let Some(patterns) = ended else { return false };
        tracing::debug!(client = %session.id(), cause = ?cause, "session evicted");
        self.metrics.evict(cause);
        self.bury(session, patterns);
        true
    }
}
