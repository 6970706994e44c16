//! What only PostgreSQL has: several instances, and its schema next to that of SQLite.

use std::collections::BTreeSet;
use std::time::Duration;

use faye_server::store::*;
use sqlx::{Connection, Row, SqliteConnection};

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
