//! Sessions that have never connected: by age and by the address of their handshake, so that neither one address nor all
//! of them together keep others out.
//!
//! Responsible for order and count; which of them has to end is decided by the server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::router::Session;

/// The sessions that wait for their first connect.
#[derive(Default)]
pub(super) struct Unconnected(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// The age of the next session: a number that grows.
    next: u64,
    by_age: BTreeMap<u64, (Arc<Session>, Option<IpAddr>)>,
    /// Ages by the key of the session.
    ages: HashMap<u32, u64>,
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
}

impl Unconnected {
    /// Adds a session that has just begun. Returns the oldest of its address if that has more than `limit` by now; it is
    /// taken out already.
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

    /// Takes a session out that has connected or ended.
    pub(super) fn remove(&self, session: &Session) {
        let mut waiting = self.0.lock();
        let removed = waiting.ages.get(&session.key()).copied().and_then(|age| waiting.remove(age));
        drop(waiting);
        drop(removed);
    }

    /// Takes the oldest of all out.
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
