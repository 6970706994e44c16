//! Requests between instances: sends them, and handles those of other instances.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Duration;

use super::Cluster;
use super::messages::{ForwardedRequest, PreparedMessage, Request, Response};
use crate::auth::Credentials;
use crate::bayeux::{ClientId, Field, Message, parse};
use crate::cluster::RpcError;
use crate::redis::NodeId;
use crate::router::{PendingFlush, Session};
use crate::server::Server;
use crate::server::request::Origin;

impl Cluster {
    /// Sends a request to another instance, and waits at most `timeout` for the response.
    pub(super) async fn request(
        &self,
        node: NodeId,
        request: &Request,
        timeout: Duration,
    ) -> Result<Response, RpcError> {
        let request = serde_json::to_vec(request).unwrap_or_default();
        let response = self.rpc.call(node, &request, timeout).await?;
        serde_json::from_slice(&response).map_err(|error| {
            tracing::debug!(%error, "ignoring a malformed response of another instance");
            RpcError::Timeout
        })
    }
}

impl Server {
    /// Handles a request of another instance. Returns the response, which is empty for a malformed request.
    pub(super) async fn handle_request(self: &Arc<Self>, request: &Bytes) -> Vec<u8> {
        let response = match serde_json::from_slice(request) {
            Ok(request) => self.respond(request).await,
            Err(error) => {
                self.metrics.redis.malformed.inc();
                tracing::debug!(%error, "ignoring a malformed request of another instance");
                return Vec::new();
            }
        };
        serde_json::to_vec(&response).unwrap_or_default()
    }

    async fn respond(self: &Arc<Self>, request: Request) -> Response {
        let Some(cluster) = &self.cluster else { return Response::Failed };
        let parse_id = |id: &str| ClientId::parse(id.as_bytes());
        match request {
            Request::Export { id, received, request, replays } => {
                let Some(session) = parse_id(&id).and_then(|id| self.sessions.find(&id)) else {
                    return Response::NotOwner;
                };
                if request.is_some_and(|request| !self.is_of_client(&session, &request)) {
                    return Response::Unproven;
                }
                self.export(cluster, &session, &received, replays).await
            }
            Request::Commit { id, epoch } => {
                if let Some(session) = parse_id(&id).and_then(|id| self.sessions.find(&id)) {
                    self.end_fenced(&session, epoch - epoch.min(1), false);
                }
                Response::Done
            }
            Request::Forward { request } => self.execute_forwarded(&request).await,
            Request::Acquire { id } => match parse_id(&id) {
                Some(id)
                    if !cluster.is_draining() && self.acquire_session(cluster, &id, None).await.is_ok() =>
                {
                    Response::Done
                }
                _ => Response::Failed,
            },
        }
    }

    /// Whether a forwarded request proves that it comes from the client of a session.
    pub(super) fn is_of_client(&self, session: &Session, request: &ForwardedRequest) -> bool {
        if !session.ownership().is_bound() {
            return true;
        }
        let Some(peer) = request.peer() else { return false };
        let Some(message) = &request.message else { return self.is_proven(session, &peer) };
        let Some(mut message) = parse_one(message) else { return false };
        let policy = self.policy.load();
        let credentials: Credentials = policy.credentials(&mut message, &peer);
        session.ownership().is_proven(&policy.proof(&credentials, &peer))
    }

    /// Executes a message that another instance has forwarded.
    async fn execute_forwarded(self: &Arc<Self>, request: &ForwardedRequest) -> Response {
        let message = request.message.as_deref().and_then(parse_one);
        let (Some(message), Some(peer)) = (message, request.peer()) else { return Response::Failed };
        let id = message.text(Field::ClientId).and_then(|id| ClientId::parse(id.as_bytes()));
        if id.is_none_or(|id| self.sessions.find(&id).is_none()) {
            return Response::NotOwner;
        }
        let mut pending = PendingFlush::default();
        let prepared = request.prepared(&self.policy.load(), &peer);
        // The message is executed here even if the session leaves: it is not forwarded again.
        let origin = Origin::Instance(prepared.map(Box::new));
        let received = Box::pin(self.receive_and_wait(vec![message], &peer, &mut pending, origin)).await;
        pending.flush();
        drop(pending);
        if let Some(departed) = received.departed {
            let prepared = PreparedMessage::departed(&departed);
            return prepared.map_or(Response::NotOwner, |prepared| Response::Departed(Box::new(prepared)));
        }
        let mut replies = received.replies;
        for accepted in received.connects {
            // The connect of a stream keeps the session alive, and makes the stream receive its messages again.
            accepted.session.restore_stream();
            let reply = match accepted.reply {
                Some(reply) if accepted.is_unseen => self.outgoing(reply, &peer).await,
                reply => reply,
            };
            if let Some(reply) = reply {
                if !replies.is_empty() {
                    replies.push(b',');
                }
                replies.extend_from_slice(&reply);
            }
        }
        match String::from_utf8(replies) {
            Ok(replies) => Response::Replies { replies, cookie: received.cookie.map(|cookie| *cookie) },
            Err(_) => Response::Failed,
        }
    }
}

fn parse_one(message: &str) -> Option<Message> {
    parse::parse_one(&Bytes::copy_from_slice(message.as_bytes()))
}
