//! The sessions that got something while one piece of input was handled. They are written to when all of it was
//! handled, so that what is queued for a session leaves in one write.

use std::cell::Cell;
use std::sync::Arc;

use super::Session;
use crate::bayeux::Publication;

thread_local! {
    /// An empty list with room, so that no list has to grow again for each publication.
    static SPARE: Cell<Vec<Arc<Session>>> = const { Cell::new(Vec::new()) };
}

/// Sessions for which a thread keeps room.
const KEPT: usize = 64 * 1024;

/// A session that has to end because its mailbox was full, and the publication that had no room, if it is known.
pub(crate) type Overflowed = (Arc<Session>, Option<Arc<Publication>>);

/// Sessions to write to. Dropping it writes too, so that no message can be forgotten in a mailbox.
#[derive(Default)]
pub struct PendingFlush {
    sessions: Vec<Arc<Session>>,
    overflowed: Vec<Overflowed>,
}

impl PendingFlush {
    /// Remembers a session whose mailbox got its first message.
    pub(super) fn add(&mut self, session: &Arc<Session>) {
        if self.sessions.capacity() == 0 {
            self.sessions = SPARE.take();
        }
        self.sessions.push(Arc::clone(session));
    }

    /// Remembers a session that has to end because its mailbox was full.
    pub(crate) fn add_overflowed(&mut self, session: &Arc<Session>, publication: Option<&Arc<Publication>>) {
        self.overflowed.push((Arc::clone(session), publication.cloned()));
    }

    /// Takes over what another has.
    pub fn append(&mut self, other: &mut Self) {
        self.sessions.append(&mut other.sessions);
        self.overflowed.append(&mut other.overflowed);
    }

    /// The sessions that have to end. The caller ends them, when it holds no lock.
    pub(crate) fn take_overflowed(&mut self) -> Vec<Overflowed> {
        std::mem::take(&mut self.overflowed)
    }

    /// Has every session's transport write what waits.
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
