//! Sessions with publications from Redis: collects them under the lock of a partition, and flushes them without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::cluster::Membership;
use crate::router::{PendingFlush, Session};
use crate::server::Server;

/// Sessions with received publications that are not yet written.
pub(super) struct Unflushed {
    membership: Arc<Membership>,
    /// Sessions to flush.
    sessions: Mutex<PendingFlush>,
    /// Notified when `sessions` becomes non-empty.
    flush: Notify,
    /// Sessions to flush once their ownership is known.
    held_back: Mutex<PendingFlush>,
    /// The lease has expired, so other instances may have adopted sessions. Cleared once each session has been checked.
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

    /// Adds sessions. `is_shared` says that other instances have received the same publications.
    pub(super) fn add(&self, mut pending: PendingFlush, is_shared: bool) {
        if is_shared && self.is_in_doubt() {
            // Another instance may own these sessions and deliver the same publications. The flush is deferred until
            // the ownership is known.
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

    /// Whether other instances may own sessions of this instance.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire) || !self.membership.has_lease()
    }

    /// Whether an expired lease was detected and its sessions have not been checked yet.
    pub(super) fn is_doubt_pending(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    /// Marks the ownership of all sessions as in doubt, or as checked.
    pub(super) fn set_in_doubt(&self, is_in_doubt: bool) {
        self.in_doubt.store(is_in_doubt, Ordering::Release);
    }

    /// Takes the deferred sessions.
    pub(super) fn take_held_back(&self) -> PendingFlush {
        std::mem::take(&mut *self.held_back.lock())
    }
}

impl Server {
    /// Ends the sessions with an overflowed mailbox and flushes the others. The caller must hold no lock: publications
    /// are received under the lock of their partition, where no session may end.
    pub(super) fn flush_received(&self, mut pending: PendingFlush) {
        self.end_overflowed(&mut pending);
        pending.flush();
        self.relieve();
    }

    /// Flushes the sessions that received publications, for as long as the future is polled. Publications that arrive
    /// during a flush are written by the next one, with one write for each session.
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
