//! The output queue of one connection: its replies and control frames, and messages that a session lent. It is a plain
//! value; the socket locks it, and does the writing.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::socket::Form;
use super::websocket::encoder;
use crate::bayeux::Publication;
use crate::budget::{Budget, BufferCharge, Exhausted};
use crate::router::{Held, Lease, Session};

/// Room that an empty queue may keep, in frames.
const KEPT: usize = 4;

/// The queue, and what belongs to it.
#[derive(Default)]
pub(super) struct Outbox {
    /// The session whose messages go here.
    pub(super) bound: Option<Arc<Session>>,
    pub(super) lease: Option<Lease>,
    queue: VecDeque<Frame>,
    /// Bytes of the first frame that have been written.
    begun: usize,
    /// Frames of the lease in the queue.
    pub(super) leased: usize,
    /// What the queue takes, in bytes.
    bytes: usize,
    /// The part of it that no other connection shares.
    own: usize,
    /// What waits, charged; `None` while the system takes everything.
    charge: Option<Box<BufferCharge>>,
    /// Since when the system has taken nothing, if it does not take all.
    pub(super) blocked: Option<Instant>,
    /// The connect that is held.
    pub(super) held: Option<HeldConnect>,
    /// The connection is to be closed once the replies before that are in the queue.
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
    /// The reply as a JSON object.
    pub(super) reply: Option<Box<[u8]>>,
    /// Whether extensions have yet to see the reply, for which only the task of the connection can wait.
    pub(super) is_unseen: bool,
    pub(super) deadline: Instant,
    pub(super) _held: Held,
}

/// What of the writing side decides what the task does next.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) dead: bool,
    pub(super) cut: bool,
    pub(super) closing: bool,
    pub(super) is_empty: bool,
    pub(super) blocked: Option<Instant>,
    /// Bytes of memory that wait to be written.
    pub(super) waiting: usize,
    /// When the connect that is held is to be answered.
    pub(super) answer: Option<Instant>,
}

impl Outbox {
    pub(super) fn state(&mut self) -> State {
        State {
            dead: self.dead,
            cut: self.cut,
            closing: self.closing,
            is_empty: self.queue.is_empty(),
            blocked: self.blocked,
            waiting: self.bytes,
            answer: self.held.as_ref().map(|held| held.deadline),
        }
    }

    /// Appends a reply or a control frame.
    pub(super) fn push(&mut self, frame: Bytes) {
        self.append(Frame::Own(frame));
    }

    fn append(&mut self, frame: Frame) {
        self.bytes += frame.cost();
        if matches!(frame, Frame::Own(_)) {
            self.own += frame.cost();
        }
        self.queue.push_back(frame);
    }

    /// Charges what no other connection shares and the system has not taken.
    ///
    /// # Errors
    /// [`Exhausted`] if it has grown and the buffers of all connections take more than their share.
    pub(super) fn recharge(&mut self, budget: &Arc<Budget>) -> Result<(), Exhausted> {
        if self.own == 0 {
            self.charge = None;
            return Ok(());
        }
        let own = self.own;
        self.charge.get_or_insert_with(|| Box::new(BufferCharge::new(budget))).set(own)
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// What waits to be written.
    pub(super) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let mut begun = self.begun;
        self.queue.iter().map(move |frame| &frame.bytes()[std::mem::take(&mut begun)..])
    }

    /// Queues the reply of the held connect, or has the task answer it if extensions have yet to see it. What is returned
    /// has to be dropped without the lock.
    pub(super) fn answer_held(&mut self) -> Option<HeldConnect> {
        if let Some(held) = self.held.as_mut().filter(|held| held.is_unseen) {
            held.deadline = Instant::now();
            return None;
        }
        let mut held = self.held.take()?;
        if let Some(reply) = held.reply.take() {
            self.push(encoder::array_frame(&reply));
        }
        Some(held)
    }

    /// Whether extensions have yet to see the reply of the held connect.
    pub(super) fn has_unseen(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_unseen)
    }

    /// Whether the held connect has ended, and only extensions have yet to see its reply.
    pub(super) fn has_overdue(&self, now: Instant) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_unseen && held.deadline <= now)
    }

    /// Takes the reply of the held connect, for extensions to see it. The connect is held on until
    /// [`Outbox::answer_seen`].
    pub(super) fn take_unseen(&mut self) -> Option<Box<[u8]>> {
        self.held.as_mut().filter(|held| held.is_unseen)?.reply.take()
    }

    /// Queues the reply of the held connect as extensions have left it. What is returned has to be dropped without the
    /// lock.
    pub(super) fn answer_seen(&mut self, reply: Option<Vec<u8>>) -> Option<HeldConnect> {
        let held = self.held.take()?;
        if let Some(reply) = reply {
            self.push(encoder::array_frame(&reply));
        }
        Some(held)
    }

    /// Appends messages of the lease.
    pub(super) fn push_leased<'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a Arc<Publication>>,
        form: Form,
    ) {
        for publication in items {
            self.leased += 1;
            self.append(Frame::Leased(form.of(publication).clone()));
        }
    }

    /// Appends the messages of a lease of which so many bytes have been written already. Nothing else may wait.
    pub(super) fn push_rest(&mut self, items: &[Arc<Publication>], form: Form, mut written: usize) {
        for (at, publication) in items.iter().enumerate() {
            let length = form.of(publication).len();
            if written < length {
                self.push_leased(&items[at..], form);
                self.begun = written;
                return;
            }
            written -= length;
        }
    }

    /// Notes what a write came to, and gives the bytes that were written. True with it if the task has to know: the
    /// system took nothing for the first time, or the connection is broken.
    pub(super) fn note(&mut self, result: io::Result<usize>) -> (usize, bool) {
        match result {
            Ok(0) => self.dead = true,
            Ok(count) => {
                self.blocked = None;
                return (count, false);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let is_new = self.blocked.is_none();
                self.blocked.get_or_insert_with(Instant::now);
                return (0, is_new);
            }
            Err(_) => self.dead = true,
        }
        (0, true)
    }

    /// Takes bytes that were written off the queue.
    pub(super) fn advance(&mut self, mut written: usize) {
        while let Some(frame) = self.queue.front() {
            let left = frame.bytes().len() - self.begun;
            if written < left {
                self.begun += written;
                return;
            }
            written -= left;
            self.bytes -= frame.cost();
            self.begun = 0;
            match frame {
                Frame::Leased(_) => self.leased -= 1,
                Frame::Own(_) => self.own -= frame.cost(),
            }
            self.queue.pop_front();
        }
        if self.queue.capacity() > KEPT {
            self.queue = VecDeque::new();
        }
    }

    /// Takes the messages of the lease that have not been written off the queue. If one has been written in part, the
    /// connection is of no use any more. `taken` are the bytes behind those that were written that cannot be taken back.
    pub(super) fn withdraw(&mut self, taken: usize) -> Option<Lease> {
        let mut lease = self.lease.take()?;
        lease.written(lease.items().len() - self.leased);
        self.leased = 0;
        let mut begun = self.begun + taken;
        for frame in &self.queue {
            if begun == 0 {
                break;
            }
            self.cut |= matches!(frame, Frame::Leased(_));
            begun = begun.saturating_sub(frame.bytes().len());
        }
        self.queue.retain(|frame| matches!(frame, Frame::Own(_)));
        self.bytes = self.queue.iter().map(Frame::cost).sum();
        self.own = self.bytes;
        if self.queue.is_empty() {
            self.blocked = None;
        }
        Some(lease)
    }
}
