//! The table of all sessions of this node.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::session::Session;
use super::terms::Terms;
use crate::bayeux::ClientId;

/// The number of sessions has reached `limits.sessions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are as many sessions as limits.sessions allows")]
pub struct Full;

/// Sessions by identifier.
pub struct Sessions {
    /// Identifiers are random, so clients cannot choose colliding ones, and a fast hash without a secret is sufficient.
    table: DashMap<ClientId, Arc<Session>, RandomState>,
    count: AtomicUsize,
    limit: usize,
    keys: Mutex<Keys>,
    terms: Arc<Terms>,
}

/// Small numbers for sessions, reused once free.
#[derive(Default)]
struct Keys {
    free: Vec<u32>,
    next: u32,
}

impl Sessions {
    /// Creates an empty table for at most `limit` sessions.
    #[must_use]
    pub fn new(limit: usize, terms: Terms) -> Self {
        let (count, terms) = (AtomicUsize::new(0), Arc::new(terms));
        Self { table: DashMap::default(), count, limit, keys: Mutex::default(), terms }
    }

    /// Returns the settings of the sessions.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Creates and admits a session with a new identifier.
    ///
    /// # Errors
    /// [`Full`] if the table has reached its limit.
    pub fn create(&self, id: ClientId) -> Result<Arc<Session>, Full> {
        let session = self.make(id, false)?;
        self.admit(&session);
        Ok(session)
    }

    /// Creates a session for an import from another instance, where its client has connected. The session counts
    /// towards the limit but cannot be found: the caller has to admit it or give it up.
    ///
    /// # Errors
    /// [`Full`] if the table has reached its limit.
    pub fn prepare(&self, id: ClientId) -> Result<Arc<Session>, Full> {
        self.make(id, true)
    }

    fn make(&self, id: ClientId, connected: bool) -> Result<Arc<Session>, Full> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        let key = {
            let mut keys = self.keys.lock();
            keys.free.pop().unwrap_or_else(|| {
                keys.next += 1;
                keys.next
            })
        };
        self.terms.metrics.sessions.inc();
        Ok(Arc::new(Session::new(id, key, Arc::clone(&self.terms), connected)))
    }

    /// Makes a created session available to [`Sessions::find`].
    pub fn admit(&self, session: &Arc<Session>) {
        self.table.insert(*session.id(), Arc::clone(session));
    }

    /// Returns the live session with this identifier.
    #[must_use]
    pub fn find(&self, id: &ClientId) -> Option<Arc<Session>> {
        self.table.get(id).map(|found| Arc::clone(&found))
    }

    /// Removes an ended session, after its subscriptions are removed. Returns `false` if the session is not in the
    /// table, or if another session has its identifier.
    pub fn forget(&self, session: &Session) -> bool {
        let is_it = |_: &ClientId, there: &mut Arc<Session>| std::ptr::eq(Arc::as_ptr(there), session);
        let is_found = self.table.remove_if_mut(session.id(), is_it).is_some();
        if is_found {
            self.give_up(session);
        }
        is_found
    }

    /// Drops a session that was created and never admitted.
    pub fn give_up(&self, session: &Session) {
        self.keys.lock().free.push(session.key());
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.terms.metrics.sessions.dec();
    }

    /// Returns a snapshot of all sessions.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.table.iter().map(|entry| Arc::clone(&entry)).collect()
    }
}
