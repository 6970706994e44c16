//! Fetches of feeds, subscriptions at hubs, and sweeps.

use std::time::Duration;

use faye_server::store::*;
use tokio::time::Instant;

use crate::entries::{added, batch, entry, feed, read, row};
use crate::place::{HOLD, Place};

pub(crate) const HUB: &str = "https://hub.example/";
const OTHER: &str = "https://other.example/";
const TOPIC: &str = "https://a.example/feed";

pub(crate) async fn claim_poll(store: &Store) -> FeedFetch {
    let begin = Instant::now();
    // A feed that a hub has announced waits for a second.
    let mut claimed = loop {
        let claimed = store.claim_polls(10, HOLD).await.unwrap();
        if !claimed.is_empty() {
            break claimed;
        }
        assert!(begin.elapsed() < HOLD, "no feed is due");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

async fn no_poll_is_due(place: &Place) {
    let claimed = place.store.claim_polls(10, HOLD).await.unwrap();
    assert!(claimed.is_empty(), "{claimed:?}");
}

pub(crate) async fn claim_call(store: &Store) -> SubscriptionCall {
    let mut claimed = store.claim_calls(10, HOLD).await.unwrap();
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

async fn no_call_is_due(place: &Place) {
    let claimed = place.store.claim_calls(10, HOLD).await.unwrap();
    assert!(claimed.is_empty(), "{claimed:?}");
}

pub(crate) fn found(hubs: &[&str]) -> PollRead {
    PollRead {
        validators: Validators { etag: Some("\"1\"".to_owned()), last_modified: None },
        content_url: TOPIC.to_owned(),
        is_feed: true,
        body: vec![1, 2, 3],
        title: Some("Title\u{0}".to_owned()),
        site: Some("https://a.example/".to_owned()),
        topic: TOPIC.to_owned(),
        hubs: hubs.iter().map(|hub| (*hub).to_owned()).collect(),
        ..PollRead::default()
    }
}

fn failed() -> PollOutcome {
    PollOutcome::Failed { why: "status 500".to_owned(), is_gone: false }
}

/// Records a fetch. The feed is not due again.
pub(crate) async fn finish_poll(store: &Store, fetch: &FeedFetch, outcome: PollOutcome) -> bool {
    let finished = FinishedPoll { id: fetch.id, claim: fetch.claim, outcome, next: None, interval: None };
    store.finish_poll(&finished).await.unwrap()
}

/// Fetches the feed that is due, which names these hubs.
async fn poll(place: &Place, hubs: &[&str]) {
    let fetch = claim_poll(&place.store).await;
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Read(Box::new(found(hubs)))).await);
}

pub(crate) async fn finish_call(store: &Store, call: &SubscriptionCall, outcome: CallOutcome) -> bool {
    store.finish_call(&FinishedCall { id: call.id, claim: call.claim, outcome }).await.unwrap()
}

fn accepted() -> CallOutcome {
    CallOutcome::Accepted { patience: HOLD }
}

/// Adds the feed `a` with a hub, and returns the first request to it.
async fn requested(place: &Place) -> SubscriptionCall {
    added(&place.store, "a").await;
    poll(place, &[HUB]).await;
    claim_call(&place.store).await
}

/// Adds the feed `a` with an active subscription for that time.
async fn active(place: &Place, lease: Duration) -> SubscriptionCall {
    let call = requested(place).await;
    assert!(finish_call(&place.store, &call, accepted()).await);
    assert!(place.store.hub_said(call.id, &HubWord::Verified(lease)).await.unwrap());
    call
}

async fn state(place: &Place) -> FeedState {
    row(&place.store, "a").await.state
}

pub(crate) async fn a_new_feed_is_due(place: &Place) {
    let odd = FeedDescription { hub: Some(HUB.to_owned()), poll: Some(Some(HOLD)), ..feed("a") };
    place.store.add_feed(&odd, 10).await.unwrap();
    let fetch = claim_poll(&place.store).await;
    assert_eq!((fetch.feed, fetch.source, fetch.state), (odd, FeedSource::Store, FeedState::New));
    assert_eq!((fetch.body, fetch.attempts, fetch.interval), (None, 0, None));
    assert!(!fetch.is_backfilled && fetch.reason == FetchReason::Poll && fetch.active_for.is_none());
    no_poll_is_due(place).await;
}

pub(crate) async fn a_feed_without_a_hub_is_polled(place: &Place) {
    added(&place.store, "a").await;
    let fetch = claim_poll(&place.store).await;
    let outcome = PollOutcome::Read(Box::new(found(&[])));
    let (id, claim, interval) = (fetch.id, fetch.claim, Some(Duration::from_secs(300)));
    let finished = FinishedPoll { id, claim, outcome, next: Some(Duration::ZERO), interval };
    assert!(place.store.finish_poll(&finished).await.unwrap());
    no_call_is_due(place).await;
    let row = row(&place.store, "a").await;
    assert_eq!((row.state, row.hub), (FeedState::Polling, None));
    assert_eq!(row.found_title.as_deref(), Some("Title\u{fffd}"));
    assert_eq!((row.topic.as_deref(), row.polled_at.is_some()), (Some(TOPIC), true));
    let fetch = claim_poll(&place.store).await;
    assert_eq!((fetch.validators.etag.as_deref(), fetch.body), (Some("\"1\""), Some(vec![1, 2, 3])));
    assert_eq!((fetch.interval, fetch.is_backfilled), (interval, true));
    let (id, claim) = (fetch.id, fetch.claim);
    let unchanged = FinishedPoll { id, claim, outcome: PollOutcome::Unchanged, next: None, interval: None };
    assert!(place.store.finish_poll(&unchanged).await.unwrap());
    no_poll_is_due(place).await;
}

pub(crate) async fn a_failed_fetch_counts_and_waits(place: &Place) {
    added(&place.store, "a").await;
    let fetch = claim_poll(&place.store).await;
    let (id, claim) = (fetch.id, fetch.claim);
    let retry = FinishedPoll { id, claim, outcome: failed(), next: Some(Duration::ZERO), interval: None };
    assert!(place.store.finish_poll(&retry).await.unwrap());
    let before = row(&place.store, "a").await;
    assert_eq!((before.state, before.failure.as_deref()), (FeedState::New, Some("status 500")));
    let fetch = claim_poll(&place.store).await;
    assert_eq!(fetch.attempts, 1);
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Read(Box::new(found(&[])))).await);
    place.store.poll_feeds(None).await.unwrap();
    assert_eq!(claim_poll(&place.store).await.attempts, 0);
    assert_eq!(row(&place.store, "a").await.failure, None);
}

