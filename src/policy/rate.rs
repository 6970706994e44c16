//! Rate limits by token buckets. A bucket takes one word, the time at which it is full again.

use std::hash::Hash;
use std::hash::{BuildHasher, RandomState};

use dashmap::DashMap;
use tokio::time::{Duration, Instant};

use crate::config::Rate;

/// Buckets at one time. Beyond it keys without a bucket are refused, until a sweep has removed the full ones.
const MOST: usize = 1_000_000;

/// The buckets of one rate, one for each that is counted by itself.
pub struct Buckets {
    /// Nanoseconds that one takes.
    each: u64,
    /// Nanoseconds of all that may come at once.
    burst: u64,
    start: Instant,
    hasher: RandomState,
    full_at: DashMap<u64, u64>,
}

impl Buckets {
    /// Buckets that are full.
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

    /// Takes one token out of the bucket of a key.
    ///
    /// # Errors
    /// How long it takes until there is one again.
    pub fn take(&self, who: impl Hash) -> Result<(), Duration> {
        self.take_at(nanoseconds(self.start.elapsed()), who)
    }

    fn take_at(&self, now: u64, who: impl Hash) -> Result<(), Duration> {
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

    /// Forgets the buckets that are full.
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

    fn buckets() -> Buckets {
        Buckets::new(Rate { count: 5, time: Duration::from_secs(10) })
    }

    fn taken(buckets: &Buckets, now: u64, who: &str) -> usize {
        (0..100).take_while(|_| buckets.take_at(now, who).is_ok()).count()
    }

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let buckets = buckets();
        assert_eq!(taken(&buckets, 0, "a"), 5);
        assert_eq!(taken(&buckets, 0, "b"), 5, "somebody else is not counted with the first");
        assert_eq!(buckets.take_at(0, "a"), Err(Duration::from_secs(2)));
        assert_eq!(taken(&buckets, 2 * SECOND - 1, "a"), 0);
        assert_eq!(taken(&buckets, 2 * SECOND, "a"), 1);
        assert_eq!(taken(&buckets, 60 * SECOND, "a"), 5, "no more than the burst is saved up");
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let buckets = buckets();
        assert_eq!(taken(&buckets, 0, "a"), 5);
        buckets.sweep_at(9 * SECOND);
        assert_eq!(buckets.full_at.len(), 1);
        buckets.sweep_at(10 * SECOND);
        assert_eq!(buckets.full_at.len(), 0);
        assert_eq!(taken(&buckets, 10 * SECOND, "a"), 5);
    }
}
