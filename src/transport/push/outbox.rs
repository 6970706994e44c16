//! The output queue of one push connection: replies and control frames, and messages on lease from the session. The queue is a
//! plain value; the socket locks it and writes.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::wire_form::WireForm;
use crate::bayeux::Publication;
use crate::budget::{Budget, BufferCharge, Exhausted};
use crate::router::{Batch, ConnectAck, Held, Lease, Session};
use crate::transport::websocket::encoder;

/// The capacity that an empty queue may keep, in frames.
const KEPT: usize = 4;

/// The output queue and the write state of a connection.
#[derive(Default)]
pub(super) struct Outbox {
    /// The session that the socket is attached to.
    pub(super) bound: Option<Arc<Session>>,
    pub(super) lease: Option<Lease>,
    queue: VecDeque<Frame>,
    /// Written bytes of the first frame.
    begun: usize,
    /// Frames of the lease in the queue.
    pub(super) leased: usize,
    /// The memory of the queue, in bytes.
    bytes: usize,
    /// The part of `bytes` that is not shared with other connections.
    own: usize,
    /// The charge for `own`; `None` while the system accepts everything.
    charge: Option<Box<BufferCharge>>,
    /// The time since which the system accepts no bytes.
    pub(super) blocked: Option<Instant>,
    /// The held connect.
    pub(super) held: Option<HeldConnect>,
    /// The connection closes after the queued replies.
    pub(super) closing: bool,
    /// The connection is broken.
    pub(super) dead: bool,
    /// A message was written in part and withdrawn: no more bytes may be written.
    pub(super) cut: bool,
}

enum Frame {
    /// A reply or a control frame.
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

    /// Returns the approximate memory of the frame in bytes, with its overhead.
    fn cost(&self) -> usize {
        self.bytes().len() + 64
    }
}

/// A connect that waits for messages.
pub(super) struct HeldConnect {
    /// The reply as a JSON object.
    pub(super) reply: Option<Box<[u8]>>,
    /// Whether the reply has not passed the extensions yet. Only the task of the connection can wait for them.
    pub(super) is_unseen: bool,
    /// How the connect takes part in acknowledged delivery.
    pub(super) ack: ConnectAck,
    pub(super) deadline: Instant,
    pub(super) _held: Held,
}

/// The state of the outbox, for the task of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) dead: bool,
    pub(super) cut: bool,
    pub(super) closing: bool,
    pub(super) is_empty: bool,
    pub(super) blocked: Option<Instant>,
    /// The memory of the queue, in bytes.
    pub(super) waiting: usize,
    /// The deadline of the held connect.
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

    /// Charges the queued bytes that are not shared with other connections.
    ///
    /// # Errors
    /// [`Exhausted`] if they have grown and the buffers of all connections exceed their share.
    pub(super) fn recharge(&mut self, budget: &Arc<Budget>) -> Result<(), Exhausted> {
        if self.own == 0 {
            self.charge = None;
            return Ok(());
        }
        let own = self.own;
        self.charge.get_or_insert_with(|| Box::new(BufferCharge::new(budget))).set(own)
    }

    /// Whether the queue is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns the unwritten bytes, frame by frame.
    pub(super) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let mut begun = self.begun;
        self.queue.iter().map(move |frame| &frame.bytes()[std::mem::take(&mut begun)..])
    }

    /// Queues the reply of the held connect, without messages. A reply that has not passed the extensions is left to the task,
    /// which it makes due. The result must be dropped without the lock.
    pub(super) fn answer_held(&mut self) -> Option<HeldConnect> {
        if let Some(held) = self.held.as_mut().filter(|held| held.is_unseen) {
            held.deadline = Instant::now();
            return None;
        }
        let reply = self.held.as_mut()?.reply.take();
        self.answer_seen(reply.as_deref(), None)
    }

    /// Whether the reply of the held connect has not passed the extensions yet.
    pub(super) fn has_unseen(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_unseen)
    }

    /// Whether the held connect has ended, and its reply has not passed the extensions yet.
    pub(super) fn has_overdue(&self, now: Instant) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_unseen && held.deadline <= now)
    }

    /// Takes the reply of the held connect for the extensions. The connect stays held until [`Outbox::answer_seen`].
    pub(super) fn take_unseen(&mut self) -> Option<Box<[u8]>> {
        self.held.as_mut().filter(|held| held.is_unseen)?.reply.take()
    }

    /// Takes the reply of the held connect that has passed the extensions. The connect stays held until [`Outbox::answer_seen`].
    pub(super) fn take_seen(&mut self) -> Option<Box<[u8]>> {
        self.held.as_mut().filter(|held| !held.is_unseen)?.reply.take()
    }

    /// Queues the reply of the held connect after the extensions, with the messages of acknowledged delivery in one frame. The
    /// result must be dropped without the lock.
    pub(super) fn answer_seen(&mut self, reply: Option<&[u8]>, batch: Option<&Batch>) -> Option<HeldConnect> {
        let held = self.held.take()?;
        match (reply, batch) {
            (Some(reply), Some(batch)) => {
                let mut replies = Vec::new();
                batch.write(reply, &mut replies);
                self.push(encoder::array_frame(&replies));
            }
            (Some(reply), None) => self.push(encoder::array_frame(reply)),
            (None, _) => {}
        }
        Some(held)
    }

    /// Appends messages of the lease.
    pub(super) fn push_leased<'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a Arc<Publication>>,
        form: WireForm,
    ) {
        for publication in items {
            self.leased += 1;
            self.append(Frame::Leased(form.of(publication).clone()));
        }
    }

    /// Appends the messages of a lease after `written` of their bytes. The queue must be empty.
    pub(super) fn push_rest(&mut self, items: &[Arc<Publication>], form: WireForm, mut written: usize) {
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

    /// Records the result of a write. Returns the number of written bytes, and whether the task must be notified: the system
    /// accepted no bytes for the first time, or the connection is broken.
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

    /// Removes written bytes from the queue.
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

    /// Removes the unwritten messages of the lease from the queue and returns the lease. If a message has been written in part,
    /// no more bytes may be written. `unreported` are bytes behind the written ones that cannot be withdrawn.
    pub(super) fn withdraw(&mut self, unreported: usize) -> Option<Lease> {
        let mut lease = self.lease.take()?;
        lease.written(lease.items().len() - self.leased);
        self.leased = 0;
        let mut begun = self.begun + unreported;
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
