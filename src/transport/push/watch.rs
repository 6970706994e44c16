//! Watches the connection of a WebSocket while a message of it waits for an extension, the authorization hook or another
//! instance. A client that leaves in that time must not be sent messages, because they would be lost.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::socket::Socket;
use crate::budget::Budget;
use crate::server::{Received, Server};
use crate::transport::net::read_buffer::ReadBuffer;
use crate::transport::websocket::Decoder;

/// Bytes that are read ahead. Behind more bytes, the end of the connection is not detected.
const AHEAD: usize = 16 * 1024;

/// The connection that is watched.
pub(super) struct Watch<'a> {
    pub(super) socket: &'a Socket,
    pub(super) input: &'a mut ReadBuffer,
    pub(super) decoder: &'a Decoder,
    pub(super) budget: &'a Arc<Budget>,
}

/// The event that ended a wait.
enum Event {
    Received(Received),
    Readable,
}

impl Watch<'_> {
    /// Waits for the reply to a message. A second connect or a disconnect ends the held connect, whose reply passes the
    /// extensions and is queued first.
    pub(super) async fn until_received(
        self,
        server: &Server,
        receiving: Pin<Box<dyn Future<Output = Received> + Send + '_>>,
    ) -> Option<Received> {
        let socket = self.socket;
        let receiving = async move {
            let received = receiving.await;
            let is_superseded = !received.connects.is_empty();
            if is_superseded || socket.with(|out| out.has_overdue(Instant::now())) {
                socket.answer_held(server, is_superseded).await;
            }
            received
        };
        self.until(Box::pin(receiving)).await
    }

    /// Waits until the reply to the held connect has passed the extensions, and queues it. The reply to a client that has gone is
    /// dropped.
    pub(super) async fn until_answered(self, server: &Server) {
        let socket = self.socket;
        let answering = async move {
            socket.answer_held(server, false).await;
            Received::default()
        };
        self.until(Box::pin(answering)).await;
    }

    /// Waits for the reply to a message. `None` if the client has gone or closes: the socket is bound to no session then, and
    /// unwritten messages wait for the next connection of the client.
    async fn until(
        mut self,
        mut receiving: Pin<Box<dyn Future<Output = Received> + Send + '_>>,
    ) -> Option<Received> {
        let mut has_gone = self.decoder.sees_close(self.input);
        if has_gone {
            self.socket.unbind(true);
        }
        loop {
            let is_watched = !has_gone && self.input.len() < AHEAD;
            let event =
                std::future::poll_fn(|context| self.poll(context, receiving.as_mut(), is_watched)).await;
            match event {
                Event::Readable => {
                    has_gone = self.has_gone();
                    if has_gone {
                        self.socket.unbind(true);
                    }
                }
                Event::Received(received) => {
                    // The connection may have ended at this moment.
                    has_gone = has_gone || !received.connects.is_empty() && self.has_gone();
                    return (!has_gone).then_some(received);
                }
            }
        }
    }

    fn poll(
        &self,
        context: &mut Context<'_>,
        receiving: Pin<&mut (dyn Future<Output = Received> + Send)>,
        is_watched: bool,
    ) -> Poll<Event> {
        if let Poll::Ready(received) = receiving.poll(context) {
            return Poll::Ready(Event::Received(received));
        }
        if is_watched && self.socket.stream.poll_read_ready(context).is_ready() {
            return Poll::Ready(Event::Readable);
        }
        Poll::Pending
    }

    /// Reads once. True if the client has closed its side, broken the connection, or sent a close frame.
    fn has_gone(&mut self) -> bool {
        if self.input.len() >= AHEAD {
            return self.decoder.sees_close(self.input);
        }
        match self.input.read(&self.socket.stream, self.budget) {
            Ok(0) => return true,
            Ok(_) => {
                // The next read reports an exceeded budget.
                let _ = self.input.rest(&self.socket.stream, self.budget);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return true,
        }
        self.decoder.sees_close(self.input)
    }
}
