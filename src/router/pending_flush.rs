//! Sessions that received messages from the current input. They are flushed after all of the input is handled, so that
//! the queued messages of a session leave in one write.

use std::cell::Cell;
use std::sync::Arc;

use super::Session;
use crate::bayeux::Publication;

thread_local! {
    /// An empty list with reserved capacity, which saves the growth of a new list for each publication.
    static SPARE: Cell<Vec<Arc<Session>>> = const { Cell::new(Vec::new()) };
}

/// Maximum number of sessions in a list that a thread keeps for reuse.
const KEPT: usize = 64 * 1024;

/// A session that ends because its mailbox overflowed, and the publication without room, if it is known.
pub(crate) type Overflowed = (Arc<Session>, Option<Arc<Publication>>);

/// Sessions to flush. Dropping the list flushes them too, so that no message stays in a mailbox.
#[derive(Default)]
pub struct PendingFlush {
    sessions: Vec<Arc<Session>>,
    overflowed: Vec<Overflowed>,
}

impl PendingFlush {
    /// Adds a session whose mailbox has become non-empty.
    pub fn add(&mut self, session: &Arc<Session>) {
        if self.sessions.capacity() == 0 {
            self.sessions = SPARE.take();
        }
        self.sessions.push(Arc::clone(session));
    }

    /// Adds a session that ends because its mailbox overflowed.
    pub(crate) fn add_overflowed(&mut self, session: &Arc<Session>, publication: Option<&Arc<Publication>>) {
        self.overflowed.push((Arc::clone(session), publication.cloned()));
    }

    /// Moves all sessions of another list into this one.
    pub fn append(&mut self, other: &mut Self) {
        self.sessions.append(&mut other.sessions);
        self.overflowed.append(&mut other.overflowed);
    }

    /// Moves the sessions that match out of this list.
    #[cfg(feature = "redis")]
    pub(crate) fn extract(&mut self, is_wanted: impl Fn(&Arc<Session>) -> bool) -> Self {
        Self {
            sessions: self.sessions.extract_if(.., |session| is_wanted(session)).collect(),
            overflowed: self.overflowed.extract_if(.., |(session, _)| is_wanted(session)).collect(),
        }
    }

    /// Takes the sessions that have to end. The caller ends them without holding a lock.
    pub(crate) fn take_overflowed(&mut self) -> Vec<Overflowed> {
        std::mem::take(&mut self.overflowed)
    }

    /// Flushes the queued messages of every session through its transport.
    pub fn flush(&mut self) {
        let Some(first) = self.sessions.first() else { return };
        let metrics = first.metrics().clone();
        let written: usize = self.sessions.drain(..).map(|session| session.write()).sum();
        metrics.deliveries_written.inc_by(written as u64);
        if self.sessions.capacity() <= KEPT {
            SPARE.set(std::mem::take(&mut self.sessions));
        }
    }
}

impl Drop for PendingFlush {
    fn drop(&mut self) {
        self.flush();
    }
}
