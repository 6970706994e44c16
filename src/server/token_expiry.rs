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
        self.watch_from(seconds_now(), session, second);
    }

    fn watch_from(&self, now: u64, session: &Arc<Session>, second: u64) {
        let second = second.min(now + MAX_CHECK_INTERVAL);
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
        self.expire_subscriptions_at(seconds_now());
    }

    fn expire_subscriptions_at(&self, now: u64) {
        for session in self.token_expiry.due(now) {
            let (expired, next) = session.ownership().take_expired(now);
            if let Some(second) = next {
                self.token_expiry.watch_from(now, &session, second);
            }
            for pattern in expired {
                match self.trie.unsubscribe(&session, &pattern) {
                    Change::Changed => {}
                    Change::Frozen => {
                        // If the session stays here, the subscription ends then.
                        if let Some(second) = session.ownership().set_token_expiry(&pattern, now) {
                            self.token_expiry.watch_from(now, &session, second.max(now + 1));
                        }
                        continue;
                    }
                    Change::Unchanged | Change::Full | Change::Ended => continue,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::ClientId;
    use crate::config::Config;
    use crate::metrics::Metrics;

    const NOW: u64 = 1_700_000_000;

    /// A server with a session that is subscribed to two channels, with tokens that expire at these times.
    fn server_and_session(expires: [u64; 2]) -> (Server, Arc<Session>) {
        let server = Server::new(&Config::default(), &[], Metrics::default()).unwrap();
        let session = server.sessions.create(ClientId::from_random([7; 20])).unwrap();
        for (pattern, expires) in ["/a", "/b"].into_iter().zip(expires) {
            server.trie.subscribe(&session, pattern, 10);
            if let Some(second) = session.ownership().set_token_expiry(pattern, expires) {
                server.token_expiry.watch_from(NOW, &session, second);
            }
        }
        (server, session)
    }

    /// The numbers of subscriptions after each second of a range in which one changes.
    fn changes(server: &Server, session: &Session, seconds: std::ops::Range<u64>) -> Vec<(u64, usize)> {
        let mut changes = Vec::new();
        let mut before = session.patterns().len();
        for second in seconds {
            server.expire_subscriptions_at(NOW + second);
            let now = session.patterns().len();
            if now != before {
                changes.push((second, now));
            }
            before = now;
        }
        changes
    }

    #[test]
    fn a_subscription_ends_in_the_second_in_which_its_token_expires() {
        let (server, session) = server_and_session([NOW + 100, NOW + 1000]);
        assert_eq!(changes(&server, &session, 0..2000), [(100, 1), (1000, 0)]);
        assert_eq!(server.metrics.subscriptions_expired.get(), 2);
        assert!(!session.has_ended());
    }

    #[test]
    fn a_subscription_of_a_session_that_is_being_exported_ends_if_it_stays() {
        let (server, session) = server_and_session([NOW + 5, u64::MAX]);
        session.freeze(false);
        assert_eq!(changes(&server, &session, 0..10), []);
        session.unfreeze();
        assert_eq!(changes(&server, &session, 10..20), [(10, 1)]);
    }

    #[test]
    fn a_token_that_does_not_expire_keeps_its_subscription() {
        let (server, session) = server_and_session([NOW + 5, u64::MAX]);
        assert_eq!(changes(&server, &session, 0..2000), [(5, 1)]);
    }

    #[test]
    fn a_newer_token_extends_the_subscription() {
        let (server, session) = server_and_session([NOW + 5, NOW + 20]);
        assert_eq!(changes(&server, &session, 0..5), []);
        assert_eq!(session.ownership().set_token_expiry("/a", NOW + 400), None, "a check is scheduled");
        assert_eq!(changes(&server, &session, 5..2000), [(20, 1), (400, 0)]);
    }

    #[test]
    fn an_ended_session_is_forgotten_within_the_longest_interval() {
        let (server, session) = server_and_session([NOW + 1_000_000, u64::MAX]);
        let weak = Arc::downgrade(&session);
        assert!(server.end(&session));
        drop(session);
        assert!(weak.upgrade().is_none());
        server.expire_subscriptions_at(NOW + MAX_CHECK_INTERVAL - 1);
        assert_eq!(server.token_expiry.0.lock().len(), 1);
        server.expire_subscriptions_at(NOW + MAX_CHECK_INTERVAL);
        assert_eq!(server.token_expiry.0.lock().len(), 0);
    }
}
