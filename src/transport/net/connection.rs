//! A connection of a client: its stream with a read buffer and a deadline. One task owns it and keeps no buffer while it
//! waits.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::time::Instant;

use super::context::Context;
use super::deadline::Deadline;
use super::notify::Notify;
use super::read_buffer::ReadBuffer;
use super::stream::Stream;
use super::wait::{self, CLOSING, Interest, UNFINISHED, WaitResult, is_pending};
use crate::budget::BufferCharge;
use crate::metrics::Reason;

/// Bytes that are read ahead while a request is answered.
pub(crate) const AHEAD: usize = 16 * 1024;

/// A connection that was accepted.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    /// The address of the peer, which may be a proxy.
    pub(crate) address: SocketAddr,
    pub(crate) input: ReadBuffer,
    pub(crate) deadline: Deadline,
    /// The end of every wait of a draining server.
    drain_end: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(context: &Context, stream: Stream, address: SocketAddr) -> Self {
        let deadline = context.deadlines.deadline();
        Self { stream, address, input: ReadBuffer::default(), deadline, drain_end: None }
    }

    /// Reads once, and waits for bytes or a notification first. With `notify`, a request is being answered and the bytes
    /// belong to the next ones: more than [`AHEAD`] of them count as the end of the connection, because they would hide
    /// its real end.
    pub(crate) async fn read(
        &mut self,
        context: &Context,
        until: Instant,
        notify: Option<&Notify>,
    ) -> WaitResult {
        loop {
            if notify.is_some() && self.input.len() >= AHEAD {
                return WaitResult::Closed;
            }
            match self.input.read(&self.stream, &context.budget) {
                Ok(0) => return WaitResult::Closed,
                Ok(_) => {
                    // A client that sends faster than the server reads must not occupy the thread.
                    tokio::task::consume_budget().await;
                    return WaitResult::Read;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => context.relieve(),
                Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                    context.metrics.refuse(Reason::memory);
                    return WaitResult::Exhausted;
                }
                Err(_) => return WaitResult::Closed,
            }
            match self.wait(Interest::READ, until, notify).await {
                WaitResult::Read => {}
                other => return other,
            }
        }
    }

    /// Waits for readiness, a notification or a deadline. A draining server waits at most [`UNFINISHED`] in total.
    pub(crate) async fn wait(
        &mut self,
        interest: Interest,
        until: Instant,
        notify: Option<&Notify>,
    ) -> WaitResult {
        if self.drain_end.is_none() && self.deadline.is_draining() {
            self.drain_end = Some(Instant::now() + UNFINISHED);
        }
        let until = self.drain_end.map_or(until, |end| end.min(until));
        wait::wait(&self.stream, interest, notify, &mut self.deadline, until).await
    }

    /// Writes all bytes of a head and a body. Bytes that the system does not accept immediately are charged to the memory
    /// budget. Returns false on an error, or if `notify` is closed while bytes wait.
    pub(crate) async fn write(
        &mut self,
        context: &Context,
        head: &[u8],
        body: &[u8],
        notify: Option<&Notify>,
    ) -> bool {
        let (mut head, mut body) = (head, body);
        let mut until = None;
        let mut unsent = None;
        loop {
            let written = match (head, body) {
                (rest, []) | ([], rest) => self.stream.try_write(&[IoSlice::new(rest)]),
                _ => self.stream.try_write(&[IoSlice::new(head), IoSlice::new(body)]),
            };
            match written {
                Ok(0) => return false,
                Ok(count) => {
                    let of_head = count.min(head.len());
                    head = &head[of_head..];
                    body = &body[count - of_head..];
                    if head.is_empty() && body.is_empty() {
                        return true;
                    }
                    until = None;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
            let charge = unsent.get_or_insert_with(|| BufferCharge::new(&context.budget));
            if charge.set(head.len() + body.len()).is_err() {
                context.metrics.refuse(Reason::memory);
                return false;
            }
            context.relieve();
            let until = *until.get_or_insert_with(|| Instant::now() + context.limits.write_time);
            match self.wait(Interest::WRITE, until, notify).await {
                WaitResult::Deadline => {
                    context.metrics.write_timeouts.inc();
                    return false;
                }
                WaitResult::Closed => return false,
                WaitResult::Notified if notify.is_some_and(Notify::is_closed) => return false,
                _ => {}
            }
        }
    }

    /// Whether the peer has closed its side, so that messages written to it would be lost. Plain connections are peeked
    /// at, and their input stays in the system. By TLS, the input before the end is read.
    pub(crate) fn has_gone(&mut self, context: &Context) -> bool {
        let Stream::Plain(tcp) = &self.stream else { return self.has_ended(context) };
        let mut byte = [MaybeUninit::uninit()];
        match SockRef::from(tcp).peek(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Whether the peer has closed its side. The bytes before the end are in the input afterwards.
    fn has_ended(&mut self, context: &Context) -> bool {
        while self.input.len() < AHEAD {
            match self.input.read(&self.stream, &context.budget) {
                Ok(0) => return true,
                Ok(_) => {}
                other => return !is_pending(&other),
            }
        }
        false
    }

    /// Closes the connection as [`linger`](wait::linger) does, within [`CLOSING`].
    pub(crate) fn linger(&mut self) -> impl Future<Output = ()> + Send {
        wait::linger(&self.stream, &mut self.deadline, Instant::now() + CLOSING)
    }
}
