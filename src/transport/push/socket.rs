//! The writing side of a push connection, shared between the task of the connection and the threads that deliver.
//!
//! A thread writes to the system directly; only bytes that the system does not accept are left to the task. Lock order: the
//! outbox, then the state of the session. No lock is held while a lease is dropped or another transport is called.

use std::io::{self, IoSlice};
use std::sync::{Arc, Weak};

use smallvec::SmallVec;
use tokio::time::Instant;

use super::outbox::{HeldConnect, Outbox};
use super::wire_form::WireForm;
use crate::budget::Budget;
use crate::lock::{Mutex, level};
use crate::metrics::{Metrics, Reason};
use crate::peer::{Peer, Transport};
use crate::router::{Attachment, Detached, Lease, Readiness, Renewed, Session};
use crate::server::{Accepted, Server};
use crate::transport::net::context::Context;
use crate::transport::net::notify::Notify;
use crate::transport::net::stream::Stream;

/// The most frames of one system call.
const GATHERED: usize = 64;
/// The most system calls of a writer. It leaves the rest to the task, so that other publishers to this session need not wait
/// for a fast reader.
const ROUNDS: usize = 16;

/// A socket for messages of a session.
pub(super) struct Socket {
    out: Mutex<Outbox, { level::OUTBOX }>,
    pub(super) stream: Stream,
    form: WireForm,
    peer: Arc<Peer>,
    /// Wakes the task of the connection.
    pub(super) notify: Notify,
    budget: Arc<Budget>,
    metrics: Metrics,
    me: Weak<Self>,
}

