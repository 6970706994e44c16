//! Leases: messages that a transport is writing. They return to the mailbox unless the transport reports them as
//! written.

use std::sync::Arc;

use super::holder::LeaseHolder;
use super::mailbox::Items;
use super::session::{Attachment, Session, State, same};
use crate::bayeux::Publication;

/// Maximum messages and bytes of one lease for a transport that writes in parts.
const LEASE_MESSAGES: usize = 64;
const LEASE_BYTES: usize = 256 * 1024;

/// Messages that a transport is writing. Dropping the lease returns the messages that were not reported as written. The
/// transport must hold no lock at that time, since the drop may notify another transport to write them.
pub struct Lease {
    session: Arc<Session>,
    items: Items,
    written: usize,
    /// Whether the lease is settled and empty.
    is_settled: bool,
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

impl Session {
    /// Whether [`Session::lease_all`] would lease messages to this transport.
    pub fn can_lease(&self, holder: &Arc<dyn Attachment>) -> bool {
        let state = self.lock();
        state.can_lease(holder)
    }

    /// Leases all queued messages. Returns `None` if the queue is empty, if the transport is not attached, if the
    /// session has acknowledged delivery, or if another lease is active; that lease triggers a flush when it is settled.
    pub fn lease_all(self: &Arc<Self>, holder: &Arc<dyn Attachment>) -> Option<Lease> {
        self.lease_up_to(holder, usize::MAX, usize::MAX)
    }

    /// Leases queued messages for one write, up to the limits of one lease. Returns `None` as [`Session::lease_all`]
    /// does.
    pub fn lease(self: &Arc<Self>, holder: &Arc<dyn Attachment>) -> Option<Lease> {
        self.lease_up_to(holder, LEASE_MESSAGES, LEASE_BYTES)
    }

    fn lease_up_to(
        self: &Arc<Self>,
        holder: &Arc<dyn Attachment>,
        messages: usize,
        bytes: usize,
    ) -> Option<Lease> {
        let mut state = self.lock();
        if !state.is_attached(holder) || state.batched().is_some() {
            return None;
        }
        let items = state.change(self.budget(), |mailbox| mailbox.lease(messages, bytes))?;
        state.holder = LeaseHolder::Attached;
        Some(Lease { session: Arc::clone(self), items, written: 0, is_settled: false })
    }
}

impl State {
    pub(super) fn is_attached(&self, holder: &Arc<dyn Attachment>) -> bool {
        self.attachment.as_ref().is_some_and(|attached| same(attached, holder))
    }

    pub(super) fn can_lease(&self, holder: &Arc<dyn Attachment>) -> bool {
        self.is_attached(holder)
            && self.batched().is_none()
            && !self.mailbox().is_leased()
            && !self.mailbox().is_empty()
    }
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
        if !self.is_settled && state.holder.is_attached() {
            // The queue keeps its memory until the lease is settled.
            state.change(self.session.budget(), |mailbox| self.items.extend(mailbox.lease_more()));
        }
    }

    /// Leases the queued messages after all earlier ones were written. The caller counts the written messages, so that
    /// a transport that writes to many sessions updates the counter once.
    pub fn renew(&mut self) -> Renewed {
        debug_assert_eq!(self.written, self.items.len());
        let mut state = self.session.lock();
        if !state.holder.is_attached() {
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
