//! The writing side of one WebSocket: what is to be written in which order, shared between the task that reads and the
//! threads that deliver.
//!
//! Whoever has something to write writes it at once; only what the system does not take is left to the task.
//! Lock order: this socket's `out`, then the session's state. No lock is held while a lease is dropped or another
//! transport is called.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::encoder;
use crate::bayeux::Publication;
use crate::peer::Peer;
use crate::router::{Attachment, Detached, Held, Lease, Session};

/// Frames that one system call gathers.
const GATHERED: usize = 64;
/// System calls after which a writer leaves the rest to the task, so that others who publish to this session need not
/// wait for a fast reader.
const ROUNDS: usize = 16;

/// A socket that messages can be written to.
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    peer: Arc<Peer>,
    /// Wakes the task of the connection.
    pub(super) wake: Notify,
    out: Mutex<Out>,
    me: Weak<Self>,
}

/// What is to be written, and for whom.
#[derive(Default)]
pub(super) struct Out {
    queue: VecDeque<Frame>,
    /// Bytes of the first frame that have been written.
    begun: usize,
    /// What the queue takes, in bytes.
    bytes: usize,
    /// The session whose messages go here.
    pub(super) bound: Option<Arc<Session>>,
    /// The connect that is held.
    pub(super) held: Option<HeldConnect>,
    lease: Option<Lease>,
    /// Frames of the lease in the queue.
    leased: usize,
    /// Since when the system has taken nothing, if it does not take all.
    pub(super) blocked: Option<Instant>,
    /// A close frame is due once the replies before it are in the queue.
    pub(super) closing: bool,
    /// The connection is broken.
    pub(super) dead: bool,
    /// A message was written in part and taken back: nothing can be written any more.
    pub(super) cut: bool,
}

enum Frame {
    /// A reply, or a control frame.
    Own(Bytes),
    /// A message of the lease.
    Leased(Bytes),
}

impl Frame {
    fn bytes(&self) -> &Bytes {
        match self {
            Self::Own(bytes) | Self::Leased(bytes) => bytes,
        }
    }

    /// What the frame takes in bytes, about: many small ones take more than they hold.
    fn cost(&self) -> usize {
        self.bytes().len() + 64
    }
}

/// A connect whose reply waits for its time.
pub(super) struct HeldConnect {
    pub(super) reply: Option<Bytes>,
    pub(super) deadline: Instant,
    pub(super) _held: Held,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, peer: Arc<Peer>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            stream,
            peer,
            wake: Notify::new(),
            out: Mutex::default(),
            me: me.clone(),
        })
    }

    /// This socket as the transport of a session.
    pub(super) fn attachment(&self) -> Option<Arc<dyn Attachment>> {
        self.me.upgrade().map(|me| me as Arc<dyn Attachment>)
    }

    /// Looks at, or changes, what is to be written.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Out) -> T) -> T {
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
            out.push_leased(lease.iter().flat_map(|lease| &lease.items()[before..]));
            out.lease = lease;
        } else if let (Some(session), Some(me)) = (&out.bound, self.attachment()) {
            let lease = session.lease_all(&me);
            out.push_leased(lease.iter().flat_map(Lease::items));
            out.lease = lease;
        }
    }

    /// Writes what there is, as far as the system takes it.
    pub(super) fn write(&self) {
        let unsettled = self.pump(&mut self.out.lock());
        drop(unsettled);
    }

    /// Answers the connect that is held, if there is one.
    pub(super) fn answer_held(&self) {
        let held = self.with(Out::answer_held);
        drop(held);
    }

    /// Lets the bound session go. Messages that are in the queue already are still written before a close frame of
    /// ours; if `withdraw` is true, because nobody reads any more, they go back to the mailbox.
    pub(super) fn unbind(&self, withdraw: bool) {
        let (lease, held, bound) = {
            let mut out = self.out.lock();
            let lease = if withdraw { out.withdraw() } else { None };
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
    /// returned has to be dropped without the lock.
    fn pump(&self, out: &mut Out) -> Option<Lease> {
        let mut unsettled = None;
        for round in 0.. {
            if out.dead || out.cut {
                break;
            }
            if let (None, Some(session), Some(me)) = (&out.lease, &out.bound, self.attachment()) {
                let lease = session.lease(&me);
                out.push_leased(lease.iter().flat_map(Lease::items));
                out.lease = lease;
            }
            if out.queue.is_empty() {
                out.blocked = None;
                break;
            }
            if round == ROUNDS {
                self.wake.notify_one();
                break;
            }
            match self.write_some(out) {
                Ok(0) => out.dead = true,
                Ok(_) => out.blocked = None,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if out.blocked.is_none() {
                        out.blocked = Some(Instant::now());
                        self.wake.notify_one();
                    }
                    break;
                }
                Err(_) => out.dead = true,
            }
            if out.leased == 0
                && let Some(mut lease) = out.lease.take()
            {
                lease.written(lease.items().len());
                if lease.renew() {
                    out.push_leased(lease.items().iter());
                    out.lease = Some(lease);
                } else {
                    unsettled = Some(lease);
                }
            }
        }
        if out.dead {
            self.wake.notify_one();
        }
        unsettled
    }

    fn write_some(&self, out: &mut Out) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); GATHERED];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&out.queue) {
            let from = if count == 0 { out.begun } else { 0 };
            *slice = IoSlice::new(&frame.bytes()[from..]);
            count += 1;
        }
        let written = self.stream.try_write_vectored(&slices[..count])?;
        out.advance(written);
        Ok(written)
    }
}

