//! Ends sessions when all that clients make the server keep takes more memory than `limits.memory` allows: first those
//! that never connected, oldest first, then those that keep the most.
//!
//! Responsible for the choice; what is counted is decided where memory is taken.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use super::Server;
use crate::metrics::Cause;
use crate::router::{Patterns, Session};

/// How long the warning about an exhausted budget is not repeated.
const SILENCE: Duration = Duration::from_secs(10);

/// When the exhausted budget was last logged. Locked while sessions are chosen, since one thread at a time is enough.
#[derive(Default)]
pub(super) struct Relief(Mutex<Option<Instant>>);

impl Server {
    /// Ends sessions if the budget of memory is exceeded. To be called after memory was charged, without any lock.
    pub fn relieve(&self) {
        if self.budget.is_exceeded() {
            self.end_largest();
        }
    }

    /// Apart from the check, which is on the path of every message.
    #[cold]
    fn end_largest(&self) {
        // Another thread does it already.
        let Some(mut logged) = self.relief.0.try_lock() else { return };
        let used = self.budget.used();
        let mut ended = 0;
        while self.budget.excess() > 0
            && let Some(session) = self.unconnected.take_oldest()
        {
            ended += usize::from(self.evict_unconnected(&session, Cause::memory));
        }
        if self.budget.excess() > 0 {
            for session in self.by_weight() {
                if self.budget.excess() == 0 {
                    break;
                }
                ended += usize::from(self.note_evicted(&session, session.end(), Cause::memory));
            }
        }
        if logged.is_none_or(|logged| logged.elapsed() >= SILENCE) {
            *logged = Some(Instant::now());
            tracing::warn!(
                used,
                limit = self.budget.limit(),
                ended,
                "memory of clients exceeded limits.memory; the largest sessions were ended"
            );
        }
    }

    /// All sessions that keep something, the largest first.
    fn by_weight(&self) -> impl Iterator<Item = Arc<Session>> {
        let weighed = self.sessions.all().into_iter().map(|session| (session.weight(), session));
        let mut weighed: Vec<_> = weighed.filter(|(weight, _)| *weight > 0).collect();
        weighed.sort_unstable_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        weighed.into_iter().map(|(_, session)| session)
    }

    /// Ends a session that has never connected so that others have room. False if it has connected by now.
    pub(super) fn evict_unconnected(&self, session: &Arc<Session>, cause: Cause) -> bool {
        self.note_evicted(session, session.end_if_unconnected(), cause)
    }

    /// Buries a session that was ended so that others have room. False if it had ended before, or is another instance's
    /// by now.
    fn note_evicted(&self, session: &Arc<Session>, ended: Option<Patterns>, cause: Cause) -> bool {
        let Some(patterns) = ended else { return false };
        tracing::debug!(client = %session.id(), cause = ?cause, "session ended so that others have room");
        self.metrics.evict(cause);
        self.bury(session, patterns);
        true
    }
}
