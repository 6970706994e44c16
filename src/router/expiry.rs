//! Which sessions have to be looked at when: one list of them for each second, and no timer for each session.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Session;

/// Every living session is in one list: that of the second in which it may expire. When its time comes and it has been
/// used meanwhile, it moves to a later one. So a session costs one look in each of its lifetimes, and one that ends
/// leaves nothing behind.
pub struct Expiry {
    start: Instant,
    lists: Mutex<Lists>,
}

#[derive(Default)]
struct Lists {
    /// Sessions by the second, and then by their key.
    seconds: BTreeMap<u64, HashMap<u32, Arc<Session>>>,
    /// In which second a session is.
    places: HashMap<u32, u64>,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { start: Instant::now(), lists: Mutex::default() }
    }
}

impl Expiry {
    /// Watches a session, unless it has ended.
    pub fn watch(&self, session: &Arc<Session>) {
        let second = self.second(session.deadline()) + 1;
        let mut lists = self.lists.lock();
        // Under the lock: whoever ends the session forgets it here afterwards.
        if !session.has_ended() {
            lists.places.insert(session.key(), second);
            lists.seconds.entry(second).or_default().insert(session.key(), Arc::clone(session));
        }
    }

    /// Watches a session no longer.
    pub fn forget(&self, session: &Session) {
        let mut lists = self.lists.lock();
        if let Some(second) = lists.places.remove(&session.key())
            && let Some(list) = lists.seconds.get_mut(&second)
        {
            list.remove(&session.key());
            if list.is_empty() {
                lists.seconds.remove(&second);
            }
        }
    }

    /// The sessions whose time may be over. They are watched no longer; the caller watches those on that live.
    pub fn due(&self) -> Vec<Arc<Session>> {
        let now = self.second(Instant::now());
        let mut lists = self.lists.lock();
        let later = lists.seconds.split_off(&(now + 1));
        let due: Vec<_> = std::mem::replace(&mut lists.seconds, later)
            .into_values()
            .flat_map(HashMap::into_values)
            .collect();
        for session in &due {
            lists.places.remove(&session.key());
        }
        due
    }

    fn second(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.start).as_secs()
    }
}
