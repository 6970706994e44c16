//! The one way in: messages of a request or frame, each in its order, and what is to be answered.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use smallvec::SmallVec;

use super::Server;
use super::pending::Origin;
use super::publish::Publish;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, ClientId, Field, Message, Verb};
use crate::metrics::Reason;
use crate::peer::Peer;
use crate::policy::{Answer, Cookie, Credentials, Policy};
use crate::router::{Attached, Attachment, PendingFlush, Session};

/// What a request or frame is to be answered with.
#[derive(Default)]
pub struct Received {
    /// Replies that are ready: JSON objects with commas between them.
    pub replies: Vec<u8>,
    /// Connects that were accepted, to be answered after the replies above.
    pub connects: SmallVec<[Accepted; 1]>,
    /// A cookie that the browser is to keep, so that it is known again.
    pub cookie: Option<Box<Cookie>>,
    /// A session of the messages is on another instance, because this one is stopping.
    pub is_leaving: bool,
    /// Whether something was not carried out because its session is another instance's by now.
    pub(super) has_departed: bool,
}

/// Messages on their way through the server.
pub enum Receiving<'a> {
    /// They were handled at once, as most are.
    Done(Received),
    /// Extensions, the application or other instances have a say in them. On the heap, since every connection has room
    /// for what it waits for as long as it lives.
    Waiting(Pin<Box<dyn Future<Output = Received> + Send + 'a>>),
}

impl Receiving<'_> {
    /// Waits until the messages were handled.
    pub async fn wait(self) -> Received {
        match self {
            Self::Done(received) => received,
            Self::Waiting(receiving) => receiving.await,
        }
    }
}

/// A connect that was accepted. The transport attaches itself to the session, and answers.
pub struct Accepted {
    /// The session.
    pub session: Arc<Session>,
    /// The reply, a JSON object; `None` if an extension dropped it.
    pub reply: Option<Vec<u8>>,
    /// For how long the reply may be held back until there are messages; zero means not at all.
    pub hold: Duration,
    /// Whether extensions have yet to see the reply: the transport calls [`Server::outgoing`] when the reply leaves.
    pub is_unseen: bool,
    /// Whether the client gets its messages by an EventSource stream, if it has one open.
    pub is_stream: bool,
}

/// One message on its way through a verb.
pub(super) struct Request<'a> {
    pub(super) message: &'a Message,
    pub(super) peer: &'a Arc<Peer>,
    /// `Done` so far, or what an extension or a limit says against it. The verb's own checks override it.
    pub(super) outcome: Outcome,
    pub(super) policy: &'a Policy,
    /// What the message showed of who sent it.
    pub(super) credentials: &'a Credentials,
    /// What the application was asked, and said.
    pub(super) answers: &'a Answers,
    /// Keeps the decision of the rates for a verb that may be executed again.
    pub(super) charge: Option<&'a Charge>,
    /// Whether it is the only message of its request or frame.
    pub(super) alone: bool,
}

/// The decision of the rates on a message, once they have counted it.
pub(super) type Charge = OnceLock<Result<(), BayeuxError>>;

/// What the application said about channels.
pub(super) type Answers = SmallVec<[(Box<str>, Answer); 1]>;

/// What a verb came to, beside the reply that it wrote.
#[derive(Default)]
pub(super) struct Done {
    /// The cookie by which the browser is to be known again.
    pub(super) cookie: Option<Cookie>,
    /// A connect: the transport holds its reply, and attaches itself.
    pub(super) accepted: Option<Accepted>,
    /// A publication, which has to be delivered.
    pub(super) publish: Option<Publish>,
    /// A session that has begun.
    pub(super) begun: Option<ClientId>,
    /// Whether the message could not be carried out because its session is another instance's by now.
    pub(super) has_departed: bool,
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
    /// Adds the cookie of one message to those of the messages before it.
    pub(super) fn keep(&mut self, cookie: Option<Cookie>) {
        let Some(mut cookie) = cookie else { return };
        if let Some(older) = self.cookie.take() {
            cookie.append(*older);
        }
        self.cookie = Some(Box::new(cookie));
    }

