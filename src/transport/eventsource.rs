//! EventSource: a stream of events (HTML, section 9.2), each with an array of one message, in Faye's framing.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use hyper::header::{ACCEPT, HeaderMap};
use tokio::time::{Instant, Sleep};

use super::writing::{HEAD, Writing};
use crate::config;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::router::{Attachment, Detached, Session};
use crate::server::Server;

/// A comment, which keeps proxies from taking the stream for dead.
const PING: &[u8] = b":\r\n\r\n";

/// Whether a GET asks for a stream: its `Accept` lists exactly `text/event-stream`.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT);
    accepted
        .iter()
        .flat_map(|accept| accept.as_bytes().split(|byte| *byte == b','))
        .any(|kind| kind.trim_ascii() == b"text/event-stream")
}

/// What the session knows of the stream.
struct Link {
    peer: Arc<Peer>,
    writing: Arc<Writing>,
    waker: AtomicWaker,
    ended: AtomicBool,
}

impl Attachment for Link {
    fn flush(&self, _session: &Arc<Session>) {
        self.waker.wake();
    }

    fn detach(&self, _session: &Arc<Session>, why: Detached) {
        if why == Detached::Ended {
            self.ended.store(true, Ordering::Release);
            self.waker.wake();
        }
        self.writing.want();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

/// The stream as the body of an answer.
pub(super) struct Stream {
    session: Option<Arc<Session>>,
    link: Arc<Link>,
    attachment: Arc<dyn Attachment>,
    retry: Option<Duration>,
    /// Events of the lease that is out, not handed out yet.
    events: VecDeque<Bytes>,
    every: Duration,
    ping: Pin<Box<Sleep>>,
    drained: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    metrics: Metrics,
}

impl Stream {
    /// Opens a stream. As with Faye, a session that is not alive gets one that stays silent: its client learns of that
    /// by its next connect.
    pub(super) fn open(
        server: &Arc<Server>,
        session: Option<Arc<Session>>,
        peer: &Arc<Peer>,
        writing: &Arc<Writing>,
        settings: &config::EventSource,
    ) -> Self {
        let link = Arc::new(Link {
            peer: Arc::clone(peer),
            writing: Arc::clone(writing),
            waker: AtomicWaker::new(),
            ended: AtomicBool::new(false),
        });
        let attachment: Arc<dyn Attachment> = Arc::<Link>::clone(&link);
        let session = session.filter(|session| session.attach(&attachment));
        let drained = Box::pin(server.drained());
        let metrics = server.metrics().clone();
        metrics.streams.inc();
        Self {
            session,
            link,
            attachment,
            retry: Some(settings.retry),
            events: VecDeque::new(),
            every: settings.ping,
            ping: Box::pin(tokio::time::sleep(settings.ping)),
            drained,
            metrics,
        }
    }

    /// The next bytes: the time to wait before a reconnect, then events, and a comment when there are none for long.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(retry) = self.retry.take() {
            let retry = format!("retry: {}\r\n\r\n", retry.as_millis());
            self.link.writing.hand(HEAD + retry.len());
            return Poll::Ready(Some(retry.into()));
        }
        self.link.waker.register(context.waker());
        if let Some(event) = self.next_event() {
            return Poll::Ready(Some(event));
        }
        if self.link.ended.load(Ordering::Acquire) || self.drained.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        if self.ping.as_mut().poll(context).is_ready() {
            self.ping.as_mut().reset(Instant::now() + self.every);
            // The new time has to be asked for once, for it to wake this task.
            let _ = self.ping.as_mut().poll(context);
            // A stream whose place another one took is not told of the end of its session.
            if self.session.as_ref().is_some_and(|session| session.has_ended()) {
                return Poll::Ready(None);
            }
            self.link.writing.hand(PING.len());
            return Poll::Ready(Some(Bytes::from_static(PING)));
        }
        Poll::Pending
    }

    fn next_event(&mut self) -> Option<Bytes> {
        if self.events.is_empty() {
            let lease = self.session.as_ref()?.lease(&self.attachment)?;
            self.events.extend(lease.items().iter().map(|publication| publication.event(event).clone()));
            self.link.writing.lend(lease);
        }
        let event = self.events.pop_front()?;
        self.link.writing.hand_message(event.len());
        Some(event)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.metrics.streams.dec();
        if let Some(session) = &self.session {
            session.detach(&self.attachment);
        }
    }
}

/// An event. Between the tokens of JSON a line break is as good as a space, but it would end the event; inside
/// strings there is none.
fn event(array: &[u8]) -> Bytes {
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

    #[test]
    fn accept_lists_the_exact_type() {
        let wanted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            is_wanted(&headers)
        };
        assert!(wanted("text/event-stream") && wanted("text/html, text/event-stream"));
        assert!(!wanted("text/event-stream;q=0.9") && !wanted("*/*"));
    }
}
