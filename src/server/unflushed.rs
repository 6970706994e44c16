//! Sessions with publications from Redis: collects them under the lock of a partition, and flushes them without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// How often the lease has expired, so that other instances may have adopted sessions.
    doubts: AtomicU64,
    /// The doubts after which each session has been checked.
    checked: AtomicU64,
}

impl Unflushed {
    pub(super) fn new(membership: Arc<Membership>) -> Self {
        Self {
            membership,
            sessions: Mutex::default(),
            flush: Notify::new(),
            held_back: Mutex::default(),
            doubts: AtomicU64::new(0),
            checked: AtomicU64::new(0),
        }
    }

    /// Adds sessions. `is_shared` says that other instances have received the same publications.
    pub(super) fn add(&self, mut pending: PendingFlush, is_shared: bool) {
        if is_shared {
            // Under the lock, so that the end of a doubt takes what is deferred in the doubt.
            let mut held_back = self.held_back.lock();
            if self.is_in_doubt() {
                // Another instance may own these sessions and deliver the same publications. The flush is deferred until
                // the ownership is known.
                held_back.append(&mut pending);
                return;
            }
        }
        self.sessions.lock().append(&mut pending);
        self.flush.notify_one();
    }

    /// Adds a session that has overflowed.
    pub(super) fn add_overflowed(&self, session: &Arc<Session>) {
        self.sessions.lock().add_overflowed(session, None);
        self.flush.notify_one();
    }

    /// Whether other instances may own sessions of this instance.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.pending_doubt().is_some() || !self.membership.has_lease()
    }

    /// Notes that the lease has expired: the ownership of all sessions is in doubt.
    pub(super) fn doubt(&self) {
        self.doubts.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the newest doubt after which the sessions have not been checked yet.
    pub(super) fn pending_doubt(&self) -> Option<u64> {
        let doubt = self.doubts.load(Ordering::Acquire);
        (doubt > self.checked.load(Ordering::Acquire)).then_some(doubt)
    }

    /// Notes that each session has been checked since a doubt.
    pub(super) fn check(&self, doubt: u64) {
        self.checked.fetch_max(doubt, Ordering::AcqRel);
    }

    /// Takes the deferred sessions.
    pub(super) fn take_held_back(&self) -> PendingFlush {
        std::mem::take(&mut *self.held_back.lock())
    }

    /// Takes the deferred sessions that match. The others stay deferred.
    pub(super) fn take_held_back_if(&self, is_wanted: impl Fn(&Arc<Session>) -> bool) -> PendingFlush {
        // The lock is not held during the calls.
        let mut held_back = self.take_held_back();
        let wanted = held_back.extract(is_wanted);
        self.held_back.lock().append(&mut held_back);
        wanted
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
