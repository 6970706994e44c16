//! What happens over minutes, hours and days.

use std::time::Duration;

use faye_server::store::*;

use crate::place::{HOLD, Place, TOPIC, content, request};

const CALLBACK: &str = "https://one.example/callback";
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

fn unchanged() -> FetchOutcome {
    FetchOutcome::Unchanged(Validators::default())
}

async fn push(place: &Place, minutes: u64) {
    let delay = Duration::from_secs(minutes * 60);
    assert_eq!(place.store.ping(&[TOPIC.to_owned()], Duration::ZERO, delay).await.unwrap(), 1);
}

async fn fetched(place: &Place) {
    let fetch = place.claim_fetch().await;
    assert!(fetch.is_pinged);
    assert!(place.finish_fetch(&fetch, unchanged(), Advertisement::Named).await);
}

/// Nothing is due now, one fetch is in an hour, and none after that.
async fn fetched_once_after_an_hour(place: &Place) {
    place.no_fetch_is_due().await;
    place.later(HOUR).await;
    fetched(place).await;
    place.later(100 * HOUR).await;
    place.no_fetch_is_due().await;
}

pub(crate) async fn a_fetch_follows_the_delay_of_the_last_ping(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    push(place, 60).await;
    place.later(40 * MINUTE).await;
    push(place, 60).await;
    place.no_fetch_is_due().await;
    // 60 minutes after the first one.
    place.later(20 * MINUTE).await;
    fetched(place).await;
    place.no_fetch_is_due().await;
    // A ping of a stranger, and one during the fetch.
    assert_eq!(place.ping(TOPIC).await, 1);
    let fetch = place.claim_fetch().await;
    assert_eq!(place.ping(TOPIC).await, 1);
    assert!(place.finish_fetch(&fetch, unchanged(), Advertisement::Named).await);
    fetched(place).await;
    place.no_fetch_is_due().await;
    place.later(40 * MINUTE).await;
    fetched(place).await;
    place.later(100 * HOUR).await;
    place.no_fetch_is_due().await;
    // One that comes during a fetch.
    assert_eq!(place.ping(TOPIC).await, 1);
    let fetch = place.claim_fetch().await;
    push(place, 60).await;
    assert_eq!(place.ping(TOPIC).await, 1);
    assert!(place.finish_fetch(&fetch, unchanged(), Advertisement::Named).await);
    fetched(place).await;
    fetched_once_after_an_hour(place).await;
}

pub(crate) async fn a_check_leaves_a_delayed_ping(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    push(place, 60).await;
    place.add(NewRequest { needs_check: true, ..request(TOPIC, "https://two.example/") }).await;
    fetched(place).await;
    fetched_once_after_an_hour(place).await;
}

pub(crate) async fn a_synchronous_check_leaves_a_delayed_ping(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    push(place, 60).await;
    let fetch = place.store.claim_fetch(TOPIC, HOLD).await.unwrap().unwrap();
    let failed = FetchOutcome::Failed(None, "status 404".to_owned());
    assert!(place.finish_fetch(&fetch, failed, Advertisement::Unknown).await);
    fetched_once_after_an_hour(place).await;
}

pub(crate) async fn pings_use_up_no_retries(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    assert_eq!(place.ping(TOPIC).await, 1);
    let later = || FetchOutcome::Failed(Some(Duration::from_secs(600)), "status 503".to_owned());
    let fetch = place.claim_fetch().await;
    assert!(place.finish_fetch(&fetch, later(), Advertisement::Unknown).await);
    for _ in 0..5 {
        assert_eq!(place.ping(TOPIC).await, 1);
        let fetch = place.claim_fetch().await;
        assert_eq!(fetch.attempts, 1, "a retry is left");
        assert!(place.finish_fetch(&fetch, later(), Advertisement::Unknown).await);
        place.no_fetch_is_due().await;
    }
    // The retry is due when it would be without the pings.
    place.later(10 * MINUTE).await;
    let fetch = place.claim_fetch().await;
    assert_eq!((fetch.attempts, fetch.is_pinged), (1, true));
    assert!(place.finish_fetch(&fetch, later(), Advertisement::Unknown).await);
    place.no_fetch_is_due().await;
    place.later(10 * MINUTE).await;
    let fetch = place.claim_fetch().await;
    assert_eq!(fetch.attempts, 2);
    // A ping before the last retry does not take its place.
    assert!(place.finish_fetch(&fetch, later(), Advertisement::Unknown).await);
    assert_eq!(place.ping(TOPIC).await, 1);
    let fetch = place.claim_fetch().await;
    let failed = FetchOutcome::Failed(None, "status 503".to_owned());
    assert!(place.finish_fetch(&fetch, failed, Advertisement::Unknown).await);
    place.no_fetch_is_due().await;
    place.later(10 * MINUTE).await;
    let fetch = place.claim_fetch().await;
    assert_eq!(fetch.attempts, 3);
    assert!(place.finish_fetch(&fetch, FetchOutcome::Changed(content("back")), Advertisement::Named).await);
    assert_eq!(place.claim_deliveries().await.len(), 1);
    place.later(100 * HOUR).await;
    place.no_fetch_is_due().await;
}

async fn missed(place: &Place) {
    place.ping(TOPIC).await;
    let fetch = place.claim_fetch().await;
    let missing = Advertisement::Missing("no link".to_owned());
    assert!(place.finish_fetch(&fetch, unchanged(), missing).await);
}

pub(crate) async fn misses_within_an_hour_count_once(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    for _ in 0..2 {
        for _ in 0..4 {
            missed(place).await;
        }
        place.later(59 * MINUTE).await;
        missed(place).await;
        place.later(MINUTE).await;
    }
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 2);
    missed(place).await;
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 0);
    let told = place.store.claim_requests(10, HOLD, &[]).await.unwrap();
    assert_eq!(told.len(), 2);
    let is_told =
        |request: &Request| request.stage == Stage::Deny && request.reason.as_deref() == Some("no link");
    assert!(told.iter().all(is_told), "{told:?}");
    let token = request(TOPIC, CALLBACK).token;
    assert_eq!(place.state(&token).await, Some(State::Denied("no link".to_owned())));
}

pub(crate) async fn a_found_link_forgets_the_misses(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    for _ in 0..3 {
        for _ in 0..2 {
            missed(place).await;
            place.later(HOUR).await;
        }
        place.ping(TOPIC).await;
        fetched(place).await;
    }
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 1);
}

pub(crate) async fn a_clock_that_goes_back_delays_no_ping(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    place.later(-24 * HOUR).await;
    let interval = Duration::from_secs(60);
    assert_eq!(place.store.ping(&[TOPIC.to_owned()], interval, Duration::ZERO).await.unwrap(), 1);
    place.later(MINUTE).await;
    place.claim_fetch().await;
}
