//! Sessions that have never connected, by age and by the address of their handshake. Bounds them, so that such sessions
//! cannot keep other clients out.
//!
//! Responsible for order and count; the server ends the sessions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::router::Session;

/// Sessions before their first connect.
#[derive(Default)]
pub(super) struct Unconnected(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// The age of the next session: a sequence number.
    next: u64,
    by_age: BTreeMap<u64, (Arc<Session>, Option<IpAddr>)>,
    /// Ages by session key.
    ages: HashMap<u32, u64>,
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
}

impl Unconnected {
    /// Adds a new session. If its address then has more than `limit` sessions, removes and returns the oldest of them.
    pub(super) fn add(
        &self,
        session: &Arc<Session>,
        address: Option<IpAddr>,
        limit: usize,
    ) -> Option<Arc<Session>> {
        let mut guard = self.0.lock();
        let waiting = &mut *guard;
        let age = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(age, (Arc::clone(session), address));
        waiting.ages.insert(session.key(), age);
        let of_address = waiting.by_address.entry(address?).or_default();
        of_address.insert(age);
        let oldest = *of_address.first().filter(|_| of_address.len() > limit)?;
        waiting.remove(oldest)
    }

    /// Removes a session that has connected or ended.
    pub(super) fn remove(&self, session: &Session) {
        let mut waiting = self.0.lock();
        let removed = waiting.ages.get(&session.key()).copied().and_then(|age| waiting.remove(age));
        drop(waiting);
        drop(removed);
    }

    /// Removes and returns the oldest session.
    pub(super) fn take_oldest(&self) -> Option<Arc<Session>> {
        let mut waiting = self.0.lock();
        let oldest = *waiting.by_age.first_key_value()?.0;
        waiting.remove(oldest)
    }
}

impl Waiting {
    fn remove(&mut self, age: u64) -> Option<Arc<Session>> {
        let (session, address) = self.by_age.remove(&age)?;
        self.ages.remove(&session.key());
        if let Some(address) = address
            && let Some(of_address) = self.by_address.get_mut(&address)
        {
            of_address.remove(&age);
            if of_address.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(session)
    }
}
