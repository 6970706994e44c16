//! Reads from Redis that concurrent readers share: clients that return together, with the same position, cost one read. The
//! results are kept for a moment, and their number is bounded. This module must not know what is read.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::{Duration, Instant};

use crate::redis::RedisError;

/// The maximum number of results. A page has at most 256 KiB, or one publication.
const RESULTS: usize = 64;
/// For how long a result is shared. What is published later has an offset after the end of the read.
const SHARED: Duration = Duration::from_secs(1);

/// The result of a read; empty while it is being read.
type Slot<V> = Arc<OnceCell<Arc<V>>>;

/// The reads of one kind. The newest is the last.
pub(super) struct SharedReads<K, V>(Mutex<VecDeque<(K, Instant, Slot<V>)>>);

impl<K, V> Default for SharedReads<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq, V> SharedReads<K, V> {
    /// Returns the result of a read, which another reader may have begun.
    ///
    /// # Errors
    /// The error of the read. The next reader tries again.
    pub(super) async fn get(
        &self,
        key: K,
        read: impl Future<Output = Result<V, RedisError>>,
    ) -> Result<Arc<V>, RedisError> {
        let slot = self.slot(key);
        let result = slot.get_or_try_init(|| async { read.await.map(Arc::new) }).await?;
        Ok(Arc::clone(result))
    }

    fn slot(&self, key: K) -> Slot<V> {
        let mut reads = self.0.lock();
        let now = Instant::now();
        while reads.front().is_some_and(|(_, since, _)| now - *since >= SHARED) || reads.len() >= RESULTS {
            reads.pop_front();
        }
        if let Some((_, _, slot)) = reads.iter().find(|(known, ..)| *known == key) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        reads.push_back((key, now, Arc::clone(&slot)));
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn concurrent_readers_share_a_read() {
        let reads = SharedReads::<u64, u64>::default();
        let count = &AtomicUsize::new(0);
        let get = |key| {
            reads.get(key, async move {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                if key == 9 { Err(RedisError::Timeout) } else { Ok(2 * key) }
            })
        };
        let all = futures_util::future::join_all((0..100).map(|_| get(7))).await;
        assert!(all.iter().all(|result| **result.as_ref().unwrap() == 14));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(get(9).await.is_err() && get(9).await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 3, "an error is not shared");
        tokio::time::advance(SHARED).await;
        assert_eq!(*get(7).await.unwrap(), 14);
        assert_eq!(count.load(Ordering::Relaxed), 4, "for a moment");
        for key in 100..300 {
            let _ = get(key).await;
        }
        assert!(reads.0.lock().len() <= RESULTS);
    }
}
