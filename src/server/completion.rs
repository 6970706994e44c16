//! The end of a message that waits: awaits the broker acknowledgement and the write to the directory, passes the reply
//! through the extensions, and adds it to the response. This module must not depend on single verbs.

use std::sync::Arc;

use bytes::Bytes;

use super::Server;
use super::cluster::DirectoryWrite;
use super::received::{Accepted, Received};
use super::replay_plan::ReplayPlan;
use super::request::Publish;
use crate::auth::excerpt;
use crate::bayeux::parse::parse_one;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Message};
use crate::broker::Receipt;
use crate::peer::Peer;
use crate::router::PendingFlush;

/// A message that was executed on this instance.
pub(super) struct Executed {
    pub(super) message: Message,
    pub(super) reply: Vec<u8>,
    pub(super) accepted: Option<Accepted>,
    pub(super) receipt: Option<Receipt>,
    /// A publication, reported once the broker has accepted it.
    pub(super) publish: Option<Publish>,
    /// The message as it was published, for event listeners; `None` if an extension dropped it.
    pub(super) published: Option<Message>,
    pub(super) directory_write: Option<DirectoryWrite>,
    /// The replays of new subscriptions.
    pub(super) replays: Vec<ReplayPlan>,
}

/// A part of the response to a request or frame.
pub(super) enum ReplyPart {
    /// Final replies: JSON objects separated by commas.
    Ready(Vec<u8>),
    Executed(Box<Executed>),
}

impl Server {
    /// Completes a message immediately on a single node. In a cluster, returns it, and the caller completes all messages
    /// together.
    pub(super) async fn complete_now(
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
    pub(super) async fn complete_all(
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
        let mut is_written = true;
        if let Some(directory_write) = executed.directory_write.take() {
            is_written = self.write_directory(&directory_write).await;
        }
        let replays = std::mem::take(&mut executed.replays);
        if !replays.is_empty() {
            self.begin_replays(&executed.message, replays, &mut executed.reply).await;
        }
        if !is_written {
            self.metrics.error_replies.inc();
            executed.reply.clear();
            self.write_unreachable(&executed.message, &mut executed.reply);
        }
        let Some(publish) = executed.publish.take() else { return };
        let outcome = match executed.receipt.take() {
            Some(receipt) => receipt.outcome().await,
            None => Ok(()),
        };
        if outcome.is_ok() {
            return self.report_publication(publish, executed.published.as_ref());
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
}
