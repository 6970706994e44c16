//! Routes a message to its session: the session is here, or is acquired, or the message is forwarded to its owner.

use std::sync::Arc;

use super::Cluster;
use super::handoff::AcquireError;
use super::messages::{ForwardedRequest, PreparedMessage, Request, Response, text_of};
use super::timeouts;
use crate::auth::{Cookie, Policy};
use crate::bayeux::{ClientId, Field, Message, Verb};
use crate::cluster::RpcError;
use crate::peer::Peer;
use crate::router::Session;
use crate::server::Server;
use crate::server::prepared::Prepared;
use crate::server::request;

/// Where a message is executed.
pub(crate) enum Routed {
    /// On this instance.
    Here,
    /// On this instance. A previous owner of the session has prepared the message and has not executed it.
    Prepared(Box<Prepared>),
    /// It was executed on another instance.
    Forwarded {
        /// The replies: objects with commas between them.
        replies: String,
        /// A cookie for the browser.
        cookie: Option<Cookie>,
    },
    /// Nowhere for now.
    Unreachable,
}

impl Server {
    /// Routes a message to the instance that owns its session: the session moves here, or its owner executes the message.
    /// `prepared` is the request if the message was prepared here already.
    pub(in crate::server) async fn route(
        &self,
        message: &Message,
        prepared: Option<&request::Request<'_>>,
        peer: &Arc<Peer>,
        policy: &Policy,
    ) -> Routed {
        let Some(cluster) = &self.cluster else { return Routed::Here };
        let verb = message.verb();
        let id = message.text(Field::ClientId).and_then(|id| ClientId::parse(id.as_bytes()));
        let Some(id) = id.filter(|_| !matches!(verb, Verb::Handshake | Verb::UnknownMeta)) else {
            return Routed::Here;
        };
        if verb == Verb::Publish && !self.needs_session(message, policy) {
            return Routed::Here;
        }
        if self.is_here(cluster, &id).await {
            return Routed::Here;
        }
        let request = ForwardedRequest::new(peer, text_of(message));
        let mut request = request.with(prepared.and_then(PreparedMessage::of));
        let is_stream = message.text(Field::ConnectionType).as_deref() == Some("eventsource");
        let routed = if verb == Verb::Connect && !is_stream {
            self.acquire_for(cluster, &id, &request).await
        } else {
            self.forward(cluster, &id, &mut request, verb).await
        };
        if matches!(routed, Routed::Here)
            && prepared.is_none()
            && let Some(prepared) = request.prepared(policy, peer)
        {
            return Routed::Prepared(Box::new(prepared));
        }
        if matches!(routed, Routed::Unreachable) {
            self.metrics.cluster.forward_errors.inc();
        }
        routed
    }

    /// Returns the session with this identifier for a stream, after acquiring it if another instance owns it.
    pub async fn session_anywhere(&self, id: &ClientId, peer: &Arc<Peer>) -> Option<Arc<Session>> {
        let Some(cluster) = &self.cluster else { return self.sessions.find(id) };
        if !self.is_here(cluster, id).await
            && let Routed::Unreachable =
                self.acquire_for(cluster, id, &ForwardedRequest::new(peer, None)).await
        {
            self.metrics.cluster.forward_errors.inc();
            return None;
        }
        self.sessions.find(id)
    }

    /// Whether the rights, the rate limits or the events of a publication depend on its session.
    fn needs_session(&self, message: &Message, policy: &Policy) -> bool {
        let channel = message.text(Field::Channel).unwrap_or_default();
        policy.rule(&channel).publish.token || policy.counts_publications() || self.is_listened_to()
    }

    /// Whether this instance has a session and owns it.
    async fn is_here(&self, cluster: &Cluster, id: &ClientId) -> bool {
        let Some(session) = self.sessions.find(id) else { return false };
        if self.is_exporting(cluster, &session).await {
            return false;
        }
        if cluster.unflushed.is_in_doubt() {
            // If Redis is down, the client is served: it has reached this instance.
            return self.keep(cluster, &session).await.unwrap_or(true);
        }
        true
    }

    /// Acquires a session for a request of its client.
    async fn acquire_for(&self, cluster: &Cluster, id: &ClientId, request: &ForwardedRequest) -> Routed {
        if cluster.is_draining() {
            return Routed::Unreachable;
        }
        match self.acquire_session(cluster, id, Some(request)).await {
            // Without proof the reply is the same as without a session.
            Ok(_) | Err(AcquireError::NotFound | AcquireError::Unproven) => Routed::Here,
            Err(AcquireError::Unavailable) => Routed::Unreachable,
        }
    }

    /// Forwards a message to the owner of its session. Extensions and the hook process it once, unless an owner is lost while
    /// it executes the message.
    async fn forward(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        request: &mut ForwardedRequest,
        verb: Verb,
    ) -> Routed {
        for _ in 0..timeouts::FORWARDS {
            let owner = match cluster.directory.find(id).await {
                Ok(Some(record)) if record.owner == cluster.me() => break,
                // With acknowledged delivery such a connect waits for messages, which its stream does not get.
                Ok(Some(record)) if verb == Verb::Connect && record.next_reply.is_some() => break,
                Ok(Some(record)) => record.owner,
                Ok(None) => return Routed::Here,
                Err(_) => return Routed::Unreachable,
            };
            let forward = Request::Forward { request: request.copied() };
            match cluster.request(owner, &forward, timeouts::REQUEST).await {
                Ok(Response::Replies { replies, cookie }) => {
                    self.metrics.cluster.forwarded.inc();
                    return Routed::Forwarded { replies, cookie };
                }
                // The owner is exporting the session, or has done so.
                Ok(Response::Departed(prepared)) => {
                    request.prepared = Some(*prepared);
                    tokio::time::sleep(timeouts::RETRY_PAUSE).await;
                }
                Ok(_) => tokio::time::sleep(timeouts::RETRY_PAUSE).await,
                // It may have been published. The other verbs may be executed twice.
                Err(RpcError::Timeout) if verb == Verb::Publish => return Routed::Unreachable,
                Err(_) => break,
            }
        }
        self.acquire_for(cluster, id, request).await
    }
}
