//! Entries of feeds, and their publication.

use std::time::Duration;

use faye_server::store::*;

use crate::place::{HOLD, Place};

pub(crate) fn feed(name: &str) -> FeedDescription {
    FeedDescription {
        name: name.to_owned(),
        url: format!("https://{name}.example/feed"),
        hub: None,
        poll: None,
        username: None,
        password: None,
        public: false,
        title: None,
    }
}

/// Adds a feed, and returns its number.
pub(crate) async fn added(store: &Store, name: &str) -> i64 {
    assert_eq!(store.add_feed(&feed(name), 100).await.unwrap(), AddedFeed::Added);
    row(store, name).await.id
}

pub(crate) async fn row(store: &Store, name: &str) -> FeedRow {
    store.feed_rows().await.unwrap().into_iter().find(|row| row.feed.name == name).unwrap()
}

/// An entry whose content is `text`; without text it is a tombstone.
pub(crate) fn entry(key: &str, text: &str) -> NewEntry {
    NewEntry {
        key: key.to_owned(),
        id: uuid(),
        kind: EntryKind::Entry,
        is_deleted: text.is_empty(),
        fingerprint: text.as_bytes().to_vec(),
        updated: None,
        published: None,
        body: format!("{{\"guid\":\"{key}\",\"title\":\"{text}\"}}"),
        raw: Some(format!("<b>{text}</b>")),
        base: Some("https://base.example/".to_owned()),
        html: Some(format!("<p>{text}</p>")),
    }
}

fn dated(key: &str, text: &str, updated: i64) -> NewEntry {
    NewEntry { updated: Some(updated), ..entry(key, text) }
}

/// A text that no other call has returned, and that sorts behind those of earlier calls.
fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}-{:08x}", NEXT.fetch_add(1, Ordering::Relaxed), std::process::id())
}

pub(crate) fn batch(feed_id: i64, entries: Vec<NewEntry>) -> Batch {
    Batch { feed_id, via: Via::Push, entries, sanitiser: 1, most: 50 }
}

async fn ingest(place: &Place, feed: i64, entries: Vec<NewEntry>) -> Ingested {
    place.store.ingest(&batch(feed, entries)).await.unwrap()
}

pub(crate) async fn read(store: &Store, feeds: &[&str], from: EntryFrom) -> Vec<EntryRow> {
    let feeds = feeds.iter().map(|name| (*name).to_owned()).collect();
    store.entries(&EntryQuery { feeds, from, most: 10 }).await.unwrap()
}

/// What happened after `seq`: the number, the change and the body of each event.
async fn events(place: &Place, seq: i64) -> Vec<(i64, Change, String)> {
    let rows = read(&place.store, &["a", "b"], EntryFrom::AfterSeq(seq)).await;
    rows.into_iter().map(|row| (row.seq, row.change, row.body)).collect()
}

async fn waiting(place: &Place) -> Vec<EntryRow> {
    place.store.claim_publications(100, HOLD).await.unwrap()
}

async fn publish_all(place: &Place) -> usize {
    let seqs: Vec<i64> = waiting(place).await.iter().map(|row| row.seq).collect();
    place.store.finish_publications(&seqs).await.unwrap();
    seqs.len()
}

pub(crate) async fn new_entries_are_numbered_from_the_oldest(place: &Place) {
    let feed = added(&place.store, "a").await;
    assert_eq!(place.store.last_seq().await.unwrap(), 0);
    let ingested = ingest(place, feed, vec![entry("1", "one"), entry("2", "two")]).await;
    assert_eq!(ingested, Ingested { created: 2, ..Ingested::default() });
    let rows = waiting(place).await;
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(place.store.last_seq().await.unwrap(), 2);
    let one = &rows[0];
    assert_eq!(
        (one.feed.as_str(), one.change, one.via, one.kind),
        ("a", Change::Created, Via::Push, EntryKind::Entry)
    );
    assert_eq!((one.html.as_deref(), one.raw.as_deref()), (Some("<p>one</p>"), Some("<b>one</b>")));
    assert_eq!((one.base.as_deref(), one.sanitiser), (Some("https://base.example/"), 1));
    assert_eq!(place.store.entry(&one.id).await.unwrap().unwrap().body, one.body);
    assert!(place.store.entry("unknown").await.unwrap().is_none());
    let row = row(&place.store, "a").await;
    assert_eq!((row.entries, row.entry_at), (2, Some(rows[1].at)));
}

