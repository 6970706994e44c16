//! Requests from one instance to another, and their responses, over Pub/Sub. The bodies are opaque here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::sync::{Semaphore, oneshot};

use super::frame::Frame;
use crate::redis::{Client, NodeId, RedisError};

/// Requests of other instances that are handled concurrently.
const CONCURRENT: usize = 4096;

/// Handles a request of another instance. Returns the response.
pub type RequestHandler = Arc<dyn Fn(NodeId, Bytes) -> BoxFuture<'static, Vec<u8>> + Send + Sync>;

/// Why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The other instance is not subscribed to its channel. It has not received the request.
    #[error("the other instance is not subscribed")]
    NotSubscribed,
    /// The response did not arrive in time, or could not be read. The request may have been handled.
    #[error("no response from the other instance within redis.deadline")]
    Timeout,
    /// Redis did not accept the request, as far as is known.
    #[error("Redis is down")]
    RedisDown,
}

/// Sends and receives requests, for one instance.
pub struct Rpc {
    client: Arc<Client>,
    handler: RequestHandler,
    /// Requests that wait for their responses, by serial number.
    pending: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    next_serial: AtomicU64,
    permits: Arc<Semaphore>,
}

/// Removes a request from the pending ones when its caller is done.
struct Pending<'a>(&'a Rpc, u64);

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pending.lock().remove(&self.1);
    }
}

impl Rpc {
    /// Creates the RPC of an instance. The Pub/Sub connection has to pass the frames of the channel of this instance to
    /// [`Rpc::receive`].
    #[must_use]
    pub fn new(client: Arc<Client>, handler: RequestHandler) -> Self {
        let permits = Arc::new(Semaphore::new(CONCURRENT));
        Self { client, handler, pending: Mutex::default(), next_serial: AtomicU64::new(1), permits }
    }

    /// Sends a request to another instance, and waits at most `timeout` for the response.
    ///
    /// # Errors
    /// [`RpcError`] if there is no response.
    pub async fn call(&self, node: NodeId, request: &[u8], timeout: Duration) -> Result<Bytes, RpcError> {
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.pending.lock().insert(serial, sender);
        let _pending = Pending(self, serial);
        let receivers = self.send(node, true, serial, request).await.map_err(|error| {
            tracing::debug!(%error, "cannot send a request to another instance");
            RpcError::RedisDown
        })?;
        if receivers == 0 {
            return Err(RpcError::NotSubscribed);
        }
        let response = tokio::time::timeout(timeout, receiver).await;
        response.map_err(|_| RpcError::Timeout)?.map_err(|_| RpcError::Timeout)
    }

    /// Publishes a frame to an instance. Returns the number of receivers.
    async fn send(
        &self,
        node: NodeId,
        is_request: bool,
        serial: u64,
        body: &[u8],
    ) -> Result<u64, RedisError> {
        let frame = Frame { is_request, sender: self.client.me(), serial, body };
        let mut command = redis::cmd("SPUBLISH");
        command.arg(self.client.keys().rpc(node)).arg(frame.encode());
        let reply: Value = self.client.run(&command).await?;
        u64::from_redis_value(reply).map_err(|_| RedisError::Unexpected)
    }

    /// Handles a frame that another instance sent to this one.
    pub fn receive(self: &Arc<Self>, payload: &[u8]) {
        let Some(Frame { is_request, sender, serial, body }) = Frame::decode(payload) else {
            self.client.metrics().redis.malformed.inc();
            return;
        };
        let body = Bytes::copy_from_slice(body);
        if !is_request {
            if let Some(pending) = self.pending.lock().remove(&serial) {
                // The caller may have given up.
                let _ = pending.send(body);
            }
            return;
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            tracing::warn!("too many pending requests of other instances; dropping one");
            return;
        };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let response = (this.handler)(sender, body).await;
            if let Err(error) = this.send(sender, false, serial, &response).await {
                tracing::debug!(%error, "cannot send a response to another instance");
            }
            drop(permit);
        });
    }
}
