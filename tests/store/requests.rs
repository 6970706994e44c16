//! Requests to subscribe and unsubscribe.

use std::time::Duration;

use faye_server::config::SignatureMethod;
use faye_server::store::*;

use crate::place::{BOUNDS, HOLD, Place, TOPIC, request, unsubscribe};

const CALLBACK: &str = "https://one.example/callback";

pub(crate) async fn a_verified_request_begins_a_subscription(place: &Place) {
    let added = place.add(request(TOPIC, CALLBACK)).await;
    assert_eq!(added.stage, Stage::Verify);
    let claimed = place.claim_request().await;
    assert_eq!(claimed.callback, CALLBACK);
    assert_eq!(claimed.topic, TOPIC);
    assert_eq!(claimed.topic_spelt, TOPIC.to_uppercase());
    assert_eq!(claimed.lease, Duration::from_secs(864_000));
    assert_eq!(claimed.attempts, 0);
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 0, "nothing before the verification");
    assert_eq!(place.finish(&claimed, RequestOutcome::Verified).await, 0);
    let row = place.the_subscription().await;
    assert_eq!((row.topic.as_str(), row.host.as_str(), row.is_signed), (TOPIC, "one.example", false));
    assert!(row.expires_in > Duration::from_secs(863_000) && row.expires_in <= Duration::from_secs(864_000));
    let counts = place.store.counts().await.unwrap();
    assert_eq!(counts, Counts { topics: 1, subscriptions: 1, requests: 0, deliveries: 0 });
    assert_eq!(place.finish(&claimed, RequestOutcome::Verified).await, 1, "finished twice");
}

pub(crate) async fn a_newer_request_replaces_a_waiting_one(place: &Place) {
    place.add(request(TOPIC, CALLBACK)).await;
    let newer = NewRequest {
        lease: Duration::from_secs(7200),
        token: "newer".to_owned(),
        ..request(TOPIC, CALLBACK)
    };
    place.add(newer).await;
    assert_eq!(place.store.counts().await.unwrap().requests, 1);
    let newer = place.claim_request().await;
    assert_eq!(newer.lease, Duration::from_secs(7200));
    assert_eq!(place.finish(&newer, RequestOutcome::Verified).await, 0);
    assert!(place.the_subscription().await.expires_in <= Duration::from_secs(7200));
}

pub(crate) async fn a_refused_request_changes_nothing(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place
        .add(NewRequest {
            lease: Duration::from_secs(10),
            token: "second".to_owned(),
            ..request(TOPIC, CALLBACK)
        })
        .await;
    let claimed = place.claim_request().await;
    assert_eq!(place.finish(&claimed, RequestOutcome::Refused("status 404".to_owned())).await, 0);
    assert!(place.the_subscription().await.expires_in > Duration::from_secs(863_000));
    assert_eq!(place.state("second").await, Some(State::Refused("status 404".to_owned())));
    place.no_request_is_due().await;
    // What is finished makes room for the next one.
    place.add(NewRequest { token: "third".to_owned(), ..request(TOPIC, CALLBACK) }).await;
    place.claim_request().await;
}

pub(crate) async fn a_new_secret_counts_when_it_is_verified(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.add(NewRequest { secret: Some("s3cret".to_owned()), ..request(TOPIC, CALLBACK) }).await;
    place.change(TOPIC, "one").await;
    let delivery = place.claim_delivery().await;
    assert_eq!(delivery.secret, None);
    place.finish_delivery(&delivery, DeliveryOutcome::Delivered).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    place.change(TOPIC, "two").await;
    assert_eq!(place.claim_delivery().await.secret.as_deref(), Some("s3cret"));
    assert!(place.the_subscription().await.is_signed);
}

pub(crate) async fn a_poorer_request_downgrades_nothing(place: &Place) {
    let full = NewRequest { is_legacy: true, secret: Some("s3cret".to_owned()), ..request(TOPIC, CALLBACK) };
    place.subscribe_with(NewRequest { verify_token: Some("token".to_owned()), ..full }).await;
    place
        .subscribe_with(NewRequest {
            lease: Duration::from_secs(3600),
            signature: SignatureMethod::Sha512,
            token: "second".to_owned(),
            ..request(TOPIC, CALLBACK)
        })
        .await;
    let row = place.the_subscription().await;
    assert!(row.is_legacy && row.is_signed && row.expires_in > Duration::from_secs(863_000), "{row:?}");
    place.change(TOPIC, "one").await;
    let delivery = place.claim_delivery().await;
    assert_eq!((delivery.secret.as_deref(), delivery.signature), (Some("s3cret"), SignatureMethod::Sha256));
    // A new secret counts, and so does a later end.
    place
        .subscribe_with(NewRequest {
            lease: Duration::from_secs(1_000_000),
            secret: Some("other".to_owned()),
            signature: SignatureMethod::Sha512,
            ..request(TOPIC, CALLBACK)
        })
        .await;
    place.finish_delivery(&delivery, DeliveryOutcome::Delivered).await;
    place.change(TOPIC, "two").await;
    let delivery = place.claim_delivery().await;
    assert_eq!((delivery.secret.as_deref(), delivery.signature), (Some("other"), SignatureMethod::Sha512));
    assert!(delivery.expires_in > Duration::from_secs(999_000));
}