pub(crate) async fn an_expired_claim_of_a_feed_is_lost(place: &Place) {
    added(&place.store, "a").await;
    let late = place.store.claim_polls(10, Duration::ZERO).await.unwrap().remove(0);
    let fetch = claim_poll(&place.store).await;
    assert!(!finish_poll(&place.store, &late, failed()).await);
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Read(Box::new(found(&[HUB])))).await);
    assert!(!finish_poll(&place.store, &fetch, failed()).await, "finished twice");
    let late = place.store.claim_calls(10, Duration::ZERO).await.unwrap().remove(0);
    let call = claim_call(&place.store).await;
    assert!(!finish_call(&place.store, &late, CallOutcome::Refused("no".to_owned())).await);
    assert!(finish_call(&place.store, &call, accepted()).await);
}

pub(crate) async fn a_poll_during_a_fetch_makes_the_feed_due_again(place: &Place) {
    added(&place.store, "a").await;
    let fetch = claim_poll(&place.store).await;
    assert_eq!(place.store.poll_feeds(Some("a")).await.unwrap(), 1);
    no_poll_is_due(place).await;
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Unchanged).await);
    let fetch = claim_poll(&place.store).await;
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Unchanged).await);
    no_poll_is_due(place).await;
}

pub(crate) async fn hubs_of_a_feed_are_asked_for_subscriptions(place: &Place) {
    let secret = FeedDescription { password: Some("pass".to_owned()), ..feed("a") };
    place.store.add_feed(&secret, 10).await.unwrap();
    let long = format!("https://long.example/{}", "x".repeat(5000));
    poll(place, &[HUB, &long, OTHER, HUB, "https://third.example/", "https://fourth.example/"]).await;
    assert_eq!(state(place).await, FeedState::Requested);
    let calls = place.store.claim_calls(10, HOLD).await.unwrap();
    let hubs: Vec<&str> = calls.iter().map(|call| call.hub.as_str()).collect();
    assert_eq!(hubs, [HUB, OTHER, "https://third.example/"]);
    for call in &calls {
        assert_eq!((call.feed.clone(), call.mode), (secret.clone(), SubscriptionMode::Subscribe));
        assert_eq!((call.topic.as_str(), call.attempts, &call.verify_token), (TOPIC, 0, &None));
        assert_eq!((call.callback.len(), call.secret.as_ref().unwrap().len()), (22, 64));
        let known = place.store.callback(&call.callback).await.unwrap().unwrap();
        assert_eq!((known.id, known.feed.as_str(), known.hub.as_str()), (call.id, "a", call.hub.as_str()));
        assert!(known.is_wanted && known.secret == call.secret && known.topic == TOPIC);
    }
    assert_ne!(calls[0].callback, calls[1].callback);
    assert_ne!(calls[0].secret, calls[1].secret);
    place.store.poll_feeds(None).await.unwrap();
    poll(place, &[HUB, OTHER, "https://third.example/"]).await;
    no_call_is_due(place).await;
}

