//! The part of a hand-off that changes the session itself.

use std::sync::Arc;

use super::ack::Ack;
use super::replay::ReplayState;
use super::session::{Detached, Patterns, Session};
use crate::bayeux::{Positions, Publication};

/// The delivery progress of a session.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// All received messages were written.
    Complete,
    /// The position of the first queued publication in each partition.
    Waiting(Positions),
    /// A transport is writing; the result is not known yet.
    Writing,
}

/// What a session has for its client.
#[derive(Debug, Default)]
pub struct Contents {
    /// The publications in the mailbox.
    pub queued: Vec<Arc<Publication>>,
    /// The acknowledged delivery of these publications.
    pub ack: Option<Ack>,
    /// The replays.
    pub replays: Vec<ReplayState>,
    /// Whether the client wants cursors.
    pub has_cursors: bool,
    /// The positions up to which the former owner has delivered everything, or has it in these contents. An export leaves them
    /// to its caller.
    pub delivered: Positions,
}

impl Session {
    /// Returns the first position in each partition that a replay has not reached.
    #[must_use]
    pub fn unreplayed(&self) -> Positions {
        self.lock().unreplayed()
    }

    /// Returns the progress.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let state = self.lock();
        if state.mailbox().is_leased() {
            return Progress::Writing;
        }
        let mut lowest = state.unreplayed();
        if state.mailbox().is_empty() && lowest.is_empty() {
            return Progress::Complete;
        }
        for position in state.mailbox().items().filter_map(|publication| publication.position()) {
            match lowest.offset_mut(position.partition) {
                Some(offset) => *offset = position.offset.min(*offset),
                None => lowest.insert(position),
            }
        }
        Progress::Waiting(lowest)
    }

    /// Freezes the session for its export: detaches its transports, and refuses new subscriptions and transports and
    /// the end of the session. Messages stay in the mailbox. `is_leaving` says that this instance is stopping. No effect
    /// on a session that has ended.
    pub fn freeze(self: &Arc<Self>, is_leaving: bool) {
        let transports = {
            // Subscriptions change under this lock: a concurrent change is either complete or refused.
            let _subscriptions = self.subscriptions();
            let mut state = self.lock();
            if !state.life.freeze() {
                return;
            }
            let attached = state.attachment.take();
            if let Some(attached) = &attached {
                state.holder.mark_detached(attached);
            }
            let holder = state.holder.former().cloned();
            [attached, state.standby.take(), holder]
        };
        for transport in transports.into_iter().flatten() {
            transport.detach(self, Detached::Moved { is_leaving });
        }
    }

    /// Unfreezes the session after an aborted export.
    pub fn unfreeze(&self) {
        let mut state = self.lock();
        state.life.unfreeze();
        state.wake_replays();
    }

    /// Whether the session is being exported, or was exported.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.lock().life.is_frozen()
    }

    /// Returns the contents of the session. Returns `None` while a transport is writing, and if the session has overflowed or
    /// ended, because publications are missing then.
    #[must_use]
    pub fn contents(&self) -> Option<Contents> {
        let state = self.lock();
        let (replays, has_cursors) = state.replays();
        (!state.mailbox().is_leased() && state.life.is_receiving()).then(|| Contents {
            queued: state.mailbox().items().cloned().collect(),
            ack: state.ack(),
            replays,
            has_cursors,
            delivered: Positions::default(),
        })
    }

    /// Imports the contents of another instance: inserts the queued publications before those that were received here, of
    /// which only the new ones stay that belong to no replay. Returns `false` if the session has ended or overflowed.
    #[must_use]
    pub fn import(&self, contents: Contents, is_new: impl Fn(&Publication) -> bool) -> bool {
        let Contents { queued: imported, ack, replays, has_cursors, delivered } = contents;
        let mut state = self.lock();
        if !state.life.is_receiving() {
            return false;
        }
        state.import_replays(replays, &delivered, has_cursors, self);
        let mut replaying = state.replaying.take();
        let is_new = |publication: &Publication| {
            is_new(publication) && !replaying.as_mut().is_some_and(|replaying| replaying.defers(publication))
        };
        let count = imported.len();
        imported.iter().for_each(|publication| publication.charge_to(self.budget()));
        let in_both = state.change(self.budget(), |mailbox| mailbox.merge(imported, is_new));
        state.replaying = replaying;
        if let Some(mut ack) = ack {
            ack.check(count);
            if in_both > 0 {
                // In another order it is another queue.
                ack.forget();
            }
            state.batch(ack, self.budget());
        }
        // The lifetime restarts, since the client may be disconnected.
        state.deadline = tokio::time::Instant::now() + self.lifetime();
        true
    }

    /// Whether the session has a subscription to exactly this pattern.
    #[must_use]
    pub fn is_subscribed(&self, pattern: &str) -> bool {
        self.subscriptions().as_ref().is_some_and(|patterns| patterns.contains(pattern))
    }

    /// Returns the patterns in the order of subscription; empty once the session has ended.
    #[must_use]
    pub fn patterns(&self) -> Patterns {
        self.subscriptions().clone().unwrap_or_default()
    }
}
