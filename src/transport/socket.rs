//! The writing side of a connection that messages are pushed to, a WebSocket or a stream of events: what is to be
//! written in which order, shared between the task of the connection and the threads that deliver.
//!
//! Each thread writes its output at once; only bytes that the system does not accept are left to the task.
//! Lock order: this socket's `out`, then the session's state. No lock is held while a lease is dropped or another
//! transport is called.

use std::io::{self, IoSlice};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::outbox::{HeldConnect, Outbox};
use super::signal::Signal;
use super::stream::Stream;
use super::websocket::{deflate, encoder};
use super::{Context, eventsource};
use crate::bayeux::Publication;
use crate::budget::Budget;
use crate::lock::{Mutex, level};
use crate::metrics::{Metrics, Reason};
use crate::peer::{Peer, Transport};
use crate::router::{Attachment, Detached, Lease, Renewed, Session};
use crate::server::{Accepted, Server};

/// Frames that one system call gathers.
const GATHERED: usize = 64;
/// System calls after which a writer leaves the rest to the task, so that others who publish to this session need not
/// wait for a fast reader.
const ROUNDS: usize = 16;

/// How a publication looks on a connection. Each is made once, for all connections.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// A text frame of a WebSocket.
    Frame,
    /// A compressed one, if the message is long enough and gets shorter by it.
    Compressed {
        level: u32,
        /// Bytes that are worth it.
        threshold: usize,
    },
    /// An event of a stream.
    Event,
}

impl Form {
    /// The publication in this form.
    pub(super) fn of(self, publication: &Publication) -> &Bytes {
        match self {
            Self::Frame => publication.frame(encoder::text_frame),
            Self::Compressed { level, threshold } => {
                let is_long = publication.array().len() >= threshold;
                let compressed = if is_long {
                    publication.compressed(|array| deflate::deflate_frame(array, level))
                } else {
                    None
                };
                compressed.unwrap_or_else(|| publication.frame(encoder::text_frame))
            }
            Self::Event => publication.event(eventsource::event),
        }
    }
}

/// A socket that messages can be written to.
pub(super) struct Socket {
    out: Mutex<Outbox, { level::OUTBOX }>,
    pub(super) stream: Stream,
    form: Form,
    peer: Arc<Peer>,
    /// Wakes the task of the connection.
    pub(super) signal: Signal,
    budget: Arc<Budget>,
    metrics: Metrics,
    me: Weak<Self>,
}

