//! Questions from one instance to another, and their answers. What is asked is not known here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::sync::{Semaphore, oneshot};

use super::Redis;
use super::frame::NodeId;
use super::link::Unavailable;

/// Questions of others that are worked on at one time.
const AT_ONE_TIME: usize = 4096;
/// Bytes of a question or an answer: a full mailbox and what is around it.
const LONGEST: usize = 256 * 1024 * 1024;
/// The version of the format.
const VERSION: &str = "1";

/// Answers what another instance asks.
pub type Answer = Arc<dyn Fn(NodeId, Bytes) -> BoxFuture<'static, Vec<u8>> + Send + Sync>;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// Nobody listens under that name.
    #[error("the other instance is not subscribed")]
    NotThere,
    /// No answer came in time.
    #[error("no response from the other instance within redis.deadline")]
    Silent,
    /// Redis did not take the question.
    #[error("Redis is down")]
    Unavailable,
}

/// Questions that wait for their answers.
pub(super) struct Calls {
    pending: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    next: AtomicU64,
    room: Arc<Semaphore>,
}

impl Default for Calls {
    fn default() -> Self {
        let room = Arc::new(Semaphore::new(AT_ONE_TIME));
        Self { pending: Mutex::default(), next: AtomicU64::new(1), room }
    }
}

/// Forgets a question that nobody waits for any more.
struct Waiting<'a>(&'a Calls, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.pending.lock().remove(&self.1);
    }
}

impl Redis {
    /// Asks another instance.
    ///
    /// # Errors
    /// [`Unanswered`] if it does not listen, or does not answer for so long.
    pub async fn call(&self, node: NodeId, question: &[u8], patience: Duration) -> Result<Bytes, Unanswered> {
        let serial = self.calls.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.calls.pending.lock().insert(serial, sender);
        let _waiting = Waiting(&self.calls, serial);
        let listening = self.say(node, "c", serial, question).await.map_err(|error| {
            tracing::debug!(%error, "cannot send a request to another instance");
            Unanswered::Unavailable
        })?;
        if listening == 0 {
            return Err(Unanswered::NotThere);
        }
        let answer = tokio::time::timeout(patience, receiver).await;
        answer.map_err(|_| Unanswered::Silent)?.map_err(|_| Unanswered::Silent)
    }

    /// Says something to an instance. How many listened.
    async fn say(&self, node: NodeId, kind: &str, serial: u64, body: &[u8]) -> Result<u64, Unavailable> {
        let line = format!("{VERSION} {kind} {} {serial}\n", self.shared.me);
        let mut command = redis::cmd("SPUBLISH");
        command.arg(self.shared.names.calls(&node.to_string())).arg([line.as_bytes(), body].concat());
        let answer: Value = self.shared.link.run(&command).await?;
        u64::from_redis_value(answer).map_err(|_| Unavailable::Senseless)
    }

    /// Another instance asked or answered.
    pub(super) fn called(self: &Arc<Self>, payload: &[u8]) {
        let Some((is_question, from, serial, body)) = read(payload) else {
            self.shared.metrics.redis.malformed.inc();
            return;
        };
        if !is_question {
            if let Some(waiting) = self.calls.pending.lock().remove(&serial) {
                // Who asked may have gone.
                let _ = waiting.send(body);
            }
            return;
        }
        let Ok(room) = Arc::clone(&self.calls.room).try_acquire_owned() else {
            tracing::warn!("too many pending requests of other instances; dropping one");
            return;
        };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let answer = (this.answer)(from, body).await;
            if let Err(error) = this.say(from, "a", serial, &answer).await {
                tracing::debug!(%error, "cannot send a response to another instance");
            }
            drop(room);
        });
    }
}

fn read(payload: &[u8]) -> Option<(bool, NodeId, u64, Bytes)> {
    if payload.len() > LONGEST {
        return None;
    }
    let end = payload.iter().take(128).position(|byte| *byte == b'\n')?;
    let mut words = std::str::from_utf8(&payload[..end]).ok()?.split(' ');
    if words.next()? != VERSION {
        return None;
    }
    let is_question = match words.next()? {
        "c" => true,
        "a" => false,
        _ => return None,
    };
    let (from, serial) = (NodeId::parse(words.next()?)?, words.next()?.parse().ok()?);
    Some((is_question, from, serial, Bytes::copy_from_slice(&payload[end + 1..])))
}
