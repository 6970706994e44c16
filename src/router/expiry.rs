//! Session deadlines: one list that is scanned once a second, without a timer for each session.

use std::sync::Arc;

use tokio::time::Instant;

use super::Session;
use crate::lock::{Mutex, level};

/// The session is not watched.
const NEVER: u64 = u64::MAX;

/// A table of the second at which each live session may expire, indexed by session key. If the session was used since,
/// it is watched again until its new deadline. The cost of a session is one check for each lifetime, and eight bytes of
/// the scanned list.
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
        // Under the lock, since the end of a session removes it from this list afterwards.
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

    /// Stops watching a session.
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

    /// Removes and returns the sessions that may have expired. The caller watches the live ones again.
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
