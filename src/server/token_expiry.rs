//! Expires token-based subscriptions and notifies the client.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Server;
use super::event::Event;
use crate::auth::seconds_now;
use crate::bayeux::{BayeuxError, Publication, reply};
use crate::router::{Change, Session};

/// Maximum interval in seconds between two checks of a session, regardless of the validity of its tokens.
const MAX_CHECK_INTERVAL: u64 = 300;

/// Sessions by the Unix time in seconds of the next check for an expired token.
#[derive(Default)]
pub(super) struct TokenExpiry(Mutex<BTreeMap<u64, Vec<Weak<Session>>>>);

impl TokenExpiry {
    /// Schedules a check of a session at a Unix time in seconds. The check is at most one maximum interval away, which
    /// bounds the lifetime of references to ended sessions.
    pub(super) fn watch(&self, session: &Arc<Session>, second: u64) {
        let second = second.min(seconds_now() + MAX_CHECK_INTERVAL);
        self.0.lock().entry(second).or_default().push(Arc::downgrade(session));
    }

    /// Removes and returns the live sessions whose check is due.
    fn due(&self, now: u64) -> Vec<Arc<Session>> {
        let mut all = self.0.lock();
        let later = all.split_off(&(now + 1));
        let due = std::mem::replace(&mut *all, later);
        drop(all);
        due.into_values().flatten().filter_map(|session| session.upgrade()).collect()
    }
}

impl Server {
    /// Ends the subscriptions whose tokens have expired, and notifies the clients.
    pub(super) fn expire_subscriptions(&self) {
        let now = seconds_now();
        for session in self.token_expiry.due(now) {
            let (expired, next) = session.ownership().take_expired(now);
            if let Some(second) = next {
                self.token_expiry.watch(&session, second);
            }
            for pattern in expired {
                if self.trie.unsubscribe(&session, &pattern) != Change::Changed {
                    continue;
                }
                self.metrics.subscriptions_expired.inc();
                let notice = reply::lost(session.id(), &pattern, &BayeuxError::TokenExpired);
                session.tell(&Arc::new(Publication::notice(&notice)));
                self.log_unsubscribe(session.id(), &pattern);
                self.emit(|| Event::Unsubscribe { client: *session.id(), channel: pattern.into() });
            }
            session.flush();
        }
    }
}
