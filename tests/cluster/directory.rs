//! The directory of sessions when Redis loses records while writes are in flight.

use std::sync::Arc;
use std::time::Duration;

use crate::support::WATCHDOG;
use crate::support::redis::Redis;
use faye_server::bayeux::ClientId;
use faye_server::cluster::{Directory, SessionUpdate, WriteOutcome};
use faye_server::config;
use faye_server::metrics::Metrics;
use faye_server::redis::Client;

/// The directory of a new instance.
fn directory(redis: &Redis) -> Directory {
    let url = Some(config::Secret::from(redis.url().as_str()));
    let settings = config::Redis { url, deadline: WATCHDOG, ..config::Redis::default() };
    let client = Client::new(&settings, Metrics::default()).unwrap();
    Directory::new(Arc::new(client), Duration::from_secs(600))
}

/// An instance raises the epoch of a session whose record Redis has lost. A write of the earlier epoch, which was in flight,
/// restores the record.
#[tokio::test]
async fn a_late_write_after_a_loss_of_redis_does_not_fence_its_own_instance() {
    let redis = Redis::start();
    let (here, there) = (directory(&redis), directory(&redis));
    let id = ClientId::parse(b"0123456789abcdefghijklmnopqrstu").unwrap();
    let empty = SessionUpdate::default();
    let restore = async || {
        assert_eq!(redis.ask("FLUSHALL"), "+OK\r\n");
        assert!(!here.claim(&id, 1, None).await.unwrap(), "no record");
        assert_eq!(here.replace(&id, 1, &empty).await.unwrap(), WriteOutcome::Written);
    };
    restore().await;
    assert!(here.claim(&id, 2, None).await.unwrap());
    assert_eq!(here.find(&id).await.unwrap().unwrap().epoch, 3);
    assert!(!there.claim(&id, 1, None).await.unwrap(), "a claim by the restored record is late");

    restore().await;
    assert_eq!(here.update(&id, 2, &empty).await.unwrap(), WriteOutcome::NotFound);
    assert_eq!(here.replace(&id, 2, &empty).await.unwrap(), WriteOutcome::Written);
    assert_eq!(here.find(&id).await.unwrap().unwrap().epoch, 2);
    assert_eq!(here.replace(&id, 1, &empty).await.unwrap(), WriteOutcome::Fenced);

    restore().await;
    assert_eq!(here.remove(&id, 2).await.unwrap(), WriteOutcome::Written);
    assert!(here.find(&id).await.unwrap().is_none());

    restore().await;
    assert!(there.claim(&id, 1, None).await.unwrap());
    assert!(!here.claim(&id, 3, None).await.unwrap(), "another instance owns the session");
    assert_eq!(here.replace(&id, 3, &empty).await.unwrap(), WriteOutcome::Fenced);
}
