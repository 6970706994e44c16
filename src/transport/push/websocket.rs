//! The task of one WebSocket: it reads frames, passes messages to the server, and checks the deadlines.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::outbox::{Outbox, State};
use super::socket::Socket;
use super::watch::Watch;
use super::wire_form::WireForm;
use crate::bayeux::parse::{ParseError, parse};
use crate::metrics::Reason;
use crate::peer::Peer;
use crate::router::{Attachment, Detached, PendingFlush};
use crate::server::{Accepted, Received, Receiving, Server};
use crate::transport::net::connection::Connection;
use crate::transport::net::context::Context;
use crate::transport::net::deadline::Deadline;
use crate::transport::net::read_buffer::ReadBuffer;
use crate::transport::net::wait::{self, CLOSING, Interest, WaitResult};
use crate::transport::websocket::{CloseCode, DecodeError, Decoder, Event, Limits, encoder};

/// The most queued bytes of a client that is read from.
const WAITING: usize = 256 * 1024;

/// Serves an upgraded connection to its end. `compresses` tells whether the handshake agreed on compression. The input of the
/// connection begins behind the request.
pub(crate) fn run(
    context: Arc<Context>,
    connection: Connection,
    server: Arc<Server>,
    peer: Arc<Peer>,
    compresses: bool,
) -> impl Future<Output = ()> + Send {
    let Connection { stream, input, deadline, .. } = connection;
    let form = if compresses {
        let settings = &context.websocket;
        WireForm::Compressed { level: settings.compression, threshold: settings.compression_threshold }
    } else {
        WireForm::Frame
    };
    let socket = Socket::new(stream, Arc::clone(&peer), form, &context);
    let limits = Limits { frame: context.limits.frame, message: context.limits.message };
    context.metrics.websockets.inc();
    let mut socket = WebSocket {
        context,
        server,
        socket,
        peer,
        decoder: Decoder::new(limits).with_deflate(compresses),
        input,
        deadline,
        last_input: Instant::now(),
        pinged: false,
        paused: false,
        gone: false,
        draining: false,
        begun: None,
        closed: None,
    };
    async move { socket.serve().await }
}

struct WebSocket {
    context: Arc<Context>,
    server: Arc<Server>,
    socket: Arc<Socket>,
    peer: Arc<Peer>,
    decoder: Decoder,
    input: ReadBuffer,
    deadline: Deadline,
    /// The time of the last input.
    last_input: Instant,
    pinged: bool,
    /// Whether reading is paused because too many bytes wait to be written.
    paused: bool,
    /// Whether the client has left. Its messages are handled, but no session is bound any more.
    gone: bool,
    /// Whether the task knows that the server drains.
    draining: bool,
    /// The time since which a message is incomplete.
    begun: Option<Instant>,
    /// The time at which the server queued its close frame.
    closed: Option<Instant>,
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.socket.release();
        self.context.metrics.websockets.dec();
    }
}

impl WebSocket {
    async fn serve(&mut self) {
        // The input may begin with bytes behind the upgrade request.
        if self.handle_input().await.is_break() {
            return;
        }
        self.rest();
        loop {
            // A client that always sends or reads must not starve other tasks.
            tokio::task::consume_budget().await;
            if self.deadline.is_draining() && !self.draining {
                self.draining = true;
                if self.answer_held().await.is_break() {
                    return;
                }
                self.socket.with(|out| out.closing = true);
            }
            self.socket.write();
            let state = self.socket.with(Outbox::state);
            if state.dead {
                return;
            }
            if state.cut || self.closed.is_some() && state.is_empty {
                // With a delay: bytes that the system has accepted still have to arrive.
                let end = self.closed.unwrap_or_else(Instant::now) + CLOSING;
                return wait::linger(&self.socket.stream, &mut self.deadline, end).await;
            }
            if state.answer.is_some_and(|answer| answer <= Instant::now()) {
                if self.answer_held().await.is_break() {
                    return;
                }
                continue;
            }
            let until = match self.check_deadlines(&state) {
                ControlFlow::Continue(Some(until)) => until,
                ControlFlow::Continue(None) => continue,
                ControlFlow::Break(()) => return,
            };
            let interest = Interest { read: state.waiting <= WAITING, write: state.blocked.is_some() };
            let socket = &self.socket;
            let result =
                wait::wait(&socket.stream, interest, Some(&socket.notify), &mut self.deadline, until).await;
            match result {
                WaitResult::Read => {
                    if self.read().await.is_break() {
                        return;
                    }
                }
                WaitResult::Closed | WaitResult::Exhausted => return,
                WaitResult::Write | WaitResult::Notified | WaitResult::Deadline | WaitResult::Draining => {}
            }
        }
    }