impl Socket {
    pub(super) fn new(stream: Stream, peer: Arc<Peer>, form: Form, context: &Context) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            out: Mutex::default(),
            stream,
            form,
            peer,
            signal: Signal::default(),
            budget: Arc::clone(&context.budget),
            metrics: context.metrics.clone(),
            me: me.clone(),
        })
    }

    /// This socket as the transport of a session.
    pub(super) fn attachment(&self) -> Option<Arc<dyn Attachment>> {
        self.me.upgrade().map(|me| me as Arc<dyn Attachment>)
    }

    /// Looks at, or changes, what is to be written.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Outbox) -> T) -> T {
        look(&mut self.out.lock())
    }

    /// Puts the messages that wait for the bound session before what is queued next, so that a publisher sees its own
    /// message before the acknowledgement.
    pub(super) fn gather(&self) {
        let mut guard = self.out.lock();
        let out = &mut *guard;
        if let Some(lease) = &mut out.lease {
            let before = lease.items().len();
            lease.extend();
            let lease = out.lease.take();
            out.push_leased(lease.iter().flat_map(|lease| &lease.items()[before..]), self.form);
            out.lease = lease;
        } else if let (Some(session), Some(me)) = (&out.bound, self.attachment()) {
            let lease = session.lease_all(&me);
            out.push_leased(lease.iter().flat_map(Lease::items), self.form);
            out.lease = lease;
        }
    }

    /// Writes what there is, as far as the system takes it.
    pub(super) fn write(&self) {
        let Some(me) = self.attachment() else { return };
        let written = self.write_as(&me);
        if written > 0 {
            self.metrics.deliveries_written.inc_by(written as u64);
        }
    }

    /// The same, for callers that count the written messages.
    fn write_as(&self, me: &Arc<dyn Attachment>) -> usize {
        let (unsettled, written) = {
            let mut out = self.out.lock();
            let pumped = self.pump(&mut out, me);
            if out.recharge(&self.budget).is_err() {
                // Its client takes too little of what it asks for.
                self.metrics.refuse(Reason::memory);
                out.dead = true;
                self.signal.wake();
            }
            pumped
        };
        drop(unsettled);
        written
    }

    /// Holds an accepted connect of the bound session, to be answered when its time is over.
    pub(super) fn hold(&self, accepted: Accepted) {
        let Accepted { session, reply, hold, is_unseen, .. } = accepted;
        let reply = reply.map(Vec::into_boxed_slice);
        let deadline = Instant::now() + hold;
        let held = HeldConnect { _held: session.hold(), reply, is_unseen, deadline };
        let lost = self.with(|out| {
            out.held = Some(held);
            // Another transport may have taken over the session, or it may have ended, in this moment: then the connect is over.
            let is_bound = out.bound.as_ref().is_some_and(|bound| Arc::ptr_eq(bound, &session));
            if is_bound { None } else { out.answer_held() }
        });
        drop(lost);
    }

    /// Answers the connect that is held, if there is one and extensions have seen its reply.
    pub(super) fn answer_held_now(&self) {
        let held = self.with(Outbox::answer_held);
        drop(held);
    }

    /// Answers the connect that is held, if there is one. Extensions that have yet to see the reply see it now.
    pub(super) async fn answer_held(&self, server: &Server) {
        let Some(reply) = self.with(Outbox::take_unseen) else { return self.answer_held_now() };
        let reply = server.outgoing(reply.into_vec(), &self.peer).await;
        let held = self.with(|out| out.answer_seen(reply));
        drop(held);
    }

    /// Lets the bound session go. Messages that are in the queue already are still written before a close frame of
    /// ours; if `withdraw` is true, because the client has stopped reading, they go back to the mailbox.
    pub(super) fn unbind(&self, withdraw: bool) {
        let (lease, held, bound) = {
            let mut out = self.out.lock();
            let lease = if withdraw { out.withdraw(self.stream.taken()) } else { None };
            (lease, out.held.take(), out.bound.take())
        };
        if let (Some(session), Some(me)) = (bound, self.attachment()) {
            session.detach(&me);
        }
        drop(held);
        drop(lease);
    }

    /// Marks the end of the connection, and gives the session back what was not written.
    pub(super) fn release(&self) {
        self.with(|out| out.dead = true);
        self.unbind(true);
    }

    /// Writes until nothing waits, the system takes no more, or others have waited long enough for the lock. What is
    /// returned has to be dropped without the lock; with it, how many messages were written that are not counted yet.
    fn pump(&self, out: &mut Outbox, me: &Arc<dyn Attachment>) -> (Option<Lease>, usize) {
        let mut written = 0;
        let mut lost = None;
        for round in 0.. {
            if out.dead || out.cut {
                break;
            }
            let fresh = match (&out.lease, &out.bound) {
                (None, Some(session)) => session.lease(me),
                _ => None,
            };
            match fresh {
                // Mostly nothing else waits, and then messages go from the lease to the system, by no queue.
                Some(lease) if out.is_empty() => {
                    let frames = lease.items().iter().map(|item| &self.form.of(item)[..]);
                    let sent = self.note(out, self.send(frames, false));
                    out.push_rest(lease.items(), self.form, sent);
                    out.lease = Some(lease);
                }
                fresh => {
                    out.push_leased(fresh.iter().flat_map(Lease::items), self.form);
                    if fresh.is_some() {
                        out.lease = fresh;
                    }
                    if out.is_empty() {
                        break;
                    }
                    if round == ROUNDS {
                        self.signal.wake();
                        break;
                    }
                    let sent = self.send(out.frames(), out.blocked.is_some());
                    let sent = self.note(out, sent);
                    out.advance(sent);
                }
            }
            if out.leased == 0
                && let Some(mut lease) = out.lease.take()
            {
                let count = lease.items().len();
                lease.written(count);
                match lease.renew() {
                    // It counts itself. What is behind its messages still has to be written.
                    Renewed::Lost => lost = Some(lease),
                    Renewed::Over if out.is_empty() => return (lost, written + count),
                    Renewed::Over => written += count,
                    Renewed::More => {
                        written += count;
                        out.push_leased(lease.items(), self.form);
                        out.lease = Some(lease);
                    }
                }
            }
            if out.blocked.is_some() {
                break;
            }
        }
        (lost, written)
    }

    /// Hands frames to the system, at most [`GATHERED`].
    fn send<'a>(&self, frames: impl Iterator<Item = &'a [u8]>, is_blocked: bool) -> io::Result<usize> {
        let slices: SmallVec<[IoSlice<'_>; GATHERED]> = frames.take(GATHERED).map(IoSlice::new).collect();
        self.stream.send(&slices, is_blocked)
    }

    /// Notes what a write came to; how many bytes were written.
    fn note(&self, out: &mut Outbox, result: io::Result<usize>) -> usize {
        let (count, is_news) = out.note(result);
        if is_news {
            self.signal.wake();
        }
        count
    }
}

impl Attachment for Socket {
    fn flush(self: Arc<Self>, _session: &Arc<Session>) -> usize {
        let me: Arc<dyn Attachment> = self.clone();
        self.write_as(&me)
    }

    fn detach(&self, session: &Arc<Session>, why: Detached) {
        let unsettled = {
            let mut out = self.out.lock();
            if !out.bound.as_ref().is_some_and(|bound| Arc::ptr_eq(bound, session)) {
                return;
            }
            // This may come late, when a connect has attached the socket again.
            if why == Detached::Superseded && self.attachment().is_some_and(|me| session.is_attached(&me)) {
                return;
            }
            // A stream stands by, or is at least there until the session ends.
            let is_over = why != Detached::Superseded;
            if is_over || self.peer.transport != Transport::EventSource {
                out.bound = None;
            }
            out.closing |= is_over;
            (out.answer_held(), out.withdraw(self.stream.taken()))
        };
        drop(unsettled);
        self.signal.wake();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}
