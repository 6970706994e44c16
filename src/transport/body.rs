//! The body of an answer: bytes that are ready, perhaps with messages lent from a mailbox, or a stream of events.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::eventsource::Stream;
use super::writing::Writing;
use crate::router::Lease;

/// The body of an answer.
pub struct Body(Kind);

enum Kind {
    Ready(Bytes),
    /// Messages of several sessions may be in one answer.
    Lent(Bytes, Vec<Lease>, Arc<Writing>),
    Stream(Box<Stream>),
}

impl Body {
    /// Bytes that are ready.
    pub fn ready(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Ready(bytes.into()))
    }

    /// Bytes that hold leased messages: the leases are settled when the connection has written the bytes.
    pub(super) fn lent(bytes: Bytes, leases: Vec<Lease>, writing: Arc<Writing>) -> Self {
        if leases.is_empty() { Self::ready(bytes) } else { Self(Kind::Lent(bytes, leases, writing)) }
    }

    pub(super) fn stream(stream: Stream) -> Self {
        Self(Kind::Stream(Box::new(stream)))
    }

    /// Length in bytes; `None` for a stream.
    #[must_use]
    pub fn length(&self) -> Option<usize> {
        match &self.0 {
            Kind::Ready(bytes) | Kind::Lent(bytes, ..) => Some(bytes.len()),
            Kind::Stream(_) => None,
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.0 {
            Kind::Stream(stream) => {
                return stream.poll_next(context).map(|next| next.map(|bytes| Ok(Frame::data(bytes))));
            }
            Kind::Ready(bytes) => std::mem::take(bytes),
            Kind::Lent(bytes, leases, writing) => {
                leases.drain(..).for_each(|lease| writing.lend(lease));
                writing.hand_all();
                std::mem::take(bytes)
            }
        };
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, |length| SizeHint::with_exact(length as u64))
    }
}
