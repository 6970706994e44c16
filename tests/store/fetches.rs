//! Pings and fetches of topics.

use std::time::Duration;

use faye_server::store::*;

use crate::place::{HOLD, Place, TOPIC, content, request};

const CALLBACK: &str = "https://one.example/callback";

fn unchanged() -> FetchOutcome {
    FetchOutcome::Unchanged(Validators::default())
}

pub(crate) async fn a_ping_makes_a_topic_due(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    place.no_fetch_is_due().await;
    assert_eq!(place.ping(TOPIC).await, 1);
    let fetch = place.claim_fetch().await;
    assert_eq!((fetch.topic.as_str(), fetch.is_pinged, fetch.readers), (TOPIC, true, 2));
    assert_eq!((fetch.attempts, fetch.fingerprint, fetch.validators), (0, None, Validators::default()));
    place.no_fetch_is_due().await;
}

pub(crate) async fn a_ping_of_an_unknown_topic_is_ignored(place: &Place) {
    assert_eq!(place.ping(TOPIC).await, 0);
    place.add(request(TOPIC, CALLBACK)).await;
    assert_eq!(place.ping(TOPIC).await, 0, "no subscription is active");
    place.no_fetch_is_due().await;
}

pub(crate) async fn a_ping_during_a_fetch_makes_the_topic_due_again(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.ping(TOPIC).await;
    let fetch = place.claim_fetch().await;
    place.ping(TOPIC).await;
    place.ping(TOPIC).await;
    place.no_fetch_is_due().await;
    assert!(place.finish_fetch(&fetch, unchanged(), Advertisement::Named).await);
    let fetch = place.claim_fetch().await;
    assert!(fetch.is_pinged);
    assert!(place.finish_fetch(&fetch, unchanged(), Advertisement::Named).await);
    place.no_fetch_is_due().await;
}

pub(crate) async fn a_ping_waits_for_its_delay(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    let topics = [TOPIC.to_owned()];
    assert_eq!(place.store.ping(&topics, Duration::ZERO, HOLD).await.unwrap(), 1);
    place.no_fetch_is_due().await;
    assert_eq!(place.ping(TOPIC).await, 1, "a ping without a delay is earlier");
    let fetch = place.claim_fetch().await;
    assert!(place.finish_fetch(&fetch, unchanged(), Advertisement::Named).await);
    assert_eq!(place.store.ping(&topics, HOLD, Duration::ZERO).await.unwrap(), 1);
    place.no_fetch_is_due().await;
}

pub(crate) async fn new_content_is_queued_for_all(place: &Place) {
    let callbacks: Vec<String> = (0..20).map(|n| format!("https://h{n}.example/")).collect();
    let names: Vec<&str> = callbacks.iter().map(String::as_str).collect();
    place.subscribe(TOPIC, &names).await;
    place.subscribe("https://example.com/other", &[CALLBACK]).await;
    place.change(TOPIC, "new").await;
    let deliveries = place.claim_deliveries().await;
    assert_eq!(deliveries.len(), 20);
    assert!(deliveries.iter().all(|delivery| delivery.version == 1 && delivery.attempts == 0));
    let payload = place.store.payload(deliveries[0].topic_id).await.unwrap().unwrap();
    assert_eq!((payload.version, &payload.body[..], payload.topic.as_str()), (1, &b"new"[..], TOPIC));
    assert_eq!(payload.content_type.as_deref(), Some("application/atom+xml"));
    assert_eq!(payload.hubs, ["https://hub.example.com/"]);
    assert_eq!(payload.self_url.as_deref(), Some(TOPIC));
    place.ping(TOPIC).await;
    let fetch = place.claim_fetch().await;
    assert_eq!(fetch.fingerprint.as_deref(), Some(&b"new"[..]));
    assert_eq!(fetch.validators.etag.as_deref(), Some("\"new\""));
}