pub(crate) async fn a_verified_subscription_is_active(place: &Place) {
    let call = active(place, HOLD).await;
    let row = row(&place.store, "a").await;
    assert_eq!((row.state, row.hub.as_deref()), (FeedState::Active, Some(HUB)));
    assert!(row.lease_until.is_some() && row.failure.is_none());
    no_call_is_due(place).await;
    no_poll_is_due(place).await;
    assert!(place.store.hub_said(call.id, &HubWord::Verified(HOLD)).await.unwrap(), "the hub verifies again");
    place.store.poll_feeds(None).await.unwrap();
    let fetch = claim_poll(&place.store).await;
    assert!(fetch.active_for.is_some() && fetch.state == FeedState::Active);
    assert!(!place.store.hub_said(999, &HubWord::Verified(HOLD)).await.unwrap());
}

pub(crate) async fn a_verification_before_the_reply_counts(place: &Place) {
    let call = requested(place).await;
    assert!(place.store.hub_said(call.id, &HubWord::Verified(HOLD)).await.unwrap());
    assert!(!finish_call(&place.store, &call, CallOutcome::Refused("late".to_owned())).await);
    assert_eq!(state(place).await, FeedState::Active);
    no_call_is_due(place).await;
}

pub(crate) async fn a_request_that_is_not_verified_is_sent_again(place: &Place) {
    let call = requested(place).await;
    let now = CallOutcome::Accepted { patience: Duration::ZERO };
    assert!(finish_call(&place.store, &call, now).await);
    let again = claim_call(&place.store).await;
    assert_eq!((again.id, again.callback), (call.id, call.callback));
    assert_eq!(state(place).await, FeedState::Requested);
}

pub(crate) async fn a_hub_that_never_verifies_is_taken_to_push(place: &Place) {
    let mut call = requested(place).await;
    for _ in 0..2 {
        let now = CallOutcome::Accepted { patience: Duration::ZERO };
        assert!(finish_call(&place.store, &call, now).await);
        let Some(again) = place.store.claim_calls(10, HOLD).await.unwrap().pop() else { break };
        call = again;
    }
    let before = row(&place.store, "a").await;
    assert_eq!(before.state, FeedState::Unverified);
    assert!(before.lease_until.is_some() && before.failure.unwrap().contains("not verified"));
    no_call_is_due(place).await;
    assert!(place.store.hub_said(call.id, &HubWord::Verified(HOLD)).await.unwrap());
    assert_eq!(state(place).await, FeedState::Active);
}

