//! Rate limits by token buckets. A bucket is one word: the time at which it is full again.

use std::hash::Hash;
use std::hash::{BuildHasher, RandomState};

use dashmap::DashMap;
use tokio::time::{Duration, Instant};

use crate::config::Rate;

/// Maximum number of buckets. Beyond it, new keys are refused until a sweep removes full buckets.
const MOST: usize = 1_000_000;

/// A rate with a token bucket for each key.
pub struct RateLimiter {
    /// Nanoseconds for each token.
    each: u64,
    /// Nanoseconds for a full bucket.
    burst: u64,
    start: Instant,
    hasher: RandomState,
    full_at: DashMap<u64, u64>,
}

impl RateLimiter {
    /// Creates a limiter with full buckets.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let burst = nanoseconds(rate.time);
        Self {
            each: burst / u64::from(rate.count.max(1)),
            burst,
            start: Instant::now(),
            hasher: RandomState::new(),
            full_at: DashMap::new(),
        }
    }

    /// Takes a token from the bucket of a key.
    ///
    /// # Errors
    /// The time until the next token is available.
    pub fn acquire(&self, who: impl Hash) -> Result<(), Duration> {
        self.acquire_at(nanoseconds(self.start.elapsed()), who)
    }

    fn acquire_at(&self, now: u64, who: impl Hash) -> Result<(), Duration> {
        let key = self.hasher.hash_one(who);
        if self.full_at.len() >= MOST && !self.full_at.contains_key(&key) {
            return Err(Duration::from_nanos(self.each));
        }
        let mut full_at = self.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now) + self.each;
        let ahead = next - now;
        if ahead > self.burst {
            return Err(Duration::from_nanos(ahead - self.burst));
        }
        *full_at = next;
        Ok(())
    }

    /// Removes full buckets.
    pub fn sweep(&self) {
        self.sweep_at(nanoseconds(self.start.elapsed()));
    }

    fn sweep_at(&self, now: u64) {
        self.full_at.retain(|_, full_at| *full_at > now);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn limiter() -> RateLimiter {
        RateLimiter::new(Rate { count: 5, time: Duration::from_secs(10) })
    }

    fn acquired(limiter: &RateLimiter, now: u64, who: &str) -> usize {
        (0..100).take_while(|_| limiter.acquire_at(now, who).is_ok()).count()
    }

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let limiter = limiter();
        assert_eq!(acquired(&limiter, 0, "a"), 5);
        assert_eq!(acquired(&limiter, 0, "b"), 5, "somebody else is not counted with the first");
        assert_eq!(limiter.acquire_at(0, "a"), Err(Duration::from_secs(2)));
        assert_eq!(acquired(&limiter, 2 * SECOND - 1, "a"), 0);
        assert_eq!(acquired(&limiter, 2 * SECOND, "a"), 1);
        assert_eq!(acquired(&limiter, 60 * SECOND, "a"), 5, "no more than the burst is saved up");
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let limiter = limiter();
        assert_eq!(acquired(&limiter, 0, "a"), 5);
        limiter.sweep_at(9 * SECOND);
        assert_eq!(limiter.full_at.len(), 1);
        limiter.sweep_at(10 * SECOND);
        assert_eq!(limiter.full_at.len(), 0);
        assert_eq!(acquired(&limiter, 10 * SECOND, "a"), 5);
    }
}