pub(crate) async fn an_unsubscription_leaves_a_waiting_subscription(place: &Place) {
    place.add(request(TOPIC, CALLBACK)).await;
    let claimed = place.claim_request().await;
    let retry = RequestOutcome::Retry(Duration::ZERO, "status 503".to_owned());
    place.finish(&claimed, retry).await;
    let ending = unsubscribe(TOPIC, CALLBACK);
    place.store.add_request(&ending, &BOUNDS).await.unwrap();
    let claimed = place.store.claim_requests(10, HOLD, &[]).await.unwrap();
    for request in &claimed {
        let outcome = match request.mode {
            Mode::Subscribe => RequestOutcome::Verified,
            Mode::Unsubscribe => RequestOutcome::Refused("status 404".to_owned()),
        };
        assert_eq!(place.finish(request, outcome).await, 0);
    }
    place.the_subscription().await;
    assert!(matches!(place.state(&request(TOPIC, CALLBACK).token).await, Some(State::Active(..))));
    assert_eq!(place.state(&ending.token).await, Some(State::Refused("status 404".to_owned())));
}

pub(crate) async fn a_request_waits_for_the_verification_of_an_older_one(place: &Place) {
    let own =
        NewRequest { claim_for: Some(HOLD), secret: Some("own".to_owned()), ..request(TOPIC, CALLBACK) };
    let own = place.add(own).await;
    for secret in ["first", "second"] {
        let secret = Some(secret.to_owned());
        place.add(NewRequest { secret, token: "strange".to_owned(), ..request(TOPIC, CALLBACK) }).await;
        place.store.sweep().await.unwrap();
        place.no_request_is_due().await;
    }
    assert_eq!(place.store.counts().await.unwrap().requests, 2);
    assert_eq!(place.finish(&own, RequestOutcome::Verified).await, 0);
    place.store.sweep().await.unwrap();
    let strange = place.claim_request().await;
    assert_eq!(place.finish(&strange, RequestOutcome::Refused("status 404".to_owned())).await, 0);
    place.change(TOPIC, "one").await;
    assert_eq!(place.claim_delivery().await.secret.as_deref(), Some("own"));
    // The newest one counts in the end.
    let older = NewRequest { claim_for: Some(HOLD), ..request(TOPIC, CALLBACK) };
    let older = place.add(older).await;
    let newer = NewRequest { secret: Some("newer".to_owned()), ..request(TOPIC, CALLBACK) };
    place.add(newer).await;
    let retry = RequestOutcome::Retry(HOLD, "status 503".to_owned());
    assert_eq!(place.finish(&older, retry).await, 0);
    place.store.sweep().await.unwrap();
    let newer = place.claim_request().await;
    assert_eq!(place.finish(&newer, RequestOutcome::Verified).await, 0);
    assert!(place.the_subscription().await.is_signed);
    assert_eq!(place.store.counts().await.unwrap().requests, 0);
}

pub(crate) async fn an_unsubscription_is_verified_too(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    place.change(TOPIC, "one").await;
    let ending = unsubscribe(TOPIC, CALLBACK);
    place.add(ending.clone()).await;
    let claimed = place.claim_request().await;
    assert_eq!(claimed.mode, Mode::Unsubscribe);
    assert_eq!(place.store.counts().await.unwrap().subscriptions, 1);
    place.finish(&claimed, RequestOutcome::Verified).await;
    let counts = place.store.counts().await.unwrap();
    assert_eq!((counts.subscriptions, counts.deliveries), (0, 0), "its delivery ends as well");
    assert!(matches!(place.state(&ending.token).await, Some(State::Ended(_))));
}