pub(crate) async fn a_failed_request_is_tried_again(place: &Place) {
    let call = requested(place).await;
    let retry = CallOutcome::Retry(Duration::ZERO, "status 503".to_owned());
    assert!(finish_call(&place.store, &call, retry).await);
    assert_eq!(row(&place.store, "a").await.failure.as_deref(), Some("status 503"));
    let call = claim_call(&place.store).await;
    assert_eq!(call.attempts, 1);
    assert!(finish_call(&place.store, &call, CallOutcome::Retry(HOLD, "status 503".to_owned())).await);
    no_call_is_due(place).await;
}

pub(crate) async fn an_older_hub_gets_a_token(place: &Place) {
    let call = requested(place).await;
    assert!(finish_call(&place.store, &call, CallOutcome::Legacy("token".to_owned())).await);
    let call = claim_call(&place.store).await;
    assert_eq!(call.verify_token.as_deref(), Some("token"));
    let known = place.store.callback(&call.callback).await.unwrap().unwrap();
    assert_eq!(known.verify_token.as_deref(), Some("token"));
}

pub(crate) async fn a_hub_that_refuses_leaves_the_feed_polled(place: &Place) {
    added(&place.store, "a").await;
    poll(place, &[HUB, OTHER]).await;
    let calls = place.store.claim_calls(10, HOLD).await.unwrap();
    assert!(finish_call(&place.store, &calls[0], CallOutcome::Refused("status 404".to_owned())).await);
    assert_eq!(state(place).await, FeedState::Requested, "the other hub is left");
    let known = place.store.callback(&calls[0].callback).await.unwrap().unwrap();
    assert!(!known.is_wanted);
    assert!(finish_call(&place.store, &calls[1], CallOutcome::Refused("status 404".to_owned())).await);
    let row = row(&place.store, "a").await;
    assert_eq!((row.state, row.failure.as_deref()), (FeedState::Denied, Some("status 404")));
    assert!(row.poll_due.is_some(), "the feed is polled");
    place.store.poll_feeds(None).await.unwrap();
    poll(place, &[HUB, OTHER]).await;
    no_call_is_due(place).await;
    assert_eq!(state(place).await, FeedState::Denied);
}

pub(crate) async fn a_hub_that_denies_leaves_the_feed_polled(place: &Place) {
    let call = active(place, HOLD).await;
    place.store.ingest(&batch(call.feed_id, vec![entry("1", "one")])).await.unwrap();
    let denied = HubWord::Denied(Some("no\u{0}".to_owned()));
    assert!(place.store.hub_said(call.id, &denied).await.unwrap());
    let row = row(&place.store, "a").await;
    assert_eq!((row.state, row.failure.as_deref()), (FeedState::Denied, Some("no\u{fffd}")));
    assert_eq!((row.lease_until, row.entries), (None, 1));
    assert!(!place.store.callback(&call.callback).await.unwrap().unwrap().is_wanted);
    assert_eq!(claim_poll(&place.store).await.reason, FetchReason::Poll);
}

pub(crate) async fn a_renewal_begins_with_a_fetch(place: &Place) {
    let call = active(place, Duration::ZERO).await;
    no_call_is_due(place).await;
    poll(place, &[HUB]).await;
    let renewal = claim_call(&place.store).await;
    assert_eq!((renewal.id, renewal.callback), (call.id, call.callback));
    assert_eq!(state(place).await, FeedState::Active, "until the lease ends");
    no_poll_is_due(place).await;
    place.store.hub_said(call.id, &HubWord::Verified(HOLD)).await.unwrap();
    no_poll_is_due(place).await;
}

pub(crate) async fn a_renewal_goes_on_after_a_failed_fetch(place: &Place) {
    for outcome in [failed(), PollOutcome::Unchanged] {
        let call = active(place, Duration::ZERO).await;
        let fetch = claim_poll(&place.store).await;
        assert!(finish_poll(&place.store, &fetch, outcome).await);
        assert_eq!(claim_call(&place.store).await.id, call.id);
        place.store.remove_feed("a").await.unwrap();
        let call = claim_call(&place.store).await;
        finish_call(&place.store, &call, CallOutcome::Refused("gone".to_owned())).await;
    }
}

