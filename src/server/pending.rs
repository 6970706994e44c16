//! Messages that extensions, the authorization hook or other instances take part in. Each message is prepared once; its
//! verb is executed again while its session moves between instances. Broker acknowledgements and directory writes are
//! awaited concurrently.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Server;
use super::cluster::{Cluster, DirectoryWrite, Routed};
use super::received::{Accepted, Received};
use super::request::{Origin, Prepared, Publish, Request};
use crate::auth::{Policy, excerpt};
use crate::bayeux::parse::parse_one;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{Advice, BayeuxError, Field, Message, Verb, channel};
use crate::broker::Receipt;
use crate::peer::Peer;
use crate::router::PendingFlush;

/// Maximum delay of the reply to a repeated connect whose session is unreachable.
const MAX_CONNECT_DELAY: Duration = Duration::from_secs(1);
/// Attempts to execute a message while its session moves.
const ATTEMPTS: usize = 20;
/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A message that was executed on this instance.
struct Executed {
    message: Message,
    reply: Vec<u8>,
    accepted: Option<Accepted>,
    receipt: Option<Receipt>,
    /// A publication, reported once the broker has accepted it.
    publish: Option<Publish>,
    directory_write: Option<DirectoryWrite>,
}

/// A part of the response to a request or frame.
enum ReplyPart {
    /// Final replies: JSON objects separated by commas.
    Ready(Vec<u8>),
    Executed(Box<Executed>),
}

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
        let alone = messages.len() == 1;
        let mut received = Received::default();
        let mut parts = Vec::new();
        let mut has_waited = false;
        let (may_move, mut prepared) = match origin {
            Origin::Client => (self.cluster.is_some(), None),
            Origin::Instance(prepared) => (false, prepared.map(|prepared| *prepared)),
        };
        let may_wait = !self.pipeline.is_empty() || policy.uses_hook();
        for message in messages {
            let mut prepared = prepared.take();
            // The session may move to another instance while the message is prepared or executed here.
            for attempt in 0.. {
                if may_move {
                    match self.route(&message, prepared.as_ref(), peer, &policy).await {
                        Routed::Here => {}
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
                if prepared.is_none() {
                    prepared = self.prepare(message.clone(), peer, &policy, pending).await;
                    if may_move && may_wait && prepared.is_some() {
                        // The session may have moved during the extensions or the hook.
                        continue;
                    }
                }
                // An extension dropped the message.
                let Some(ready) = prepared.take() else { break };
                match self.execute(ready, peer, &policy, alone, &mut received, pending).await {
                    Err(ready) if may_move && attempt < ATTEMPTS => {
                        prepared = Some(*ready);
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                    Err(_) if may_move => {
                        let reply = self.unreachable_reply(&message, peer, &mut has_waited, &mut received);
                        parts.push(ReplyPart::Ready(reply.await));
                        break;
                    }
                    Err(_) => {
                        received.has_departed = true;
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
    async fn prepare(
        &self,
        mut message: Message,
        peer: &Arc<Peer>,
        policy: &Policy,
        pending: &mut PendingFlush,
    ) -> Option<Prepared> {
        let credentials = policy.credentials(&mut message, peer);
        let mut message = self.pipeline.incoming(message, peer, || pending.flush()).await?;
        let (hook_decisions, rate_check) =
            self.ask_hook(policy, &mut message, &credentials, peer, pending).await;
        Some(Prepared { message, credentials, hook_decisions, rate_check })
    }

    /// Executes the verb of a message.
    ///
    /// # Errors
    /// The message, if its session belongs to another instance by now.
    async fn execute(
        &self,
        prepared: Prepared,
        peer: &Arc<Peer>,
        policy: &Policy,
        alone: bool,
        received: &mut Received,
        pending: &mut PendingFlush,
    ) -> Result<Executed, Box<Prepared>> {
        let Prepared { message, credentials, hook_decisions, rate_check } = &prepared;
        let mut reply = Vec::with_capacity(256);
        let request = self.request(message, peer, alone, policy, credentials, hook_decisions);
        let request = Request { rate_check: Some(rate_check), ..request };
        let verb = message.verb();
        let done = self.execute_verb(verb, &request, &mut reply);
        received.keep(done.cookie);
        if done.has_departed {
            return Err(Box::new(prepared));
        }
        let mut receipt = None;
        if let Some(accepted) = &done.publish
            // Messages to `/service/` are for the server only.
            && !channel::is_service(&accepted.channel)
            && let Some(filtered) = self.pipeline.publication(message.clone(), || pending.flush()).await
        {
            receipt = Some(self.publish_to_broker(accepted, filtered, pending));
        }
        let directory_write = match (done.begun, verb) {
            _ if self.cluster.is_none() => None,
            (Some(id), _) => Some(DirectoryWrite::Created(id)),
            // A refused array keeps the channels before the refused one.
            (None, Verb::Subscribe | Verb::Unsubscribe) => {
                Some(DirectoryWrite::Subscriptions(Box::new(message.clone())))
            }
            _ => None,
        };
        Ok(Executed {
            message: prepared.message,
            reply,
            accepted: done.accepted,
            receipt,
            publish: done.publish,
            directory_write,
        })
    }

    /// Completes a message immediately on a single node. In a cluster, returns it, and the caller completes all messages
    /// together.
    async fn complete_now(
        &self,
        mut executed: Executed,
        received: &mut Received,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) -> Option<ReplyPart> {
        if self.cluster.is_some() {
            return Some(ReplyPart::Executed(Box::new(executed)));
        }
        self.await_writes(&mut executed).await;
        self.complete(executed, received, peer, pending).await;
        None
    }

    /// Awaits the broker acknowledgements and directory writes of all messages, then completes the replies.
    async fn complete_all(
        &self,
        mut parts: Vec<ReplyPart>,
        received: &mut Received,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) {
        let waiting = parts.iter_mut().filter_map(|part| match part {
            ReplyPart::Ready(_) => None,
            ReplyPart::Executed(executed) => Some(self.await_writes(executed)),
        });
        futures_util::future::join_all(waiting).await;
        for part in parts {
            match part {
                ReplyPart::Ready(replies) if replies.is_empty() => {}
                ReplyPart::Ready(replies) => received.begin().extend_from_slice(&replies),
                ReplyPart::Executed(executed) => self.complete(*executed, received, peer, pending).await,
            }
        }
    }

    async fn await_writes(&self, executed: &mut Executed) {
        if let Some(directory_write) = executed.directory_write.take() {
            self.write_directory(&directory_write).await;
        }
        let Some(publish) = executed.publish.take() else { return };
        let outcome = match executed.receipt.take() {
            Some(receipt) => receipt.outcome().await,
            None => Ok(()),
        };
        if outcome.is_ok() {
            return self.report_publication(publish, &executed.message);
        }
        self.metrics.error_replies.inc();
        executed.reply.clear();
        let outcome = Outcome::Failed(BayeuxError::Unaccepted);
        tracing::debug!(
            verb = "publish",
            channel = excerpt(&publish.channel),
            "refused: not accepted by Redis"
        );
        reply::plain(&mut executed.reply, &executed.message, &outcome, true);
    }

    async fn complete(
        &self,
        executed: Executed,
        received: &mut Received,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) {
        let Executed { reply, accepted, .. } = executed;
        match accepted {
            Some(accepted) if !accepted.hold.is_zero() => {
                let is_unseen = self.pipeline.sees_replies();
                received.connects.push(Accepted { reply: Some(reply), is_unseen, ..accepted });
            }
            accepted => {
                let reply = self.filter_reply(reply, peer, || pending.flush()).await;
                match (accepted, reply) {
                    (Some(accepted), reply) => received.connects.push(Accepted { reply, ..accepted }),
                    (None, Some(reply)) => received.begin().extend_from_slice(&reply),
                    (None, None) => {}
                }
            }
        }
    }

    /// Passes the reply to a held connect through the extensions when it is sent. Returns `None` if an extension drops
    /// it.
    pub async fn outgoing(&self, reply: Vec<u8>, peer: &Arc<Peer>) -> Option<Vec<u8>> {
        // Boxed, since every connection reserves room for this future for as long as it lives.
        Box::pin(self.filter_reply(reply, peer, || {})).await
    }

    /// Passes a reply through the extensions that see replies. Returns `None` if an extension drops it.
    async fn filter_reply(
        &self,
        reply: Vec<u8>,
        peer: &Arc<Peer>,
        before_wait: impl FnMut(),
    ) -> Option<Vec<u8>> {
        if !self.pipeline.sees_replies() {
            return Some(reply);
        }
        let message = parse_one(&Bytes::from(reply))?;
        let message = self.pipeline.reply(message, peer, before_wait).await?;
        let mut out = Vec::with_capacity(message.size());
        message.write(&mut out, |_| true);
        Some(out)
    }

    /// Returns the reply to a message whose session is unreachable for now; the client retries. Repeated connects are
    /// delayed here instead of with a longer `advice.interval`, which some clients read as seconds. The connects of one
    /// request are delayed once.
    async fn unreachable_reply(
        &self,
        message: &Message,
        peer: &Peer,
        has_waited: &mut bool,
        received: &mut Received,
    ) -> Vec<u8> {
        self.metrics.error_replies.inc();
        received.is_leaving |= self.cluster.as_ref().is_some_and(Cluster::is_draining);
        if message.verb() == Verb::Connect {
            let address = peer.address.map(|address| address.ip());
            // Counted apart from other failures of the session, which the client has to recover from.
            let presented = [b"503 ", message.get(Field::ClientId).unwrap_or_default()].concat();
            let wait = self.backoff.failed_within(MAX_CONNECT_DELAY, address, &presented);
            if wait > 0 && !std::mem::replace(has_waited, true) {
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
        }
        let mut out = Vec::with_capacity(256);
        let outcome = Outcome::Failed(BayeuxError::Unreachable);
        match message.verb() {
            Verb::Connect => {
                let advice = Advice { retry: true, interval: 0, timeout: super::milliseconds(self.timeout) };
                reply::connect(&mut out, message, &outcome, advice);
            }
            Verb::Subscribe | Verb::Unsubscribe => reply::subscription(&mut out, message, &outcome),
            _ => reply::plain(&mut out, message, &outcome, true),
        }
        out
    }
}
