//! Deliveries, and what operators do with them.

use std::collections::HashSet;
use std::time::Duration;

use faye_server::store::*;

use crate::place::{HOLD, Place, TOPIC, finished, request};

const CALLBACK: &str = "https://one.example/callback";

pub(crate) async fn a_delivered_row_is_gone(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    let delivery = place.claim_delivery().await;
    assert_eq!((delivery.callback.as_str(), delivery.host.as_str()), (CALLBACK, "one.example"));
    assert!(delivery.expires_in > Duration::from_secs(863_000));
    assert_eq!(place.finish_delivery(&delivery, DeliveryOutcome::Delivered).await, 0);
    assert_eq!(place.store.counts().await.unwrap().deliveries, 0);
    assert_eq!(place.finish_delivery(&delivery, DeliveryOutcome::Delivered).await, 1, "finished twice");
}

pub(crate) async fn a_newer_version_replaces_a_waiting_one(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    let delivery = place.claim_delivery().await;
    place.finish_delivery(&delivery, DeliveryOutcome::Retry(HOLD, "down".to_owned())).await;
    place.change(TOPIC, "two").await;
    let delivery = place.claim_delivery().await;
    assert_eq!((delivery.version, delivery.attempts), (2, 0), "due at once, with no attempt");
}

pub(crate) async fn a_newer_version_waits_for_the_claimed_one(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    for outcome in [
        DeliveryOutcome::Delivered,
        DeliveryOutcome::Retry(HOLD, "down".to_owned()),
        DeliveryOutcome::GivenUp("down".to_owned()),
    ] {
        place.change(TOPIC, "older").await;
        let older = place.claim_delivery().await;
        place.change(TOPIC, "newer").await;
        assert!(place.claim_deliveries().await.is_empty(), "never two requests to one subscription");
        assert_eq!(place.finish_delivery(&older, outcome).await, 0);
        let newer = place.claim_delivery().await;
        assert_eq!((newer.version, newer.attempts), (older.version + 1, 0));
        assert_eq!(&place.store.payload(newer.topic_id).await.unwrap().unwrap().body[..], b"newer");
        place.finish_delivery(&newer, DeliveryOutcome::Delivered).await;
    }
}

pub(crate) async fn a_claimed_delivery_is_not_claimed_again(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    place.claim_delivery().await;
    assert!(place.claim_deliveries().await.is_empty());
    assert_eq!(place.store.retry(None, None).await.unwrap(), 0);
    assert!(place.claim_deliveries().await.is_empty());
}

pub(crate) async fn an_expired_claim_of_a_delivery_is_lost(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    let late = place.store.claim_deliveries(10, Duration::ZERO, &[]).await.unwrap().remove(0);
    let delivery = place.claim_delivery().await;
    assert_eq!(place.finish_delivery(&late, DeliveryOutcome::Gone).await, 1);
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 1);
    assert_eq!(place.finish_delivery(&delivery, DeliveryOutcome::Delivered).await, 0);
}

pub(crate) async fn readers_that_a_callback_reports_count(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    // The last number counts, and stays without another one and after a renewal.
    for (reported, expected) in [(Some(25), 26), (None, 26), (Some(7), 8), (Some(7), 8), (Some(1), 2)] {
        place.change(TOPIC, "new").await;
        for delivery in place.claim_deliveries().await {
            let readers = reported.filter(|_| delivery.callback == CALLBACK);
            let done = FinishedDelivery { readers, ..finished(&delivery, DeliveryOutcome::Delivered) };
            assert_eq!(place.store.finish_deliveries(&[done]).await.unwrap(), 0);
        }
        place.subscribe(TOPIC, &[CALLBACK]).await;
        place.ping(TOPIC).await;
        let fetch = place.claim_fetch().await;
        assert_eq!(fetch.readers, expected, "after {reported:?}");
        place
            .finish_fetch(&fetch, FetchOutcome::Unchanged(Validators::default()), Advertisement::Named)
            .await;
    }
}

pub(crate) async fn a_retried_delivery_waits_and_counts(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    let delivery = place.claim_delivery().await;
    place.finish_delivery(&delivery, DeliveryOutcome::Retry(Duration::ZERO, "status 500".to_owned())).await;
    let delivery = place.claim_delivery().await;
    assert_eq!(delivery.attempts, 1);
    place.finish_delivery(&delivery, DeliveryOutcome::Postponed(Duration::ZERO)).await;
    let delivery = place.claim_delivery().await;
    assert_eq!(delivery.attempts, 1, "a postponed delivery was not tried");
    place.finish_delivery(&delivery, DeliveryOutcome::Retry(HOLD, "status 502".to_owned())).await;
    assert!(place.claim_deliveries().await.is_empty());
    let row = place.the_subscription().await;
    assert_eq!((row.failures, row.failure.as_deref()), (2, Some("status 502")));
    let state = place.state(&request(TOPIC, CALLBACK).token).await;
    assert!(matches!(state, Some(State::Active(_, 2, Some(why))) if why == "status 502"));
    place.change(TOPIC, "two").await;
    let delivery = place.claim_delivery().await;
    place.finish_delivery(&delivery, DeliveryOutcome::Delivered).await;
    let row = place.the_subscription().await;
    assert_eq!((row.failures, row.failure), (0, None));
}

pub(crate) async fn a_delivery_that_is_given_up_leaves_the_subscription(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    let delivery = place.claim_delivery().await;
    place.finish_delivery(&delivery, DeliveryOutcome::GivenUp("status 500".to_owned())).await;
    assert_eq!(place.store.counts().await.unwrap().deliveries, 0);
    assert_eq!(place.the_subscription().await.failures, 1);
    place.change(TOPIC, "two").await;
    place.claim_delivery().await;
}