pub(crate) async fn a_hub_that_is_no_longer_named_is_told(place: &Place) {
    let call = active(place, HOLD).await;
    place.store.poll_feeds(None).await.unwrap();
    poll(place, &[]).await;
    assert_eq!(state(place).await, FeedState::Polling);
    let end = claim_call(&place.store).await;
    assert_eq!(
        (end.id, end.mode, end.callback.clone()),
        (call.id, SubscriptionMode::Unsubscribe, call.callback.clone())
    );
    assert!(finish_call(&place.store, &end, accepted()).await);
    let known = place.store.callback(&call.callback).await.unwrap().unwrap();
    assert!(known.mode == SubscriptionMode::Unsubscribe && known.is_wanted);
    assert!(place.store.hub_said(call.id, &HubWord::Ended).await.unwrap());
    assert!(place.store.callback(&call.callback).await.unwrap().is_none());
    assert!(!place.store.hub_said(call.id, &HubWord::Ended).await.unwrap());
}

pub(crate) async fn a_topic_that_has_changed_is_subscribed_to(place: &Place) {
    let call = active(place, HOLD).await;
    place.store.poll_feeds(None).await.unwrap();
    let fetch = claim_poll(&place.store).await;
    let moved = PollRead { topic: "https://new.example/".to_owned(), ..found(&[HUB]) };
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Read(Box::new(moved))).await);
    let calls = place.store.claim_calls(10, HOLD).await.unwrap();
    let of = |mode| calls.iter().find(|call| call.mode == mode).unwrap();
    let (begin, end) = (of(SubscriptionMode::Subscribe), of(SubscriptionMode::Unsubscribe));
    assert_eq!((end.callback.as_str(), end.topic.as_str()), (call.callback.as_str(), TOPIC));
    assert_eq!((calls.len(), begin.topic.as_str()), (2, "https://new.example/"));
    assert_ne!(begin.callback, call.callback);
}

pub(crate) async fn an_operator_subscribes_a_feed_again(place: &Place) {
    let call = active(place, HOLD).await;
    assert!(place.store.resubscribe_feed("a").await.unwrap());
    let fetch = claim_poll(&place.store).await;
    assert_eq!((fetch.validators.etag.as_deref(), &fetch.body), (None, &None), "the feed is read again");
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Read(Box::new(found(&[HUB])))).await);
    let again = claim_call(&place.store).await;
    assert_eq!(again.id, call.id);
    assert!(finish_call(&place.store, &again, CallOutcome::Refused("no".to_owned())).await);
    assert!(place.store.callback(&call.callback).await.unwrap().unwrap().is_wanted, "its lease is not over");
    assert!(place.store.resubscribe_feed("a").await.unwrap());
    poll(place, &[HUB]).await;
    assert_eq!(claim_call(&place.store).await.id, call.id, "also after a refusal");
}

pub(crate) async fn a_push_without_content_makes_the_feed_due(place: &Place) {
    let call = active(place, HOLD).await;
    assert!(place.store.hub_said(call.id, &HubWord::Pushed { is_read: true }).await.unwrap());
    no_poll_is_due(place).await;
    assert!(row(&place.store, "a").await.pushed_at.is_some());
    let pushed = HubWord::Pushed { is_read: false };
    assert!(place.store.hub_said(call.id, &pushed).await.unwrap());
    let fetch = claim_poll(&place.store).await;
    assert_eq!(fetch.reason, FetchReason::Push);
    assert!(place.store.hub_said(call.id, &pushed).await.unwrap());
    no_poll_is_due(place).await;
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Unchanged).await);
    let fetch = claim_poll(&place.store).await;
    assert_eq!(fetch.reason, FetchReason::Push, "a push during the fetch");
    let (id, claim) = (fetch.id, fetch.claim);
    let retry = FinishedPoll { id, claim, outcome: failed(), next: Some(Duration::ZERO), interval: None };
    assert!(place.store.finish_poll(&retry).await.unwrap());
    assert_eq!(
        claim_poll(&place.store).await.reason,
        FetchReason::Push,
        "what was pushed is not fetched yet"
    );
}