pub(crate) async fn an_unknown_subscription_is_ended_like_any(place: &Place) {
    let ending = unsubscribe(TOPIC, CALLBACK);
    place.store.add_request(&ending, &BOUNDS).await.unwrap();
    assert_eq!(place.state(&ending.token).await, Some(State::Verifying(0, None)));
    let claimed = place.claim_request().await;
    assert_eq!(place.finish(&claimed, RequestOutcome::Verified).await, 0);
    let state = place.state(&ending.token).await;
    assert_eq!(state, Some(State::Ended("the subscriber has unsubscribed".to_owned())));
    assert_eq!(place.store.counts().await.unwrap(), Counts::default());
}

pub(crate) async fn a_check_comes_before_the_verification(place: &Place) {
    let checked = NewRequest { needs_check: true, ..request(TOPIC, CALLBACK) };
    assert_eq!(place.add(checked.clone()).await.stage, Stage::Check);
    place.no_request_is_due().await;
    assert_eq!(place.state(&checked.token).await, Some(State::Checking));
    let fetch = place.claim_fetch().await;
    assert_eq!((fetch.topic.as_str(), fetch.is_pinged, fetch.fingerprint.is_none()), (TOPIC, false, true));
    let unchanged = FetchOutcome::Unchanged(Validators::default());
    assert!(place.finish_fetch(&fetch, unchanged, Advertisement::Named).await);
    let claimed = place.claim_request().await;
    assert_eq!(claimed.stage, Stage::Verify);
    place.no_fetch_is_due().await;
}

pub(crate) async fn a_topic_that_was_found_to_name_the_hub_needs_no_check(place: &Place) {
    place.subscribe(TOPIC, &["https://zero.example/"]).await;
    place.change(TOPIC, "one").await;
    let checked = NewRequest { needs_check: true, ..request(TOPIC, CALLBACK) };
    assert_eq!(place.add(checked).await.stage, Stage::Verify);
}

pub(crate) async fn a_denied_request_is_told(place: &Place) {
    let denied = place.add(request(TOPIC, CALLBACK)).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Denied("not here".to_owned())).await;
    let denial = place.claim_request().await;
    assert_eq!(
        (denial.id, denial.stage, denial.reason.as_deref()),
        (denied.id, Stage::Deny, Some("not here"))
    );
    place.finish(&denial, RequestOutcome::Told).await;
    place.no_request_is_due().await;
    let state = place.state(&request(TOPIC, CALLBACK).token).await;
    assert_eq!(state, Some(State::Denied("not here".to_owned())));
}

pub(crate) async fn a_denied_request_leaves_the_subscription(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK]).await;
    let again = || NewRequest { token: "again".to_owned(), ..request(TOPIC, CALLBACK) };
    let denied = || Some(State::Denied("not here".to_owned()));
    place.add(again()).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Denied("not here".to_owned())).await;
    assert_eq!(place.state("again").await, denied());
    // A subscriber that is told of a denial regards its subscription as ended.
    place.no_request_is_due().await;
    for (outcome, found) in [
        (FetchOutcome::Failed(None, "not here".to_owned()), Advertisement::Unknown),
        (FetchOutcome::Unchanged(Validators::default()), Advertisement::Missing("not here".to_owned())),
    ] {
        place.add(NewRequest { needs_check: true, ..again() }).await;
        let fetch = place.claim_fetch().await;
        assert!(place.finish_fetch(&fetch, outcome, found).await);
        assert_eq!(place.state("again").await, denied());
        place.no_request_is_due().await;
        let counts = place.store.counts().await.unwrap();
        assert_eq!((counts.subscriptions, counts.requests), (1, 0));
    }
    assert!(matches!(place.state(&request(TOPIC, CALLBACK).token).await, Some(State::Active(..))));
}

pub(crate) async fn a_topic_that_is_no_longer_accepted_ends(place: &Place) {
    place.subscribe(TOPIC, &[CALLBACK, "https://two.example/"]).await;
    place.ping(TOPIC).await;
    let fetch = place.claim_fetch().await;
    let unchanged = FetchOutcome::Unchanged(Validators::default());
    let refused = Advertisement::Refused("not here".to_owned());
    assert!(place.finish_fetch(&fetch, unchanged, refused).await);
    let told = place.store.claim_requests(10, HOLD, &[]).await.unwrap();
    assert_eq!(told.len(), 2);
    for denial in &told {
        assert_eq!((denial.stage, denial.reason.as_deref()), (Stage::Deny, Some("not here")));
        place.finish(denial, RequestOutcome::Told).await;
    }
    place.store.sweep().await.unwrap();
    assert_eq!(place.store.counts().await.unwrap(), Counts::default());
}

