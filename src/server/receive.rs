//! The only entry for messages: handles the messages of a request or frame in order, synchronously unless an extension,
//! the authorization hook or another instance takes part. This module must not depend on single verbs.
//!
//! The steps of a message; those in parentheses happen only with extensions, a hook or other instances:
//!
//! 1. (route: another instance that owns the session executes all further steps)
//! 2. credentials are removed
//! 3. (extensions: `incoming`), and the missing data of a publication, if the dialect allows that
//! 4. (the checks of the verb: fields, limits, rates, policy; then the hook, where the policy asks it; then route again)
//! 5. the checks of the verb, with the counted rates and the decisions of the hook
//! 6. the verb, and its reply
//! 7. (extensions: `publication`), the broker, and for each receiver (extensions: `delivery`)
//! 8. (the acknowledgement of the broker and of the directory)
//! 9. (extensions: `reply`, for a held connect when it is answered)

use std::sync::Arc;

use super::Server;
use super::received::{Accepted, Received, Receiving};
use super::request::{Effects, Moved, Origin, Request};
use crate::auth::Policy;
use crate::bayeux::{Message, Verb};
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
        let is_alone = messages.len() == 1;
        let mut received = Received::default();
        for mut message in messages {
            let credentials = policy.credentials(&mut message, peer);
            self.add_missing_data(&mut message);
            let request = Request::new(message, credentials, peer, policy, is_alone);
            let mut effects = Effects::default();
            if request.verb == Verb::Connect {
                let mut reply = Vec::with_capacity(256);
                self.execute_alone(&request, &mut reply, &mut effects);
                match effects.accepted {
                    Some(accepted) => received.connects.push(Accepted { reply: Some(reply), ..accepted }),
                    None => received.begin().append(&mut reply),
                }
            } else {
                let out = received.begin();
                let begin = out.len();
                self.execute_alone(&request, out, &mut effects);
                if !effects.replays.is_empty() {
                    let mut reply = out.split_off(begin);
                    let replays = std::mem::take(&mut effects.replays);
                    self.begin_replays_now(&request.message, replays, &mut reply);
                    out.append(&mut reply);
                }
                received.keep(effects.cookie);
                if let Some(accepted) = effects.publish {
                    self.deliver(accepted, request.message, pending);
                }
            }
        }
        received
    }

    /// Executes a message where no session moves, because there is no other instance.
    fn execute_alone(&self, request: &Request<'_>, out: &mut Vec<u8>, effects: &mut Effects) {
        if let Err(Moved) = self.execute(request, out, effects) {
            debug_assert!(false, "a session has moved without a cluster");
            self.write_unreachable(&request.message, out);
        }
    }
}
