//! The cached address of a name, kept for a few seconds, so that a request uses the same address that was counted for
//! it. It must not know which addresses are allowed: it receives allowed ones only.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long an entry is used.
const KEPT: Duration = Duration::from_secs(5);
/// How long an address is avoided to which no connection could be made.
const AVOIDED: Duration = Duration::from_secs(10 * 60);
/// Names that are kept, and names with an address that is avoided.
const NAMES: usize = 4096;

/// Addresses by name.
#[derive(Debug, Default)]
pub(super) struct Resolved(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    /// The time of a resolution, and the address that was chosen.
    chosen: HashMap<Box<str>, (Instant, IpAddr)>,
    /// Addresses to which no connection could be made, the last of each name.
    avoided: HashMap<Box<str>, (Instant, IpAddr)>,
}

impl Resolved {
    pub(super) fn get(&self, name: &str) -> Option<IpAddr> {
        self.get_at(Instant::now(), name)
    }

    /// Chooses one of the addresses of a name: the first that is not avoided.
    pub(super) fn insert(&self, name: &str, addresses: &[IpAddr]) -> Option<IpAddr> {
        self.insert_at(Instant::now(), name, addresses)
    }

    /// Avoids the address of a name from now on, if it has others.
    pub(super) fn avoid(&self, name: &str) {
        self.avoid_at(Instant::now(), name);
    }

    fn get_at(&self, now: Instant, name: &str) -> Option<IpAddr> {
        let names = self.0.lock();
        let (since, address) = names.chosen.get(name)?;
        (now.duration_since(*since) < KEPT).then_some(*address)
    }

    fn insert_at(&self, now: Instant, name: &str, addresses: &[IpAddr]) -> Option<IpAddr> {
        let names = &mut *self.0.lock();
        let avoided = names.avoided.get(name);
        let avoided =
            avoided.filter(|(since, _)| now.duration_since(*since) < AVOIDED).map(|(_, address)| *address);
        let address = addresses.iter().find(|address| Some(**address) != avoided).or(addresses.first())?;
        put(&mut names.chosen, now, KEPT, name, *address);
        Some(*address)
    }

    fn avoid_at(&self, now: Instant, name: &str) {
        let names = &mut *self.0.lock();
        if let Some((_, address)) = names.chosen.remove(name) {
            put(&mut names.avoided, now, AVOIDED, name, address);
        }
    }
}

fn put(
    names: &mut HashMap<Box<str>, (Instant, IpAddr)>,
    now: Instant,
    kept: Duration,
    name: &str,
    address: IpAddr,
) {
    if names.len() >= NAMES {
        names.retain(|_, (since, _)| now.duration_since(*since) < kept);
    }
    if names.len() >= NAMES {
        names.clear();
    }
    names.insert(name.into(), (now, address));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([1, 1, 1, last])
    }

    #[test]
    fn entries_end_and_are_bounded() {
        let resolved = Resolved::default();
        let begin = Instant::now();
        assert_eq!(resolved.insert_at(begin, "a", &[address(1)]), Some(address(1)));
        assert_eq!(resolved.insert_at(begin, "c", &[]), None);
        assert_eq!(resolved.get_at(begin, "a"), Some(address(1)));
        assert_eq!(resolved.get_at(begin, "b"), None);
        assert_eq!(resolved.get_at(begin + KEPT, "a"), None);
        for number in 0..3 * NAMES {
            let name = number.to_string();
            resolved.insert_at(begin + KEPT, &name, &[address(1)]);
            if number % 2 == 0 {
                resolved.avoid_at(begin + KEPT, &name);
            }
            let names = resolved.0.lock();
            assert!(names.chosen.len() <= NAMES && names.avoided.len() <= NAMES);
        }
        assert_eq!(resolved.get_at(begin + KEPT, &(3 * NAMES - 1).to_string()), Some(address(1)));
    }

    #[test]
    fn an_address_without_a_connection_is_avoided_while_there_are_others() {
        let resolved = Resolved::default();
        let (begin, both) = (Instant::now(), [address(1), address(2)]);
        assert_eq!(resolved.insert_at(begin, "a", &both), Some(address(1)));
        resolved.avoid_at(begin, "a");
        assert_eq!(resolved.get_at(begin, "a"), None);
        assert_eq!(resolved.insert_at(begin, "a", &both), Some(address(2)));
        assert_eq!(resolved.insert_at(begin, "b", &both), Some(address(1)), "another name");
        resolved.avoid_at(begin, "a");
        assert_eq!(resolved.insert_at(begin, "a", &both), Some(address(1)));
        resolved.avoid_at(begin, "a");
        assert_eq!(resolved.insert_at(begin, "a", &[address(1)]), Some(address(1)), "the only one");
        assert_eq!(resolved.insert_at(begin + AVOIDED, "a", &both), Some(address(1)));
    }
}
