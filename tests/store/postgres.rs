//! What only PostgreSQL has: several instances, and its schema next to that of SQLite.

use std::collections::BTreeSet;
use std::time::Duration;

use faye_server::store::*;
use sqlx::{Connection, Row, SqliteConnection};

use crate::entries::{added, batch, entry, feed};
use crate::follow::{HUB, claim_poll, finish_call, finish_poll, found};
use crate::place::{BOUNDS, HOLD, TOPIC, open, request};
use crate::server::Postgres;

#[tokio::test(flavor = "multi_thread")]
async fn the_migrations_make_the_same_tables_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("faye.db").display());
    open(&url).await.unwrap().close().await;
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let columns = "SELECT m.name || '.' || p.name || CASE WHEN p.\"notnull\" OR p.pk THEN '!' ELSE '' END \
         FROM sqlite_schema m, pragma_table_xinfo(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\'";
    let rows = sqlx::query(columns).fetch_all(&mut connection).await.unwrap();
    let sqlite: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let rows = sqlx::query(indexes).fetch_all(&mut connection).await.unwrap();
    let sqlite_indexes: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();

    let server = Postgres::shared();
    let url = server.database();
    open(&url).await.unwrap().close().await;
    let name = url.trim_start_matches("postgres:///").split('?').next().unwrap();
    let columns = "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'";
    let postgres: BTreeSet<String> = server.sql(name, columns).lines().map(str::to_owned).collect();
    assert!(sqlite.len() > 60, "{sqlite:?}");
    assert_eq!(sqlite, postgres);
    let indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' \
         AND indexname NOT LIKE '%\\_key' AND indexname NOT LIKE '%\\_pkey'";
    let postgres_indexes: BTreeSet<String> = server.sql(name, indexes).lines().map(str::to_owned).collect();
    assert_eq!(sqlite_indexes, postgres_indexes);
}

