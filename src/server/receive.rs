//! The only entry for messages: executes the messages of a request or frame in order, synchronously unless an
//! extension, the authorization hook or another instance takes part. This module must not depend on single verbs.

use std::sync::Arc;

use super::Server;
use super::received::{Accepted, Received, Receiving};
use super::request::{Done, HookDecisions, Origin, Request};
use crate::auth::{Credentials, Policy};
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Field, Message, Verb};
use crate::metrics::Reason;
use crate::peer::Peer;
use crate::router::PendingFlush;

impl Server {
    /// Handles the messages of one request or frame in order. Adds the sessions with new messages to `pending`; the
    /// caller flushes it after all input that it has read.
    pub fn receive<'a>(
        &'a self,
        messages: Vec<Message>,
        peer: &'a Arc<Peer>,
        pending: &'a mut PendingFlush,
    ) -> Receiving<'a> {
        let policy = self.policy.load();
        if self.pipeline.is_empty() && !policy.uses_hook() && self.cluster.is_none() {
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
            let hook_decisions = HookDecisions::new();
            let request = self.request(&message, peer, alone, policy, &credentials, &hook_decisions);
            if verb == Verb::Connect {
                let mut reply = Vec::with_capacity(256);
                match self.execute_verb(verb, &request, &mut reply).accepted {
                    Some(accepted) => received.connects.push(Accepted { reply: Some(reply), ..accepted }),
                    None => received.begin().append(&mut reply),
                }
            } else {
                let done = self.execute_verb(verb, &request, received.begin());
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
        hook_decisions: &'a HookDecisions,
    ) -> Request<'a> {
        let outcome = if message.depth() > self.limits.depth {
            self.metrics.refuse(Reason::depth);
            Outcome::Failed(BayeuxError::TooDeep(self.limits.depth))
        } else if message.truthy(Field::Error).is_some() {
            Outcome::Refused
        } else {
            Outcome::Done
        };
        Request { message, peer, outcome, alone, policy, credentials, hook_decisions, rate_check: None }
    }

    /// Executes the verb of a message, and appends the reply.
    pub(super) fn execute_verb(&self, verb: Verb, request: &Request<'_>, out: &mut Vec<u8>) -> Done {
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
        if let Outcome::Failed(error) = &outcome {
            self.count_limit(error);
        }
        if !outcome.is_done() {
            self.metrics.error_replies.inc();
        }
        done
    }

    /// Counts a message that exceeds a limit. The checks do not count, because they run before the hook is asked too.
    fn count_limit(&self, error: &BayeuxError) {
        match error {
            BayeuxError::ChannelTooLong(_) => self.metrics.refuse(Reason::channel),
            BayeuxError::TooManySegments(_) => self.metrics.refuse(Reason::segments),
            BayeuxError::TooManySubscriptions(_) => self.metrics.refuse(Reason::subscriptions),
            _ => {}
        }
    }
}