impl Socket {
    pub(super) fn new(stream: Stream, peer: Arc<Peer>, form: WireForm, context: &Context) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            out: Mutex::default(),
            stream,
            form,
            peer,
            notify: Notify::default(),
            budget: Arc::clone(&context.budget),
            metrics: context.metrics.clone(),
            me: me.clone(),
        })
    }

    /// This socket as the transport of a session.
    pub(super) fn attachment(&self) -> Option<Arc<dyn Attachment>> {
        self.me.upgrade().map(|me| me as Arc<dyn Attachment>)
    }

    /// Calls a function with the outbox under its lock.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Outbox) -> T) -> T {
        look(&mut self.out.lock())
    }

    /// Queues the messages of the bound session before the next frame, so that a publisher receives its own message before
    /// the acknowledgement.
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

    /// Writes queued frames and waiting messages as far as the system accepts them.
    pub(super) fn write(&self) {
        let Some(me) = self.attachment() else { return };
        let written = self.write_as(&me);
        if written > 0 {
            self.metrics.deliveries_written.inc_by(written as u64);
        }
    }

    /// Writes as [`Socket::write`] does, and returns the number of messages for the metrics of the caller.
    fn write_as(&self, me: &Arc<dyn Attachment>) -> usize {
        let (answered, (unsettled, written)) = {
            let mut out = self.out.lock();
            let answered = self.answer_ready(&mut out, me);
            let pumped = self.pump(&mut out, me);
            if out.recharge(&self.budget).is_err() {
                // The client reads too slowly.
                self.metrics.refuse(Reason::memory);
                out.dead = true;
                self.notify.notify();
            }
            (answered, pumped)
        };
        drop(answered);
        drop(unsettled);
        written
    }

    /// Answers the held connect of a session with acknowledged delivery, if there are messages for it. The result must be dropped
    /// without the lock.
    fn answer_ready(&self, out: &mut Outbox, me: &Arc<dyn Attachment>) -> Option<HeldConnect> {
        let (held, session) = (out.held.as_mut()?, out.bound.as_ref()?);
        if !held.ack.is_on() {
            return None;
        }
        let due = match session.readiness(me, held.ack) {
            Readiness::No => return None,
            Readiness::Now if !held.is_unseen => {
                let reply = held.reply.take();
                return self.answer_with_messages(out, reply.as_deref());
            }
            // Left to the task, because the reply has to pass the extensions.
            Readiness::Now => Instant::now(),
            Readiness::At(due) => due,
        };
        if due < held.deadline {
            held.deadline = due;
            self.notify.notify();
        }
        None
    }

    /// Queues the reply of the held connect, with the messages of acknowledged delivery. The result must be dropped without the
    /// lock.
    fn answer_with_messages(&self, out: &mut Outbox, reply: Option<&[u8]>) -> Option<HeldConnect> {
        let is_on = reply.is_some() && out.held.as_ref()?.ack.is_on();
        let batch = match (&out.bound, self.attachment()) {
            (Some(session), Some(me)) if is_on => session.take_batch(&me),
            _ => None,
        };
        out.answer_seen(reply, batch.as_ref())
    }

    /// Holds an accepted connect of the bound session until its deadline.
    pub(super) fn hold(&self, accepted: Accepted) {
        let Accepted { session, reply, hold, is_unseen, ack, .. } = accepted;
        let reply = reply.map(Vec::into_boxed_slice);
        let deadline = Instant::now() + hold;
        let held = HeldConnect { _held: session.hold(), reply, is_unseen, ack, deadline };
        let lost = self.with(|out| {
            out.held = Some(held);
            // The session may have ended or moved to another transport by now: the connect is over then.
            let is_bound = out.bound.as_ref().is_some_and(|bound| Arc::ptr_eq(bound, &session));
            if is_bound { None } else { out.answer_held() }
        });
        drop(lost);
    }

    /// Appends the reply to a connect that is not held, with the messages of acknowledged delivery, to a list of replies.
    pub(super) fn append_reply(&self, accepted: &Accepted, reply: &[u8], replies: &mut Vec<u8>) {
        let me = self.attachment().filter(|_| accepted.ack.is_on());
        if let Some(batch) = me.and_then(|me| accepted.session.take_batch(&me)) {
            return batch.write(reply, replies);
        }
        if !replies.is_empty() {
            replies.push(b',');
        }
        replies.extend_from_slice(reply);
    }

    /// Answers the held connect, if there is one and its reply has passed the extensions.
    pub(super) fn answer_held_now(&self) {
        let held = self.with(|out| match out.take_seen() {
            Some(reply) => self.answer_with_messages(out, Some(&reply)),
            None => out.answer_held(),
        });
        drop(held);
    }

    /// Answers the held connect without messages, if there is one and its reply has passed the extensions.
    pub(super) fn answer_superseded(&self) {
        let held = self.with(Outbox::answer_held);
        drop(held);
    }

    /// Answers the held connect, if there is one. A reply that has not passed the extensions passes them first. A superseded
    /// connect is answered without messages.
    pub(super) async fn answer_held(&self, server: &Server, is_superseded: bool) {
        let Some(reply) = self.with(Outbox::take_unseen) else {
            return if is_superseded { self.answer_superseded() } else { self.answer_held_now() };
        };
        let reply = server.outgoing(reply.into_vec(), &self.peer).await;
        let held = self.with(|out| {
            if is_superseded {
                out.answer_seen(reply.as_deref(), None)
            } else {
                self.answer_with_messages(out, reply.as_deref())
            }
        });
        drop(held);
    }

    /// Binds the socket to a session and attaches it with `attach`. The socket may have been attached to the session before.
    pub(super) fn bind(&self, session: &Arc<Session>, attach: impl FnOnce() -> bool) {
        self.with(|out| out.bound = Some(Arc::clone(session)));
        if !attach() {
            // A lease from before returns as well.
            return self.detach(session, Detached::Superseded);
        }
        let Some(me) = self.attachment() else { return };
        let mut out = self.out.lock();
        if session.is_attached(&me) {
            // A late call of `detach` may have unbound the socket before it was attached again.
            out.bound = Some(Arc::clone(session));
        }
    }

    /// Detaches the bound session. Queued messages are still written before the close frame of the server. With `withdraw`, for
    /// a client that does not read any more, they return to the mailbox.
    pub(super) fn unbind(&self, withdraw: bool) {
        let (lease, held, bound) = {
            let mut out = self.out.lock();
            let lease = if withdraw { out.withdraw(self.stream.unreported()) } else { None };
            (lease, out.held.take(), out.bound.take())
        };
        if let (Some(session), Some(me)) = (bound, self.attachment()) {
            session.detach(&me);
        }
        drop(held);
        drop(lease);
    }

    /// Marks the connection as dead and returns unwritten messages to the session.
    pub(super) fn release(&self) {
        self.with(|out| out.dead = true);
        self.unbind(true);
    }

    /// Writes until the queue is empty, the system accepts no more, or the limit of [`ROUNDS`] is reached. Returns a lost lease,
    /// which must be dropped without the lock, and the number of written messages that are not counted yet.
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
                // The common case: the queue is empty, and messages go from the lease to the system directly.
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
                        self.notify.notify();
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
                    // The lease counts its messages. Frames behind them are still queued.
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

    /// Passes at most [`GATHERED`] frames to the system.
    fn send<'a>(&self, frames: impl Iterator<Item = &'a [u8]>, is_blocked: bool) -> io::Result<usize> {
        let slices: SmallVec<[IoSlice<'_>; GATHERED]> = frames.take(GATHERED).map(IoSlice::new).collect();
        self.stream.send(&slices, is_blocked)
    }

    /// Records the result of a write and returns the number of written bytes.
    fn note(&self, out: &mut Outbox, result: io::Result<usize>) -> usize {
        let (count, is_new) = out.note(result);
        if is_new {
            self.notify.notify();
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
            // The call may be late, after a connect has attached the socket again.
            if why == Detached::Superseded && self.attachment().is_some_and(|me| session.is_attached(&me)) {
                return;
            }
            // An EventSource stream stays bound until the session ends.
            let is_over = why != Detached::Superseded;
            if is_over && let Some(me) = self.attachment() {
                // It may have been attached again since, and leases no more messages.
                session.detach(&me);
            }
            if is_over || self.peer.transport != Transport::EventSource {
                out.bound = None;
            }
            out.closing |= is_over;
            (out.answer_held(), out.withdraw(self.stream.unreported()))
        };
        drop(unsettled);
        self.notify.notify();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}
