//! What time changes, and what survives a restart.

use std::time::Duration;

use faye_server::store::*;

use crate::place::{HOLD, Place, TOPIC, request, unsubscribe};

const CALLBACK: &str = "https://one.example/callback";

pub(crate) async fn a_lease_ends(place: &Place) {
    let short = NewRequest { lease: Duration::ZERO, ..request(TOPIC, CALLBACK) };
    place.subscribe_with(short.clone()).await;
    assert_eq!(place.ping(TOPIC).await, 0, "no lease is active");
    assert!(matches!(place.state(&short.token).await, Some(State::Ended(_))));
    let swept = place.store.sweep().await.unwrap();
    assert_eq!(swept, Swept { expired: 1, renewals: 0, topics: 1 });
    assert!(matches!(place.state(&short.token).await, Some(State::Ended(_))));
    assert_eq!(place.store.counts().await.unwrap(), Counts::default());
    assert_eq!(place.store.sweep().await.unwrap(), Swept::default());
}

fn legacy(lease: Duration) -> NewRequest {
    NewRequest {
        is_legacy: true,
        verify_token: Some("token".to_owned()),
        secret: Some("secret".to_owned()),
        lease,
        ..request(TOPIC, CALLBACK)
    }
}

/// A legacy subscription in the last tenth of its lease.
async fn renewable(place: &Place) -> Request {
    let lease = Duration::from_millis(1000);
    place.subscribe_with(legacy(lease)).await;
    let mut swept = place.store.sweep().await.unwrap();
    while swept.renewals == 0 {
        if swept.expired > 0 {
            // A slow machine has missed the last tenth.
            place.subscribe_with(legacy(lease)).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        swept = place.store.sweep().await.unwrap();
    }
    place.claim_request().await
}

pub(crate) async fn a_legacy_subscription_is_verified_again(place: &Place) {
    place.subscribe_with(legacy(HOLD)).await;
    assert_eq!(place.store.sweep().await.unwrap(), Swept::default());
    // A shorter lease would not count.
    place.add(unsubscribe(TOPIC, CALLBACK)).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    let renewal = renewable(place).await;
    assert!(renewal.is_renewal && renewal.is_legacy);
    assert_eq!(renewal.verify_token.as_deref(), Some("token"));
    assert_eq!(place.store.sweep().await.unwrap().renewals, 0, "queued once");
    assert_eq!(place.finish(&renewal, RequestOutcome::Verified).await, 0);
    let row = place.the_subscription().await;
    assert!(row.expires_in > Duration::ZERO && row.is_legacy && row.is_signed);
}

pub(crate) async fn a_renewal_that_is_refused_ends_the_subscription(place: &Place) {
    let renewal = renewable(place).await;
    assert_eq!(place.finish(&renewal, RequestOutcome::Refused("status 404".to_owned())).await, 0);
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 0);
    assert_eq!(place.state(&legacy(HOLD).token).await, Some(State::Ended("status 404".to_owned())));
}

pub(crate) async fn a_renewal_that_is_denied_ends_the_subscription(place: &Place) {
    let renewal = renewable(place).await;
    assert_eq!(place.finish(&renewal, RequestOutcome::Denied("not here".to_owned())).await, 0);
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 0);
    let denial = place.claim_request().await;
    assert_eq!((denial.stage, denial.reason.as_deref()), (Stage::Deny, Some("not here")));
}

pub(crate) async fn topics_without_subscriptions_are_removed(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    place.change(TOPIC, "one").await;
    for (callback, topics) in [(CALLBACK, 1), ("https://two.example/", 0)] {
        place.add(unsubscribe(TOPIC, callback)).await;
        let claimed = place.claim_request().await;
        place.finish(&claimed, RequestOutcome::Verified).await;
        place.store.sweep().await.unwrap();
        assert_eq!(place.store.counts().await.unwrap().topics, topics);
    }
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.ping(TOPIC).await;
    assert_eq!(place.claim_fetch().await.fingerprint, None, "the topic is a new one");
}

pub(crate) async fn a_check_that_was_forgotten_becomes_due(place: &Place) {
    place.add(NewRequest { needs_check: true, ..request(TOPIC, CALLBACK) }).await;
    let fetch = place.claim_fetch().await;
    let unchanged = FetchOutcome::Unchanged(Validators::default());
    assert!(place.finish_fetch(&fetch, unchanged, Advertisement::Unknown).await);
    place.no_fetch_is_due().await;
    let swept = place.store.sweep().await.unwrap();
    assert_eq!(swept.topics, 0, "a request waits for the topic");
    place.claim_fetch().await;
}

pub(crate) async fn counts_agree_with_the_rows(place: &Place) {
    for round in 0..3 {
        for topic in 0..4 {
            let topic = format!("https://example.com/{topic}");
            let callback = format!("https://h{round}.example/");
            place.subscribe(&topic, &[&callback]).await;
            place.subscribe(&topic, &["https://always.example/"]).await;
        }
    }
    place.change("https://example.com/1", "one").await;
    let mut gone = place.claim_deliveries().await;
    gone.truncate(2);
    for delivery in &gone {
        place.finish_delivery(delivery, DeliveryOutcome::Gone).await;
    }
    place.add(unsubscribe("https://example.com/2", "https://always.example/")).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    place.store.sweep().await.unwrap();
    let counts = place.store.counts().await.unwrap();
    assert_eq!(counts.topics, place.store.topics(None, 100).await.unwrap().len() as u64);
    assert_eq!(counts.subscriptions, place.store.subscriptions(None, 0, 100).await.unwrap().len() as u64);
    assert_eq!(counts.subscriptions, 13);
}

pub(crate) async fn claims_are_given_back_when_a_store_closes(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    place.claim_delivery().await;
    place.ping(TOPIC).await;
    place.claim_fetch().await;
    place.add(request(TOPIC, "https://two.example/")).await;
    place.claim_request().await;
    let Some(store) = place.reopened().await else {
        assert!(matches!(place.store.counts().await, Err(StoreError::Unavailable(_))));
        return;
    };
    assert_eq!(store.claim_deliveries(10, HOLD, &[]).await.unwrap().len(), 1);
    assert_eq!(store.claim_fetches(10, 10, HOLD, &[]).await.unwrap().len(), 1);
    assert_eq!(store.claim_requests(10, HOLD, &[]).await.unwrap().len(), 1);
    let counts = store.counts().await.unwrap();
    assert_eq!(counts, Counts { topics: 1, subscriptions: 1, requests: 1, deliveries: 1 });
    store.close().await;
}
