//! Subscriptions that rest on a token end with it, and their sessions are told.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Server;
use super::event::Event;
use crate::bayeux::{BayeuxError, Publication, reply};
use crate::policy::seconds_now;
use crate::router::{Change, Session};

/// Seconds after which a session is looked at again, however long its tokens last.
const LOOK: u64 = 300;

/// Sessions by the second in which something of theirs may expire.
#[derive(Default)]
pub(super) struct Resting(Mutex<BTreeMap<u64, Vec<Weak<Session>>>>);

impl Resting {
    /// Has a session looked at in a second since 1970, or before: a session that has ended is not kept for longer.
    pub(super) fn watch(&self, session: &Arc<Session>, second: u64) {
        let second = second.min(seconds_now() + LOOK);
        self.0.lock().entry(second).or_default().push(Arc::downgrade(session));
    }

    /// The living sessions whose second has come. They are watched no longer.
    fn due(&self, now: u64) -> Vec<Arc<Session>> {
        let mut all = self.0.lock();
        let later = all.split_off(&(now + 1));
        let due = std::mem::replace(&mut *all, later);
        drop(all);
        due.into_values().flatten().filter_map(|session| session.upgrade()).collect()
    }
}

impl Server {
    /// Ends the subscriptions whose tokens have expired.
    pub(super) fn expire_subscriptions(&self) {
        let now = seconds_now();
        for session in self.resting.due(now) {
            let (expired, next) = session.take_expired(now);
            if let Some(second) = next {
                self.resting.watch(&session, second);
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
