//! Sessions that received publications from Redis: collects them under the lock of a partition, and writes to them after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::cluster::Membership;
use crate::router::{PendingFlush, Session};
use crate::server::Server;

/// Sessions with received publications.
pub(super) struct Unflushed {
    membership: Arc<Membership>,
    /// Sessions to write to.
    sessions: Mutex<PendingFlush>,
    /// `sessions` is not empty.
    flush: Notify,
    /// Sessions whose ownership is in doubt.
    held_back: Mutex<PendingFlush>,
    /// The lease has expired: other instances may have adopted sessions. Each session is checked.
    in_doubt: AtomicBool,
}

impl Unflushed {
    pub(super) fn new(membership: Arc<Membership>) -> Self {
        Self {
            membership,
            sessions: Mutex::default(),
            flush: Notify::new(),
            held_back: Mutex::default(),
            in_doubt: AtomicBool::new(false),
        }
    }

    /// Adds sessions. `is_shared` says that other instances have received the publications too.
    pub(super) fn add(&self, mut pending: PendingFlush, is_shared: bool) {
        if is_shared && self.is_in_doubt() {
            // Another instance may own these sessions and has received the same. They wait until that is known.
            self.held_back.lock().append(&mut pending);
        } else {
            self.sessions.lock().append(&mut pending);
            self.flush.notify_one();
        }
    }

    /// Adds a session that has overflowed.
    pub(super) fn add_overflowed(&self, session: &Arc<Session>) {
        self.sessions.lock().add_overflowed(session, None);
        self.flush.notify_one();
    }

    /// Whether other instances may own the sessions of this one.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire) || !self.membership.has_lease()
    }

    /// Whether an expired lease is noticed and not resolved.
    pub(super) fn is_doubt_pending(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    /// Marks the ownership of all sessions as in doubt, or as checked.
    pub(super) fn set_in_doubt(&self, is_in_doubt: bool) {
        self.in_doubt.store(is_in_doubt, Ordering::Release);
    }

    /// Takes the sessions that were held back.
    pub(super) fn take_held_back(&self) -> PendingFlush {
        std::mem::take(&mut *self.held_back.lock())
    }
}

impl Server {
    /// Ends the sessions with a full mailbox, and writes to the others. The caller must hold no lock: publications are
    /// received under the lock of their partition, where no session may end.
    pub(super) fn flush_received(&self, mut pending: PendingFlush) {
        self.end_overflowed(&mut pending);
        pending.flush();
        self.relieve();
    }

    /// Writes to the sessions that received publications, for as long as the future is polled. Publications that arrive
    /// during a write leave in the next one, one write for each session.
    pub(super) async fn run_flush(&self) {
        let Some(cluster) = &self.cluster else { return };
        let unflushed = &cluster.unflushed;
        loop {
            unflushed.flush.notified().await;
            let pending = std::mem::take(&mut *unflushed.sessions.lock());
            self.flush_received(pending);
        }
    }
}
