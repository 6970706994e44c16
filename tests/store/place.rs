//! A database for one case, and short words for what a case needs.

use std::time::Duration;

use faye_server::config::{self, Durability, SignatureMethod};
use faye_server::metrics::Metrics;
use faye_server::store::*;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use crate::server::Postgres;

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Memory,
    Postgres,
}

pub(crate) const HOLD: Duration = Duration::from_secs(600);
pub(crate) const BOUNDS: Bounds = Bounds {
    topics: 1000,
    subscriptions: 100_000,
    pending: 100_000,
    pending_by_client: 100_000,
    pending_by_host: 100_000,
    subscriptions_by_host: 100_000,
};
/// The columns with times, by table.
const TIMES: [(&str, &[&str]); 4] = [
    (
        "topics",
        &["fetch_due", "fetch_again", "fetch_last", "fetched_at", "validated_at", "missed_at", "unused_at"],
    ),
    ("subscriptions", &["expires_at", "renew_at"]),
    ("requests", &["due_at", "created_at"]),
    ("deliveries", &["due_at", "queued_at"]),
];
pub(crate) const TOPIC: &str = "https://example.com/feed";

/// A database that is removed with the value.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) store: Store,
    url: String,
    _folder: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match kind {
            Kind::File => format!("sqlite:{}", folder.path().join("faye.db").display()),
            Kind::Memory => "sqlite::memory:".to_owned(),
            Kind::Postgres => Postgres::shared().database(),
        };
        let store = open(&url).await.unwrap();
        Self { kind, store, url, _folder: folder }
    }

    /// The database of a URL.
    pub(crate) async fn at(url: &str) -> Self {
        let kind = if url.starts_with("sqlite:") { Kind::File } else { Kind::Postgres };
        let store = open(url).await.unwrap();
        Self { kind, store, url: url.to_owned(), _folder: tempfile::tempdir().unwrap() }
    }

    /// Reads a status page of a request.
    pub(crate) async fn status(&self) {
        let token = request(TOPIC, "https://one.example/").token;
        assert!(self.store.status(&token).await.unwrap().is_some());
    }

    /// Closes the store and opens it again, as a restart does. In memory there is nothing to come back to.
    pub(crate) async fn reopened(&self) -> Option<Store> {
        self.store.close().await;
        if self.kind == Kind::Memory {
            return None;
        }
        Some(open(&self.url).await.unwrap())
    }

    /// A second instance on the database, if it takes several.
    pub(crate) async fn second(&self) -> Option<Store> {
        if self.kind != Kind::Postgres {
            return None;
        }
        Some(open(&self.url).await.unwrap())
    }

    /// Moves all times in the database by this many seconds into the past, as if time had passed; into the future, as if
    /// the clock had gone back.
    pub(crate) async fn later(&self, seconds: i64) {
        for (table, columns) in TIMES {
            let set: Vec<String> =
                columns.iter().map(|column| format!("{column} = {column} - {}", seconds * 1000)).collect();
            self.sql(format!("UPDATE {table} SET {}", set.join(", "))).await;
        }
    }

    /// Runs SQL from outside.
    async fn sql(&self, sql: String) {
        match self.kind {
            Kind::File => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
                connection.close().await.unwrap();
            }
            Kind::Memory => panic!("a database in memory cannot be reached from outside"),
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Subscribes callbacks to a topic: those are verified.
    pub(crate) async fn subscribe(&self, topic: &str, callbacks: &[&str]) {
        for callback in callbacks {
            self.subscribe_with(request(topic, callback)).await;
        }
    }

    pub(crate) async fn subscribe_with(&self, request: NewRequest) {
        let request = NewRequest { claim_for: Some(HOLD), ..request };
        let request = self.add(request).await;
        assert_eq!(self.finish(&request, RequestOutcome::Verified).await, 0);
    }

    pub(crate) async fn add(&self, request: NewRequest) -> Request {
        match self.store.add_request(&request, &BOUNDS).await.unwrap() {
            Admission::Accepted(request) => request,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn claim_request(&self) -> Request {
        let mut claimed = self.store.claim_requests(10, HOLD, &[]).await.unwrap();
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    pub(crate) async fn no_request_is_due(&self) {
        let claimed = self.store.claim_requests(10, HOLD, &[]).await.unwrap();
        assert!(claimed.is_empty(), "{claimed:?}");
    }

    /// Returns how many claims were lost.
    pub(crate) async fn finish(&self, request: &Request, outcome: RequestOutcome) -> u64 {
        let finished = FinishedRequest { id: request.id, claim: request.claim, outcome };
        self.store.finish_requests(&[finished]).await.unwrap()
    }

    pub(crate) async fn state(&self, token: &str) -> Option<State> {
        self.store.status(token).await.unwrap().map(|status| status.state)
    }

    pub(crate) async fn ping(&self, topic: &str) -> u64 {
        self.store.ping(&[topic.to_owned()], Duration::ZERO, Duration::ZERO).await.unwrap()
    }

    pub(crate) async fn claim_fetch(&self) -> TopicFetch {
        let mut claimed = self.store.claim_fetches(10, 10, HOLD, &[]).await.unwrap();
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    pub(crate) async fn no_fetch_is_due(&self) {
        let claimed = self.store.claim_fetches(10, 10, HOLD, &[]).await.unwrap();
        assert!(claimed.is_empty(), "{claimed:?}");
    }

    pub(crate) async fn finish_fetch(
        &self,
        fetch: &TopicFetch,
        outcome: FetchOutcome,
        found: Advertisement,
    ) -> bool {
        let finished = FinishedFetch { id: fetch.id, claim: fetch.claim, outcome, advertisement: found };
        self.store.finish_fetch(&finished).await.unwrap() == Recorded::Done
    }

    /// Pings a topic and brings new content of it.
    pub(crate) async fn change(&self, topic: &str, body: &str) {
        assert_eq!(self.ping(topic).await, 1);
        let fetch = self.claim_fetch().await;
        assert!(self.finish_fetch(&fetch, FetchOutcome::Changed(content(body)), Advertisement::Named).await);
    }

    pub(crate) async fn claim_deliveries(&self) -> Vec<Delivery> {
        self.store.claim_deliveries(256, HOLD, &[]).await.unwrap()
    }

    pub(crate) async fn claim_delivery(&self) -> Delivery {
        let mut claimed = self.claim_deliveries().await;
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    /// Returns how many claims were lost.
    pub(crate) async fn finish_delivery(&self, delivery: &Delivery, outcome: DeliveryOutcome) -> u64 {
        self.store.finish_deliveries(&[finished(delivery, outcome)]).await.unwrap()
    }

    pub(crate) async fn the_subscription(&self) -> SubscriptionRow {
        let mut rows = self.store.subscriptions(None, 0, 10).await.unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }
}

pub(crate) fn finished(delivery: &Delivery, outcome: DeliveryOutcome) -> FinishedDelivery {
    FinishedDelivery {
        id: delivery.id,
        claim: delivery.claim,
        version: delivery.version,
        outcome,
        readers: None,
    }
}

pub(crate) async fn open(url: &str) -> Result<Store> {
    let settings = config::Store { url: Some(url.into()), durability: Durability::Full, connections: 4 };
    Store::open(&settings, Metrics::default()).await
}

/// A request to subscribe. The token is made of the callback.
pub(crate) fn request(topic: &str, callback: &str) -> NewRequest {
    let host = callback.split('/').nth(2).unwrap_or_default();
    NewRequest {
        mode: Mode::Subscribe,
        topic: topic.to_owned(),
        topic_spelt: topic.to_uppercase(),
        callback: callback.to_owned(),
        host: host.to_owned(),
        secret: None,
        signature: SignatureMethod::Sha256,
        lease: Duration::from_secs(864_000),
        is_legacy: false,
        verify_token: None,
        needs_check: false,
        token: format!("{topic} {callback}"),
        claim_for: None,
        client: "192.0.2.1".to_owned(),
    }
}

pub(crate) fn unsubscribe(topic: &str, callback: &str) -> NewRequest {
    NewRequest {
        mode: Mode::Unsubscribe,
        token: format!("unsubscribe {topic} {callback}"),
        ..request(topic, callback)
    }
}

pub(crate) fn content(body: &str) -> Content {
    Content {
        body: body.to_owned().into(),
        content_type: Some("application/atom+xml".to_owned()),
        fingerprint: body.as_bytes().to_vec(),
        validators: Validators { etag: Some(format!("\"{body}\"")), last_modified: None },
        hubs: vec!["https://hub.example.com/".to_owned()],
        self_url: Some(TOPIC.to_owned()),
    }
}
