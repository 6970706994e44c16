//! Held connects: a session does not expire while it has one.

use std::sync::Arc;

use tokio::time::Instant;

use super::session::Session;

/// A held connect. Dropping it restarts the lifetime of the session.
pub struct Held(Arc<Session>);

impl Session {
    /// Marks a connect as held. The session does not expire until the returned value is dropped.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Held {
        self.lock().held += 1;
        self.metrics().held_connects.inc();
        Held(Arc::clone(self))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.held -= 1;
        state.deadline = Instant::now() + self.0.lifetime();
        self.0.metrics().held_connects.dec();
    }
}
