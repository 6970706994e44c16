//! The task of one EventSource stream (HTML, section 9.2): each event is an array of one message, framed as in Faye.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant};

use super::outbox::Outbox;
use super::socket::Socket;
use super::wire_form::WireForm;
use crate::bayeux::ClientId;
use crate::peer::Peer;
use crate::router::{Attachment, Session};
use crate::server::Server;
use crate::transport::net::connection::Connection;
use crate::transport::net::context::Context;
use crate::transport::net::deadline::Deadline;
use crate::transport::net::read_buffer::ReadBuffer;
use crate::transport::net::wait::{self, CLOSING, Interest, UNFINISHED, WaitResult};

/// A comment, which keeps proxies from closing an idle stream.
const PING: &[u8] = b":\r\n\r\n";

/// Serves a stream to its end. `head` is the head of its response, which is written first. As in Faye, a request for a session
/// that has ended gets a silent stream: the client learns of the end by its next connect.
pub(crate) fn run(
    context: Arc<Context>,
    connection: Connection,
    server: Arc<Server>,
    peer: Arc<Peer>,
    mut head: Vec<u8>,
) -> impl Future<Output = ()> + Send {
    let Connection { stream, input, deadline, .. } = connection;
    context.metrics.eventsource_streams.inc();
    let socket = Socket::new(stream, peer, WireForm::Event, &context);
    head.extend_from_slice(format!("retry: {}\r\n\r\n", context.eventsource.retry.as_millis()).as_bytes());
    socket.with(|out| out.push(head.into()));
    let mut stream = EventStream { context, server, socket, input, deadline };
    async move { stream.serve().await }
}

struct EventStream {
    context: Arc<Context>,
    server: Arc<Server>,
    socket: Arc<Socket>,
    input: ReadBuffer,
    deadline: Deadline,
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.socket.release();
        self.context.metrics.eventsource_streams.dec();
    }
}

impl EventStream {
    async fn serve(&mut self) {
        // Boxed, because it is over before the rest of the task.
        let session = Box::pin(self.session()).await;
        // A client that left while its session was fetched from another instance would not read its messages.
        loop {
            match self.input.read(&self.socket.stream, &self.context.budget) {
                Ok(0) => return,
                Ok(_) => self.discard_input(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
            tokio::task::consume_budget().await;
        }
        let session = session.filter(|session| {
            self.server.is_proven(session, self.socket.peer())
                // With acknowledged delivery messages leave in connect replies only.
                && (session.has_ack() || attach(&self.socket, session))
        });
        if let Some(session) = &session {
            limit_unacknowledged(self.socket.stream.tcp(), session.lifetime());
        }
        let mut ping = Instant::now() + self.context.eventsource.ping;
        let mut has_pinged = false;
        let mut end = None;
        self.discard_input();
        loop {
            // A client that always reads must not starve other tasks.
            tokio::task::consume_budget().await;
            if self.deadline.is_draining() {
                self.socket.with(|out| out.closing = true);
            }
            self.socket.write();
            let state = self.socket.with(Outbox::state);
            if state.closing {
                end.get_or_insert_with(|| Instant::now() + UNFINISHED);
            }
            // A client in a hidden page connects late, because the browser slows its timers. Pings that the system accepts keep
            // its session alive.
            if std::mem::take(&mut has_pinged)
                && state.blocked.is_none()
                && let (Some(session), Some(me)) = (&session, self.socket.attachment())
            {
                session.keep_alive(&me);
            }
            let cut = state.blocked.map(|since| since + self.context.limits.write_time);
            let cut = cut.into_iter().chain(end).min();
            let is_stuck = cut.is_some_and(|cut| cut <= Instant::now());
            if is_stuck {
                self.context.metrics.write_timeouts.inc();
            }
            if state.dead || is_stuck {
                return;
            }
            let socket = &self.socket;
            if state.cut || state.closing && state.is_empty {
                let end = Instant::now() + CLOSING;
                return wait::linger(&socket.stream, &mut self.deadline, end).await;
            }
            let until = cut.map_or(ping, |cut| ping.min(cut));
            let interest = Interest { read: true, write: state.blocked.is_some() };
            let result =
                wait::wait(&socket.stream, interest, Some(&socket.notify), &mut self.deadline, until).await;
            match result {
                WaitResult::Read => match self.input.read(&socket.stream, &self.context.budget) {
                    Ok(0) => return,
                    Ok(_) => self.discard_input(),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                },
                WaitResult::Closed | WaitResult::Exhausted => return,
                WaitResult::Deadline if ping <= Instant::now() => {
                    ping = Instant::now() + self.context.eventsource.ping;
                    // A superseded stream gets no notification of the end of its session.
                    let has_ended = session.as_ref().is_some_and(|session| session.has_ended());
                    socket.with(|out| {
                        out.closing |= has_ended;
                        if state.blocked.is_none() && !has_ended {
                            out.push(Bytes::from_static(PING));
                            has_pinged = true;
                        }
                    });
                }
                WaitResult::Write | WaitResult::Notified | WaitResult::Deadline | WaitResult::Draining => {}
            }
        }
    }

    /// Returns the session in the path of the request. It may be on another instance.
    async fn session(&self) -> Option<Arc<Session>> {
        let peer = self.socket.peer();
        let id = peer.head.path().rsplit('/').next().unwrap_or("");
        let id = ClientId::parse(id.as_bytes())?;
        self.server.session_anywhere(&id, peer).await
    }

    /// Discards the input of a stream, which has no meaning.
    fn discard_input(&mut self) {
        self.input.clear();
        // The rest is at most an unfinished TLS record, which always fits.
        let _ = self.input.rest(&self.socket.stream, &self.context.budget);
    }
}

/// Limits the time for which the system waits for acknowledgements of sent bytes: it accepts pings for a peer that has gone.
/// Systems without this option end the connection after some minutes.
fn limit_unacknowledged(tcp: &TcpStream, limit: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(tcp).set_tcp_user_timeout(Some(limit)) {
        tracing::debug!(%error, "cannot set TCP_USER_TIMEOUT on a stream");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (tcp, limit);
}

/// Attaches the stream to its session. Returns false if the session has ended.
fn attach(socket: &Socket, session: &Arc<Session>) -> bool {
    let Some(me) = socket.attachment() else { return false };
    socket.with(|out| out.bound = Some(Arc::clone(session)));
    let is_attached = session.attach(&me);
    if !is_attached {
        socket.with(|out| out.bound = None);
    }
    is_attached
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_peer_that_acknowledges_nothing_is_given_up_after_the_limit() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        limit_unacknowledged(&stream, Duration::from_secs(50));
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(Duration::from_secs(50)));
    }
}