pub(crate) async fn missed_entries_make_a_hub_unreliable(place: &Place) {
    let call = active(place, HOLD).await;
    let missed = PollRead { missed: 2, missed_polls: 3, resubscribe: true, ..found(&[HUB]) };
    place.store.poll_feeds(None).await.unwrap();
    let fetch = claim_poll(&place.store).await;
    assert_eq!((fetch.missed, fetch.resubscribed_ago), (0, None));
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Read(Box::new(missed.clone()))).await);
    let again = claim_call(&place.store).await;
    assert_eq!(again.id, call.id, "subscribed again");
    assert!(place.store.hub_said(call.id, &HubWord::Verified(HOLD)).await.unwrap());
    place.store.poll_feeds(None).await.unwrap();
    let fetch = claim_poll(&place.store).await;
    assert!(fetch.missed == 3 && fetch.resubscribed_ago.is_some());
    let missed = PollRead { resubscribe: false, is_unreliable: true, ..missed };
    assert!(finish_poll(&place.store, &fetch, PollOutcome::Read(Box::new(missed))).await);
    let before = row(&place.store, "a").await;
    assert_eq!((before.state, before.missed), (FeedState::Unreliable, 4));
    assert!(place.store.hub_said(call.id, &HubWord::Pushed { is_read: true }).await.unwrap());
    assert_eq!(state(place).await, FeedState::Active);
    place.store.poll_feeds(None).await.unwrap();
    assert_eq!(claim_poll(&place.store).await.missed, 3, "the hub may push some entries and not others");
}

pub(crate) async fn a_removed_feed_ends_its_subscriptions(place: &Place) {
    let call = active(place, HOLD).await;
    place.store.poll_feeds(None).await.unwrap();
    let fetch = claim_poll(&place.store).await;
    place.store.remove_feed("a").await.unwrap();
    assert!(!finish_poll(&place.store, &fetch, PollOutcome::Unchanged).await, "the claim is lost");
    assert_eq!((place.store.poll_feeds(None).await.unwrap(), state(place).await), (0, FeedState::Removed));
    let end = claim_call(&place.store).await;
    assert_eq!((end.id, end.mode), (call.id, SubscriptionMode::Unsubscribe));
    assert!(finish_call(&place.store, &end, accepted()).await);
    assert!(place.store.hub_said(call.id, &HubWord::Pushed { is_read: false }).await.unwrap());
    no_poll_is_due(place).await;
    assert_eq!(place.store.purge_feed("a").await.unwrap(), Some(0));
    assert_eq!(state(place).await, FeedState::Removed, "until the hub has been told");
    assert!(place.store.hub_said(call.id, &HubWord::Ended).await.unwrap());
    place.store.sweep_feeds(10, HOLD).await.unwrap();
    assert!(place.store.feed_rows().await.unwrap().is_empty());
}

pub(crate) async fn an_end_that_is_not_verified_is_not_waited_for(place: &Place) {
    active(place, HOLD).await;
    place.store.remove_feed("a").await.unwrap();
    let mut tries = 0;
    while let Some(end) = place.store.claim_calls(10, HOLD).await.unwrap().pop() {
        tries += 1;
        assert!(tries < 20, "the request is given up");
        finish_call(&place.store, &end, CallOutcome::Retry(Duration::ZERO, "down".to_owned())).await;
    }
    place.store.sweep_feeds(10, HOLD).await.unwrap();
    assert!(place.store.feed_rows().await.unwrap().is_empty());
}

pub(crate) async fn a_lease_that_is_over_is_requested_again(place: &Place) {
    let call = active(place, Duration::ZERO).await;
    place.store.sweep_feeds(10, HOLD).await.unwrap();
    let before = row(&place.store, "a").await;
    assert_eq!((before.state, before.lease_until), (FeedState::Requested, None));
    poll(place, &[HUB]).await;
    assert_eq!(claim_call(&place.store).await.id, call.id);
}

pub(crate) async fn an_unknown_callback_has_no_subscription(place: &Place) {
    let call = requested(place).await;
    let other = "A".repeat(22);
    for id in
        ["", "%00", "\u{0}", "a'--", other.as_str(), &call.callback[..21], &format!("{}A", call.callback)]
    {
        assert!(place.store.callback(id).await.unwrap().is_none(), "{id:?}");
    }
}