pub(crate) async fn unchanged_content_is_not_queued(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.ping(TOPIC).await;
    let fetch = place.claim_fetch().await;
    let validators = Validators { etag: None, last_modified: Some("yesterday".to_owned()) };
    let outcome = FetchOutcome::Unchanged(validators.clone());
    assert!(place.finish_fetch(&fetch, outcome, Advertisement::Named).await);
    assert!(place.claim_deliveries().await.is_empty());
    place.ping(TOPIC).await;
    assert_eq!(place.claim_fetch().await.validators, validators);
}

pub(crate) async fn a_failed_fetch_is_tried_again(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.ping(TOPIC).await;
    let fetch = place.claim_fetch().await;
    let later = |delay| FetchOutcome::Failed(Some(delay), "status 500".to_owned());
    assert!(place.finish_fetch(&fetch, later(Duration::ZERO), Advertisement::Unknown).await);
    let fetch = place.claim_fetch().await;
    assert_eq!((fetch.attempts, fetch.is_pinged), (1, true));
    assert!(place.finish_fetch(&fetch, later(HOLD), Advertisement::Unknown).await);
    place.no_fetch_is_due().await;
    let row = place.store.topics(None, 10).await.unwrap().remove(0);
    assert_eq!(row.failure.as_deref(), Some("status 500"));
    assert!(row.fetched.is_some());
    place.change(TOPIC, "back").await;
    assert_eq!(place.store.topics(None, 10).await.unwrap()[0].failure, None);
}

pub(crate) async fn a_postponed_fetch_counts_no_attempt(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.ping(TOPIC).await;
    let fetch = place.claim_fetch().await;
    let later = FetchOutcome::Postponed;
    assert!(place.finish_fetch(&fetch, later(Duration::ZERO), Advertisement::Unknown).await);
    let fetch = place.claim_fetch().await;
    assert_eq!((fetch.attempts, fetch.is_pinged), (0, true));
    let row = place.store.topics(None, 10).await.unwrap().remove(0);
    assert_eq!((row.failure, row.fetched), (None, None), "nothing was fetched");
    assert!(place.finish_fetch(&fetch, later(HOLD), Advertisement::Unknown).await);
    place.no_fetch_is_due().await;
}

pub(crate) async fn hosts_take_turns_and_busy_ones_are_left_out_of_fetches(place: &Place) {
    let slow = (0..20).map(|n| format!("http://slow.example.:8080/{n}?a:b"));
    let others = ["https://other.example/a://b/[c]", "http://[2001:db8::1]/", "http://[2001:db8::1]:81/"];
    let topics: Vec<String> = slow.chain(others.map(str::to_owned)).collect();
    for topic in &topics {
        place.subscribe(topic, &[CALLBACK]).await;
    }
    for topic in &topics {
        place.ping(topic).await;
    }
    let claimed = async |most, without: &[String]| {
        let claimed = place.store.claim_fetches(most, 2, HOLD, without).await.unwrap();
        let mut hosts: Vec<_> = claimed.into_iter().map(|topic| topic.host).collect();
        hosts.sort();
        hosts
    };
    let all = ["[2001:db8::1]", "[2001:db8::1]", "other.example", "slow.example", "slow.example"];
    assert_eq!(claimed(10, &[]).await, all);
    assert_eq!(claimed(1, &[]).await, ["slow.example"]);
    assert!(claimed(10, &["slow.example".to_owned()]).await.is_empty());
}

