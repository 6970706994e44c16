//! One connection: it reads requests, and answers them one after the other, until it ends or becomes a WebSocket or a
//! stream. One task does it all, and keeps no buffer while it waits.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::Response;
use tokio::time::Instant;

use super::clock::Alarm;
use super::input::Input;
use super::request::{self, BadHead, Method, Request};
use super::signal::Signal;
use super::stream::Stream;
use super::tls::TlsStream;
use super::{Context, answer, eventsource, websocket};
use crate::budget::BufferCharge;
use crate::metrics::Reason;
use crate::peer::Peer;
use crate::server::Server;

/// How long a stopping server waits for the rest of a request, and for answers to be taken.
pub(super) const UNFINISHED: Duration = Duration::from_secs(5);
/// How long the other side may take to close after we did.
pub(super) const CLOSING: Duration = Duration::from_secs(2);
/// Bytes that may wait behind a request that is being answered.
pub(super) const AHEAD: usize = 16 * 1024;

pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection that speaks HTTP.
pub(super) struct Connection {
    pub(super) context: Arc<Context>,
    pub(super) stream: Stream,
    pub(super) address: SocketAddr,
    pub(super) input: Input,
    pub(super) alarm: Alarm,
    /// Until when a stopping server waits for what is under way.
    patience: Option<Instant>,
}

/// What comes after a request.
pub(super) enum Next {
    /// Another request.
    Request,
    /// Nothing: the answer announced the end.
    Close,
    /// Nothing: the connection is broken.
    End,
    /// The connection is a WebSocket now, compressed or not.
    WebSocket(Arc<Server>, Arc<Peer>, bool),
    /// The connection carries events.
    Stream(Arc<Server>, Arc<Peer>),
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// The socket can be read, or was read.
    Read,
    /// The socket can be written.
    Write,
    /// The other side has closed, or the connection is broken.
    Ended,
    /// The signal was given.
    Signal,
    /// It is time.
    Due,
    /// The input that is kept exceeds the share of buffers in the budget of memory.
    Exhausted,
    /// The server has begun to stop.
    Stopping,
}

/// What of a socket is waited for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

/// Waits for the first of several things. There is no timer for a connection: the clock wakes it.
pub(super) async fn wait(
    stream: &Stream,
    interest: Interest,
    signal: Option<&Signal>,
    alarm: &mut Alarm,
    until: Instant,
) -> Woken {
    std::future::poll_fn(|context| {
        if signal.is_some_and(|signal| signal.poll(context).is_ready()) {
            return Poll::Ready(Woken::Signal);
        }
        let on = |ready: Poll<io::Result<()>>, woken| match ready {
            Poll::Ready(Ok(())) => Some(woken),
            Poll::Ready(Err(_)) => Some(Woken::Ended),
            Poll::Pending => None,
        };
        let read = if interest.read { on(stream.poll_read_ready(context), Woken::Read) } else { None };
        let write = || if interest.write { on(stream.poll_write_ready(context), Woken::Write) } else { None };
        if let Some(woken) = read.or_else(write) {
            return Poll::Ready(woken);
        }
        alarm
            .poll(context, until)
            .map(|()| if until <= Instant::now() { Woken::Due } else { Woken::Stopping })
    })
    .await
}

