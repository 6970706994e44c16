//! How long a client that failed is to wait: longer each time, with jitter, so that a refused client does not spin and
//! many of them do not come back at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use crate::config;

/// Failures are forgotten after one to two of these.
const MEMORY: Duration = Duration::from_secs(60);
/// Failing clients that are told apart at one time; beyond it, new ones begin at the first interval.
const CLIENTS: usize = 16 * 1024;

/// Counts failures by address and by the identifier that a client presents.
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    hasher: RandomState,
    counts: Mutex<Counts>,
}

struct Counts {
    since: Instant,
    now: HashMap<u64, u32>,
    before: HashMap<u64, u32>,
}

impl Backoff {
    pub(super) fn new(advice: &config::Advice) -> Self {
        let counts = Counts { since: Instant::now(), now: HashMap::new(), before: HashMap::new() };
        Self {
            first: advice.retry_first,
            most: advice.retry_most,
            hasher: RandomState::new(),
            counts: Mutex::new(counts),
        }
    }

    /// Notes a failure and says for how many milliseconds the client is to wait: more than half, and no more than all,
    /// of an interval that doubles with each failure.
    pub(super) fn failed(&self, address: Option<IpAddr>, presented: &[u8]) -> u64 {
        let failures = self.count(self.hasher.hash_one((address, presented)));
        let interval = self.first.saturating_mul(1 << failures.min(20)).min(self.most);
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(2);
        fastrand::u64(interval / 2 + 1..=interval)
    }

    /// How often this client has failed before.
    fn count(&self, client: u64) -> u32 {
        let mut counts = self.counts.lock();
        if counts.since.elapsed() >= MEMORY {
            counts.since = Instant::now();
            counts.before = std::mem::take(&mut counts.now);
        }
        let earlier = counts.now.get(&client).or_else(|| counts.before.get(&client)).copied().unwrap_or(0);
        if counts.now.len() < CLIENTS || counts.now.contains_key(&client) {
            counts.now.insert(client, earlier.saturating_add(1));
        }
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_jitter_and_ends_at_the_most() {
        let advice = config::Advice {
            retry_first: Duration::from_millis(100),
            retry_most: Duration::from_millis(1000),
        };
        let backoff = Backoff::new(&advice);
        let waits: Vec<u64> = (0..8).map(|_| backoff.failed(None, b"x")).collect();
        for (wait, most) in waits.iter().zip([100, 200, 400, 800, 1000, 1000, 1000, 1000]) {
            assert!((most / 2..=most).contains(wait), "{waits:?}");
        }
        assert!(backoff.failed(None, b"y") <= 100, "another client is not punished");
    }

    #[test]
    fn failures_remembered_are_bounded() {
        let backoff = Backoff::new(&config::Advice::default());
        for client in 0..CLIENTS as u64 + 100 {
            backoff.failed(None, &client.to_le_bytes());
        }
        assert_eq!(backoff.counts.lock().now.len(), CLIENTS);
    }
}
