//! Addresses of names, kept for a few seconds, so that the addresses that were counted for a request are those that it goes
//! to. It must not know which addresses are allowed: it gets allowed ones only.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long an entry is used.
const KEPT: Duration = Duration::from_secs(5);
/// Names that are kept.
const NAMES: usize = 4096;

/// Addresses by name.
#[derive(Debug, Default)]
pub(super) struct Resolved(Mutex<HashMap<Box<str>, Entry>>);

/// The time of a resolution, and its addresses.
type Entry = (Instant, Box<[IpAddr]>);

impl Resolved {
    pub(super) fn get(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.get_at(Instant::now(), name)
    }

    pub(super) fn insert(&self, name: &str, addresses: &[IpAddr]) {
        self.insert_at(Instant::now(), name, addresses);
    }

    fn get_at(&self, now: Instant, name: &str) -> Option<Vec<IpAddr>> {
        let names = self.0.lock();
        let (since, addresses) = names.get(name)?;
        (now.duration_since(*since) < KEPT).then(|| addresses.to_vec())
    }

    fn insert_at(&self, now: Instant, name: &str, addresses: &[IpAddr]) {
        let mut names = self.0.lock();
        if names.len() >= NAMES {
            names.retain(|_, (since, _)| now.duration_since(*since) < KEPT);
        }
        if names.len() >= NAMES {
            names.clear();
        }
        names.insert(name.into(), (now, addresses.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_and_are_bounded() {
        let resolved = Resolved::default();
        let address = IpAddr::from([1, 1, 1, 1]);
        let begin = Instant::now();
        resolved.insert_at(begin, "a", &[address]);
        assert_eq!(resolved.get_at(begin, "a"), Some(vec![address]));
        assert_eq!(resolved.get_at(begin, "b"), None);
        assert_eq!(resolved.get_at(begin + KEPT, "a"), None);
        for number in 0..3 * NAMES {
            resolved.insert_at(begin + KEPT, &number.to_string(), &[]);
            assert!(resolved.0.lock().len() <= NAMES);
        }
        assert_eq!(resolved.get_at(begin + KEPT, &(3 * NAMES - 1).to_string()), Some(vec![]));
    }
}