    /// Reads once and handles the input.
    async fn read(&mut self) -> ControlFlow<()> {
        match self.input.read(&self.socket.stream, &self.context.budget) {
            Ok(0) => ControlFlow::Break(()),
            Ok(_) => {
                self.last_input = Instant::now();
                self.pinged = false;
                self.handle_input().await?;
                self.rest();
                ControlFlow::Continue(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ControlFlow::Continue(()),
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                self.give_up(Reason::memory, DecodeError::Exhausted);
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Returns the read buffer to the thread. An incomplete message is charged to the memory budget, and ends the connection if
    /// the budget is exceeded.
    fn rest(&mut self) {
        let budget = &self.context.budget;
        self.input.held_by_decoder(self.decoder.memory(), budget);
        if self.input.rest(&self.socket.stream, budget).is_err() {
            self.give_up(Reason::memory, DecodeError::Exhausted);
        }
        self.context.relieve();
    }

    /// Aborts the incomplete message: frees its memory and closes the connection.
    fn give_up(&mut self, reason: Reason, error: DecodeError) {
        self.begun = None;
        self.decoder.give_up(error, &mut self.input);
        self.input.held_by_decoder(0, &self.context.budget);
        // The rest is at most an unfinished TLS record.
        let _ = self.input.rest(&self.socket.stream, &self.context.budget);
        // The task continues, to write the close frame.
        let _ = self.refuse(reason, error.close_code(), &error.to_string());
    }

    /// Handles all complete frames and flushes the sessions with new messages at the end.
    async fn handle_input(&mut self) -> ControlFlow<()> {
        let mut pending = PendingFlush::default();
        loop {
            let event = match self.decoder.decode(&mut self.input) {
                Ok(Some(event)) => event,
                Ok(None) => {
                    let is_within = self.decoder.is_within_message(&self.input);
                    self.begun = is_within.then(|| self.begun.unwrap_or_else(Instant::now));
                    return ControlFlow::Continue(());
                }
                // Input after the close frame of the server is ignored.
                Err(_) if self.closed.is_some() => return ControlFlow::Continue(()),
                Err(error) => {
                    let reason = match error {
                        DecodeError::LongFrame => Reason::frame,
                        DecodeError::LongMessage => Reason::message,
                        _ => Reason::websocket,
                    };
                    return self.refuse(reason, error.close_code(), &error.to_string());
                }
            };
            if self.closed.is_some() && !matches!(event, Event::Close { .. }) {
                // Messages after the close frame of the server are ignored (RFC 6455, section 1.4).
                continue;
            }
            match event {
                Event::Message { payload, .. } => {
                    self.begun = None;
                    self.handle_message(&payload, &mut pending).await?;
                }
                Event::Ping(payload) => self.socket.with(|out| out.push(encoder::pong(&payload))),
                Event::Pong(_) => {}
                Event::Close { code, reason } => {
                    if self.closed.is_some() {
                        return ControlFlow::Break(());
                    }
                    self.socket.unbind(true);
                    self.close(encoder::close_answer(code, &reason));
                }
            }
        }
    }

    async fn handle_message(&mut self, payload: &Bytes, pending: &mut PendingFlush) -> ControlFlow<()> {
        let parsed = match parse(payload, self.context.limits.batch) {
            Ok(parsed) => parsed,
            Err(ParseError::TooMany(_)) => {
                return self.refuse(Reason::batch, CloseCode::Size, "too many messages in one frame");
            }
            Err(error) => {
                // As in Faye, no reply is sent: the frame has no id to reply to.
                tracing::debug!(address = ?self.peer.address, %error, "ignoring a bad frame");
                self.context.metrics.refuse(Reason::syntax);
                return ControlFlow::Continue(());
            }
        };
        if parsed.has_null {
            self.context.metrics.refuse(Reason::syntax);
            return ControlFlow::Continue(());
        }
        let received = match self.server.receive(parsed.messages, &self.peer, pending) {
            Receiving::Done(received) => Some(received),
            Receiving::Waiting(receiving) => {
                let server = &self.server;
                let Self { socket, input, decoder, context, .. } = self;
                let watch = Watch { socket, input, decoder, budget: &context.budget };
                // Boxed, because the future of every connection reserves room for an unboxed one.
                let received = Box::pin(watch.until_received(server, receiving)).await;
                self.gone |= received.is_none();
                received
            }
        };
        if let Some(received) = received {
            self.reply(received);
        }
        ControlFlow::Continue(())
    }

    /// Answers the held connect, if there is one.
    async fn answer_held(&mut self) -> ControlFlow<()> {
        if !self.socket.with(|out| out.has_unseen()) {
            self.socket.answer_held_now();
            return ControlFlow::Continue(());
        }
        let Self { socket, input, decoder, context, server, .. } = self;
        let watch = Watch { socket, input, decoder, budget: &context.budget };
        // Boxed, as in `handle_message`.
        Box::pin(watch.until_answered(server)).await;
        self.last_input = Instant::now();
        self.pinged = false;
        // The watch may have read input.
        self.handle_input().await?;
        self.rest();
        ControlFlow::Continue(())
    }

    /// Queues one frame with all ready replies. A held connect is answered later, in a separate frame.
    fn reply(&mut self, received: Received) {
        let Received { mut replies, connects, .. } = received;
        if !connects.is_empty() && (self.gone || self.decoder.sees_close(&self.input)) {
            // Messages written from now on would be lost.
            return;
        }
        let mut is_held = false;
        for accepted in connects {
            self.bind(&accepted);
            if !accepted.hold.is_zero() {
                self.socket.hold(accepted);
                is_held = true;
            } else if let Some(reply) = &accepted.reply {
                self.socket.append_reply(&accepted, reply, &mut replies);
            }
        }
        self.socket.gather();
        // A held connect is the only message of its frame and is answered later.
        if !is_held {
            self.socket.with(|out| out.push(encoder::array_frame(&replies)));
        }
    }

    /// Binds the socket to the session of an accepted connect, in place of the session bound before.
    fn bind(&self, accepted: &Accepted) {
        let session = &accepted.session;
        let before = self.socket.with(|out| out.bound.clone().filter(|bound| !Arc::ptr_eq(bound, session)));
        let Some(me) = self.socket.attachment() else { return };
        if let Some(before) = before {
            before.detach(&me);
            self.socket.detach(&before, Detached::Superseded);
        }
        // A second connect of one session ends the first.
        self.socket.answer_superseded();
        self.socket.bind(session, || accepted.attach(&me));
    }

    /// Refuses the input and closes the connection.
    fn refuse(&mut self, reason: Reason, code: CloseCode, text: &str) -> ControlFlow<()> {
        self.context.metrics.refuse(reason);
        tracing::debug!(address = ?self.peer.address, reason = ?reason, text, "WebSocket closed");
        self.close(encoder::close(code, text));
        ControlFlow::Continue(())
    }

    fn close(&mut self, frame: Bytes) {
        if self.closed.is_none() {
            self.closed = Some(Instant::now());
            self.socket.unbind(false);
            self.socket.with(|out| out.push(frame));
        }
    }

    /// Checks the deadlines: closes the connection, pings a silent peer, ends a dead one. Returns the next deadline; `None` if a
    /// frame was queued and has to be written first.
    fn check_deadlines(&mut self, state: &State) -> ControlFlow<(), Option<Instant>> {
        let now = Instant::now();
        if state.waiting > WAITING {
            // Reading is paused, so silence is no sign of a dead peer. The write deadline applies.
            self.last_input = now;
            self.pinged = false;
            self.begun = self.begun.map(|_| now);
            self.paused = true;
        } else if std::mem::take(&mut self.paused) {
            // The message could not arrive during the pause.
            self.begun = self.begun.map(|_| now);
        }
        let settings = &self.context.websocket;
        let cut = state.blocked.map(|since| since + self.context.limits.write_time);
        if cut.is_some_and(|cut| cut <= now) {
            self.context.metrics.write_timeouts.inc();
            return ControlFlow::Break(());
        }
        let end = self.closed.map(|since| since + CLOSING);
        if end.is_some_and(|end| end <= now) {
            return ControlFlow::Break(());
        }
        let quiet = self.last_input + if self.pinged { 2 * settings.ping } else { settings.ping };
        if self.pinged && quiet <= now {
            self.context.metrics.ping_timeouts.inc();
            return ControlFlow::Break(());
        }
        let late = self.begun.map(|begun| begun + self.context.limits.body_time);
        if self.closed.is_none() && late.is_some_and(|late| late <= now) {
            self.give_up(Reason::body_time, DecodeError::Slow);
            return ControlFlow::Continue(None);
        }
        if state.closing && self.closed.is_none() {
            self.close(encoder::close(CloseCode::Normal, ""));
            return ControlFlow::Continue(None);
        }
        if !self.pinged && self.closed.is_none() && quiet <= now {
            self.pinged = true;
            self.socket.with(|out| out.push(encoder::ping(b"")));
            return ControlFlow::Continue(None);
        }
        // No ping follows the close frame of the server.
        let quiet = Some(quiet).filter(|_| self.closed.is_none() || self.pinged);
        let late = late.filter(|_| self.closed.is_none());
        let next = [quiet, state.answer, cut, end, late].into_iter().flatten().min();
        ControlFlow::Continue(Some(next.unwrap_or(now + settings.ping)))
    }
}