pub(crate) async fn a_gone_callback_ends_the_subscription(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    place.change(TOPIC, "one").await;
    let deliveries = place.claim_deliveries().await;
    place.change(TOPIC, "two").await;
    let all: Vec<_> = deliveries.iter().map(|delivery| finished(delivery, DeliveryOutcome::Gone)).collect();
    assert_eq!(place.store.finish_deliveries(&all).await.unwrap(), 0);
    let counts = place.store.counts().await.unwrap();
    assert_eq!((counts.subscriptions, counts.deliveries), (0, 0));
}

pub(crate) async fn busy_hosts_are_left_out_of_deliveries(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    place.change(TOPIC, "one").await;
    let claimed = place.store.claim_deliveries(10, HOLD, &["one.example".to_owned()]).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].host, "two.example");
    assert_eq!(place.claim_delivery().await.host, "one.example");
}

pub(crate) async fn claims_are_bounded(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/", "https://three.example/"]).await;
    place.change(TOPIC, "one").await;
    assert_eq!(place.store.claim_deliveries(2, HOLD, &[]).await.unwrap().len(), 2);
    assert_eq!(place.store.claim_deliveries(2, HOLD, &[]).await.unwrap().len(), 1);
}

pub(crate) async fn content_is_kept_while_a_delivery_waits(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    place.change(TOPIC, "one").await;
    let deliveries = place.claim_deliveries().await;
    let topic = deliveries[0].topic_id;
    place.finish_delivery(&deliveries[0], DeliveryOutcome::Delivered).await;
    assert!(place.store.payload(topic).await.unwrap().is_some());
    place.finish_delivery(&deliveries[1], DeliveryOutcome::Gone).await;
    assert!(place.store.payload(topic).await.unwrap().is_none());
}

pub(crate) async fn operators_make_deliveries_due(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    place.subscribe("https://example.com/other", &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    place.change("https://example.com/other", "one").await;
    let wait = |d: &Delivery| finished(d, DeliveryOutcome::Retry(HOLD, "down".to_owned()));
    let all: Vec<_> = place.claim_deliveries().await.iter().map(wait).collect();
    assert_eq!(all.len(), 3);
    place.store.finish_deliveries(&all).await.unwrap();
    assert!(place.claim_deliveries().await.is_empty());
    assert_eq!(place.store.retry(Some(TOPIC), Some("two.example")).await.unwrap(), 1);
    assert_eq!(place.claim_deliveries().await.len(), 1);
    assert_eq!(place.store.retry(Some("https://example.com/unknown"), None).await.unwrap(), 0);
    assert_eq!(place.store.retry(Some(TOPIC), None).await.unwrap(), 1);
    assert_eq!(place.store.retry(None, None).await.unwrap(), 2);
    assert_eq!(place.claim_deliveries().await.len(), 2);
}

pub(crate) async fn operators_see_pages_of_topics_and_subscriptions(place: &Place) {
    let topics: Vec<String> = (0..5).map(|n| format!("https://example.com/{n}")).collect();
    for topic in &topics {
        place.subscribe(topic, &[CALLBACK, "https://two.example/"]).await;
    }
    place.change(&topics[3], "one").await;
    let first = place.store.topics(None, 3).await.unwrap();
    let rest = place.store.topics(Some(&first[2].topic), 3).await.unwrap();
    let seen: Vec<&str> = first.iter().chain(&rest).map(|row| row.topic.as_str()).collect();
    assert_eq!(seen, topics);
    assert_eq!((rest[0].subscriptions, rest[0].deliveries, rest[0].version), (2, 2, 1));
    assert_eq!((first[0].deliveries, first[0].version, first[0].fetched), (0, 0, None));
    let first = place.store.subscriptions(None, 0, 7).await.unwrap();
    let rest = place.store.subscriptions(None, first[6].id, 7).await.unwrap();
    assert_eq!((first.len(), rest.len()), (7, 3));
    let of_one = place.store.subscriptions(Some(&topics[1]), 0, 7).await.unwrap();
    assert_eq!(of_one.len(), 2);
    assert!(of_one.iter().all(|row| row.topic == topics[1]));
}

pub(crate) async fn workers_are_notified(place: &Place) {
    // A notification without a waiting worker is kept for the next one, so the order of waiting does not matter.
    place.add(request(TOPIC, CALLBACK)).await;
    place.store.work().requests.notified().await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    place.ping(TOPIC).await;
    place.store.work().fetches.notified().await;
    let fetch = place.claim_fetch().await;
    let content = crate::place::content("one");
    assert!(place.finish_fetch(&fetch, FetchOutcome::Changed(content), Advertisement::Named).await);
    place.store.work().deliveries.notified().await;
}

pub(crate) async fn concurrent_claims_are_disjoint(place: &Place) {
    let callbacks: Vec<String> = (0..60).map(|n| format!("https://h{n}.example/")).collect();
    let names: Vec<&str> = callbacks.iter().map(String::as_str).collect();
    place.subscribe(TOPIC, &names).await;
    place.change(TOPIC, "one").await;
    let claims = (0..12).map(|_| {
        let store = place.store.clone();
        tokio::spawn(async move { store.claim_deliveries(10, HOLD, &[]).await.unwrap() })
    });
    let mut seen = HashSet::new();
    for claim in claims.collect::<Vec<_>>() {
        for delivery in claim.await.unwrap() {
            assert!(seen.insert(delivery.id), "claimed twice");
        }
    }
    // One that found its rows locked may have got fewer.
    while seen.len() < 60 {
        let more = place.store.claim_deliveries(60, HOLD, &[]).await.unwrap();
        assert!(!more.is_empty());
        seen.extend(more.iter().map(|delivery| delivery.id));
    }
}
