//! Reads from Redis that concurrent readers share: clients that return together, with the same position, cost one read. The
//! results are kept for a moment, and their number is bounded. This module must not know what is read.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::{Duration, Instant};

use crate::broker::HistoryError;
use crate::redis::RedisError;

/// The maximum number of results.
const RESULTS: usize = 64;
/// The maximum size of all results in bytes. The newest one may be larger.
const BYTES: usize = 16 * 1024 * 1024;
/// For how long a result is shared. What is published later has an offset after the end of the read.
const SHARED: Duration = Duration::from_secs(1);

/// The result of a read, with its size in bytes; empty while it is being read.
type Slot<V> = Arc<OnceCell<Result<(Arc<V>, usize), HistoryError>>>;

/// The reads of one kind. The newest is the last.
pub(super) struct SharedReads<K, V> {
    reads: Mutex<VecDeque<(K, Instant, Slot<V>)>>,
    size: fn(&V) -> usize,
}

impl<K: PartialEq, V> SharedReads<K, V> {
    /// `size` returns about how many bytes of memory a result needs.
    pub(super) fn new(size: fn(&V) -> usize) -> Self {
        Self { reads: Mutex::default(), size }
    }

    /// Returns the result of a read, which another reader may have begun.
    ///
    /// # Errors
    /// All who wait for a read get its error. The next reader tries again.
    pub(super) async fn get(
        &self,
        key: K,
        read: impl Future<Output = Result<V, RedisError>>,
    ) -> Result<Arc<V>, HistoryError> {
        let slot = self.slot(key);
        let result = slot.get_or_init(|| async {
            let result = read.await.map_err(RedisError::logged)?;
            let size = (self.size)(&result);
            Ok((Arc::new(result), size))
        });
        match result.await {
            Ok((result, _)) => {
                self.bound();
                Ok(Arc::clone(result))
            }
            Err(error) => {
                self.reads.lock().retain(|(.., other)| !Arc::ptr_eq(other, &slot));
                Err(*error)
            }
        }
    }

    fn slot(&self, key: K) -> Slot<V> {
        let mut reads = self.reads.lock();
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

    /// Drops the oldest results while all are too large.
    fn bound(&self) {
        let mut reads = self.reads.lock();
        let size =
            |slot: &Slot<V>| slot.get().and_then(|result| result.as_ref().ok()).map_or(0, |(_, size)| *size);
        let mut all: usize = reads.iter().map(|(.., slot)| size(slot)).sum();
        while all > BYTES && reads.len() > 1 {
            all -= reads.pop_front().map_or(0, |(.., slot)| size(&slot));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn concurrent_readers_share_a_read() {
        let reads = SharedReads::<u64, u64>::new(|value| usize::try_from(*value).unwrap());
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
        assert_eq!(count.load(Ordering::Relaxed), 3, "an error is not kept");
        let all = futures_util::future::join_all((0..100).map(|_| get(9))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(count.load(Ordering::Relaxed), 4, "those who wait share it");
        tokio::time::advance(SHARED).await;
        assert_eq!(*get(7).await.unwrap(), 14);
        assert_eq!(count.load(Ordering::Relaxed), 5, "for a moment");
        for key in 100..300 {
            let _ = get(key).await;
        }
        assert!(reads.reads.lock().len() <= RESULTS);
        for key in 0..5 {
            // Of 8 MiB each.
            let _ = get(key + (4 << 20)).await;
        }
        assert_eq!(reads.reads.lock().len(), 1, "all larger than the bound together");
    }
}