/// Ends our side after the last byte, and waits for the other's end for a while: closed at once, the system may throw
/// away what the other side has not read yet.
pub(super) async fn linger(stream: &Stream, alarm: &mut Alarm, until: Instant) {
    while stream.tls().is_some_and(|tls| is_pending(&tls.close())) {
        let interest = Interest { read: false, write: true };
        if matches!(wait(stream, interest, None, alarm, until).await, Woken::Due | Woken::Ended) {
            break;
        }
    }
    // It fails when the other side has gone, which the next read shows.
    let _ = socket2::SockRef::from(stream.tcp()).shutdown(std::net::Shutdown::Write);
    if stream.tls().is_some_and(TlsStream::has_ended) {
        return;
    }
    loop {
        // Further input is ignored, so it is not decrypted. A separate statement, since every connection would have room for
        // values that are kept over a wait.
        let read = stream.tcp().try_read(&mut [0; 512]);
        match read {
            Ok(0) => return,
            Ok(_) if Instant::now() >= until => return,
            // Others have to get on while this one sends and sends.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let interest = Interest { read: true, write: false };
                if matches!(wait(stream, interest, None, alarm, until).await, Woken::Due | Woken::Ended) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Whether something could not be done yet.
pub(super) fn is_pending<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl Connection {
    pub(super) fn new(context: Arc<Context>, stream: Stream, address: SocketAddr) -> Self {
        let alarm = context.clock.alarm();
        Self { context, stream, address, input: Input::default(), alarm, patience: None }
    }

    /// Serves the connection to its end.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have room for `self` twice")]
    pub(super) fn serve(mut self) -> impl Future<Output = ()> + Send {
        async move {
            // On the heap, since it is over before everything else.
            if self.stream.tls().is_some() && !Box::pin(self.secure()).await {
                return;
            }
            let mut is_kept = false;
            let next = loop {
                let next = match self.request(is_kept).await {
                    // On the heap while it lasts: a WebSocket, which lasts longer, needs much less.
                    Ok(Some(request)) => self.answer(&request).await,
                    Ok(None) => Next::End,
                    Err(bad) => self.refuse_head(bad).await,
                };
                if !matches!(next, Next::Request) {
                    break next;
                }
                is_kept = true;
                // A client that always has another request must not keep the thread to itself.
                tokio::task::consume_budget().await;
            };
            match next {
                Next::Request | Next::End => {}
                Next::Close => linger(&self.stream, &mut self.alarm, Instant::now() + CLOSING).await,
                Next::WebSocket(server, peer, compresses) => {
                    websocket::connection::run(self, server, peer, compresses).await;
                }
                Next::Stream(server, peer) => eventsource::run(self, server, peer).await,
            }
        }
    }

    /// The next request; `None` at the end of the connection. One that is kept after a request may be idle for longer than a
    /// head may take: balancers keep connections open, and one that is closed as they use it costs a request.
    async fn request(&mut self, is_kept: bool) -> Result<Option<Request>, BadHead> {
        let mut is_idle = is_kept && self.input.is_empty();
        let limits = &self.context.limits;
        let mut until = Instant::now() + if is_idle { limits.idle_time } else { limits.header_time };
        loop {
            if !self.input.is_empty() {
                if let Some((request, used)) = request::parse(&self.input, self.context.limits.header)? {
                    self.input.advance(used);
                    return Ok(Some(request));
                }
                if std::mem::take(&mut is_idle) {
                    until = Instant::now() + self.context.limits.header_time;
                }
            }
            if self.input.is_empty() && self.alarm.is_draining() {
                return Ok(None);
            }
            match self.read(until, None).await {
                Woken::Ended | Woken::Exhausted => return Ok(None),
                Woken::Due => {
                    // Otherwise it was only idle.
                    if !self.input.is_empty() {
                        self.context.metrics.refuse(Reason::header_time);
                    }
                    return Ok(None);
                }
                _ => {}
            }
        }
    }

    /// Waits until something was read, or for the signal. While a signal is waited for, a request is being answered, and
    /// what comes are the next ones: a client that sends very many of them is given up, for behind them its end would not
    /// be seen.
    pub(super) async fn read(&mut self, until: Instant, signal: Option<&Signal>) -> Woken {
        loop {
            if signal.is_some() && self.input.len() >= AHEAD {
                return Woken::Ended;
            }
            match self.input.read(&self.stream, &self.context.budget) {
                Ok(0) => return Woken::Ended,
                Ok(_) => {
                    // A client that sends faster than it is read must not keep the thread to itself.
                    tokio::task::consume_budget().await;
                    return Woken::Read;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.context.relieve(),
                Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                    self.context.metrics.refuse(Reason::memory);
                    return Woken::Exhausted;
                }
                Err(_) => return Woken::Ended,
            }
            match self.wait(Interest { read: true, write: false }, until, signal).await {
                Woken::Read => {}
                other => return other,
            }
        }
    }

    pub(super) async fn wait(
        &mut self,
        interest: Interest,
        until: Instant,
        signal: Option<&Signal>,
    ) -> Woken {
        if self.patience.is_none() && self.alarm.is_draining() {
            self.patience = Some(Instant::now() + UNFINISHED);
        }
        let until = self.patience.map_or(until, |patience| patience.min(until));
        wait(&self.stream, interest, signal, &mut self.alarm, until).await
    }

    /// Whether the other side has said that nothing more comes from it. What came before that is in the input then.
    pub(super) fn has_ended(&mut self) -> bool {
        while self.input.len() < AHEAD {
            match self.input.read(&self.stream, &self.context.budget) {
                Ok(0) => return true,
                Ok(_) => {}
                other => return !is_pending(&other),
            }
        }
        false
    }

    async fn refuse_head(&mut self, bad: BadHead) -> Next {
        self.context.metrics.refuse(if bad == BadHead::TooLarge { Reason::header } else { Reason::syntax });
        tracing::debug!(address = %self.address, error = %bad, "bad request");
        let text = format!("Bad request: {bad}\n");
        let head = answer::bad_head(bad.status(), text.len());
        self.write(&head, text.as_bytes(), None).await;
        Next::Close
    }

    /// Answers with a response.
    pub(super) async fn respond(&mut self, request: &Request, response: Response<Bytes>) -> Next {
        let closes = self.closes(request);
        let head = answer::head(request, &response, closes);
        let body = if request.method == Method::Head { Bytes::new() } else { response.into_body() };
        if !self.write(&head, &body, None).await {
            return Next::End;
        }
        if closes { Next::Close } else { Next::Request }
    }

    /// Whether the connection ends after the answer to this request.
    pub(super) fn closes(&self, request: &Request) -> bool {
        !request.keeps_alive || self.alarm.is_draining()
    }

    /// Writes it all. Bytes that the system does not accept at once are charged to the budget of memory. False if that
    /// failed, or if the signal says that the response is not needed any more.
    pub(super) async fn write(&mut self, head: &[u8], body: &[u8], signal: Option<&Signal>) -> bool {
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
            let charge = unsent.get_or_insert_with(|| BufferCharge::new(&self.context.budget));
            if charge.set(head.len() + body.len()).is_err() {
                self.context.metrics.refuse(Reason::memory);
                return false;
            }
            self.context.relieve();
            let until = *until.get_or_insert_with(|| Instant::now() + self.context.limits.write_time);
            let interest = Interest { read: false, write: true };
            match self.wait(interest, until, signal).await {
                Woken::Due => {
                    self.context.metrics.write_timeouts.inc();
                    return false;
                }
                Woken::Ended => return false,
                Woken::Signal if signal.is_some_and(Signal::is_over) => return false,
                _ => {}
            }
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    /// The memory of a connection for its whole life, without its socket and its session.
    #[test]
    fn a_connection_that_waits_is_small() {
        fn size<F>(_: impl FnOnce(Connection) -> F) -> usize {
            size_of::<F>()
        }
        assert!(size(Connection::serve) <= 960, "{}", size(Connection::serve));
    }
}
