//! The task of one WebSocket: it reads, hands messages to the server, and minds the clocks.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::decoder::{self, Decoder, Event};
use super::error::DecodeError;
use super::watch::Watch;
use super::{CloseCode, encoder};
use crate::bayeux::parse::{ParseError, parse};
use crate::metrics::Reason;
use crate::peer::Peer;
use crate::router::{Attachment, Detached, PendingFlush};
use crate::server::{Accepted, Received, Receiving, Server};
use crate::transport::Context;
use crate::transport::clock::Alarm;
use crate::transport::connection::{self as http, CLOSING, Interest, Woken};
use crate::transport::input::Input;
use crate::transport::outbox::{Outbox, State};
use crate::transport::socket::{Form, Socket};

/// A client that lets so many bytes wait is not read from until it has taken them.
const WAITING: usize = 256 * 1024;

/// Serves a connection that was upgraded to its end; `compresses` says whether compression was agreed on. What came right
/// behind the request is in its input.
pub(in crate::transport) fn run(
    upgraded: http::Connection,
    server: Arc<Server>,
    peer: Arc<Peer>,
    compresses: bool,
) -> impl Future<Output = ()> + Send {
    let http::Connection { context, stream, input, alarm, .. } = upgraded;
    let form = if compresses {
        let settings = &context.websocket;
        Form::Compressed { level: settings.compression, threshold: settings.compression_threshold }
    } else {
        Form::Frame
    };
    let socket = Socket::new(stream, Arc::clone(&peer), form, &context);
    let limits = decoder::Limits { frame: context.limits.frame, message: context.limits.message };
    context.metrics.websockets.inc();
    let mut connection = Connection {
        context,
        server,
        socket,
        peer,
        decoder: Decoder::new(limits).with_deflate(compresses),
        input,
        alarm,
        heard: Instant::now(),
        pinged: false,
        paused: false,
        gone: false,
        stopping: false,
        begun: None,
        closed: None,
    };
    async move { connection.serve().await }
}

struct Connection {
    context: Arc<Context>,
    server: Arc<Server>,
    socket: Arc<Socket>,
    peer: Arc<Peer>,
    decoder: Decoder,
    input: Input,
    alarm: Alarm,
    /// When something last came.
    heard: Instant,
    pinged: bool,
    /// Whether it was not read from because too much waits to be written.
    paused: bool,
    /// Whether the client has left. Its messages are handled, and no session is bound any more.
    gone: bool,
    /// Whether it knows that the server is stopping.
    stopping: bool,
    /// Since when a message is under way that has not arrived as a whole.
    begun: Option<Instant>,
    /// When our close frame was queued.
    closed: Option<Instant>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.release();
        self.context.metrics.websockets.dec();
    }
}

impl Connection {
    async fn serve(&mut self) {
        // What came behind the upgrade request is here already.
        if self.handle_input().await.is_break() {
            return;
        }
        self.rest();
        loop {
            // So that a client that always sends or reads more does not delay other tasks.
            tokio::task::consume_budget().await;
            if self.alarm.is_draining() && !self.stopping {
                self.stopping = true;
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
                // Slowly, for what the system has already taken has to arrive.
                let end = self.closed.unwrap_or_else(Instant::now) + CLOSING;
                return http::linger(&self.socket.stream, &mut self.alarm, end).await;
            }
            if state.answer.is_some_and(|answer| answer <= Instant::now()) {
                if self.answer_held().await.is_break() {
                    return;
                }
                continue;
            }
            let until = match self.mind(&state) {
                ControlFlow::Continue(Some(until)) => until,
                ControlFlow::Continue(None) => continue,
                ControlFlow::Break(()) => return,
            };
            let interest = Interest { read: state.waiting <= WAITING, write: state.blocked.is_some() };
            let socket = &self.socket;
            match http::wait(&socket.stream, interest, Some(&socket.signal), &mut self.alarm, until).await {
                Woken::Read => {
                    if self.read().await.is_break() {
                        return;
                    }
                }
                Woken::Ended | Woken::Exhausted => return,
                Woken::Write | Woken::Signal | Woken::Due | Woken::Stopping => {}
            }
        }
    }

