//! Results of messages: replies, accepted connects, and a cookie. This module must not depend on single verbs.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::prepared::Prepared;
use crate::auth::Cookie;
use crate::router::{Attached, Attachment, ConnectAck, Session};

/// The result of a request or frame.
#[derive(Default)]
pub struct Received {
    /// Final replies: JSON objects separated by commas.
    pub replies: Vec<u8>,
    /// Accepted connects, whose replies follow those above.
    pub connects: SmallVec<[Accepted; 1]>,
    /// A cookie that identifies the browser in later requests.
    pub cookie: Option<Box<Cookie>>,
    /// Whether a session of these messages has moved to another instance because this one is stopping.
    pub is_leaving: bool,
    /// A message that was prepared and not executed, because its session belongs to another instance by now.
    pub(super) departed: Option<Box<Prepared>>,
}

/// The progress of received messages.
pub enum Receiving<'a> {
    /// The messages were executed synchronously, which is the common case.
    Done(Received),
    /// Extensions, the authorization hook or other instances take part. The future is boxed, because each connection
    /// reserves room for its largest future as long as it lives.
    Waiting(Pin<Box<dyn Future<Output = Received> + Send + 'a>>),
}

impl Receiving<'_> {
    /// Waits for the result.
    pub async fn wait(self) -> Received {
        match self {
            Self::Done(received) => received,
            Self::Waiting(receiving) => receiving.await,
        }
    }
}

/// An accepted connect. The transport attaches itself to the session and sends the reply.
pub struct Accepted {
    /// The session.
    pub session: Arc<Session>,
    /// The reply, a JSON object; `None` if an extension dropped it.
    pub reply: Option<Vec<u8>>,
    /// Maximum time to hold the reply until there are messages; zero to reply immediately.
    pub hold: Duration,
    /// Whether extensions have not seen the reply yet: the transport calls [`super::Server::outgoing`] before it sends
    /// the reply.
    pub is_unseen: bool,
    /// Whether the client receives its messages through an EventSource stream, if one is open.
    pub is_stream: bool,
    /// How the connect takes part in acknowledged delivery.
    pub ack: ConnectAck,
}

impl Accepted {
    /// Attaches the transport of the connect to the session. Returns `false` if a stream stays attached, or if the
    /// session has ended.
    #[must_use]
    pub fn attach(&self, transport: &Arc<dyn Attachment>) -> bool {
        if !self.is_stream {
            return self.session.attach(transport);
        }
        match self.session.attach_or_yield(transport) {
            Attached::Yes => true,
            Attached::Stream => {
                // Deliver messages that arrived while the stream was on standby.
                self.session.flush();
                false
            }
            Attached::Ended => false,
        }
    }
}

impl Received {
    /// Merges the cookie of a message into those of earlier messages.
    pub(super) fn keep(&mut self, cookie: Option<Cookie>) {
        let Some(mut cookie) = cookie else { return };
        if let Some(older) = self.cookie.take() {
            cookie.append(*older);
        }
        self.cookie = Some(Box::new(cookie));
    }

    /// Starts another reply, and returns the buffer for it.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        if self.replies.is_empty() {
            self.replies.reserve(256);
        } else {
            self.replies.push(b',');
        }
        &mut self.replies
    }
}
