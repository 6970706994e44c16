//! Messages that extensions, the authorization hook or other instances take part in. Each message is prepared once; its
//! verb is executed again while its session moves between instances. Broker acknowledgements and directory writes are
//! awaited concurrently.

use std::sync::Arc;
use std::time::Duration;

use super::Server;
use super::cluster::{DirectoryWrite, Routed};
use super::completion::{Executed, ReplyPart};
use super::received::Received;
use super::request::{Effects, Moved, Origin, Request, Sender};
use crate::auth::Policy;
use crate::bayeux::{Message, Verb, channel};
use crate::peer::Peer;
use crate::router::PendingFlush;

/// Attempts to execute a message while its session moves. The times of a hand-off are in `cluster::timeouts`.
const ATTEMPTS: usize = 20;
/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

impl Server {
    /// Handles messages as [`Server::receive`] does.
    pub(super) async fn receive_and_wait(
        &self,
        messages: Vec<Message>,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
        origin: Origin,
    ) -> Received {
        let policy = self.policy.load_full();
        let is_alone = messages.len() == 1;
        let mut received = Received::default();
        let mut parts = Vec::new();
        let mut has_waited = false;
        let (is_forwarded, mut prepared) = match origin {
            Origin::Client => (false, None),
            Origin::Instance(prepared) => (true, prepared),
        };
        let may_move = self.cluster.is_some() && !is_forwarded;
        let may_wait = !self.pipeline.is_empty() || policy.uses_hook();
        for message in messages {
            let mut request = prepared.take().map(|prepared| Request::of(*prepared, peer, &policy));
            // The session may move to another instance while the message is prepared or executed here.
            for attempt in 0.. {
                if may_move {
                    match self.route(&message, request.as_ref(), peer, &policy).await {
                        Routed::Here => {}
                        Routed::Prepared(prepared) => {
                            let mut prepared = Request::of(*prepared, peer, &policy);
                            prepared.is_alone = is_alone;
                            request = Some(prepared);
                        }
                        Routed::Forwarded { replies, cookie } => {
                            received.keep(cookie);
                            parts.push(ReplyPart::Ready(replies.into_bytes()));
                            break;
                        }
                        Routed::Unreachable => {
                            let reply =
                                self.unreachable_reply(&message, peer, &mut has_waited, &mut received);
                            parts.push(ReplyPart::Ready(reply.await));
                            break;
                        }
                    }
                }
                if request.is_none() {
                    request = self.prepare(message.clone(), peer, &policy, is_alone, pending).await;
                    if may_move && may_wait && request.is_some() {
                        // The session may have moved during the extensions or the hook.
                        continue;
                    }
                }
                // An extension dropped the message.
                let Some(mut ready) = request.take() else { break };
                ready.forget_sender();
                if is_forwarded && matches!(ready.sender(self), Sender::Unknown) {
                    // The session was here when the message arrived.
                    received.departed = Some(Box::new(ready.into_prepared()));
                    break;
                }
                match self.execute_and_publish(ready, &mut received, pending).await {
                    Err(ready) if may_move && attempt < ATTEMPTS => {
                        request = Some(*ready);
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                    Err(_) if may_move => {
                        let reply = self.unreachable_reply(&message, peer, &mut has_waited, &mut received);
                        parts.push(ReplyPart::Ready(reply.await));
                        break;
                    }
                    Err(departed) => {
                        received.departed = Some(Box::new(departed.into_prepared()));
                        break;
                    }
                    Ok(executed) => {
                        parts.extend(self.complete_now(executed, &mut received, peer, pending).await);
                        break;
                    }
                }
            }
        }
        if !parts.is_empty() {
            pending.flush();
            self.complete_all(parts, &mut received, peer, pending).await;
        }
        received
    }

    /// Passes a message through extensions and the authorization hook. Returns `None` if an extension drops it.
    async fn prepare<'a>(
        &self,
        mut message: Message,
        peer: &'a Arc<Peer>,
        policy: &'a Policy,
        is_alone: bool,
        pending: &mut PendingFlush,
    ) -> Option<Request<'a>> {
        let credentials = policy.credentials(&mut message, peer);
        let mut message = self.pipeline.incoming(message, peer, || pending.flush()).await?;
        self.add_missing_data(&mut message);
        let mut request = Request::new(message, credentials, peer, policy, is_alone);
        if policy.uses_hook() {
            self.ask_hook(&mut request, pending).await;
        }
        Some(request)
    }

    /// Executes the verb of a message, and publishes its publication.
    ///
    /// # Errors
    /// The message, if its session belongs to another instance by now.
    async fn execute_and_publish<'a>(
        &self,
        request: Request<'a>,
        received: &mut Received,
        pending: &mut PendingFlush,
    ) -> Result<Executed, Box<Request<'a>>> {
        let mut reply = Vec::with_capacity(256);
        let mut effects = Effects::default();
        let executed = self.execute(&request, &mut reply, &mut effects);
        let Effects { cookie, accepted, publish, begun, replays } = effects;
        received.keep(cookie);
        if let Err(Moved) = executed {
            return Err(Box::new(request));
        }
        let Request { message, verb, .. } = request;
        let (mut receipt, mut published) = (None, None);
        if let Some(publish) = &publish {
            // Messages to `/service/` are for the server only.
            let is_service = channel::is_service(&publish.channel);
            let filtered = if is_service {
                Some(message.clone())
            } else {
                self.pipeline.publication(message.clone(), || pending.flush()).await
            };
            published = filtered.as_ref().filter(|_| self.is_listened_to()).cloned();
            if let Some(filtered) = filtered.filter(|_| !is_service) {
                receipt = Some(self.publish_to_broker(publish, filtered, pending));
            }
        }
        let directory_write = match (begun, verb) {
            _ if self.cluster.is_none() => None,
            (Some(id), _) => Some(DirectoryWrite::Created(id)),
            // A refused array keeps the channels before the refused one.
            (None, Verb::Subscribe | Verb::Unsubscribe) => {
                Some(DirectoryWrite::Subscriptions(Box::new(message.clone())))
            }
            _ => None,
        };
        Ok(Executed { message, reply, accepted, receipt, publish, published, directory_write, replays })
    }
}
