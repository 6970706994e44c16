//! The one way in: messages of a request or frame, each in its order, and what is to be answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Server;
use crate::bayeux::parse::parse_one;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Field, Message, Verb};
use crate::metrics::{Messages, Reason};
use crate::peer::Peer;
use crate::router::{Attached, Attachment, Session, Touched};

/// What a request or frame is to be answered with.
#[derive(Default)]
pub struct Received {
    /// Replies that are ready: JSON objects with commas between them.
    pub replies: Vec<u8>,
    /// Connects that were accepted, to be answered after the replies above.
    pub connects: SmallVec<[Accepted; 1]>,
}

/// A connect that was accepted. The transport attaches itself to the session, and answers.
pub struct Accepted {
    /// The session.
    pub session: Arc<Session>,
    /// The reply, a JSON object; `None` if an extension dropped it.
    pub reply: Option<Bytes>,
    /// For how long the reply may be held back until there are messages; zero means not at all.
    pub hold: Duration,
    /// Whether the client gets its messages by an EventSource stream, if it has one open.
    pub is_stream: bool,
}

/// One message on its way through a verb.
pub(super) struct Request<'a> {
    pub(super) message: Message,
    pub(super) peer: &'a Arc<Peer>,
    /// `Done` so far, or what an extension or a limit says against it. The verb's own checks override it.
    pub(super) outcome: Outcome,
    /// Whether it is the only message of its request or frame.
    pub(super) alone: bool,
}

impl Accepted {
    /// Makes the transport that the connect came by the one that gets the session's messages. False if a stream gets
    /// them, or if the session has ended meanwhile.
    #[must_use]
    pub fn attach(&self, transport: &Arc<dyn Attachment>) -> bool {
        if !self.is_stream {
            return self.session.attach(transport);
        }
        match self.session.attach_or_yield(transport) {
            Attached::Yes => true,
            Attached::Stream => {
                // What waited while the stream stood by.
                self.session.flush();
                false
            }
            Attached::Ended => false,
        }
    }
}

impl Received {
    /// Appends a reply.
    pub(super) fn push(&mut self, reply: &[u8]) {
        if !self.replies.is_empty() {
            self.replies.push(b',');
        }
        self.replies.extend_from_slice(reply);
    }
}

impl Server {
    /// Handles the messages of one request or frame in their order. Sessions that got something are in `touched`
    /// afterwards, for the caller to flush when it has handled all that it read.
    pub async fn receive(&self, messages: Vec<Message>, peer: &Arc<Peer>, touched: &mut Touched) -> Received {
        let alone = messages.len() == 1;
        let mut received = Received::default();
        for message in messages {
            let Some(message) = self.pipeline.incoming(message, peer, || touched.flush()).await else {
                continue;
            };
            let outcome = if message.depth() > self.limits.depth {
                self.metrics.refuse(Reason::depth);
                Outcome::Failed(BayeuxError::TooDeep(self.limits.depth))
            } else if message.truthy(Field::Error).is_some() {
                Outcome::Refused
            } else {
                Outcome::Done
            };
            self.handle(Request { message, peer, outcome, alone }, &mut received, touched).await;
        }
        received
    }

    async fn handle(&self, request: Request<'_>, received: &mut Received, touched: &mut Touched) {
        let verb = request.message.verb();
        self.metrics.messages.get_or_create(&Messages { verb: verb_name(verb) }).inc();
        let mut buffer = Vec::with_capacity(256);
        let peer = request.peer;
        let mut accepted = None;
        let outcome = match verb {
            Verb::Handshake => self.handshake(request, &mut buffer),
            Verb::Connect => self.connect(request, &mut buffer, &mut accepted),
            Verb::Subscribe => self.subscribe(request, &mut buffer),
            Verb::Unsubscribe => self.unsubscribe(request, &mut buffer),
            Verb::Disconnect => self.disconnect(request, &mut buffer),
            Verb::Publish => self.publish(request, &mut buffer, touched).await,
            Verb::UnknownMeta => {
                let channel = request.message.text(Field::Channel).unwrap_or_default().into_owned();
                let outcome = Outcome::Failed(BayeuxError::ChannelForbidden(channel));
                reply::plain(&mut buffer, &request.message, &outcome, true);
                outcome
            }
        };
        if !outcome.is_done() {
            self.metrics.errors.inc();
        }
        let reply = self.finish(buffer, peer, touched).await;
        match accepted {
            Some(accepted) => received.connects.push(Accepted { reply, ..accepted }),
            None => {
                if let Some(reply) = reply {
                    received.push(&reply);
                }
            }
        }
    }

    /// Runs a reply through the extensions that want to see it.
    async fn finish(&self, reply: Vec<u8>, peer: &Arc<Peer>, touched: &mut Touched) -> Option<Bytes> {
        let reply = Bytes::from(reply);
        if !self.pipeline.sees_replies() {
            return Some(reply);
        }
        let message = parse_one(&reply)?;
        let message = self.pipeline.reply(message, peer, || touched.flush()).await?;
        let mut out = Vec::with_capacity(message.size());
        message.write(&mut out, |_| true);
        Some(out.into())
    }
}

fn verb_name(verb: Verb) -> &'static str {
    match verb {
        Verb::Handshake => "handshake",
        Verb::Connect => "connect",
        Verb::Subscribe => "subscribe",
        Verb::Unsubscribe => "unsubscribe",
        Verb::Disconnect => "disconnect",
        Verb::UnknownMeta => "unknown",
        Verb::Publish => "publish",
    }
}