pub(crate) async fn a_known_entry_is_no_event(place: &Place) {
    let feed = added(&place.store, "a").await;
    ingest(place, feed, vec![dated("1", "one", 5)]).await;
    let known = Ingested { known: 1, ..Ingested::default() };
    for again in [dated("1", "one", 5), dated("1", "older", 4), dated("1", "one", 7), dated("1", "late", 6)] {
        assert_eq!(ingest(place, feed, vec![again.clone()]).await, known, "{again:?}");
    }
    assert_eq!(events(place, 0).await.len(), 1);
    assert_eq!(place.store.last_seq().await.unwrap(), 1);
}

pub(crate) async fn a_changed_entry_is_an_event(place: &Place) {
    let feed = added(&place.store, "a").await;
    ingest(place, feed, vec![entry("1", "one"), entry("2", "two")]).await;
    let before = waiting(place).await;
    let updated = Ingested { updated: 1, ..Ingested::default() };
    assert_eq!(ingest(place, feed, vec![entry("1", "other")]).await, updated);
    place.store.finish_publications(&[1, 2]).await.unwrap();
    let rows = waiting(place).await;
    assert_eq!(rows.len(), 1, "the event that was published is not the last one");
    assert_eq!((rows[0].seq, rows[0].change), (3, Change::Created), "it was not published as a new one");
    assert_eq!((rows[0].id.as_str(), rows[0].at), (before[0].id.as_str(), before[0].at));
    place.store.finish_publications(&[3]).await.unwrap();
    ingest(place, feed, vec![entry("1", "third")]).await;
    let rows = waiting(place).await;
    assert_eq!((rows.len(), rows[0].seq, rows[0].change), (1, 4, Change::Updated));
}

pub(crate) async fn a_tombstone_deletes_an_entry(place: &Place) {
    let feed = added(&place.store, "a").await;
    ingest(place, feed, vec![dated("1", "one", 5)]).await;
    publish_all(place).await;
    assert_eq!(ingest(place, feed, vec![dated("1", "", 4)]).await.known, 1, "an old tombstone");
    let ingested = ingest(place, feed, vec![entry("1", ""), entry("unknown", "")]).await;
    assert_eq!(ingested, Ingested { deleted: 1, known: 1, ..Ingested::default() });
    let rows = waiting(place).await;
    assert_eq!((rows.len(), rows[0].seq, rows[0].change), (1, 2, Change::Deleted));
    assert_eq!((rows[0].body.as_str(), &rows[0].html, &rows[0].raw), ("{\"guid\":\"1\"}", &None, &None));
    assert_eq!(place.store.entry(&rows[0].id).await.unwrap().unwrap().change, Change::Deleted);
    assert!(read(&place.store, &["a"], EntryFrom::Newest).await.is_empty());
    assert_eq!(row(&place.store, "a").await.entries, 0);
    assert_eq!(ingest(place, feed, vec![entry("1", "")]).await.known, 1, "deleted once");
    assert_eq!(ingest(place, feed, vec![dated("1", "one", 5)]).await.known, 1, "an old copy");
    publish_all(place).await;
    assert_eq!(ingest(place, feed, vec![dated("1", "back", 6)]).await.updated, 1);
    let rows = waiting(place).await;
    assert_eq!((rows.len(), rows[0].seq, rows[0].change), (1, 3, Change::Updated));
    assert_eq!(read(&place.store, &["a"], EntryFrom::Newest).await.len(), 1);
    assert_eq!(row(&place.store, "a").await.entries, 1);
}

pub(crate) async fn a_date_in_the_future_keeps_no_version_out(place: &Place) {
    let feed = added(&place.store, "a").await;
    ingest(place, feed, vec![dated("1", "one", i64::MAX / 2), dated("2", "two", i64::MAX / 2)]).await;
    let updated = Ingested { updated: 1, ..Ingested::default() };
    assert_eq!(ingest(place, feed, vec![dated("1", "corrected", 5)]).await, updated);
    assert_eq!(ingest(place, feed, vec![dated("1", "older", 4)]).await.known, 1);
    assert_eq!(ingest(place, feed, vec![dated("2", "", 5)]).await.deleted, 1);
}

pub(crate) async fn a_rewritten_feed_is_no_event(place: &Place) {
    let feed = added(&place.store, "a").await;
    let all = |text: &str| (0..6).map(|n| entry(&n.to_string(), &format!("{text}{n}"))).collect::<Vec<_>>();
    ingest(place, feed, all("old")).await;
    publish_all(place).await;
    let mut entries = all("new");
    entries.push(entry("6", "six"));
    let expected = Ingested { created: 1, rewritten: 6, ..Ingested::default() };
    assert_eq!(ingest(place, feed, entries.clone()).await, expected);
    assert_eq!(events(place, 6).await.len(), 1);
    assert_eq!(ingest(place, feed, entries).await.known, 7, "the new content is stored");
    let rows = waiting(place).await;
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [7]);
    let shown = read(&place.store, &["a"], EntryFrom::Newest).await;
    assert!(shown.iter().any(|row| row.html.as_deref() == Some("<p>new0</p>")));
}

