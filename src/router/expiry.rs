//! When each session has to be looked at: one list for all of them, gone through once a second, and no timer for each.

use std::sync::Arc;

use tokio::time::Instant;

use super::Session;
use crate::lock::{Mutex, level};

/// Not to be looked at.
const NEVER: u64 = u64::MAX;

/// Every living session has the second noted in which it may expire, at the place of its key. When that has come and the
/// session has been used meanwhile, a later one is noted. So a session costs one look in each of its lifetimes, and eight
/// bytes of the list to be gone through.
pub struct Expiry {
    start: Instant,
    places: Mutex<Places, { level::EXPIRY }>,
}

#[derive(Default)]
struct Places {
    seconds: Vec<u64>,
    sessions: Vec<Option<Arc<Session>>>,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { start: Instant::now(), places: Mutex::default() }
    }
}

impl Expiry {
    /// Watches a session, unless it has ended.
    pub fn watch(&self, session: &Arc<Session>) {
        let second = self.second(session.deadline()) + 1;
        let place = session.key() as usize;
        let mut places = self.places.lock();
        // Under the lock: whoever ends the session forgets it here afterwards.
        if session.has_ended() {
            return;
        }
        if places.seconds.len() <= place {
            places.seconds.resize(place + 1, NEVER);
            places.sessions.resize(place + 1, None);
        }
        places.seconds[place] = second;
        places.sessions[place] = Some(Arc::clone(session));
    }

    /// Watches a session no longer.
    pub fn forget(&self, session: &Session) {
        let place = session.key() as usize;
        let mut places = self.places.lock();
        if let Some(second) = places.seconds.get_mut(place) {
            *second = NEVER;
        }
        let forgotten = places.sessions.get_mut(place).and_then(Option::take);
        drop(places);
        drop(forgotten);
    }

    /// The sessions whose time may be over. They are watched no longer; the caller watches those on that live.
    pub fn due(&self) -> Vec<Arc<Session>> {
        let now = self.second(Instant::now());
        let mut guard = self.places.lock();
        let places = &mut *guard;
        let late = places.seconds.iter_mut().zip(&mut places.sessions).filter(|(second, _)| **second <= now);
        late.filter_map(|(second, session)| {
            *second = NEVER;
            session.take()
        })
        .collect()
    }

    fn second(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.start).as_secs()
    }
}