pub(crate) async fn a_retried_request_waits(place: &Place) {
    place.add(request(TOPIC, CALLBACK)).await;
    let claimed = place.claim_request().await;
    let retry = RequestOutcome::Retry(Duration::from_secs(600), "status 503".to_owned());
    place.finish(&claimed, retry).await;
    place.no_request_is_due().await;
    let state = place.state(&request(TOPIC, CALLBACK).token).await;
    assert_eq!(state, Some(State::Verifying(1, Some("status 503".to_owned()))));
}

pub(crate) async fn a_postponed_request_counts_no_attempt(place: &Place) {
    place.add(request(TOPIC, CALLBACK)).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Postponed(Duration::ZERO)).await;
    let claimed = place.claim_request().await;
    assert_eq!(claimed.attempts, 0);
    place.finish(&claimed, RequestOutcome::Retry(Duration::ZERO, "reset".to_owned())).await;
    assert_eq!(place.claim_request().await.attempts, 1);
}

pub(crate) async fn busy_hosts_are_left_out_of_requests(place: &Place) {
    place.add(request(TOPIC, CALLBACK)).await;
    place.add(request(TOPIC, "https://two.example/")).await;
    let claimed = place.store.claim_requests(10, HOLD, &["one.example".to_owned()]).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].host, "two.example");
}

pub(crate) async fn an_expired_claim_of_a_request_is_lost(place: &Place) {
    place.add(request(TOPIC, CALLBACK)).await;
    let late = place.store.claim_requests(10, Duration::ZERO, &[]).await.unwrap().remove(0);
    let claimed = place.claim_request().await;
    assert_ne!(late.claim, claimed.claim);
    assert_eq!(place.finish(&late, RequestOutcome::Refused("late".to_owned())).await, 1);
    assert_eq!(place.finish(&claimed, RequestOutcome::Verified).await, 0);
}

pub(crate) async fn a_request_may_be_claimed_by_the_caller(place: &Place) {
    let sync = NewRequest { needs_check: true, claim_for: Some(HOLD), ..request(TOPIC, CALLBACK) };
    let claimed = place.add(sync).await;
    assert_eq!(claimed.stage, Stage::Check);
    place.no_fetch_is_due().await;
    let fetch = place.store.claim_fetch(TOPIC, HOLD).await.unwrap().unwrap();
    let unchanged = FetchOutcome::Unchanged(Validators::default());
    assert!(place.finish_fetch(&fetch, unchanged, Advertisement::Named).await);
    place.no_request_is_due().await;
    assert_eq!(place.finish(&claimed, RequestOutcome::Verified).await, 0, "the check keeps the claim");
    place.the_subscription().await;
}

pub(crate) async fn bounds_are_kept(place: &Place) {
    let full =
        async |request: NewRequest, bounds: Bounds| match place.store.add_request(&request, &bounds).await {
            Ok(Admission::Full(bound)) => Some(bound),
            Ok(Admission::Accepted(_)) => None,
            other => panic!("{other:?}"),
        };
    place.subscribe(TOPIC, &[CALLBACK]).await;
    let other = "https://example.com/other";
    let topics = Bounds { topics: 1, ..BOUNDS };
    assert_eq!(full(request(other, "https://two.example/"), topics).await, Some(Bound::Topics));
    assert_eq!(full(request(TOPIC, CALLBACK), Bounds { subscriptions: 1, ..topics }).await, None, "renewed");
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    let two = request(TOPIC, "https://two.example/");
    assert_eq!(full(two.clone(), Bounds { subscriptions: 1, ..topics }).await, Some(Bound::Subscriptions));
    let by_host = Bounds { subscriptions_by_host: 1, ..BOUNDS };
    let neighbour = request(TOPIC, "https://one.example/other");
    assert_eq!(full(neighbour.clone(), by_host).await, Some(Bound::SubscriptionsByHost));
    assert_eq!(full(two.clone(), by_host).await, None, "another host");
    let pending = Bounds { pending_by_host: 1, ..BOUNDS };
    let neighbour = request(TOPIC, "https://two.example/other");
    assert_eq!(full(neighbour, pending).await, Some(Bound::PendingByHost));
    assert_eq!(full(two, pending).await, None, "the same request again");
    assert_eq!(full(unsubscribe(TOPIC, CALLBACK), pending).await, None, "of a subscription");
    let claimed = place.store.claim_requests(10, HOLD, &[]).await.unwrap();
    for one in claimed.iter().filter(|request| request.mode == Mode::Unsubscribe) {
        place.finish(one, RequestOutcome::Refused("status 404".to_owned())).await;
    }
    let counts = place.store.counts().await.unwrap();
    assert_eq!(
        (counts.topics, counts.subscriptions, counts.requests),
        (1, 1, 1),
        "what is refused leaves nothing"
    );
}