/// Two instances on one database.
async fn two() -> (Store, Store) {
    let url = Postgres::shared().database();
    (open(&url).await.unwrap(), open(&url).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_instances_are_notified() {
    let (one, two) = two().await;
    // When an instance begins to listen, it wakes its workers.
    two.work().requests.notified().await;
    two.work().deliveries.notified().await;
    one.add_request(&request(TOPIC, "https://one.example/"), &BOUNDS).await.unwrap();
    two.work().requests.notified().await;
    let claimed = two.claim_requests(10, HOLD, &[]).await.unwrap().remove(0);
    let finished =
        FinishedRequest { id: claimed.id, claim: claimed.claim, outcome: RequestOutcome::Verified };
    two.finish_requests(&[finished]).await.unwrap();
    one.publish(TOPIC, &crate::place::content("one")).await.unwrap();
    two.work().deliveries.notified().await;
    assert_eq!(two.claim_deliveries(10, HOLD, &[]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_closes_gives_back_its_own_claims_only() {
    let (one, two) = two().await;
    for callback in ["https://one.example/", "https://two.example/"] {
        one.add_request(&request(TOPIC, callback), &BOUNDS).await.unwrap();
    }
    let first = one.claim_requests(1, HOLD, &[]).await.unwrap().remove(0);
    let second = two.claim_requests(1, HOLD, &[]).await.unwrap().remove(0);
    one.close().await;
    let again = two.claim_requests(10, HOLD, &[]).await.unwrap();
    assert_eq!(again.iter().map(|request| request.id).collect::<Vec<_>>(), [first.id]);
    let finished = FinishedRequest { id: second.id, claim: second.claim, outcome: RequestOutcome::Verified };
    assert_eq!(two.finish_requests(&[finished]).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_work_are_errors_at_the_start() {
    let server = Postgres::shared();
    for (url, word) in [
        (server.url("no_such_database"), "no_such_database"),
        ("postgres://faye@localhost:port/faye".to_owned(), "store.url"),
        ("mysql://localhost/faye".to_owned(), "expected sqlite:FILE"),
    ] {
        let Err(StoreError::Unusable(text)) = open(&url).await else { panic!("{url} was opened") };
        assert!(text.contains(word), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let server = Postgres::shared();
    let url = server.database();
    open(&url).await.unwrap().close().await;
    let name = url.trim_start_matches("postgres:///").split('?').next().unwrap();
    server.sql(name, "INSERT INTO _sqlx_migrations VALUES (999, 'later', now(), true, ''::bytea, 0)");
    let Err(StoreError::Unusable(text)) = open(&url).await else { panic!("opened") };
    assert!(text.contains("999") && text.contains("newer"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_that_open_an_empty_database_agree() {
    let url = Postgres::shared().database();
    let (one, two) = tokio::join!(open(&url), open(&url));
    one.unwrap().add_request(&request(TOPIC, "https://one.example/"), &BOUNDS).await.unwrap();
    assert_eq!(two.unwrap().counts().await.unwrap().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_under_load_keep_the_counts() {
    let (one, two) = two().await;
    let work = (0..8u32).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let never = |error: StoreError| panic!("{error}");
            for round in 0..12u32 {
                let topic = format!("https://example.com/{}", round % 3);
                let callback = format!("https://h{}.example/", (n + round) % 5);
                let mut new = request(&topic, &callback);
                new.token = format!("{n} {round}");
                if (n + round) % 4 == 0 {
                    new.mode = Mode::Unsubscribe;
                }
                store.add_request(&new, &BOUNDS).await.unwrap_or_else(never);
                let claimed = store.claim_requests(10, HOLD, &[]).await.unwrap();
                let finished: Vec<_> = claimed
                    .iter()
                    .map(|r| FinishedRequest { id: r.id, claim: r.claim, outcome: RequestOutcome::Verified })
                    .collect();
                store.finish_requests(&finished).await.unwrap();
                store.publish(&topic, &crate::place::content("x")).await.unwrap();
                let deliveries = store.claim_deliveries(10, HOLD, &[]).await.unwrap();
                let gone = |d: &Delivery| {
                    if d.id % 3 == 0 { DeliveryOutcome::Gone } else { DeliveryOutcome::Delivered }
                };
                let finished: Vec<_> =
                    deliveries.iter().map(|d| crate::place::finished(d, gone(d))).collect();
                store.finish_deliveries(&finished).await.unwrap();
                store.sweep().await.unwrap();
            }
        })
    });
    for task in work.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let counts = one.counts().await.unwrap();
    assert_eq!(counts.subscriptions, one.subscriptions(None, 0, 1000).await.unwrap().len() as u64);
    assert_eq!(counts.topics, two.topics(None, 1000).await.unwrap().len() as u64);
    // No claim of a finished worker is left.
    tokio::time::timeout(Duration::from_secs(60), one.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_batch_by_two_instances_is_one_event_an_entry() {
    let (one, two) = two().await;
    let feed = added(&one, "a").await;
    for round in 0..20 {
        let entries = |text: &str| {
            (0..10).map(|n| entry(&format!("{round} {n}"), &format!("{text}{n}"))).collect::<Vec<_>>()
        };
        for (text, is_new) in [("old", true), ("new", false)] {
            // Fewer than would count as a rewritten feed.
            let entries: Vec<_> = entries(text).into_iter().skip(if is_new { 0 } else { 6 }).collect();
            let all = entries.len() as u64;
            let (first, second) = (batch(feed, entries.clone()), batch(feed, entries));
            let (first, second) = tokio::join!(one.ingest(&first), two.ingest(&second));
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_eq!(first.created + second.created, if is_new { all } else { 0 });
            assert_eq!(first.updated + second.updated, if is_new { 0 } else { all });
            assert_eq!(first.known + second.known, all);
        }
    }
    assert_eq!(two.last_seq().await.unwrap(), 20 * 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_sees_an_event_before_an_earlier_one() {
    const WRITERS: usize = 4;
    const EVENTS: i64 = 240;
    let (one, two) = two().await;
    let mut feeds = Vec::new();
    for name in 0..WRITERS {
        feeds.push((added(&one, &format!("f{name}")).await, format!("f{name}")));
    }
    let names: Vec<String> = feeds.iter().map(|(_, name)| name.clone()).collect();
    let writers: Vec<_> = feeds
        .into_iter()
        .enumerate()
        .map(|(n, (feed, _))| {
            let store = if n % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move {
                for round in 0..EVENTS / 3 / WRITERS as i64 {
                    let entries = (0..3).map(|n| entry(&format!("{round} {n}"), "text")).collect();
                    store.ingest(&batch(feed, entries)).await.unwrap();
                }
            })
        })
        .collect();
    // Each reader goes on from the highest number that it has seen, as a browser does, so a gap would be lost.
    let reader = async |store: &Store| {
        let mut seen = Vec::new();
        while seen.last() != Some(&EVENTS) {
            let from = EntryFrom::AfterSeq(seen.last().copied().unwrap_or(0));
            let query = EntryQuery { feeds: names.clone(), from, most: 50 };
            seen.extend(store.entries(&query).await.unwrap().iter().map(|row| row.seq));
            assert!(seen.iter().copied().eq(1..=seen.len() as i64), "{seen:?}");
        }
    };
    let publisher = async {
        let mut published = Vec::new();
        while published.last() != Some(&EVENTS) {
            for store in [&one, &two] {
                let rows = store.claim_publications(7, Duration::ZERO).await.unwrap();
                let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
                store.finish_publications(&seqs).await.unwrap();
                published.extend(seqs);
            }
        }
        assert!(published.iter().copied().eq(1..=EVENTS), "{published:?}");
    };
    tokio::join!(reader(&one), reader(&two), publisher);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_instances_are_notified_of_feeds() {
    let (one, two) = two().await;
    two.work().polls.notified().await;
    two.work().calls.notified().await;
    two.work().entries.notified().await;
    let id = added(&one, "a").await;
    two.work().polls.notified().await;
    let fetch = claim_poll(&two).await;
    finish_poll(&one, &fetch, PollOutcome::Read(Box::new(found(&[HUB])))).await;
    two.work().calls.notified().await;
    one.ingest(&batch(id, vec![entry("1", "text")])).await.unwrap();
    two.work().entries.notified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_follow_feeds_together_lose_nothing() {
    let (one, two) = two().await;
    let descriptions: Vec<_> = (0..12).map(|n| feed(&format!("f{n:02}"))).collect();
    let (first, second) = tokio::join!(one.sync_feeds(&descriptions), two.sync_feeds(&descriptions));
    first.and(second).unwrap();
    let work = (0..6u32).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            for round in 0..10 {
                for fetch in store.claim_polls(3, HOLD).await.unwrap() {
                    let entries = vec![entry(&format!("{n} {round}"), "text")];
                    store.ingest(&batch(fetch.id, entries)).await.unwrap();
                    let hubs: &[&str] = if (n + round) % 3 == 0 { &[] } else { &[HUB] };
                    assert!(finish_poll(&store, &fetch, PollOutcome::Read(Box::new(found(hubs)))).await);
                }
                for call in store.claim_calls(3, HOLD).await.unwrap() {
                    let outcome = match (n + round) % 3 {
                        0 => CallOutcome::Accepted { patience: Duration::ZERO },
                        1 => CallOutcome::Refused("404".to_owned()),
                        _ => CallOutcome::Retry(Duration::ZERO, "503".to_owned()),
                    };
                    finish_call(&store, &call, outcome).await;
                    let lease = if round % 2 == 0 { Duration::ZERO } else { HOLD };
                    store.hub_said(call.id, &HubWord::Verified(lease)).await.unwrap();
                    store.hub_said(call.id, &HubWord::Pushed { is_read: false }).await.unwrap();
                }
                store.sweep_feeds(3, HOLD).await.unwrap();
                let rows = store.claim_publications(5, Duration::ZERO).await.unwrap();
                let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
                store.finish_publications(&seqs).await.unwrap();
            }
        })
    });
    for task in work.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for row in two.feed_rows().await.unwrap() {
        let name = row.feed.name;
        let query = EntryQuery { feeds: vec![name.clone()], from: EntryFrom::Newest, most: 1000 };
        assert_eq!(row.entries, one.entries(&query).await.unwrap().len() as u64, "{name}");
    }
}
