//! Feeds as the settings and operators describe them.

use std::time::Duration;

use faye_server::store::*;

use crate::entries::{added, batch, entry, feed, read, row};
use crate::follow::{HUB, claim_call, claim_poll, finish_call, finish_poll, found};
use crate::place::{HOLD, Place};

async fn names(place: &Place) -> Vec<(String, FeedSource, FeedState)> {
    let rows = place.store.feed_rows().await.unwrap();
    rows.into_iter().map(|row| (row.feed.name, row.source, row.state)).collect()
}

pub(crate) async fn feeds_of_the_settings_are_those_that_are_followed(place: &Place) {
    let odd = FeedDescription {
        hub: Some("none".to_owned()),
        poll: Some(None),
        username: Some("user".to_owned()),
        password: Some("pässwörd".to_owned()),
        public: true,
        title: Some("Title".to_owned()),
        ..feed("b")
    };
    added(&place.store, "c").await;
    place.store.sync_feeds(&[feed("a"), odd.clone(), feed("c")]).await.unwrap();
    let config = |name: &str, state| (name.to_owned(), FeedSource::Config, state);
    let all = ["a", "b", "c"].map(|name| config(name, FeedState::New));
    assert_eq!(names(place).await, all);
    assert_eq!(row(&place.store, "b").await.feed, odd);
    place.store.sync_feeds(&[feed("c"), odd]).await.unwrap();
    let [_, b, c] = all;
    assert_eq!(names(place).await, [config("a", FeedState::Removed), b, c]);
    place.store.sync_feeds(&[]).await.unwrap();
    assert!(names(place).await.iter().all(|(_, _, state)| *state == FeedState::Removed));
}

pub(crate) async fn an_operator_adds_and_removes_feeds(place: &Place) {
    place.store.sync_feeds(&[feed("config")]).await.unwrap();
    assert_eq!(place.store.add_feed(&feed("config"), 10).await.unwrap(), AddedFeed::Exists);
    assert_eq!(place.store.add_feed(&feed("a"), 2).await.unwrap(), AddedFeed::Added);
    assert_eq!(place.store.add_feed(&feed("a"), 10).await.unwrap(), AddedFeed::Exists);
    assert_eq!(place.store.add_feed(&feed("b"), 2).await.unwrap(), AddedFeed::Full);
    place.store.sync_feeds(&[feed("config")]).await.unwrap();
    assert_eq!(row(&place.store, "a").await.state, FeedState::New, "the settings do not know it");
    assert_eq!(place.store.remove_feed("config").await.unwrap(), Some(FeedSource::Config));
    assert_eq!(row(&place.store, "config").await.state, FeedState::New);
    assert_eq!(place.store.remove_feed("a").await.unwrap(), Some(FeedSource::Store));
    assert_eq!(place.store.remove_feed("a").await.unwrap(), None);
    assert_eq!(place.store.remove_feed("unknown").await.unwrap(), None);
    assert_eq!(place.store.add_feed(&feed("b"), 2).await.unwrap(), AddedFeed::Added, "there is room");
}

pub(crate) async fn a_feed_that_is_added_again_has_its_entries(place: &Place) {
    let id = added(&place.store, "a").await;
    place.store.ingest(&batch(id, vec![entry("1", "one")])).await.unwrap();
    place.store.remove_feed("a").await.unwrap();
    assert_eq!(added(&place.store, "a").await, id);
    let row = row(&place.store, "a").await;
    assert_eq!((row.state, row.entries), (FeedState::New, 1));
    assert_eq!(place.store.ingest(&batch(id, vec![entry("1", "one")])).await.unwrap().known, 1);
}

pub(crate) async fn a_purge_deletes_entries(place: &Place) {
    let id = added(&place.store, "a").await;
    let other = added(&place.store, "b").await;
    place.store.ingest(&batch(id, vec![entry("1", "one"), entry("2", "two")])).await.unwrap();
    place.store.ingest(&batch(other, vec![entry("1", "one")])).await.unwrap();
    assert_eq!(place.store.purge_feed("unknown").await.unwrap(), None);
    assert_eq!(place.store.purge_feed("a").await.unwrap(), Some(2));
    assert_eq!(row(&place.store, "a").await.entries, 0);
    assert_eq!(read(&place.store, &["a", "b"], EntryFrom::Newest).await.len(), 1);
    place.store.remove_feed("a").await.unwrap();
    assert_eq!(place.store.purge_feed("a").await.unwrap(), Some(0));
    assert_eq!(names(place).await.len(), 1, "the removed feed is gone");
    assert_eq!(place.store.last_seq().await.unwrap(), 3, "numbers are not used again");
}

/// The entries `from` to `until`, as a fetch finds them. A backfill keeps two of them.
fn fetched(id: i64, from: u64, until: u64) -> Batch {
    let entries = (from..until).map(|n| entry(&n.to_string(), "text")).collect();
    Batch { via: Via::Poll, most: 2, ..batch(id, entries) }
}

async fn waiting(place: &Place) -> usize {
    place.store.claim_publications(100, HOLD).await.unwrap().len()
}

