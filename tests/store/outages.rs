//! A store that goes away and comes back.

use std::time::Duration;

use faye_server::config::{self, Durability};
use faye_server::metrics::Metrics;
use faye_server::store::*;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::place::{BOUNDS, TOPIC, open, request};
use crate::server::Postgres;

async fn open_with(url: &str, metrics: &Metrics) -> Store {
    let settings = config::Store { url: Some(url.into()), durability: Durability::Full, connections: 4 };
    Store::open(&settings, metrics.clone()).await.unwrap()
}

async fn until(store: &Store, is_up: bool) {
    while store.is_up() != is_up {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn add(store: &Store, callback: &str) -> Result<Admission> {
    store.add_request(&request(TOPIC, callback), &BOUNDS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_an_outage_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faye.db");
    let metrics = Metrics::default();
    let store = open_with(&format!("sqlite:{}", file.display()), &metrics).await;
    assert_eq!(metrics.hub.store_up.get(), 1);
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let Err(StoreError::Unavailable(text)) = add(&store, "https://one.example/").await else {
        panic!("written")
    };
    assert!(text.contains("faye.db") && text.contains("locked"), "{text}");
    assert!(!store.is_up());
    assert_eq!(metrics.hub.store_up.get(), 0);
    assert_eq!(store.counts().await.unwrap().requests, 0, "what can be read is read");
    assert!(!store.is_up(), "a read says nothing about writes");
    other.execute("ROLLBACK").await.unwrap();
    until(&store, true).await;
    assert_eq!(metrics.hub.store_up.get(), 1);
    add(&store, "https://one.example/").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_at_the_start_is_found_later() {
    let mut server = Postgres::start();
    let url = server.database();
    server.stop();
    let metrics = Metrics::default();
    let store = open_with(&url, &metrics).await;
    assert!(!store.is_up());
    assert_eq!(metrics.hub.store_up.get(), 0);
    let Err(StoreError::Unavailable(text)) = add(&store, "https://one.example/").await else {
        panic!("written")
    };
    assert!(text.contains("PostgreSQL at /") && text.contains("check that the server runs"), "{text}");
    server.resume();
    until(&store, true).await;
    add(&store, "https://one.example/").await.unwrap();
    assert_eq!(store.counts().await.unwrap().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_is_used_again() {
    let mut server = Postgres::start();
    let store = open(&server.database()).await.unwrap();
    add(&store, "https://one.example/").await.unwrap();
    server.stop();
    assert!(matches!(add(&store, "https://two.example/").await, Err(StoreError::Unavailable(_))));
    assert!(!store.is_up());
    server.resume();
    until(&store, true).await;
    add(&store, "https://two.example/").await.unwrap();
    server.stop();
    server.resume();
    add(&store, "https://three.example/").await.expect("a restart between two operations is no outage");
    assert_eq!(store.counts().await.unwrap().requests, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_when_it_is_found_later() {
    let mut server = Postgres::start();
    let url = server.database();
    open(&url).await.unwrap().close().await;
    server.stop();
    let store = open(&url).await.unwrap();
    server.resume();
    server.sql("test0", "INSERT INTO _sqlx_migrations VALUES (999, 'later', now(), true, ''::bytea, 0)");
    let text = loop {
        match add(&store, "https://one.example/").await {
            Err(StoreError::Unavailable(text)) if text.contains("999") => break text,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(_) => panic!("the schema is newer"),
        }
    };
    assert!(text.contains("newer"), "{text}");
    assert!(!store.is_up());
}
