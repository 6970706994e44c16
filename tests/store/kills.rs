//! A process that is killed between any two statements, or before or after a commit, leaves a store in order.
//!
//! The test runs its own program again, with `FAILPOINT` set to one point, and then checks the store.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use faye_server::store::*;
use tokio::task::JoinSet;

use crate::entries::{added, batch, entry, feed, read};
use crate::follow::{HUB, claim_call, claim_poll, finish_call, finish_poll, found};
use crate::place::{BOUNDS, HOLD, Place, TOPIC, content, finished, open, request, unsubscribe};
use crate::server::Postgres;

const STORE: &str = "TEST_STORE_URL";
const OTHER: &str = "https://example.com/other";
const THIRD: &str = "https://example.com/third";
const SIGKILL: i32 = 9;

/// Processes that run at the same time. Each waits for its database most of the time.
const VICTIMS: usize = 4;

/// What the killed process runs. In a run of all tests it has no store and nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    if let Ok(url) = std::env::var(STORE) {
        let point = std::env::var("FAILPOINT").unwrap();
        run_all(&Place::at(&url).await, &point).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_a_file_in_order() {
    kill_at_each(|point| async move {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("faye.db").display());
        kill_at(point, &url).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_postgres_in_order() {
    kill_at_each(|point| async move { kill_at(point, &Postgres::shared().database()).await }).await;
}

/// Kills a process at each point, several processes at a time.
async fn kill_at_each<F: Future<Output = ()> + Send + 'static>(kill: impl Fn(&'static str) -> F) {
    let mut running = JoinSet::new();
    for point in points() {
        if running.len() == VICTIMS {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(kill(point));
    }
    running.join_all().await;
}

/// All points but those of the probe, which runs during an outage and changes nothing of interest.
fn points() -> impl Iterator<Item = &'static str> {
    assert!(FAILPOINTS.len() > 90);
    FAILPOINTS.iter().copied().filter(|point| !point.starts_with("probe:"))
}

async fn kill_at(point: &str, url: &str) {
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "kills::victim", "--nocapture"]).env(STORE, url).env("FAILPOINT", point);
    victim.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || victim.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(SIGKILL), "{point} was not reached: {text}");
    check(&open(url).await.unwrap(), point).await;
}

/// What holds at any time.
async fn check(store: &Store, point: &str) {
    let counts = store.counts().await.unwrap();
    let topics = store.topics(None, 1000).await.unwrap();
    assert_eq!(counts.topics, topics.len() as u64, "{point}");
    let subscriptions = settled(store).await;
    let known: Vec<i64> = subscriptions.iter().map(|row| row.id).collect();
    // On PostgreSQL the claims of the killed process hold for a while; on a file they end with it.
    let deliveries = store.claim_deliveries(256, HOLD, &[]).await.unwrap();
    for delivery in &deliveries {
        assert!(known.contains(&delivery.id), "{point}: a delivery without a subscription");
        let payload = store.payload(delivery.topic_id).await.unwrap();
        assert_eq!(payload.map(|payload| payload.version), Some(delivery.version), "{point}: no content");
    }
    // The store can be used: a subscriber gets the next version.
    let new = NewRequest {
        claim_for: Some(HOLD),
        token: "after".to_owned(),
        ..request("https://z.example/", "https://z.example/")
    };
    let Admission::Accepted(claimed) = store.add_request(&new, &BOUNDS).await.unwrap() else {
        panic!("{point}")
    };
    let verified =
        FinishedRequest { id: claimed.id, claim: claimed.claim, outcome: RequestOutcome::Verified };
    assert_eq!(store.finish_requests(&[verified]).await.unwrap(), 0, "{point}");
    assert!(store.publish("https://z.example/", &content("after")).await.unwrap(), "{point}");
    assert_eq!(store.claim_deliveries(256, HOLD, &[]).await.unwrap().len(), 1, "{point}");
    check_entries(store, point).await;
    store.close().await;
}