pub(crate) async fn contents_are_compressed_and_bounded(place: &Place) {
    const SECOND: &str = "https://example.com/second";
    let store = &place.store;
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.subscribe(SECOND, &["https://two.example/"]).await;
    store.bound_contents(100_000);
    let large = "a".repeat(5_000_000);
    place.change(TOPIC, &large).await;
    let first = place.claim_delivery().await;
    assert_eq!(&store.payload(first.topic_id).await.unwrap().unwrap().body[..], large.as_bytes());
    let random: String = (0..90_000).map(|_| fastrand::alphanumeric()).collect();
    let change = async |topic: &str, outcome| {
        place.ping(topic).await;
        let fetch = place.claim_fetch().await;
        let finished =
            FinishedFetch { id: fetch.id, claim: fetch.claim, outcome, advertisement: Advertisement::Named };
        store.finish_fetch(&finished).await.unwrap()
    };
    assert_eq!(change(SECOND, FetchOutcome::Changed(content(&random))).await, Recorded::Full);
    let row = store.topics(None, 10).await.unwrap().pop().unwrap();
    assert_eq!(row.failure.as_deref(), Some("the store has as much content as hub.content_size allows"));
    assert!(store.publish(SECOND, &content(&random)).await.is_err());
    assert!(place.claim_deliveries().await.is_empty());
    place.finish_delivery(&first, DeliveryOutcome::Delivered).await;
    assert!(store.publish(SECOND, &content(&random)).await.unwrap(), "the first made room");
    store.sweep().await.unwrap();
    let second = place.claim_delivery().await;
    assert_eq!(&store.payload(second.topic_id).await.unwrap().unwrap().body[..], random.as_bytes());
    assert_eq!(change(TOPIC, FetchOutcome::Changed(content(&random))).await, Recorded::Full);
}

pub(crate) async fn a_fetch_that_fails_for_good_denies_the_waiting(place: &Place) {
    let checked = NewRequest { needs_check: true, ..request(TOPIC, CALLBACK) };
    place.add(checked).await;
    let fetch = place.claim_fetch().await;
    let failed = FetchOutcome::Failed(None, "no such host".to_owned());
    assert!(place.finish_fetch(&fetch, failed, Advertisement::Unknown).await);
    place.no_fetch_is_due().await;
    let denial = place.claim_request().await;
    assert_eq!((denial.stage, denial.reason.as_deref()), (Stage::Deny, Some("no such host")));
}

pub(crate) async fn an_expired_claim_of_a_fetch_is_lost(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.ping(TOPIC).await;
    let late = place.store.claim_fetches(10, 10, Duration::ZERO, &[]).await.unwrap().remove(0);
    let fetch = place.claim_fetch().await;
    assert!(!place.finish_fetch(&late, FetchOutcome::Changed(content("late")), Advertisement::Named).await);
    assert!(place.claim_deliveries().await.is_empty());
    assert!(place.finish_fetch(&fetch, FetchOutcome::Changed(content("new")), Advertisement::Named).await);
    assert_eq!(place.claim_deliveries().await.len(), 1);
}

pub(crate) async fn one_topic_is_claimed_by_name(place: &Place) {
    assert!(place.store.claim_fetch(TOPIC, HOLD).await.unwrap().is_none());
    place.add(request(TOPIC, CALLBACK)).await;
    let fetch = place.store.claim_fetch(TOPIC, HOLD).await.unwrap().unwrap();
    assert!(place.store.claim_fetch(TOPIC, HOLD).await.unwrap().is_none(), "claimed twice");
    assert!(place.finish_fetch(&fetch, unchanged(), Advertisement::Unknown).await);
    assert!(place.store.claim_fetch(TOPIC, HOLD).await.unwrap().is_some());
}

pub(crate) async fn a_publication_is_queued_without_a_fetch(place: &Place) {
    assert!(!place.store.publish(TOPIC, &content("one")).await.unwrap());
    place.add(request(TOPIC, CALLBACK)).await;
    assert!(!place.store.publish(TOPIC, &content("one")).await.unwrap(), "no subscription is active");
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    assert!(place.store.publish(TOPIC, &content("one")).await.unwrap());
    assert!(!place.store.publish(TOPIC, &content("one")).await.unwrap(), "by another instance");
    assert!(place.store.publish(TOPIC, &content("two")).await.unwrap());
    let delivery = place.claim_delivery().await;
    assert_eq!(delivery.version, 2);
    assert_eq!(&place.store.payload(delivery.topic_id).await.unwrap().unwrap().body[..], b"two");
}