    /// Reads what is there, once, and handles it.
    async fn read(&mut self) -> ControlFlow<()> {
        match self.input.read(&self.socket.stream, &self.context.budget) {
            Ok(0) => ControlFlow::Break(()),
            Ok(_) => {
                self.heard = Instant::now();
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

    /// Gives the buffer of the input back. A message that is under way is charged, and ends the connection if that is too
    /// much for all of them together.
    fn rest(&mut self) {
        let budget = &self.context.budget;
        self.input.held_by_decoder(self.decoder.memory(), budget);
        if self.input.rest(&self.socket.stream, budget).is_err() {
            self.give_up(Reason::memory, DecodeError::Exhausted);
        }
        self.context.relieve();
    }

    /// Gives up the message that is under way: its memory is freed, and the connection closed.
    fn give_up(&mut self, reason: Reason, error: DecodeError) {
        self.begun = None;
        self.decoder.give_up(error, &mut self.input);
        self.input.held_by_decoder(0, &self.context.budget);
        // What is left is an unfinished record at most.
        let _ = self.input.rest(&self.socket.stream, &self.context.budget);
        // It goes on, for the close frame is to be written.
        let _ = self.refuse(reason, error.close_code(), &error.to_string());
    }

    /// Handles all frames that are complete. Sessions that got something by them are written to at the end.
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
                // After our close frame, what else comes is of no interest.
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
                // What comes behind our close frame is not looked at (RFC 6455, section 1.4).
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
                // No reply, as with Faye: there is no id to answer to.
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
                // On the heap, since every connection has room for this function for as long as it lives.
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

    /// Answers the connect that is held, if there is one.
    async fn answer_held(&mut self) -> ControlFlow<()> {
        if !self.socket.with(|out| out.has_unseen()) {
            self.socket.answer_held_now();
            return ControlFlow::Continue(());
        }
        let Self { socket, input, decoder, context, server, .. } = self;
        let watch = Watch { socket, input, decoder, budget: &context.budget };
        // On the heap, as when a message is received.
        Box::pin(watch.until_answered(server)).await;
        self.heard = Instant::now();
        self.pinged = false;
        // The watch reads ahead.
        self.handle_input().await?;
        self.rest();
        ControlFlow::Continue(())
    }

    /// Queues one frame with all replies that are ready. A connect that is held is answered later, in its own frame.
    fn reply(&mut self, received: Received) {
        let Received { mut replies, connects, .. } = received;
        if !connects.is_empty() && (self.gone || self.decoder.sees_close(&self.input)) {
            // Messages that are written from now on would be lost.
            return;
        }
        let mut is_held = false;
        for accepted in connects {
            self.bind(&accepted);
            if !accepted.hold.is_zero() {
                self.socket.hold(accepted);
                is_held = true;
            } else if let Some(reply) = &accepted.reply {
                if !replies.is_empty() {
                    replies.push(b',');
                }
                replies.extend_from_slice(reply);
            }
        }
        self.socket.gather();
        // A connect that is held is alone in its frame, and answered later.
        if !is_held {
            self.socket.with(|out| out.push(encoder::array_frame(&replies)));
        }
    }

    /// Binds the socket to the session of an accepted connect; a session that was bound before is let go.
    fn bind(&self, accepted: &Accepted) {
        let session = &accepted.session;
        let before = self.socket.with(|out| out.bound.clone().filter(|bound| !Arc::ptr_eq(bound, session)));
        let Some(me) = self.socket.attachment() else { return };
        if let Some(before) = before {
            before.detach(&me);
            self.socket.detach(&before, Detached::Superseded);
        }
        // A second connect of one session ends the first.
        self.socket.answer_held_now();
        self.socket.with(|out| out.bound = Some(Arc::clone(session)));
        if !accepted.attach(&me) {
            self.socket.with(|out| out.bound = None);
        }
    }

    /// Refuses what came: the connection is closed.
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

    /// Does what is due: closes, pings a silent peer, cuts a dead one. Gives the time at which
    /// something is due next; `None` if there is something to write now.
    fn mind(&mut self, state: &State) -> ControlFlow<(), Option<Instant>> {
        let now = Instant::now();
        if state.waiting > WAITING {
            // It is not read from, so its silence says nothing; whether it takes anything does.
            self.heard = now;
            self.pinged = false;
            self.begun = self.begun.map(|_| now);
            self.paused = true;
        } else if std::mem::take(&mut self.paused) {
            // Its message had no chance to arrive in the meantime.
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
        let quiet = self.heard + if self.pinged { 2 * settings.ping } else { settings.ping };
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
        // No pings once our close frame is queued.
        let quiet = Some(quiet).filter(|_| self.closed.is_none() || self.pinged);
        let late = late.filter(|_| self.closed.is_none());
        let next = [quiet, state.answer, cut, end, late].into_iter().flatten().min();
        ControlFlow::Continue(Some(next.unwrap_or(now + settings.ping)))
    }
}
