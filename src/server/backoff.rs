//! The `advice.interval` after failures: zero after the first failure, for lost sessions after the first two, so that
//! clients reconnect immediately after a restart, then exponential with jitter.
//!
//! Some clients (aiocometd and its derivatives) read the milliseconds of `advice.interval` as seconds: any value other
//! than 0 delays them for minutes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use crate::config;

/// Failures are forgotten after one to two of these periods.
const MEMORY: Duration = Duration::from_secs(60);
/// Capacity of one generation of failing clients; two generations are kept. With more clients within [`MEMORY`], the
/// older generation is forgotten earlier. Many clients fail once after a restart; a client with repeated failures is
/// recent.
const CLIENTS: usize = 16 * 1024;

/// Failure counts by address and by the client identifier of the message.
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
            first: advice.retry_min,
            most: advice.retry_max,
            hasher: RandomState::new(),
            counts: Mutex::new(counts),
        }
    }

    /// Counts a failure and returns the milliseconds to wait: 0 for the first failure, then a random value between one
    /// half and all of an interval that doubles with each failure.
    pub(super) fn failed(&self, address: Option<IpAddr>, presented: &[u8]) -> u64 {
        self.failed_within(self.most, address, presented)
    }

    /// Same as [`Backoff::failed`] with 0 for the second failure as well, for messages of sessions that no longer
    /// exist. aiocometd with credentials renews them after an error 401 or 403 and sends the connect again at once; it
    /// follows only the advice of the second reply.
    pub(super) fn lost(&self, address: Option<IpAddr>, presented: &[u8]) -> u64 {
        self.interval(self.most, self.count(address, presented).saturating_sub(1))
    }

    /// Same as [`Backoff::failed`] with another maximum, for failures that the client did not cause.
    pub(super) fn failed_within(&self, most: Duration, address: Option<IpAddr>, presented: &[u8]) -> u64 {
        self.interval(most, self.count(address, presented))
    }

    /// Returns the milliseconds to wait after a failure that follows so many others.
    fn interval(&self, most: Duration, earlier: u32) -> u64 {
        let Some(repetitions) = earlier.checked_sub(1) else { return 0 };
        let interval = self.first.saturating_mul(1 << repetitions.min(20)).min(most);
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(2);
        fastrand::u64(interval / 2 + 1..=interval)
    }

    /// Counts a failure and returns the number of earlier failures.
    pub(super) fn count(&self, address: Option<IpAddr>, presented: &[u8]) -> u32 {
        let client = self.hasher.hash_one((address, presented));
        let mut counts = self.counts.lock();
        let is_full = counts.now.len() >= CLIENTS && !counts.now.contains_key(&client);
        let elapsed = counts.since.elapsed();
        if is_full || elapsed >= MEMORY {
            counts.since = Instant::now();
            counts.before = std::mem::take(&mut counts.now);
        }
        if elapsed >= 2 * MEMORY {
            counts.before.clear();
        }
        let earlier = counts.now.get(&client).or_else(|| counts.before.get(&client)).copied().unwrap_or(0);
        counts.now.insert(client, earlier.saturating_add(1));
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_at_nothing_and_grows_with_jitter_to_the_most() {
        let advice =
            config::Advice { retry_min: Duration::from_millis(100), retry_max: Duration::from_millis(1000) };
        let backoff = Backoff::new(&advice);
        let waits: Vec<u64> = (0..9).map(|_| backoff.failed(None, b"x")).collect();
        assert_eq!(waits[0], 0, "{waits:?}");
        for (wait, most) in waits[1..].iter().zip([100, 200, 400, 800, 1000, 1000, 1000, 1000]) {
            assert!((most / 2 + 1..=most).contains(wait), "{waits:?}");
        }
        assert_eq!(backoff.failed(None, b"y"), 0, "another client is not punished");
        assert_eq!(backoff.failed(Some([192, 0, 2, 1].into()), b"x"), 0, "nor one of another address");
        let waits: Vec<u64> = (0..9).map(|_| backoff.lost(None, b"lost")).collect();
        assert_eq!(waits[..2], [0, 0], "{waits:?}");
        for (wait, most) in waits[2..].iter().zip([100, 200, 400, 800, 1000, 1000, 1000]) {
            assert!((most / 2 + 1..=most).contains(wait), "{waits:?}");
        }
        let short = Duration::from_millis(150);
        let waits: Vec<u64> = (0..9).map(|_| backoff.failed_within(short, None, b"z")).collect();
        assert!(waits[0] == 0 && waits[1..].iter().all(|wait| (51..=150).contains(wait)), "{waits:?}");
    }

    #[test]
    fn many_clients_that_fail_once_are_bounded_and_each_is_told_to_come_at_once() {
        let backoff = Backoff::new(&config::Advice::default());
        assert_eq!(backoff.failed(None, b"again and again"), 0);
        for client in 0..5 * CLIENTS as u64 {
            assert_eq!(backoff.failed(None, &client.to_le_bytes()), 0);
            if client % 1000 == 0 {
                assert!(backoff.failed(None, b"again and again") > 0, "a client that repeats is remembered");
            }
            let counts = backoff.counts.lock();
            assert!(counts.now.len() <= CLIENTS && counts.before.len() <= CLIENTS);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_after_one_to_two_periods() {
        let second = Duration::from_secs(1);
        // The times of the failures of a client and of another one, and how many the client is known to have had before.
        for (own, other, expected) in [
            (&[0, 59][..], &[][..], [0, 1]),
            (&[0, 119], &[60], [0, 1]),
            (&[0, 120], &[60], [0, 0]),
            (&[59, 119], &[60], [0, 1]),
            (&[59, 120], &[60], [0, 0]),
            (&[0, 119], &[], [0, 1]),
            (&[0, 120], &[], [0, 0]),
            (&[0, 3600], &[], [0, 0]),
        ] {
            let backoff = Backoff::new(&config::Advice::default());
            let mut found = Vec::new();
            for now in 0..=3600 {
                if other.contains(&now) {
                    backoff.count(None, b"other");
                }
                if own.contains(&now) {
                    found.push(backoff.count(None, b"x"));
                }
                tokio::time::advance(second).await;
            }
            assert_eq!(found, expected, "{own:?}, {other:?}");
        }
    }
}
