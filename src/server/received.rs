//! Results of messages: replies, accepted connects, and a cookie. This module must not know what verbs do.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::auth::Cookie;
use crate::router::{Attached, Attachment, Session};

/// The result of a request or frame.
#[derive(Default)]
pub struct Received {
    /// Finished replies: JSON objects with commas between them.
    pub replies: Vec<u8>,
    /// Accepted connects, to be answered after the replies above.
    pub connects: SmallVec<[Accepted; 1]>,
    /// A cookie for the browser, which identifies it later.
    pub cookie: Option<Box<Cookie>>,
    /// Whether a session of the messages has moved to another instance because this one is stopping.
    pub is_leaving: bool,
    /// Whether a message was not executed because its session belongs to another instance by now.
    pub(super) has_departed: bool,
}

/// Messages on their way through the server.
pub enum Receiving<'a> {
    /// The messages were executed synchronously, which is the common case.
    Done(Received),
    /// Extensions, the application or other instances take part. The future is on the heap, because each connection has room for
    /// its largest future as long as it lives.
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

/// An accepted connect. The transport attaches itself to the session, and hook_decisions.
pub struct Accepted {
    /// The session.
    pub session: Arc<Session>,
    /// The reply, a JSON object; `None` if an extension dropped it.
    pub reply: Option<Vec<u8>>,
    /// The longest time to hold the reply until there are messages; zero to answer at once.
    pub hold: Duration,
    /// Whether extensions have not seen the reply: the transport calls [`super::Server::outgoing`] when it sends the reply.
    pub is_unseen: bool,
    /// Whether the client receives its messages through an EventSource stream, if one is open.
    pub is_stream: bool,
}

impl Accepted {
    /// Attaches the transport of the connect to the session. Returns `false` if a stream stays attached, or if the session has
    /// ended.
    #[must_use]
    pub fn attach(&self, transport: &Arc<dyn Attachment>) -> bool {
        if !self.is_stream {
            return self.session.attach(transport);
        }
        match self.session.attach_or_yield(transport) {
            Attached::Yes => true,
            Attached::Stream => {
                // Messages that arrived while the stream stood by.
                self.session.flush();
                false
            }
            Attached::Ended => false,
        }
    }
}

impl Received {
    /// Adds the cookie of a message to those of earlier messages.
    pub(super) fn keep(&mut self, cookie: Option<Cookie>) {
        let Some(mut cookie) = cookie else { return };
        if let Some(older) = self.cookie.take() {
            cookie.append(*older);
        }
        self.cookie = Some(Box::new(cookie));
    }

    /// Begins another reply, and returns the buffer to append it to.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        if self.replies.is_empty() {
            self.replies.reserve(256);
        } else {
            self.replies.push(b',');
        }
        &mut self.replies
    }
}
