//! Which sessions have to be looked at when: one list of them for each second, and no timer for each session.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Session;

/// Every living session is in one list: that of the second in which it may expire. When its time comes and it has been
/// used meanwhile, it moves to a later one. So a session costs one look in each of its lifetimes.
pub struct Expiry {
    start: Instant,
    seconds: Mutex<BTreeMap<u64, Vec<Weak<Session>>>>,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { start: Instant::now(), seconds: Mutex::default() }
    }
}

impl Expiry {
    /// Watches a session.
    pub fn watch(&self, session: &Arc<Session>) {
        let second = self.second(session.deadline()) + 1;
        self.seconds.lock().entry(second).or_default().push(Arc::downgrade(session));
    }

    /// The sessions whose time is over. The others that were looked at are watched on.
    pub fn take_expired(&self) -> Vec<Arc<Session>> {
        let now = Instant::now();
        let due = {
            let mut seconds = self.seconds.lock();
            let later = seconds.split_off(&(self.second(now) + 1));
            std::mem::replace(&mut *seconds, later)
        };
        let mut expired = Vec::new();
        for session in due.into_values().flatten().filter_map(|session| session.upgrade()) {
            if session.has_ended() {
                continue;
            }
            if session.deadline() <= now {
                expired.push(session);
            } else {
                self.watch(&session);
            }
        }
        expired
    }

    fn second(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.start).as_secs()
    }
}