pub(crate) async fn an_event_that_waits_is_published_after_a_backfill(place: &Place) {
    let feed = added(&place.store, "a").await;
    let entries = (0..5).map(|n| entry(&n.to_string(), "text")).collect();
    let many = Batch { most: 2, ..batch(feed, entries) };
    assert_eq!(place.store.ingest(&many).await.unwrap().created, 5, "the bound is that of a backfill");
    place.store.finish_publications(&[1, 2, 3]).await.unwrap();
    assert_eq!(waiting(place).await.iter().map(|row| row.seq).collect::<Vec<_>>(), [4, 5]);
    let changed = batch(feed, vec![entry("4", "other"), entry("0", "other")]);
    let changed = Batch { via: Via::Backfill, most: 0, ..changed };
    assert_eq!(place.store.ingest(&changed).await.unwrap().updated, 2);
    assert_eq!(waiting(place).await.iter().map(|row| row.seq).collect::<Vec<_>>(), [4, 6]);
}

pub(crate) async fn the_first_fetch_is_not_published(place: &Place) {
    let feed = added(&place.store, "a").await;
    let first = Batch { via: Via::Backfill, ..batch(feed, vec![entry("1", "one")]) };
    assert_eq!(place.store.ingest(&first).await.unwrap().created, 1);
    assert!(waiting(place).await.is_empty());
    let rows = read(&place.store, &["a"], EntryFrom::Newest).await;
    assert_eq!((rows.len(), rows[0].via, rows[0].seq), (1, Via::Backfill, 1));
}

pub(crate) async fn entries_that_are_older_than_the_backfill_never_become_new(place: &Place) {
    let feed = added(&place.store, "a").await;
    let all = |count: i32| (0..count).map(|n| entry(&n.to_string(), "text")).collect::<Vec<_>>();
    let first = Batch { via: Via::Backfill, most: 2, ..batch(feed, all(5)) };
    let expected = Ingested { created: 2, known: 3, ..Ingested::default() };
    assert_eq!(place.store.ingest(&first).await.unwrap(), expected);
    assert_eq!(place.store.feed_rows().await.unwrap()[0].entries, 2);
    let expected = Ingested { created: 1, known: 5, ..Ingested::default() };
    assert_eq!(ingest(place, feed, all(6)).await, expected);
    let shown = read(&place.store, &["a"], EntryFrom::Newest).await;
    assert_eq!(shown.len(), 3);
    assert_eq!(events(place, 0).await.len(), 3);
    assert_eq!(waiting(place).await.len(), 1);
    assert_eq!(place.store.feed_rows().await.unwrap()[0].entries, 3);
}

pub(crate) async fn an_entry_stands_where_it_was_published(place: &Place) {
    let feed = added(&place.store, "a").await;
    let published = |key: &str, at: i64| NewEntry { published: Some(at), ..entry(key, "text") };
    let future = i64::MAX / 2;
    ingest(place, feed, vec![published("future", future), published("2", 2000), published("1", 1000)]).await;
    ingest(place, feed, vec![NewEntry { fingerprint: vec![9], ..published("1", 3000) }]).await;
    let rows = read(&place.store, &["a"], EntryFrom::Newest).await;
    assert_eq!(
        rows.iter().map(|row| row.at).collect::<Vec<_>>()[1..],
        [2000, 1000],
        "an update moves nothing"
    );
    assert!(rows[0].at < future && rows[0].at > 1_700_000_000_000, "{}", rows[0].at);
}

pub(crate) async fn an_entry_that_is_only_dated_as_updated_stands_there(place: &Place) {
    let feed = added(&place.store, "a").await;
    let future = i64::MAX / 2;
    let both = NewEntry { published: Some(1000), ..dated("both", "text", 9000) };
    let first = vec![dated("future", "text", future), dated("one", "text", 2000), both];
    ingest(place, feed, first).await;
    ingest(place, feed, vec![dated("one", "other", 5000), dated("both", "other", 9500)]).await;
    let rows = read(&place.store, &["a"], EntryFrom::Newest).await;
    let at: Vec<_> = rows.iter().map(|row| row.at).collect();
    assert_eq!(at[1..], [2000, 1000], "an update moves nothing");
    assert!(at[0] < future && at[0] > 1_700_000_000_000, "{}", at[0]);
}

