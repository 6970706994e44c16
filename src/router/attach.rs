//! Which transport of a session gets its messages: the newest, with the one exception of a stream, whose client sends
//! requests beside it.

use std::sync::Arc;

use super::attachment::{Attachment, Detached, Holder, same};
use super::session::{Session, State};
use crate::peer::{Peer, Transport};

/// What became of the wish to be a session's transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// The transport gets the messages from now on.
    Yes,
    /// A stream of the session gets them.
    Stream,
    /// The session has ended.
    Ended,
}

impl Session {
    /// Attaches a transport; the one before is told that it was superseded. `false` if the session has ended or departed.
    /// A stream that is superseded by a request stands by; a second stream takes the place of the first for good.
    pub fn attach(self: &Arc<Self>, attachment: &Arc<dyn Attachment>) -> bool {
        let superseded = {
            let mut state = self.lock();
            if state.ended || state.frozen {
                return false;
            }
            state.replace(attachment)
        };
        self.supersede(superseded);
        true
    }

    /// Attaches a transport, unless the session has a stream: then that gets the messages, also if it only stood by.
    pub fn attach_or_yield(self: &Arc<Self>, attachment: &Arc<dyn Attachment>) -> Attached {
        let (superseded, attached) = {
            let mut state = self.lock();
            if state.ended || state.frozen {
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

    /// Has a stream that stands by get the messages again: its client connects as such.
    pub fn restore_stream(self: &Arc<Self>) {
        let superseded = {
            let mut state = self.lock();
            match state.standby.take() {
                Some(stream) if !state.ended && !state.frozen => state.replace(&stream),
                _ => return,
            }
        };
        self.supersede(superseded);
        self.flush();
    }

    /// Takes a transport away, if it is the attached one or stands by.
    pub fn detach(&self, attachment: &Arc<dyn Attachment>) {
        let mut state = self.lock();
        let is_it = |there: &mut Arc<dyn Attachment>| same(there, attachment);
        if state.attachment.take_if(is_it).is_some() {
            state.holder.outlive(attachment);
        }
        state.standby.take_if(is_it);
    }

    /// Ends the transports that are attached or stand by, and whose requests may not get the session's messages.
    pub fn expel(self: &Arc<Self>, may: impl Fn(&Arc<Peer>) -> bool) {
        let expelled = {
            let mut state = self.lock();
            let is_other = |there: &mut Arc<dyn Attachment>| !may(there.peer());
            let attached = state.attachment.take_if(is_other);
            if let Some(attached) = &attached {
                state.holder.outlive(attached);
            }
            [attached, state.standby.take_if(is_other)]
        };
        for transport in expelled.into_iter().flatten() {
            transport.detach(self, Detached::Ended);
        }
    }

    /// Whether the transport is the attached one.
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
    /// Makes a transport the attached one. What is returned, the one before and who has the lease, is to be told.
    fn replace(&mut self, attachment: &Arc<dyn Attachment>) -> [Option<Arc<dyn Attachment>>; 2] {
        let is_other = |there: &Arc<dyn Attachment>| !same(there, attachment);
        let old = self.attachment.replace(Arc::clone(attachment)).filter(is_other);
        if let Some(old) = &old {
            self.holder.outlive(old);
        }
        if self.holder.former().is_some_and(|holder| !is_other(holder)) {
            self.holder = Holder::Attached;
        }
        let is_told = |holder: &&Arc<dyn Attachment>| old.as_ref().is_none_or(|old| !same(old, holder));
        let holder = self.holder.former().filter(is_told).cloned();
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
