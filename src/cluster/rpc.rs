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
    /// The response did not arrive in time, may have been lost, or could not be read. The request may have been handled.
    #[error("no response from the other instance")]
    Timeout,
    /// Redis did not accept the request, as far as is known, or this instance could not receive the response.
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
    /// Pub/Sub drops a response that this instance is not subscribed to receive. So a request waits for the subscription, at
    /// most `redis.deadline`, and fails when that is lost.
    ///
    /// # Errors
    /// [`RpcError`] if there is no response.
    pub async fn call(&self, node: NodeId, request: &[u8], timeout: Duration) -> Result<Bytes, RpcError> {
        let mut subscription = self.client.subscription();
        let subscribed = subscription.wait_for(|subscription| subscription.is_active);
        let subscribed = tokio::time::timeout(self.client.settings().deadline, subscribed).await;
        let current = *subscribed.map_err(|_| RpcError::RedisDown)?.map_err(|_| RpcError::RedisDown)?;
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
        let response = async {
            tokio::select! {
                biased;
                response = receiver => response.ok(),
                _ = subscription.wait_for(|subscription| *subscription != current) => None,
            }
        };
        let response = tokio::time::timeout(timeout, response).await;
        response.ok().flatten().ok_or(RpcError::Timeout)
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

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::redis::fake;

    /// Longer than `redis.deadline`.
    const TIMEOUT: Duration = Duration::from_secs(600);

    fn rpc() -> Rpc {
        // One receiver of each request, which does not respond.
        let dial = fake::dial(|words| Some(if words[0] == "SPUBLISH" { b":1\r\n" } else { b"+OK\r\n" }));
        Rpc::new(Arc::new(fake::client(dial)), Arc::new(|_, _| Box::pin(async { Vec::new() })))
    }

    /// Responds to the pending request.
    fn respond(rpc: &Rpc) {
        let (_, pending) = rpc.pending.lock().drain().next().unwrap();
        pending.send(Bytes::new()).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_until_its_response_can_be_received() {
        let rpc = rpc();
        let call = rpc.call(rpc.client.me(), b"", TIMEOUT);
        let subscribe = async {
            tokio::time::sleep(rpc.client.settings().deadline / 2).await;
            assert!(rpc.pending.lock().is_empty());
            rpc.client.set_subscribed(true);
            while rpc.pending.lock().is_empty() {
                tokio::task::yield_now().await;
            }
            respond(&rpc);
        };
        let (response, ()) = tokio::join!(call, subscribe);
        assert!(response.is_ok(), "{response:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_a_subscription_is_not_sent() {
        let rpc = rpc();
        let response = rpc.call(rpc.client.me(), b"", TIMEOUT).await;
        assert!(matches!(response, Err(RpcError::RedisDown)), "{response:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_fails_when_its_response_may_be_lost() {
        let rpc = rpc();
        rpc.client.set_subscribed(true);
        let since = Instant::now();
        let call = rpc.call(rpc.client.me(), b"", TIMEOUT);
        let replace = async {
            while rpc.pending.lock().is_empty() {
                tokio::task::yield_now().await;
            }
            rpc.client.set_subscribed(false);
            rpc.client.set_subscribed(true);
        };
        let (response, ()) = tokio::join!(call, replace);
        assert!(matches!(response, Err(RpcError::Timeout)), "{response:?}");
        assert!(since.elapsed() < TIMEOUT);
        assert!(rpc.pending.lock().is_empty());
    }
}
