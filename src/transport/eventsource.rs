//! EventSource: a stream of events (HTML, section 9.2), each with an array of one message, in Faye's framing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant};

use super::connection::{self as http, CLOSING, Connection, Interest, UNFINISHED, Woken};
use super::input::Input;
use super::outbox::Outbox;
use super::socket::{Form, Socket};
use super::{Context, answer};
use crate::bayeux::ClientId;
use crate::metrics::Metrics;
use crate::peer::{Head, Peer};
use crate::router::Session;
use crate::server::Server;

/// A comment, which keeps proxies from taking the stream for dead.
const PING: &[u8] = b":\r\n\r\n";

/// Whether a GET asks for a stream: its `Accept` lists exactly `text/event-stream`.
pub(super) fn is_wanted(head: &Head) -> bool {
    head.all("accept")
        .flat_map(|accept| accept.split(|byte| *byte == b','))
        .any(|kind| kind.trim_ascii() == b"text/event-stream")
}

/// What a stream has to give back when it ends, in whatever way.
struct Stream {
    socket: Arc<Socket>,
    metrics: Metrics,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.socket.release();
        self.metrics.eventsource_streams.dec();
    }
}

/// Serves a connection that asked for a stream to its end. As with Faye, a session that is not alive gets one that stays
/// silent: its client learns of that by its next connect.
pub(super) async fn run(connection: Connection, server: Arc<Server>, peer: Arc<Peer>) {
    let Connection { context, stream, mut input, mut alarm, .. } = connection;
    let settings = &context.eventsource;
    let metrics = context.metrics.clone();
    metrics.eventsource_streams.inc();
    let socket = Socket::new(stream, Arc::clone(&peer), Form::Event, &context);
    let _stream = Stream { socket: Arc::clone(&socket), metrics };
    let mut head = answer::stream(&peer.head);
    head.extend_from_slice(format!("retry: {}\r\n\r\n", settings.retry.as_millis()).as_bytes());
    socket.with(|out| out.push(head.into()));
    let id = peer.head.path().rsplit('/').next().unwrap_or("");
    let session = match ClientId::parse(id.as_bytes()) {
        // On the heap, since it is over before everything else.
        Some(id) => Box::pin(server.session_anywhere(&id, &peer)).await,
        None => None,
    };
    // A client that has left while its session was fetched from another instance would not read its messages.
    loop {
        match input.read(&socket.stream, &context.budget) {
            Ok(0) => return,
            Ok(_) => discard(&mut input, &socket, &context),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => return,
        }
        tokio::task::consume_budget().await;
    }
    let session = session.filter(|session| server.is_proven(session, &peer) && attach(&socket, session));
    if let Some(session) = &session {
        end_without_peer(socket.stream.tcp(), session.lifetime());
    }
    let mut ping = Instant::now() + settings.ping;
    let mut has_pinged = false;
    let mut end = None;
    // Input on a stream has no meaning.
    discard(&mut input, &socket, &context);
    loop {
        // So that a reader that is always ready does not delay other tasks.
        tokio::task::consume_budget().await;
        if alarm.is_draining() {
            socket.with(|out| out.closing = true);
        }
        socket.write();
        let state = socket.with(Outbox::state);
        if state.closing {
            end.get_or_insert_with(|| Instant::now() + UNFINISHED);
        }
        // A client in a hidden page connects late, because the browser slows its timers. Pings that it takes keep its session.
        if std::mem::take(&mut has_pinged)
            && state.blocked.is_none()
            && let (Some(session), Some(me)) = (&session, socket.attachment())
        {
            session.keep_alive(&me);
        }
        let cut = state.blocked.map(|since| since + context.limits.write_time);
        let cut = cut.into_iter().chain(end).min();
        let is_stuck = cut.is_some_and(|cut| cut <= Instant::now());
        if is_stuck {
            context.metrics.write_timeouts.inc();
        }
        if state.dead || is_stuck {
            return;
        }
        if state.cut || state.closing && state.is_empty {
            return http::linger(&socket.stream, &mut alarm, Instant::now() + CLOSING).await;
        }
        let until = cut.map_or(ping, |cut| ping.min(cut));
        let interest = Interest { read: true, write: state.blocked.is_some() };
        match http::wait(&socket.stream, interest, Some(&socket.signal), &mut alarm, until).await {
            Woken::Read => match input.read(&socket.stream, &context.budget) {
                Ok(0) => return,
                Ok(_) => {
                    discard(&mut input, &socket, &context);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            },
            Woken::Ended | Woken::Exhausted => return,
            Woken::Due if ping <= Instant::now() => {
                ping = Instant::now() + settings.ping;
                // A stream whose place another one took is not told of the end of its session.
                let has_ended = session.as_ref().is_some_and(|session| session.has_ended());
                socket.with(|out| {
                    out.closing |= has_ended;
                    if state.blocked.is_none() && !has_ended {
                        out.push(Bytes::from_static(PING));
                        has_pinged = true;
                    }
                });
            }
            Woken::Write | Woken::Signal | Woken::Due | Woken::Stopping => {}
        }
    }
}

/// Throws away what a client sent on its stream, which has no meaning.
fn discard(input: &mut Input, socket: &Socket, context: &Context) {
    input.clear();
    // What is left is an unfinished record at most, which always fits.
    let _ = input.rest(&socket.stream, &context.budget);
}

/// Has the system end a connection whose peer has acknowledged nothing for so long: it takes pings for a peer that is gone.
/// Systems without this option give up by themselves, after some minutes.
fn end_without_peer(tcp: &TcpStream, limit: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(tcp).set_tcp_user_timeout(Some(limit)) {
        tracing::debug!(%error, "cannot set TCP_USER_TIMEOUT on a stream");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (tcp, limit);
}

/// Makes the stream the transport of its session. False if that has ended.
fn attach(socket: &Socket, session: &Arc<Session>) -> bool {
    let Some(me) = socket.attachment() else { return false };
    socket.with(|out| out.bound = Some(Arc::clone(session)));
    let is_attached = session.attach(&me);
    if !is_attached {
        socket.with(|out| out.bound = None);
    }
    is_attached
}

/// An event. Between the tokens of JSON a line break is as good as a space, but it would end the event; inside
/// strings there is none.
pub(super) fn event(array: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(array.len() + 10);
    event.extend_from_slice(b"data: ");
    event.extend(array.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    event.extend_from_slice(b"\r\n\r\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        assert_eq!(event(b"[{\"data\":\n[1,\r\n2]}]"), &b"data: [{\"data\": [1,  2]}]\r\n\r\n"[..]);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_peer_that_acknowledges_nothing_is_given_up_after_the_limit() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        end_without_peer(&stream, Duration::from_secs(50));
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(Duration::from_secs(50)));
    }

    #[test]
    fn accept_lists_the_exact_type() {
        let wanted = |accept: &str| {
            is_wanted(&Head::new(format!("GET / HTTP/1.1\r\nAccept: {accept}\r\n").as_bytes(), 4..5))
        };
        assert!(wanted("text/event-stream") && wanted("text/html, text/event-stream"));
        assert!(!wanted("text/event-stream;q=0.9") && !wanted("*/*"));
    }
}