async fn check_entries(store: &Store, point: &str) {
    let last = store.last_seq().await.unwrap();
    for row in store.feed_rows().await.unwrap() {
        let name = row.feed.name.as_str();
        let all = EntryQuery { feeds: vec![name.to_owned()], from: EntryFrom::Newest, most: 10_000 };
        let shown = store.entries(&all).await.unwrap();
        assert_eq!(row.entries, shown.len() as u64, "{point}: the count of entries of {name}");
        let events = read(store, &[name], EntryFrom::AfterSeq(0)).await;
        assert!(events.iter().all(|event| event.seq <= last), "{point}: a number beyond the last");
    }
    // Work that was claimed is due again, on PostgreSQL after a while; nothing that is due fails.
    for fetch in store.claim_polls(100, HOLD).await.unwrap() {
        assert!(finish_poll(store, &fetch, PollOutcome::Unchanged).await, "{point}");
    }
    for call in store.claim_calls(100, HOLD).await.unwrap() {
        assert!(finish_call(store, &call, CallOutcome::Refused("404".to_owned())).await, "{point}");
    }
    let id = added(store, "after").await;
    assert_eq!(store.ingest(&batch(id, vec![entry("1", "text")])).await.unwrap().created, 1, "{point}");
    assert_eq!(read(store, &["after"], EntryFrom::AfterSeq(last)).await[0].seq, last + 1, "{point}");
}