pub(crate) async fn a_fetch_during_a_purge_is_a_backfill(place: &Place) {
    let store = &place.store;
    let id = added(store, "a").await;
    let first = claim_poll(store).await;
    assert!(finish_poll(store, &first, PollOutcome::Read(Box::new(found(&[])))).await);
    store.poll_feeds(None).await.unwrap();
    let fetch = claim_poll(store).await;
    assert_eq!(store.purge_feed("a").await.unwrap(), Some(0));
    let kept = Ingested { created: 2, known: 3, ..Ingested::default() };
    assert_eq!((store.ingest(&fetched(id, 0, 5)).await.unwrap(), waiting(place).await), (kept, 0));
    assert!(read(store, &["a"], EntryFrom::Newest).await.iter().all(|row| row.via == Via::Backfill));
    let outcome = PollOutcome::Read(Box::new(found(&[])));
    assert!(!finish_poll(store, &fetch, outcome).await, "it has seen the feed before the purge");
    let again = claim_poll(store).await;
    assert_eq!((again.is_backfilled, again.body), (false, None));
    let pushed = Batch { via: Via::Push, ..fetched(id, 5, 9) };
    assert_eq!((store.ingest(&pushed).await.unwrap().created, waiting(place).await), (4, 4));
}

pub(crate) async fn a_page_before_the_first_feed_is_no_backfill(place: &Place) {
    let store = &place.store;
    let id = added(store, "a").await;
    let page = |text: &str| {
        let entries = vec![NewEntry { kind: EntryKind::Page, ..entry("page", text) }];
        Batch { entries, ..fetched(id, 0, 0) }
    };
    assert_eq!((store.ingest(&page("one")).await.unwrap().created, waiting(place).await), (1, 0));
    let fetch = claim_poll(store).await;
    let read = PollRead { is_feed: false, ..found(&[]) };
    assert!(finish_poll(store, &fetch, PollOutcome::Read(Box::new(read))).await);
    assert_eq!((store.ingest(&page("two")).await.unwrap().updated, waiting(place).await), (1, 1));
    assert_eq!((store.ingest(&fetched(id, 0, 5)).await.unwrap().created, waiting(place).await), (2, 1));
    assert_eq!((store.ingest(&fetched(id, 0, 9)).await.unwrap().created, waiting(place).await), (4, 5));
}

pub(crate) async fn a_feed_without_entries_is_a_backfill(place: &Place) {
    let store = &place.store;
    let id = added(store, "a").await;
    let fetch = claim_poll(store).await;
    assert!(finish_poll(store, &fetch, PollOutcome::Read(Box::new(found(&[])))).await);
    assert_eq!((store.ingest(&fetched(id, 0, 1)).await.unwrap().created, waiting(place).await), (1, 1));
}

pub(crate) async fn a_poll_that_is_asked_for_is_due(place: &Place) {
    added(&place.store, "a").await;
    added(&place.store, "b").await;
    assert_eq!(place.store.poll_feeds(Some("unknown")).await.unwrap(), 0);
    assert_eq!(place.store.poll_feeds(Some("a")).await.unwrap(), 1);
    assert_eq!(place.store.poll_feeds(None).await.unwrap(), 2);
    assert!(place.store.resubscribe_feed("a").await.unwrap());
    assert!(!place.store.resubscribe_feed("unknown").await.unwrap());
}

pub(crate) async fn additions_of_feeds_are_counted_exactly(place: &Place) {
    const MOST: u64 = 5;
    place.store.sync_feeds(&[feed("config")]).await.unwrap();
    let second = place.second().await.unwrap_or_else(|| place.store.clone());
    let additions = (0..24).map(|number| {
        let store = if number % 2 == 0 { place.store.clone() } else { second.clone() };
        tokio::spawn(async move { store.add_feed(&feed(&format!("f{number}")), MOST).await.unwrap() })
    });
    let mut added = 0;
    for addition in additions.collect::<Vec<_>>() {
        added += u64::from(addition.await.unwrap() == AddedFeed::Added);
    }
    assert_eq!((added, names(place).await.len() as u64), (MOST - 1, MOST));
}

