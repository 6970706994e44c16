//! Messages that extensions, the application or other instances have a say in. Each is prepared once, and its verb is executed
//! again while its session moves between instances. Broker acknowledgements and directory writes are awaited concurrently.

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

/// The longest time for which a connect is kept waiting that has failed before because its session cannot be reached.
const AGAIN: Duration = Duration::from_secs(1);
/// Attempts to execute a message while its session moves.
const ATTEMPTS: usize = 20;
/// The pause between two attempts.
const LOOK: Duration = Duration::from_millis(20);

/// A message that was carried out here.
struct Carried {
    message: Message,
    reply: Vec<u8>,
    accepted: Option<Accepted>,
    receipt: Option<Receipt>,
    /// A publication, which is told of once it is accepted.
    publish: Option<Publish>,
    note: Option<DirectoryWrite>,
}

/// What becomes a reply.
enum Part {
    /// Objects with commas between them, which nobody looks at any more.
    Ready(Vec<u8>),
    Carried(Box<Carried>),
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
                            parts.push(Part::Ready(replies.into_bytes()));
                            break;
                        }
                        Routed::Unreachable => {
                            let reply = self.out_of_reach(&message, peer, &mut has_waited, &mut received);
                            parts.push(Part::Ready(reply.await));
                            break;
                        }
                    }
                }
                if prepared.is_none() {
                    prepared = self.prepare(message.clone(), peer, &policy, pending).await;
                    if may_move && may_wait && prepared.is_some() {
                        // The session may have moved while extensions or the application had the message.
                        continue;
                    }
                }
                // An extension has dropped the message.
                let Some(ready) = &prepared else { break };
                match self.execute(ready, peer, &policy, alone, &mut received, pending).await {
                    (_, true) if may_move && attempt < ATTEMPTS => tokio::time::sleep(LOOK).await,
                    (_, true) if may_move => {
                        let reply = self.out_of_reach(&message, peer, &mut has_waited, &mut received);
                        parts.push(Part::Ready(reply.await));
                        break;
                    }
                    (carried, has_departed) => {
                        received.has_departed |= has_departed;
                        parts.extend(self.finish_now(carried, &mut received, peer, pending).await);
                        break;
                    }
                }
            }
        }
        if !parts.is_empty() {
            pending.flush();
            self.finish_all(parts, &mut received, peer, pending).await;
        }
        received
    }

    /// Has extensions and the application see a message. `None` if an extension drops it.
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

    /// Executes the verb of a message. Returns also whether its session belongs to another instance by now.
    async fn execute(
        &self,
        prepared: &Prepared,
        peer: &Arc<Peer>,
        policy: &Policy,
        alone: bool,
        received: &mut Received,
        pending: &mut PendingFlush,
    ) -> (Carried, bool) {
        let Prepared { message, credentials, hook_decisions, rate_check } = prepared;
        let mut reply = Vec::with_capacity(256);
        let request = self.request(message, peer, alone, policy, credentials, hook_decisions);
        let request = Request { rate_check: Some(rate_check), ..request };
        let verb = message.verb();
        let done = self.carry_out(verb, &request, &mut reply);
        received.keep(done.cookie);
        let mut receipt = None;
        if let Some(accepted) = &done.publish
            // Messages to /service/ are for the server alone.
            && !channel::is_service(&accepted.channel)
            && let Some(seen) = self.pipeline.publication(message.clone(), || pending.flush()).await
        {
            receipt = Some(self.spread(accepted, seen, pending));
        }
        let note = match (done.begun, verb) {
            _ if self.cluster.is_none() => None,
            (Some(id), _) => Some(DirectoryWrite::Created(id)),
            // Of an array that was refused, the channels before the bad one stay.
            (None, Verb::Subscribe | Verb::Unsubscribe) => {
                Some(DirectoryWrite::Subscriptions(Box::new(message.clone())))
            }
            _ => None,
        };
        let message = message.clone();
        let carried =
            Carried { message, reply, accepted: done.accepted, receipt, publish: done.publish, note };
        (carried, done.has_departed)
    }

    /// Finishes a message at once, unless other instances have a say in it.
    async fn finish_now(
        &self,
        mut carried: Carried,
        received: &mut Received,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) -> Option<Part> {
        if self.cluster.is_some() {
            return Some(Part::Carried(Box::new(carried)));
        }
        self.wait_for(&mut carried).await;
        self.finish(carried, received, peer, pending).await;
        None
    }

    /// Waits until every publication is accepted or not, and everything noted; then finishes the replies.
    async fn finish_all(
        &self,
        mut parts: Vec<Part>,
        received: &mut Received,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) {
        let waiting = parts.iter_mut().filter_map(|part| match part {
            Part::Ready(_) => None,
            Part::Carried(carried) => Some(self.wait_for(carried)),
        });
        futures_util::future::join_all(waiting).await;
        for part in parts {
            match part {
                Part::Ready(replies) if replies.is_empty() => {}
                Part::Ready(replies) => received.begin().extend_from_slice(&replies),
                Part::Carried(carried) => self.finish(*carried, received, peer, pending).await,
            }
        }
    }

    async fn wait_for(&self, carried: &mut Carried) {
        if let Some(note) = carried.note.take() {
            self.write_directory(&note).await;
        }
        let Some(publish) = carried.publish.take() else { return };
        let outcome = match carried.receipt.take() {
            Some(receipt) => receipt.outcome().await,
            None => Ok(()),
        };
        if outcome.is_ok() {
            return self.tell_of(publish, &carried.message);
        }
        self.metrics.error_replies.inc();
        carried.reply.clear();
        let outcome = Outcome::Failed(BayeuxError::Unaccepted);
        tracing::debug!(
            verb = "publish",
            channel = excerpt(&publish.channel),
            "refused: not accepted by Redis"
        );
        reply::plain(&mut carried.reply, &carried.message, &outcome, true);
    }

    async fn finish(
        &self,
        carried: Carried,
        received: &mut Received,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) {
        let Carried { reply, accepted, .. } = carried;
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

    /// Runs the reply to a connect that was held through the extensions, when it leaves. `None` if one drops it.
    pub async fn outgoing(&self, reply: Vec<u8>, peer: &Arc<Peer>) -> Option<Vec<u8>> {
        // On the heap, since every connection has room for this function for as long as it lives.
        Box::pin(self.filter_reply(reply, peer, || {})).await
    }

    /// Runs a reply through the extensions that see replies. `None` if one drops it.
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

    /// The reply to a message if its session cannot be reached now: the client tries again. If it has done so before, its
    /// connect is answered later instead of with a longer interval, which some clients take for seconds; the connects of
    /// one request together wait once.
    async fn out_of_reach(
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
            // Failures of its session are counted apart: they are the client's to recover from.
            let presented = [b"503 ", message.get(Field::ClientId).unwrap_or_default()].concat();
            let wait = self.backoff.failed_within(AGAIN, address, &presented);
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