/// The subscriptions, once their number is the one that is counted. A lease that ends is counted until the next sweep.
async fn settled(store: &Store) -> Vec<SubscriptionRow> {
    for _ in 0..200 {
        store.sweep().await.unwrap();
        let rows = store.subscriptions(None, 0, 1000).await.unwrap();
        if store.counts().await.unwrap().subscriptions == rows.len() as u64 {
            return rows;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the count of subscriptions is wrong: {:?}", store.counts().await);
}

/// Runs each operation in each way, so that every statement is run.
async fn run_all(place: &Place, point: &str) {
    requests(place).await;
    fetches(place).await;
    deliveries(place).await;
    sweeps(place, point).await;
    feeds(place).await;
    entries(place, point).await;
    place.store.close().await;
}

async fn requests(place: &Place) {
    place.add(NewRequest { needs_check: true, ..request(TOPIC, "https://one.example/") }).await;
    place.status().await;
    let fetch = place.claim_fetch().await;
    let unchanged = FetchOutcome::Unchanged(Validators::default());
    place.finish_fetch(&fetch, unchanged, Advertisement::Named).await;
    let claimed = place.claim_request().await;
    place.add(request(TOPIC, "https://one.example/")).await;
    place.finish(&claimed, RequestOutcome::Retry(Duration::ZERO, "503".to_owned())).await;
    // It replaces both.
    place.add(request(TOPIC, "https://one.example/")).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Postponed(Duration::ZERO)).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
    place.subscribe(TOPIC, &["https://two.example/", "https://three.example/"]).await;
    let full = Bounds { topics: 0, ..BOUNDS };
    place.store.add_request(&request(OTHER, "https://seven.example/"), &full).await.unwrap();
    place.add(unsubscribe(TOPIC, "https://two.example/")).await;
    let claimed = place.claim_request().await;
    place.finish(&claimed, RequestOutcome::Verified).await;
}

async fn fetches(place: &Place) {
    place.add(NewRequest { needs_check: true, ..request(OTHER, "https://four.example/") }).await;
    let fetch = place.store.claim_fetch(OTHER, HOLD).await.unwrap().unwrap();
    place.finish_fetch(&fetch, FetchOutcome::Failed(None, "404".to_owned()), Advertisement::Unknown).await;
    place.subscribe(THIRD, &["https://five.example/"]).await;
    place.ping(THIRD).await;
    let fetch = place.claim_fetch().await;
    place.finish_fetch(&fetch, FetchOutcome::Postponed(Duration::ZERO), Advertisement::Unknown).await;
    let fetch = place.claim_fetch().await;
    place.store.bound_contents(0);
    place.finish_fetch(&fetch, FetchOutcome::Changed(content("new")), Advertisement::Named).await;
    place.store.bound_contents(usize::MAX);
    for _ in 0..3 {
        place.ping(THIRD).await;
        let fetch = place.claim_fetch().await;
        let unchanged = FetchOutcome::Unchanged(Validators::default());
        place.finish_fetch(&fetch, unchanged, Advertisement::Missing("no link".to_owned())).await;
        // Results within an hour count once.
        place.later(3600).await;
    }
}

async fn deliveries(place: &Place) {
    place.change(TOPIC, "one").await;
    let two = place.claim_deliveries().await;
    let retry = DeliveryOutcome::Retry(Duration::ZERO, "503".to_owned());
    let both = [
        FinishedDelivery { readers: Some(3), ..finished(&two[0], retry) },
        finished(&two[1], DeliveryOutcome::Gone),
    ];
    place.store.finish_deliveries(&both).await.unwrap();
    place.store.retry(None, None).await.unwrap();
    let one = place.claim_delivery().await;
    place.store.payload(one.topic_id).await.unwrap();
    place.finish_delivery(&one, DeliveryOutcome::Delivered).await;
    place.store.publish(TOPIC, &content("two")).await.unwrap();
    place.store.subscriptions(None, 0, 10).await.unwrap();
    place.store.topics(None, 10).await.unwrap();
    place.store.counts().await.unwrap();
}

async fn feeds(place: &Place) {
    let store = &place.store;
    store.sync_feeds(&[feed("config"), feed("gone")]).await.unwrap();
    let read = PollOutcome::Read(Box::new(found(&[HUB])));
    for fetch in store.claim_polls(10, HOLD).await.unwrap() {
        finish_poll(store, &fetch, read.clone()).await;
    }
    store.sync_feeds(&[feed("config")]).await.unwrap();
    for call in store.claim_calls(10, HOLD).await.unwrap() {
        finish_call(store, &call, CallOutcome::Refused("404".to_owned())).await;
    }
    added(store, "a").await;
    let fetch = claim_poll(store).await;
    finish_poll(store, &fetch, PollOutcome::Failed { why: "500".to_owned(), is_gone: false }).await;
    store.poll_feeds(Some("a")).await.unwrap();
    let never = PollRates { poll: None, backup_poll: None };
    store.unschedule_feeds(never).await.unwrap();
    store.schedule_feeds(never).await.unwrap();
    let topics = store.subscribed_topics(vec![HUB.to_owned()]).await.unwrap();
    store.notify_feeds(topics.iter().map(|topic| topic.feed_id).chain([fetch.id]).collect()).await.unwrap();
    finish_poll(store, &claim_poll(store).await, read.clone()).await;
    let call = claim_call(store).await;
    finish_call(store, &call, CallOutcome::Retry(Duration::ZERO, "503".to_owned())).await;
    let call = claim_call(store).await;
    finish_call(store, &call, CallOutcome::Accepted { patience: Duration::ZERO }).await;
    claim_call(store).await;
    store.callback(&call.callback).await.unwrap();
    store.hub_said(call.id, &HubWord::Verified(Duration::ZERO)).await.unwrap();
    store.hub_said(call.id, &HubWord::Pushed { is_read: false }).await.unwrap();
    finish_poll(store, &claim_poll(store).await, PollOutcome::Unchanged).await;
    claim_call(store).await;
    store.hub_said(call.id, &HubWord::Denied(None)).await.unwrap();
    store.resubscribe_feed("a").await.unwrap();
    finish_poll(store, &claim_poll(store).await, read).await;
    claim_call(store).await;
    store.hub_said(call.id, &HubWord::Verified(HOLD)).await.unwrap();
    for hubs in [&[][..], &[HUB]] {
        store.poll_feeds(Some("a")).await.unwrap();
        finish_poll(store, &claim_poll(store).await, PollOutcome::Read(Box::new(found(hubs)))).await;
        let call = claim_call(store).await;
        finish_call(store, &call, CallOutcome::Refused("404".to_owned())).await;
    }
    store.resubscribe_feed("a").await.unwrap();
    finish_poll(store, &claim_poll(store).await, PollOutcome::Read(Box::new(found(&[HUB])))).await;
    claim_call(store).await;
    store.remove_feed("a").await.unwrap();
    let call = claim_call(store).await;
    finish_call(store, &call, CallOutcome::Accepted { patience: HOLD }).await;
    store.hub_said(call.id, &HubWord::Ended).await.unwrap();
    store.purge_feed("a").await.unwrap();
}

async fn entries(place: &Place, point: &str) {
    let store = &place.store;
    let id = added(store, "entries").await;
    let ingest = async |entries: Vec<NewEntry>| store.ingest(&batch(id, entries)).await.unwrap();
    ingest((1..=3).map(|n| entry(&n.to_string(), "text")).collect()).await;
    let dated = NewEntry { updated: Some(5), ..entry("2", "text") };
    ingest(vec![entry("1", "other"), dated, entry("3", ""), entry("4", "text")]).await;
    let rows = store.claim_publications(10, HOLD).await.unwrap();
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    store.finish_publications(&seqs).await.unwrap();
    store.claim_publications(10, HOLD).await.unwrap();
    store.entry(&rows[0].id).await.unwrap();
    store.last_seq().await.unwrap();
    store.last_seq_of(&["entries".to_owned()]).await.unwrap();
    store.raw_contents(&[rows[0].id.clone()]).await.unwrap();
    let many: Vec<String> = (0..12).map(|n| format!("f{n}")).collect();
    for name in &many {
        added(store, name).await;
    }
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    // The place of an entry is looked up among the feeds of the list.
    let all = [&many[..], &["entries"]].concat();
    for names in [&["entries"][..], &all] {
        for from in [
            EntryFrom::Newest,
            EntryFrom::BeforeSeq(9),
            EntryFrom::AfterSeq(0),
            EntryFrom::AboveId(rows[0].id.clone()),
        ] {
            read(store, names, from).await;
        }
    }
    // Only these points need many entries of another feed.
    if ["entries:feeds_of_many", "entries:places", "entries:rows"].contains(&point) {
        for part in 0..3 {
            let entries = (0..500).map(|n| entry(&format!("{part} {n}"), "text")).collect();
            store.ingest(&batch(id, entries)).await.unwrap();
        }
        for names in [&many[..3], &many] {
            read(store, names, EntryFrom::Newest).await;
        }
    }
    let old = NewEntry { published: Some(1), ..entry("old", "text") };
    let first = Batch { via: Via::Backfill, ..batch(id, vec![old]) };
    store.ingest(&first).await.unwrap();
    store.sweep_feeds(2, HOLD).await.unwrap();
    // Only these points need more rows than a feed may have without content.
    if point.starts_with("sweep_feeds:forg") {
        for part in 0..3 {
            let entries = (0..500).map(|n| entry(&format!("{part} {n}"), "text")).collect();
            store.ingest(&Batch { via: Via::Backfill, ..batch(id, entries) }).await.unwrap();
        }
    }
    store.sweep_feeds(0, HOLD).await.unwrap();
    store.remove_feed("entries").await.unwrap();
    lease(store).await;
}

/// A lease that ends.
async fn lease(store: &Store) {
    added(store, "lease").await;
    for fetch in store.claim_polls(100, HOLD).await.unwrap() {
        let hubs: &[&str] = if fetch.feed.name == "lease" { &[HUB] } else { &[] };
        finish_poll(store, &fetch, PollOutcome::Read(Box::new(found(hubs)))).await;
    }
    let call = claim_call(store).await;
    store.hub_said(call.id, &HubWord::Verified(Duration::ZERO)).await.unwrap();
    store.sweep_feeds(0, HOLD).await.unwrap();
}

async fn sweeps(place: &Place, point: &str) {
    let short = NewRequest { lease: Duration::ZERO, ..request(OTHER, "https://six.example/") };
    place.subscribe_with(short).await;
    place.store.sweep().await.unwrap();
    // Only these points need a lease that is nearly over.
    while point.starts_with("sweep:renew") {
        let lease = Duration::from_millis(500);
        let legacy = NewRequest { is_legacy: true, lease, ..request(OTHER, "https://six.example/") };
        place.subscribe_with(legacy).await;
        while place.store.sweep().await.unwrap().expired == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