    /// Begins another reply; what it is appended to.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        if self.replies.is_empty() {
            self.replies.reserve(256);
        } else {
            self.replies.push(b',');
        }
        &mut self.replies
    }
}

impl Server {
    /// Handles the messages of one request or frame in their order. Sessions that got something are in `pending`
    /// afterwards, for the caller to flush when it has handled all that it read.
    pub fn receive<'a>(
        &'a self,
        messages: Vec<Message>,
        peer: &'a Arc<Peer>,
        pending: &'a mut PendingFlush,
    ) -> Receiving<'a> {
        let policy = self.policy.load();
        if self.pipeline.is_empty() && !policy.asks() && self.cluster.is_none() {
            return Receiving::Done(self.receive_at_once(&policy, messages, peer, pending));
        }
        Receiving::Waiting(Box::pin(self.receive_and_wait(messages, peer, pending, Origin::Client)))
    }

    fn receive_at_once(
        &self,
        policy: &Policy,
        messages: Vec<Message>,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) -> Received {
        let alone = messages.len() == 1;
        let mut received = Received::default();
        for mut message in messages {
            let credentials = policy.credentials(&mut message, peer);
            let verb = message.verb();
            let answers = Answers::new();
            let request = self.request(&message, peer, alone, policy, &credentials, &answers);
            if verb == Verb::Connect {
                let mut reply = Vec::with_capacity(256);
                match self.carry_out(verb, &request, &mut reply).accepted {
                    Some(accepted) => received.connects.push(Accepted { reply: Some(reply), ..accepted }),
                    None => received.begin().append(&mut reply),
                }
            } else {
                let done = self.carry_out(verb, &request, received.begin());
                received.keep(done.cookie);
                if let Some(accepted) = done.publish {
                    self.deliver(accepted, message, pending);
                }
            }
        }
        received
    }

    pub(super) fn request<'a>(
        &self,
        message: &'a Message,
        peer: &'a Arc<Peer>,
        alone: bool,
        policy: &'a Policy,
        credentials: &'a Credentials,
        answers: &'a Answers,
    ) -> Request<'a> {
        let outcome = if message.depth() > self.limits.depth {
            self.metrics.refuse(Reason::depth);
            Outcome::Failed(BayeuxError::TooDeep(self.limits.depth))
        } else if message.truthy(Field::Error).is_some() {
            Outcome::Refused
        } else {
            Outcome::Done
        };
        Request { message, peer, outcome, alone, policy, credentials, answers, charge: None }
    }

    /// Does what a message asks for, and appends the reply.
    pub(super) fn carry_out(&self, verb: Verb, request: &Request<'_>, out: &mut Vec<u8>) -> Done {
        let counters = &self.metrics.messages;
        let mut done = Done::default();
        let (counter, outcome) = match verb {
            Verb::Handshake => (&counters.handshake, self.handshake(request, out, &mut done)),
            Verb::Connect => (&counters.connect, self.connect(request, out, &mut done.accepted)),
            Verb::Subscribe => (&counters.subscribe, self.subscribe(request, out, &mut done.cookie)),
            Verb::Unsubscribe => (&counters.unsubscribe, self.unsubscribe(request, out)),
            Verb::Disconnect => (&counters.disconnect, self.disconnect(request, out)),
            Verb::Publish => (&counters.publish, self.publish(request, out, &mut done.publish)),
            Verb::UnknownMeta => {
                let channel = request.message.text(Field::Channel).unwrap_or_default().into_owned();
                let outcome = Outcome::Failed(BayeuxError::ChannelForbidden(channel));
                reply::plain(out, request.message, &outcome, true);
                (&counters.unknown, outcome)
            }
        };
        done.has_departed = matches!(outcome, Outcome::Failed(BayeuxError::Unreachable));
        if done.has_departed {
            // The verb is executed again, here or on the other instance.
            return done;
        }
        counter.inc();
        if !outcome.is_done() {
            self.metrics.error_replies.inc();
        }
        done
    }
}
