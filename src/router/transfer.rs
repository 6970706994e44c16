//! A session on its way from one instance to another: what it takes along, and how it arrives.

use std::sync::Arc;

use super::attachment::Detached;
use super::session::{Patterns, Session};
use crate::bayeux::{Partition, Publication};

/// How far a session has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything that was delivered to it was written.
    Complete,
    /// The lowest number in each partition of what waits.
    Waiting(Vec<(Partition, u64)>),
    /// A transport is writing; what was written is not known yet.
    Writing,
}

impl Session {
    /// How far the session has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let state = self.lock();
        if state.mailbox().is_leased() {
            return Progress::Writing;
        }
        if state.mailbox().is_empty() {
            return Progress::Complete;
        }
        let mut lowest: Vec<(Partition, u64)> = Vec::new();
        for position in state.mailbox().items().filter_map(|publication| publication.position()) {
            match lowest.iter_mut().find(|(partition, _)| *partition == position.partition) {
                Some((_, number)) => *number = position.offset.min(*number),
                None => lowest.push((position.partition, position.offset)),
            }
        }
        Progress::Waiting(lowest)
    }

    /// Takes every transport off the session, which another instance has now, or is getting. Messages stay in the
    /// mailbox, and from now on nothing can be changed: no subscription, no transport, no end.
    /// `is_leaving` says that this instance is stopping.
    pub fn depart(self: &Arc<Self>, is_leaving: bool) {
        let transports = {
            // Subscriptions change under this lock, so each is either made by now or will not be.
            let _subscriptions = self.subscriptions();
            let mut state = self.lock();
            state.departed = true;
            let attached = state.attachment.take();
            if let Some(attached) = &attached {
                state.holder.outlive(attached);
            }
            let holder = state.holder.former().cloned();
            [attached, state.standby.take(), holder]
        };
        for transport in transports.into_iter().flatten() {
            transport.detach(self, Detached::Moved { is_leaving });
        }
    }

    /// The other instance did not take it: the session is this instance's again.
    pub fn stay(&self) {
        self.lock().departed = false;
    }

    /// Whether another instance has the session, or is getting it.
    #[must_use]
    pub fn has_departed(&self) -> bool {
        self.lock().departed
    }

    /// Returns the publications in the mailbox. `None` while a transport writes some of them, and if the session has
    /// overflowed, because one is missing then.
    #[must_use]
    pub fn waiting(&self) -> Option<Vec<Arc<Publication>>> {
        let state = self.lock();
        (!state.mailbox().is_leased() && !state.has_overflowed())
            .then(|| state.mailbox().items().cloned().collect())
    }

    /// Puts the publications that the session brings before those that it received here, of which those that it brings too
    /// are dropped. False if the session has ended or overflowed here.
    #[must_use]
    pub fn arrive(&self, brought: Vec<Arc<Publication>>, is_new: impl Fn(&Publication) -> bool) -> bool {
        let mut state = self.lock();
        if state.ended || state.has_overflowed() {
            return false;
        }
        brought.iter().for_each(|publication| publication.charge_to(self.budget()));
        state.change(self.budget(), |mailbox| mailbox.merge(brought, is_new));
        // Its lifetime begins with its arrival, for its client may be away.
        state.deadline = tokio::time::Instant::now() + self.lifetime();
        true
    }

    /// The patterns, in the order in which it subscribed; none once it ended.
    #[must_use]
    pub fn patterns(&self) -> Patterns {
        self.subscriptions().clone().unwrap_or_default()
    }
}
