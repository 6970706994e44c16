//! Feeds as the settings and operators describe them.

use faye_server::store::*;

use crate::entries::{added, batch, entry, feed, read, row};
use crate::place::Place;

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

pub(crate) async fn a_poll_that_is_asked_for_is_due(place: &Place) {
    added(&place.store, "a").await;
    added(&place.store, "b").await;
    assert_eq!(place.store.poll_feeds(Some("unknown")).await.unwrap(), 0);
    assert_eq!(place.store.poll_feeds(Some("a")).await.unwrap(), 1);
    assert_eq!(place.store.poll_feeds(None).await.unwrap(), 2);
    assert!(place.store.resubscribe_feed("a").await.unwrap());
    assert!(!place.store.resubscribe_feed("unknown").await.unwrap());
}