pub(crate) async fn entries_are_read_in_pages(place: &Place) {
    let names: Vec<String> = (0..12).map(|n| format!("f{n:02}")).collect();
    let mut ids = Vec::new();
    for name in &names {
        ids.push(added(&place.store, name).await);
    }
    for n in 0..24i64 {
        let entry = NewEntry { published: Some(n / 3), ..entry(&n.to_string(), &format!("text {n}")) };
        ingest(place, ids[n as usize % 12], vec![entry]).await;
    }
    for count in [1, 3, 12] {
        let chosen: Vec<&str> = names[..count].iter().map(String::as_str).collect();
        let all = count * 2;
        let (mut pages, mut from) = (Vec::new(), EntryFrom::Newest);
        loop {
            let page = read(&place.store, &chosen, from).await;
            let Some(last) = page.last() else { break };
            // Both words for the same place.
            let by_seq = read(&place.store, &chosen, EntryFrom::BeforeSeq(last.seq)).await;
            from = EntryFrom::BeforeId(last.id.clone());
            let by_id = read(&place.store, &chosen, from.clone()).await;
            assert_eq!(format!("{by_seq:?}"), format!("{by_id:?}"));
            pages.extend(page);
        }
        assert_eq!(pages.len(), all);
        let order: Vec<_> = pages.iter().map(|row| (row.at, row.id.clone())).collect();
        assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
        let (mut later, mut seq) = (Vec::new(), 0);
        loop {
            let page = read(&place.store, &chosen, EntryFrom::AfterSeq(seq)).await;
            let Some(last) = page.last() else { break };
            seq = last.seq;
            later.extend(page.into_iter().map(|row| row.seq));
        }
        assert_eq!(later.len(), all);
        assert!(later.is_sorted(), "{later:?}");
    }
    assert!(read(&place.store, &[], EntryFrom::Newest).await.is_empty());
    assert!(read(&place.store, &["unknown"], EntryFrom::AfterSeq(0)).await.is_empty());
    assert!(read(&place.store, &["f00"], EntryFrom::BeforeId("unknown".to_owned())).await.is_empty());
    assert!(read(&place.store, &["f00"], EntryFrom::BeforeSeq(0)).await.is_empty());
    // An entry of another feed is as unknown.
    let other = read(&place.store, &["f11"], EntryFrom::Newest).await.remove(0);
    assert!(read(&place.store, &["f00"], EntryFrom::BeforeId(other.id.clone())).await.is_empty());
    assert!(read(&place.store, &["f00"], EntryFrom::AboveId(other.id)).await.is_empty());
}

/// The other feed has so many entries that no read may go through them.
pub(crate) async fn entries_of_few_feeds_among_many_are_read_in_order(place: &Place) {
    let names: Vec<String> = (0..14).map(|n| format!("f{n:02}")).collect();
    let mut ids = Vec::new();
    for name in &names {
        ids.push(added(&place.store, name).await);
    }
    let other = added(&place.store, "other").await;
    for n in 0..28i64 {
        let entry = NewEntry { published: Some(n / 3), ..entry(&n.to_string(), &format!("text {n}")) };
        ingest(place, ids[n as usize % 14], vec![entry]).await;
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let froms = |row: &EntryRow| {
        let id = row.id.clone();
        [
            EntryFrom::Newest,
            EntryFrom::BeforeId(id.clone()),
            EntryFrom::AboveId(id),
            EntryFrom::AfterSeq(row.seq),
        ]
    };
    let middle = read(&place.store, &all, EntryFrom::Newest).await.remove(9);
    let mut before = Vec::new();
    for chosen in [&all[..3], &all] {
        for from in froms(&middle) {
            before.push(format!("{:?}", read(&place.store, chosen, from).await));
        }
    }
    let many = (0..1100).map(|n| NewEntry { published: Some(n), ..entry(&n.to_string(), "text") }).collect();
    ingest(place, other, many).await;
    let mut after = Vec::new();
    for chosen in [&all[..3], &all] {
        for from in froms(&middle) {
            after.push(format!("{:?}", read(&place.store, chosen, from).await));
        }
    }
    assert_eq!(after, before);
    // Numbers of other feeds are no places.
    let all_before = |seq| read(&place.store, &all, EntryFrom::BeforeSeq(seq));
    assert_eq!(format!("{:?}", all_before(900).await), format!("{:?}", all_before(28).await));
    // What is in front of an entry, the nearest first.
    let above = read(&place.store, &all, EntryFrom::AboveId(middle.id.clone())).await;
    let newest = read(&place.store, &all, EntryFrom::Newest).await;
    let ids = |rows: &[EntryRow]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    let nearest_first: Vec<_> = ids(&newest[..9]).into_iter().rev().collect();
    assert_eq!(ids(&above), nearest_first);
    // Numbers of events of other feeds are not told.
    let names = |count: usize| names[..count].to_vec();
    assert_eq!(place.store.last_seq().await.unwrap(), 1128);
    assert_eq!(place.store.last_seq_of(&names(14)).await.unwrap(), 28);
    assert_eq!(place.store.last_seq_of(&names(2)).await.unwrap(), 16);
    assert_eq!(place.store.last_seq_of(&["unknown".to_owned()]).await.unwrap(), 0);
}

pub(crate) async fn raw_contents_are_read_apart(place: &Place) {
    let feed = added(&place.store, "a").await;
    ingest(place, feed, vec![entry("1", "one"), NewEntry { raw: None, ..entry("2", "two") }]).await;
    let rows = read(&place.store, &["a"], EntryFrom::Newest).await;
    assert!(rows.iter().all(|row| row.raw.is_none()), "{rows:?}");
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).chain(["unknown".to_owned()]).collect();
    let raw = place.store.raw_contents(&ids).await.unwrap();
    assert_eq!(raw.iter().map(|(_, raw)| raw.as_str()).collect::<Vec<_>>(), ["<b>one</b>"]);
}