pub(crate) async fn feeds_are_due_by_the_rates_of_the_settings(place: &Place) {
    let store = &place.store;
    let rates = |poll, backup_poll| PollRates { poll, backup_poll };
    let (now, later) = (Some(Duration::ZERO), Some(HOLD));
    let own = FeedDescription { poll: Some(None), ..feed("own") };
    store.sync_feeds(&[feed("a"), feed("b"), own]).await.unwrap();
    assert_eq!(store.schedule_feeds(rates(now, now)).await.unwrap(), 0, "they are due");
    assert_eq!(store.unschedule_feeds(rates(None, None)).await.unwrap(), 0, "the first fetch stays");
    let claimed = store.claim_polls(10, HOLD).await.unwrap();
    assert_eq!(store.schedule_feeds(rates(now, now)).await.unwrap(), 0, "a claim stays");
    for fetch in claimed {
        let hubs: &[&str] = if fetch.feed.name == "b" { &[HUB] } else { &[] };
        finish_poll(store, &fetch, PollOutcome::Read(Box::new(found(hubs)))).await;
    }
    let call = claim_call(store).await;
    store.hub_said(call.id, &HubWord::Verified(HOLD)).await.unwrap();
    assert_eq!(store.schedule_feeds(rates(None, None)).await.unwrap(), 0);
    let due = async || row(store, "a").await.poll_due.zip(row(store, "b").await.poll_due);
    assert_eq!(store.schedule_feeds(rates(later, None)).await.unwrap(), 1);
    assert_eq!(row(store, "b").await.poll_due, None, "a hub pushes");
    assert_eq!(store.schedule_feeds(rates(None, later)).await.unwrap(), 1);
    let (a, b) = due().await.unwrap();
    let polled = row(store, "a").await.polled_at.unwrap();
    assert_eq!(a - polled, i64::try_from(HOLD.as_millis()).unwrap());
    assert!(b > polled);
    assert_eq!(row(store, "own").await.poll_due, None);
    assert_eq!(store.unschedule_feeds(rates(later, None)).await.unwrap(), 1);
    assert_eq!((row(store, "a").await.poll_due, row(store, "b").await.poll_due), (Some(a), None));
    store.hub_said(call.id, &HubWord::Pushed { is_read: false }).await.unwrap();
    assert_eq!(store.unschedule_feeds(rates(None, None)).await.unwrap(), 1, "only what time alone makes due");
    assert_eq!(claim_poll(store).await.feed.name, "b");
    assert_eq!(store.schedule_feeds(rates(now, None)).await.unwrap(), 1);
    assert_eq!(claim_poll(store).await.feed.name, "a");
}

pub(crate) async fn a_feed_is_known_to_be_one_until_its_url_changes(place: &Place) {
    let store = &place.store;
    let read = async |is_feed| {
        store.poll_feeds(None).await.unwrap();
        let fetch = claim_poll(store).await;
        let known = (fetch.is_feed, fetch.content_url.clone());
        let content_url = "https://a.example/there".to_owned();
        let outcome = PollOutcome::Read(Box::new(PollRead { is_feed, content_url, ..found(&[HUB]) }));
        assert!(finish_poll(store, &fetch, outcome).await);
        known
    };
    store.sync_feeds(&[feed("a")]).await.unwrap();
    let there = Some("https://a.example/there".to_owned());
    assert_eq!(read(false).await, (false, None));
    let callback = claim_call(store).await.callback;
    let is_feed = async || store.callback(&callback).await.unwrap().unwrap().is_feed;
    assert_eq!((read(true).await, is_feed().await), ((false, there.clone()), true));
    assert_eq!(read(false).await, (true, there.clone()), "it was one");
    assert_eq!(read(false).await, (true, there));
    store.sync_feeds(&[FeedDescription { url: "https://b.example/".to_owned(), ..feed("a") }]).await.unwrap();
    assert_eq!(read(false).await, (false, None));
    let id = row(store, "a").await.id;
    store.ingest(&batch(id, vec![NewEntry { kind: EntryKind::Page, ..entry("page", "1") }])).await.unwrap();
    assert!(!is_feed().await);
    store.ingest(&batch(id, vec![entry("1", "one")])).await.unwrap();
    assert!(is_feed().await);
}

pub(crate) async fn topics_are_those_of_subscriptions_at_a_hub(place: &Place) {
    const OTHER: &str = "https://other.example/";
    let store = &place.store;
    store.sync_feeds(&[feed("a"), feed("b"), feed("c")]).await.unwrap();
    for fetch in store.claim_polls(10, HOLD).await.unwrap() {
        let hubs: &[&str] = if fetch.feed.name == "c" { &[HUB] } else { &[OTHER, HUB] };
        let read = PollRead { topic: format!("topic of {}", fetch.feed.name), ..found(hubs) };
        finish_poll(store, &fetch, PollOutcome::Read(Box::new(read))).await;
    }
    let at = async |hubs: &[&str]| {
        let hubs = hubs.iter().map(|hub| (*hub).to_owned()).collect();
        let topics = store.subscribed_topics(hubs).await.unwrap();
        topics.into_iter().map(|topic| (topic.feed, topic.topic)).collect::<Vec<_>>()
    };
    let all = ["a", "b", "c"].map(|name| (name.to_owned(), format!("topic of {name}")));
    assert_eq!(at(&[HUB, "https://hub.example"]).await, all);
    assert_eq!(at(&[OTHER]).await, all[..2]);
    for call in store.claim_calls(10, HOLD).await.unwrap() {
        if call.feed.name == "c" || call.hub == OTHER {
            finish_call(store, &call, CallOutcome::Refused("404".to_owned())).await;
        }
    }
    assert_eq!((at(&[HUB]).await, at(&[OTHER]).await), (all[..2].to_vec(), vec![]), "a refusal is none");
    store.sync_feeds(&[feed("b")]).await.unwrap();
    assert_eq!(at(&[HUB]).await, all[1..2]);
}
