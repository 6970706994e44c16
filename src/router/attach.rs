//! Attaches transports to sessions. The newest transport receives the messages; the exception is a stream, since its
//! client also sends requests.

use std::sync::Arc;

use super::holder::LeaseHolder;
use super::session::{Attachment, Detached, Session, State, same};
use crate::peer::{Peer, Transport};

/// The result of attaching a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// The transport receives the messages.
    Yes,
    /// A stream of the session receives the messages.
    Stream,
    /// The session has ended.
    Ended,
}

impl Session {
    /// Attaches a transport and supersedes the earlier one. Returns `false` if the session has ended or is frozen. A
    /// stream that a request supersedes becomes the standby; a second stream replaces the first one.
    pub fn attach(self: &Arc<Self>, attachment: &Arc<dyn Attachment>) -> bool {
        let superseded = {
            let mut state = self.lock();
            if !state.life.is_live() {
                return false;
            }
            state.replace(attachment)
        };
        self.supersede(superseded);
        true
    }

    /// Attaches a transport, unless the session has a stream. Then the stream receives the messages, even if it was the
    /// standby.
    pub fn attach_or_yield(self: &Arc<Self>, attachment: &Arc<dyn Attachment>) -> Attached {
        let (superseded, attached) = {
            let mut state = self.lock();
            if !state.life.is_live() {
                return Attached::Ended;
            }
            if state.attachment.as_ref().is_some_and(is_stream) {
                return Attached::Stream;
            }
            match state.standby.take() {
                Some(stream) => (state.replace(&stream), Attached::Stream),
                None => (state.replace(attachment), Attached::Yes),
            }
        };
        self.supersede(superseded);
        attached
    }

    /// Attaches the standby stream again, after a connect with its connection type.
    pub fn restore_stream(self: &Arc<Self>) {
        let superseded = {
            let mut state = self.lock();
            match state.standby.take() {
                Some(stream) if state.life.is_live() => state.replace(&stream),
                _ => return,
            }
        };
        self.supersede(superseded);
        self.flush();
    }

    /// Detaches a transport; no effect unless it is attached or the standby.
    pub fn detach(&self, attachment: &Arc<dyn Attachment>) {
        let mut state = self.lock();
        let is_it = |there: &mut Arc<dyn Attachment>| same(there, attachment);
        if state.attachment.take_if(is_it).is_some() {
            state.holder.mark_detached(attachment);
        }
        state.standby.take_if(is_it);
    }

    /// Detaches the attached and the standby transport if `may` returns `false` for their requests.
    pub fn expel(self: &Arc<Self>, may: impl Fn(&Arc<Peer>) -> bool) {
        let expelled = {
            let mut state = self.lock();
            let is_other = |there: &mut Arc<dyn Attachment>| !may(there.peer());
            let attached = state.attachment.take_if(is_other);
            if let Some(attached) = &attached {
                state.holder.mark_detached(attached);
            }
            [attached, state.standby.take_if(is_other)]
        };
        for transport in expelled.into_iter().flatten() {
            transport.detach(self, Detached::Ended);
        }
    }

    /// Whether the transport is attached.
    #[must_use]
    pub fn is_attached(&self, attachment: &Arc<dyn Attachment>) -> bool {
        self.lock().attachment.as_ref().is_some_and(|there| same(there, attachment))
    }

    fn supersede(self: &Arc<Self>, superseded: [Option<Arc<dyn Attachment>>; 2]) {
        for transport in superseded.into_iter().flatten() {
            transport.detach(self, Detached::Superseded);
        }
    }
}

impl State {
    /// Attaches a transport. Returns the transports to detach: the earlier one, and the one that has the lease.
    fn replace(&mut self, attachment: &Arc<dyn Attachment>) -> [Option<Arc<dyn Attachment>>; 2] {
        let is_other = |there: &Arc<dyn Attachment>| !same(there, attachment);
        let old = self.attachment.replace(Arc::clone(attachment)).filter(is_other);
        if let Some(old) = &old {
            self.holder.mark_detached(old);
        }
        if self.holder.former().is_some_and(|holder| !is_other(holder)) {
            self.holder = LeaseHolder::Attached;
        }
        let has_changed = |holder: &&Arc<dyn Attachment>| old.as_ref().is_none_or(|old| !same(old, holder));
        let holder = self.holder.former().filter(has_changed).cloned();
        self.standby.take_if(|standby| same(standby, attachment));
        if is_stream(attachment) {
            self.standby = None;
        } else if let Some(old) = old.as_ref().filter(|old| is_stream(old)) {
            self.standby = Some(Arc::clone(old));
        }
        [old, holder]
    }
}

fn is_stream(attachment: &Arc<dyn Attachment>) -> bool {
    attachment.peer().transport == Transport::EventSource
}