pub(crate) async fn old_entries_are_swept_and_do_not_come_back(place: &Place) {
    let id = added(&place.store, "a").await;
    let old = NewEntry { published: Some(1000), ..entry("old", "old") };
    let entries = vec![old, entry("new", "new")];
    place.store.ingest(&batch(id, entries.clone())).await.unwrap();
    assert_eq!(place.store.sweep_feeds(10, HOLD).await.unwrap(), 0, "they are not published");
    place.store.finish_publications(&[1, 2]).await.unwrap();
    assert_eq!(place.store.sweep_feeds(10, HOLD).await.unwrap(), 1);
    assert_eq!(place.store.sweep_feeds(10, HOLD).await.unwrap(), 0);
    for from in [EntryFrom::Newest, EntryFrom::AfterSeq(0)] {
        assert_eq!(read(&place.store, &["a"], from).await.len(), 1);
    }
    assert_eq!(row(&place.store, "a").await.entries, 1);
    assert_eq!(place.store.ingest(&batch(id, entries)).await.unwrap().known, 2, "the feed still has it");
}

pub(crate) async fn entries_beyond_the_bound_are_swept(place: &Place) {
    let id = added(&place.store, "a").await;
    let few = added(&place.store, "b").await;
    place.store.ingest(&batch(few, vec![entry("1", "one")])).await.unwrap();
    let mut seqs = vec![1];
    for part in 0..7 {
        let entries: Vec<NewEntry> = (0..500)
            .map(|n| NewEntry { published: Some(n), ..entry(&format!("{part} {n}"), "text") })
            .collect();
        assert_eq!(place.store.ingest(&batch(id, entries)).await.unwrap().created, 500);
        seqs.extend(2 + 500 * part..2 + 500 * (part + 1));
    }
    place.store.finish_publications(&seqs).await.unwrap();
    assert_eq!(place.store.sweep_feeds(2, Duration::from_secs(u64::MAX / 4)).await.unwrap(), 3498);
    let rows = read(&place.store, &["a"], EntryFrom::Newest).await;
    assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), [499, 499]);
    assert_eq!(row(&place.store, "a").await.entries, 2);
    assert_eq!(row(&place.store, "b").await.entries, 1);
    let again = |key: &str| batch(id, vec![NewEntry { published: Some(1), ..entry(key, "text") }]);
    assert_eq!(place.store.ingest(&again("6 1")).await.unwrap().known, 1, "keys of the last ones are left");
    assert_eq!(place.store.ingest(&again("0 1")).await.unwrap().created, 1, "not of all");
}

pub(crate) async fn a_removed_feed_is_swept_when_nothing_is_left(place: &Place) {
    let id = added(&place.store, "a").await;
    place.store.ingest(&batch(id, vec![NewEntry { published: Some(1), ..entry("1", "one") }])).await.unwrap();
    place.store.finish_publications(&[1]).await.unwrap();
    place.store.remove_feed("a").await.unwrap();
    place.store.sweep_feeds(10, Duration::from_secs(u64::MAX / 4)).await.unwrap();
    assert_eq!(state(place).await, FeedState::Removed, "its entries are shown");
    assert_eq!(place.store.sweep_feeds(10, HOLD).await.unwrap(), 1);
    assert!(place.store.feed_rows().await.unwrap().is_empty());
}

pub(crate) async fn claims_of_feeds_are_given_back_when_a_store_closes(place: &Place) {
    let call = requested(place).await;
    place.store.poll_feeds(None).await.unwrap();
    claim_poll(&place.store).await;
    place.store.ingest(&batch(call.feed_id, vec![entry("1", "one")])).await.unwrap();
    assert_eq!(place.store.claim_publications(10, HOLD).await.unwrap().len(), 1);
    let Some(store) = place.reopened().await else { return };
    assert_eq!(claim_call(&store).await.id, call.id);
    claim_poll(&store).await;
    assert_eq!(store.claim_publications(10, HOLD).await.unwrap().len(), 1);
    store.close().await;
}