impl Out {
    /// Appends a reply or a control frame.
    pub(super) fn push(&mut self, frame: Bytes) {
        self.append(Frame::Own(frame));
    }

    fn append(&mut self, frame: Frame) {
        self.bytes += frame.cost();
        self.queue.push_back(frame);
    }

    /// Appends a reply, a JSON object, as a frame of its own.
    pub(super) fn push_reply(&mut self, object: &[u8]) {
        let mut frame = encoder::TextFrame::with_capacity(object.len() + 2);
        frame.push(b"[");
        frame.push(object);
        frame.push(b"]");
        self.push(frame.finish());
    }

    /// What waits to be written, in bytes of memory.
    pub(super) fn waiting(&self) -> usize {
        self.bytes
    }

    /// Queues the reply of the held connect. What is returned has to be dropped without the lock.
    pub(super) fn answer_held(&mut self) -> Option<HeldConnect> {
        let held = self.held.take()?;
        if let Some(reply) = &held.reply {
            self.push_reply(reply);
        }
        Some(held)
    }

    fn push_leased<'a>(&mut self, items: impl IntoIterator<Item = &'a Arc<Publication>>) {
        for publication in items {
            let frame = publication.frame(encoder::text_frame).clone();
            self.leased += 1;
            self.append(Frame::Leased(frame));
        }
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(frame) = self.queue.front() {
            let left = frame.bytes().len() - self.begun;
            if written < left {
                self.begun += written;
                return;
            }
            written -= left;
            self.bytes -= frame.cost();
            self.begun = 0;
            if matches!(frame, Frame::Leased(_)) {
                self.leased -= 1;
            }
            self.queue.pop_front();
        }
    }

    /// Takes the messages of the lease that have not been written off the queue. If one has been written in part, the
    /// connection is of no use any more.
    fn withdraw(&mut self) -> Option<Lease> {
        let mut lease = self.lease.take()?;
        lease.written(lease.items().len() - self.leased);
        self.leased = 0;
        if self.begun > 0 && matches!(self.queue.front(), Some(Frame::Leased(_))) {
            self.cut = true;
        }
        self.queue.retain(|frame| matches!(frame, Frame::Own(_)));
        self.bytes = self.queue.iter().map(Frame::cost).sum();
        if self.queue.is_empty() {
            self.blocked = None;
        }
        Some(lease)
    }
}

impl Attachment for Socket {
    fn flush(&self, _session: &Arc<Session>) {
        self.write();
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
            out.bound = None;
            out.closing |= why == Detached::Ended;
            (out.answer_held(), out.withdraw())
        };
        drop(unsettled);
        self.wake.notify_one();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}
