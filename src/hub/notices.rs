//! Log lines about refused addresses: at most one a minute for each host, so that a flood of requests is no flood of
//! lines. It must not know why a host is requested.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The time between two lines about a host.
const PAUSE: Duration = Duration::from_secs(60);
/// Hosts that are remembered. While there are as many, no line is written about others.
const HOSTS: usize = 1024;

/// The hosts of the last minute, by their hash.
#[derive(Default)]
pub(super) struct Notices {
    hasher: RandomState,
    last: Mutex<HashMap<u64, Instant>>,
}

impl Notices {
    /// Logs that a request to a host was refused because of its address, and the setting that would allow it.
    pub(super) fn refused(&self, host: &str, address: IpAddr, setting: &'static str) {
        if self.pass(Instant::now(), host, setting) {
            tracing::warn!(
                host,
                %address,
                setting,
                "request refused: the address is not public; the field has the setting that allows it"
            );
        }
    }

    fn pass(&self, now: Instant, host: &str, setting: &str) -> bool {
        let key = self.hasher.hash_one((host, setting));
        let is_recent = |last: &Instant| now.duration_since(*last) < PAUSE;
        let mut last = self.last.lock();
        if last.get(&key).is_some_and(is_recent) {
            return false;
        }
        if last.len() >= HOSTS {
            last.retain(|_, last| is_recent(last));
        }
        let has_room = last.len() < HOSTS;
        if has_room {
            last.insert(key, now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_for_each_host() {
        let notices = Notices::default();
        let begin = Instant::now();
        assert!(notices.pass(begin, "a", "x"));
        assert!(!notices.pass(begin, "a", "x"));
        assert!(notices.pass(begin, "b", "x") && notices.pass(begin, "a", "y"));
        assert!(notices.pass(begin + PAUSE, "a", "x"));
    }

    #[test]
    fn hosts_are_bounded() {
        let notices = Notices::default();
        let begin = Instant::now();
        let passed = |now, from: usize| {
            (from..from + 2 * HOSTS).filter(|number| notices.pass(now, &number.to_string(), "x")).count()
        };
        assert_eq!(passed(begin, 0), HOSTS);
        assert_eq!(passed(begin + PAUSE, 10 * HOSTS), HOSTS);
        assert_eq!(notices.last.lock().len(), HOSTS);
    }
}
