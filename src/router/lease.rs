//! Leases: messages that a transport is writing. They return to the mailbox unless the transport reports them as
//! written.

use std::sync::Arc;

use super::attachment::LeaseHolder;
use super::mailbox::Items;
use super::session::{LEASE_BYTES, LEASE_MESSAGES, Session, State};
use crate::bayeux::Publication;

/// Messages that a transport is writing. Dropping the lease returns the messages that were not reported as written. The
/// transport must hold no lock at that time, since the drop may notify another transport to write them.
pub struct Lease {
    pub(super) session: Arc<Session>,
    pub(super) items: Items,
    pub(super) written: usize,
    /// Whether the lease is settled and empty.
    pub(super) is_settled: bool,
}

/// The result of renewing a lease whose messages were all written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// The lease has new messages.
    More,
    /// The queue is empty, and the lease is settled.
    Over,
    /// The transport is no longer attached. The caller drops the lease without holding a lock, which counts its
    /// messages.
    Lost,
}

impl Lease {
    /// Returns the messages in order.
    #[must_use]
    pub fn items(&self) -> &[Arc<Publication>] {
        &self.items
    }

    /// Reports the first `count` messages as written to a live connection.
    pub fn written(&mut self, count: usize) {
        self.written = count.min(self.items.len());
    }

    /// Adds all queued messages to the lease, at the end of [`Lease::items`].
    pub fn extend(&mut self) {
        let mut state = self.session.lock();
        if !self.is_settled && state.holder_is_attached() {
            // The queue keeps its memory until the lease is settled.
            state.change(self.session.budget(), |mailbox| self.items.extend(mailbox.lease_more()));
        }
    }

    /// Leases the queued messages after all earlier ones were written. The caller counts the written messages, so that
    /// a transport that writes to many sessions updates the counter once.
    pub fn renew(&mut self) -> Renewed {
        debug_assert_eq!(self.written, self.items.len());
        let mut state = self.session.lock();
        if !state.holder_is_attached() {
            return Renewed::Lost;
        }
        self.items.clear();
        self.written = 0;
        let leased = state.change(self.session.budget(), |mailbox| {
            mailbox.settle(std::iter::empty());
            mailbox.lease(LEASE_MESSAGES, LEASE_BYTES)
        });
        match leased {
            Some(items) => {
                self.items = items;
                Renewed::More
            }
            None => {
                state.holder = LeaseHolder::Free;
                self.is_settled = true;
                Renewed::Over
            }
        }
    }
}

impl State {
    /// Whether the transport with the lease is still the attached one.
    fn holder_is_attached(&self) -> bool {
        matches!(self.holder, LeaseHolder::Attached)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let metrics = self.session.metrics();
        metrics.deliveries_written.inc_by(self.written as u64);
        let attachment = {
            let mut state = self.session.lock();
            state.holder = LeaseHolder::Free;
            if state.life.has_ended() {
                return;
            }
            metrics.deliveries_requeued.inc_by((self.items.len() - self.written) as u64);
            let unwritten = self.items.drain(..).skip(self.written);
            state.change(self.session.budget(), |mailbox| mailbox.settle(unwritten));
            if state.mailbox().is_empty() {
                return;
            }
            state.attachment.clone()
        };
        // The attached transport may have waited for this lease.
        if let Some(attachment) = attachment {
            let written = attachment.flush(&self.session);
            metrics.deliveries_written.inc_by(written as u64);
        }
    }
}