pub(crate) async fn strangers_do_not_use_up_the_bounds(place: &Place) {
    let add = async |request: NewRequest, bounds: Bounds| match place
        .store
        .add_request(&request, &bounds)
        .await
        .unwrap()
    {
        Admission::Full(bound) => Some(bound),
        Admission::Accepted(_) => None,
        Admission::Busy => panic!("nothing is claimed"),
    };
    place.subscribe(TOPIC, &[CALLBACK]).await;
    let bounds = Bounds { topics: 2, pending: 7, pending_by_client: 5, pending_by_host: 4, ..BOUNDS };
    let strange =
        |n: u32, host: &str| request(&format!("https://x.example/{n}"), &format!("https://{host}/{n}"));
    for n in 0..3 {
        assert_eq!(add(strange(n, "one.example"), bounds).await, None, "topics without subscriptions: {n}");
    }
    assert_eq!(add(strange(3, "one.example"), bounds).await, Some(Bound::PendingByClient), "its share");
    let from = |client: &str, request: NewRequest| NewRequest { client: client.to_owned(), ..request };
    let other = || from("192.0.2.2", strange(4, "one.example"));
    assert_eq!(add(other(), bounds).await, None, "a place is left for others");
    assert_eq!(add(from("192.0.2.2", strange(5, "one.example")), bounds).await, Some(Bound::PendingByHost));
    for n in 6..8 {
        assert_eq!(add(strange(n, &format!("h{n}.example")), bounds).await, None);
    }
    assert_eq!(add(strange(8, "h8.example"), bounds).await, Some(Bound::PendingByClient));
    assert_eq!(add(from("192.0.2.2", strange(9, "h9.example")), bounds).await, None);
    assert_eq!(add(from("192.0.2.3", strange(10, "h10.example")), bounds).await, Some(Bound::Pending));
    // The subscriber renews and ends its subscription all the same.
    assert_eq!(add(request(TOPIC, CALLBACK), bounds).await, None);
    assert_eq!(add(unsubscribe(TOPIC, CALLBACK), bounds).await, None);
}

pub(crate) async fn a_finished_request_makes_room(place: &Place) {
    let bounds = Bounds { subscriptions: 2, ..BOUNDS };
    let add =
        async |callback: &str| place.store.add_request(&request(TOPIC, callback), &bounds).await.unwrap();
    assert!(matches!(add(CALLBACK).await, Admission::Accepted(_)));
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    assert!(matches!(add("https://two.example/").await, Admission::Accepted(_)), "counted once");
    assert!(matches!(add("https://three.example/").await, Admission::Full(Bound::Subscriptions)));
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Refused("404".to_owned())).await;
    assert!(matches!(add("https://three.example/").await, Admission::Accepted(_)));
    place.store.sweep().await.unwrap();
    assert!(matches!(add("https://four.example/").await, Admission::Full(Bound::Subscriptions)));
}

pub(crate) async fn texts_of_subscribers_are_kept_byte_for_byte(place: &Place) {
    let secret = "a'\u{0}\"$1{now}\\ 💡".to_owned();
    let callback = "https://one.example/?a=%00&b='--";
    let odd = NewRequest {
        secret: Some(secret.clone()),
        verify_token: Some(secret.clone()),
        is_legacy: true,
        ..request(TOPIC, callback)
    };
    place.add(odd).await;
    let claimed = place.claim_request().await;
    assert_eq!(claimed.verify_token.as_deref(), Some(secret.as_str()));
    assert_eq!(claimed.callback, callback);
    place.finish(&claimed, RequestOutcome::Retry(Duration::ZERO, "bad \u{0} reply".to_owned())).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    place.change(TOPIC, "one").await;
    let delivery = place.claim_delivery().await;
    assert_eq!(delivery.secret.as_deref(), Some(secret.as_str()));
    place.finish_delivery(&delivery, DeliveryOutcome::Retry(Duration::ZERO, "\u{0}".to_owned())).await;
    assert_eq!(place.the_subscription().await.failure.as_deref(), Some("\u{fffd}"));
}

pub(crate) async fn a_status_tells_each_state(place: &Place) {
    assert_eq!(place.state("nothing").await, None);
    let asked = request(TOPIC, CALLBACK);
    place.add(asked.clone()).await;
    assert_eq!(place.state(&asked.token).await, Some(State::Verifying(0, None)));
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    let status = place.store.status(&asked.token).await.unwrap().unwrap();
    assert_eq!((status.topic, status.host), (TOPIC.to_uppercase(), "one.example".to_owned()));
    assert!(matches!(status.state, State::Active(lease, 0, None) if lease > Duration::from_secs(863_000)));
}
