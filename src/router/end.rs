//! Ends sessions.

use std::sync::Arc;

use tokio::time::Instant;

use super::mailbox::Mailbox;
use super::session::{Detached, Patterns, Session, State};

impl Session {
    /// Ends the session: it receives no more messages, and its transports are detached. Returns its patterns, or `None`
    /// if it had already ended or is frozen, since a frozen session may belong to another instance. The caller removes
    /// the patterns from the trie and the session from its table.
    pub fn end(self: &Arc<Self>) -> Option<Patterns> {
        self.end_by(|state| state.life.end())
    }

    /// Ends a session on this instance only, even if it is frozen, because another instance owns it.
    pub fn end_here(self: &Arc<Self>) -> Option<Patterns> {
        self.end_by(|state| state.life.end_as_moved())
    }

    /// Ends the session if it has expired. A concurrent connect prevents that.
    pub fn end_if_expired(self: &Arc<Self>) -> Option<Patterns> {
        self.end_by(|state| state.deadline(self.lifetime()) <= Instant::now() && state.life.end())
    }

    /// Ends the session if its client has never connected.
    pub fn end_if_unconnected(self: &Arc<Self>) -> Option<Patterns> {
        self.end_by(|state| state.life.is_unconnected() && state.life.end())
    }

    /// Releases the contents of the session, if `end` has ended it.
    fn end_by(self: &Arc<Self>, end: impl FnOnce(&mut State) -> bool) -> Option<Patterns> {
        let mut subscriptions = self.subscriptions();
        let transports = {
            let mut state = self.lock();
            if !end(&mut state) {
                return None;
            }
            state.change(self.budget(), |mailbox| *mailbox = Mailbox::default());
            state.end_replays(self);
            let holder = state.holder.former().cloned();
            [state.attachment.take(), state.standby.take(), holder]
        };
        let patterns = subscriptions.take();
        drop(subscriptions);
        // A transport may be detached twice, which is harmless.
        for transport in transports.into_iter().flatten() {
            transport.detach(self, Detached::Ended);
        }
        patterns
    }
}