pub(crate) async fn one_instance_publishes_at_a_time(place: &Place) {
    let feed = added(&place.store, "a").await;
    ingest(place, feed, vec![entry("1", "one"), entry("2", "two"), entry("3", "three")]).await;
    let first = place.store.claim_publications(2, HOLD).await.unwrap();
    assert_eq!(first.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(waiting(place).await.len(), 3, "the same instance claims again");
    if let Some(other) = place.second().await {
        assert!(other.claim_publications(10, HOLD).await.unwrap().is_empty());
        place.store.finish_publications(&[1, 2, 3]).await.unwrap();
        assert!(waiting(place).await.is_empty(), "nothing is left, and the claim ends");
        ingest(place, feed, vec![entry("4", "four")]).await;
        assert_eq!(other.claim_publications(10, Duration::ZERO).await.unwrap().len(), 1);
        assert_eq!(waiting(place).await.len(), 1, "the claim of the other is over");
    }
}

pub(crate) async fn odd_texts_of_entries_are_kept(place: &Place) {
    let feed = added(&place.store, "a").await;
    let long = "k".repeat(5000);
    let odd = NewEntry { html: Some("a'\u{0}\"$1{now}\\ 💡".to_owned()), ..entry(&long, "odd") };
    let nul = entry("nul\u{0}key", "odd");
    ingest(place, feed, vec![odd.clone(), nul.clone()]).await;
    assert_eq!(ingest(place, feed, vec![odd, nul]).await.known, 2);
    let rows = read(&place.store, &["a"], EntryFrom::Newest).await;
    assert!(rows.iter().any(|row| row.html.as_deref() == Some("a'\u{fffd}\"$1{now}\\ 💡")), "{rows:?}");
}

pub(crate) async fn one_batch_has_a_key_once(place: &Place) {
    let feed = added(&place.store, "a").await;
    let ingested = ingest(place, feed, vec![entry("1", "one"), entry("1", "two"), entry("2", "two")]).await;
    assert_eq!(ingested, Ingested { created: 2, known: 1, ..Ingested::default() });
    assert_eq!(waiting(place).await[0].html.as_deref(), Some("<p>two</p>"));
}

pub(crate) async fn a_removed_feed_gets_no_entries(place: &Place) {
    let feed = added(&place.store, "a").await;
    ingest(place, feed, vec![entry("1", "one")]).await;
    place.store.remove_feed("a").await.unwrap();
    assert_eq!(ingest(place, feed, vec![entry("2", "two")]).await, Ingested::default());
    assert_eq!(ingest(place, 999, vec![entry("2", "two")]).await, Ingested::default());
    assert_eq!(events(place, 0).await.len(), 1, "what was stored stays");
}

pub(crate) async fn publishers_are_notified(place: &Place) {
    let feed = added(&place.store, "a").await;
    place.store.work().polls.notified().await;
    ingest(place, feed, vec![entry("1", "one")]).await;
    place.store.work().entries.notified().await;
}
