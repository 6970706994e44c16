//! Tests of the expiry of sessions, in virtual time.

use std::sync::Arc;

use tokio::time::{Duration, Instant, advance};

use super::*;
use crate::bayeux::ClientId;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::router::Session;

const MILLISECOND: Duration = Duration::from_millis(1);
const UNCONNECTED: Duration = Duration::from_secs(15);
const LIFETIME: Duration = Duration::from_secs(90);

/// A server with a session that was created half a second after it.
async fn server_and_session() -> (Server, Arc<Session>) {
    let mut config = Config::default();
    config.limits.unconnected_time = UNCONNECTED;
    config.server.timeout = LIFETIME / 2;
    let server = Server::new(&config, &[], Metrics::default()).unwrap();
    advance(Duration::from_millis(500)).await;
    let session = server.sessions.create(ClientId::from_random([7; 20])).unwrap();
    server.trie.subscribe(&session, "/a", 10);
    server.expiry.watch(&session);
    (server, session)
}

/// Calls `expire` as often as the server does, until the session ends. Returns the time from now.
async fn time_to_end(server: &Server, session: &Arc<Session>) -> Duration {
    let start = Instant::now();
    while !session.has_ended() {
        assert!(start.elapsed() < 10 * LIFETIME, "the session does not expire");
        advance(MILLISECOND).await;
        server.expire();
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_session_that_never_connects_expires_in_the_second_after_its_time() {
    let (server, session) = server_and_session().await;
    // Deadlines are whole seconds of the server, and are rounded up.
    let expected = UNCONNECTED + Duration::from_millis(500);
    assert_eq!(time_to_end(&server, &session).await, expected);
    assert_eq!(server.metrics.sessions_expired.get(), 1);
    assert_eq!((server.metrics.sessions.get(), server.metrics.subscriptions.get()), (0, 0));
    assert!(server.session(session.id()).is_none());
}

#[tokio::test(start_paused = true)]
async fn each_connect_begins_the_lifetime_again() {
    let (server, session) = server_and_session().await;
    advance(UNCONNECTED - MILLISECOND).await;
    assert_eq!(session.connect(None).map(|connected| connected.is_first), Some(true));
    for _ in 0..3 {
        advance(LIFETIME - MILLISECOND).await;
        server.expire();
        assert_eq!(session.connect(None).map(|connected| connected.is_first), Some(false));
    }
    // The last connect was at 285.496 s of the server, so the session may expire at 375.496 s, and does at 376 s.
    assert_eq!(time_to_end(&server, &session).await, LIFETIME + Duration::from_millis(504));
    assert_eq!(session.connect(None), None);
}

#[tokio::test(start_paused = true)]
async fn a_held_connect_keeps_the_session_and_its_end_begins_the_lifetime_again() {
    let (server, session) = server_and_session().await;
    session.connect(None);
    let held = session.hold();
    for _ in 0..10 {
        advance(LIFETIME).await;
        server.expire();
    }
    assert!(!session.has_ended());
    drop(held);
    let expected = LIFETIME + Duration::from_millis(500);
    assert_eq!(time_to_end(&server, &session).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_session_does_not_expire() {
    let (server, session) = server_and_session().await;
    session.connect(None);
    session.freeze(false);
    advance(2 * LIFETIME).await;
    server.expire();
    assert!(!session.has_ended());
    session.unfreeze();
    server.expire();
    assert!(session.has_ended());
}
