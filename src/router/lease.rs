//! Messages on their way out: they are lent to a transport, and come back unless it says that they were written.

use std::sync::Arc;

use super::attachment::Holder;
use super::mailbox::Items;
use super::session::{LEASE_BYTES, LEASE_MESSAGES, Session, State};
use crate::bayeux::Publication;

/// Messages that a transport is writing. Those that it did not report as written go back when this is dropped; a
/// transport must hold no lock of its own then, for another one may be told to write them.
pub struct Lease {
    pub(super) session: Arc<Session>,
    pub(super) items: Items,
    pub(super) written: usize,
    /// Whether it is settled and holds nothing.
    pub(super) over: bool,
}

/// What became of a lease whose messages were all written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// It has other messages now.
    More,
    /// Nothing waits; it is settled.
    Over,
    /// The transport is not the attached one any more. The lease is to be dropped, without any lock, and counts itself.
    Lost,
}

impl Lease {
    /// The messages, in order.
    #[must_use]
    pub fn items(&self) -> &[Arc<Publication>] {
        &self.items
    }

    /// Notes that the first `count` messages have been written to a live connection.
    pub fn written(&mut self, count: usize) {
        self.written = count.min(self.items.len());
    }

    /// Leases all that waits by now behind the messages that it has. They are at the end of [`Lease::items`].
    pub fn extend(&mut self) {
        let mut state = self.session.lock();
        if !self.over && state.holder_is_attached() {
            // The queue keeps its memory until the lease is settled.
            state.change(self.session.budget(), |mailbox| self.items.extend(mailbox.lease_more()));
        }
    }

    /// After all messages were written: leases what waits now. What was written before is for the caller to count: one
    /// who writes to many sessions counts for all of them at once.
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
                state.holder = Holder::Nobody;
                self.over = true;
                Renewed::Over
            }
        }
    }
}

impl State {
    /// Whether who has the lease is still who gets the messages.
    fn holder_is_attached(&self) -> bool {
        matches!(self.holder, Holder::Attached)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let metrics = self.session.metrics();
        metrics.deliveries_written.inc_by(self.written as u64);
        let attachment = {
            let mut state = self.session.lock();
            state.holder = Holder::Nobody;
            if state.ended {
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
        // Whoever is attached now may have waited for this lease.
        if let Some(attachment) = attachment {
            let written = attachment.flush(&self.session);
            metrics.deliveries_written.inc_by(written as u64);
        }
    }
}
