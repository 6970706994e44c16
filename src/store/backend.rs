//! The database of a store, and the common part of both databases: claims, notifications and the probe.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::due::Due;
use super::error::{Result, StoreError};
use super::health::Health;
use super::operations::{claims, probe};
use super::postgres::PostgresStore;
use super::records::{Claim, Work};
use super::session::Operation;
use super::sqlite::SqliteStore;
use crate::config;
use crate::metrics::Metrics;

/// The file without `store.url`.
const DEFAULT: &str = "sqlite:faye.db";
/// The interval of probes while the store is unavailable.
const PROBE: Duration = Duration::from_secs(1);

pub(super) struct Backend {
    database: Database,
    health: Arc<Health>,
    work: Arc<Work>,
    /// The upper half of all claims of this instance.
    instance: i64,
    /// Bytes of contents at most.
    pub(super) content_size: AtomicU64,
}

enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Backend {
    pub(super) async fn open(settings: &config::Store, metrics: Metrics) -> Result<Arc<Self>> {
        let url = settings.url.as_ref().map_or(DEFAULT, |url| url.expose());
        let health = Arc::new(Health::new(metrics));
        let work = Arc::new(Work::default());
        let instance = fastrand::i64(1..1 << 31);
        let database = if let Some(place) = url.strip_prefix("sqlite:") {
            let place = place.strip_prefix("//").unwrap_or(place);
            if place.is_empty() || place.contains('?') {
                return Err(StoreError::Unusable(
                    "store.url: sqlite: is followed by the path of a file, without parameters, such as sqlite:faye.db"
                        .to_owned(),
                ));
            }
            Database::Sqlite(SqliteStore::open(place, settings, health.clone()).await?)
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Database::Postgres(
                PostgresStore::open(url, settings, instance, work.clone(), health.clone()).await?,
            )
        } else {
            return Err(StoreError::Unusable(
                "store.url: expected sqlite:FILE, sqlite::memory: or postgres://USER@HOST/DATABASE"
                    .to_owned(),
            ));
        };
        let backend =
            Arc::new(Self { database, health, work, instance, content_size: AtomicU64::new(u64::MAX) });
        tokio::spawn(watch(Arc::downgrade(&backend)));
        Ok(backend)
    }

    pub(super) fn is_up(&self) -> bool {
        self.health.is_up()
    }

    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    /// Returns a new claim of this instance.
    pub(super) fn claim(&self) -> Claim {
        (self.instance << 32) | fastrand::i64(0..1 << 32)
    }

    /// Returns the lowest and the highest claim of this instance.
    pub(super) fn claims(&self) -> (Claim, Claim) {
        let from = self.instance << 32;
        (from, from | 0xffff_ffff)
    }

    /// Runs an operation in a transaction.
    pub(super) async fn write<A, T>(&self, operation: &Operation<A, T>, arguments: A) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        match &self.database {
            Database::Sqlite(database) => database.write(operation, arguments).await,
            Database::Postgres(database) => database.write(operation, arguments).await,
        }
    }

    /// Runs an operation that only reads.
    pub(super) async fn read<A, T>(&self, operation: &Operation<A, T>, arguments: A) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        match &self.database {
            Database::Sqlite(database) => database.read(operation, arguments).await,
            Database::Postgres(database) => database.read(operation, arguments).await,
        }
    }

    /// Notifies the workers whose work may be due.
    pub(super) fn announce(&self, due: Due) {
        due.wake(&self.work);
        if let Database::Postgres(database) = &self.database {
            database.announce(due);
        }
    }

    pub(super) async fn close(&self) {
        if let Err(error) = self.write(&claims::RELEASE, self.claims()).await {
            tracing::warn!(%error, "claims not given back; they expire");
        }
        match &self.database {
            Database::Sqlite(database) => database.close().await,
            Database::Postgres(database) => database.close().await,
        }
    }
}

/// Probes an unavailable store until it is available again. Ends with the store.
async fn watch(backend: Weak<Backend>) {
    let mut ticks = tokio::time::interval(PROBE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(backend) = backend.upgrade() else { return };
        if !backend.is_up() {
            // The outcome is kept by the backend.
            let _ = backend.write(&probe::PROBE, ()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};

    use super::*;

    /// Returns a store in a file, and a connection of another program that locks the file against writes.
    async fn locked() -> (tempfile::TempDir, Arc<Backend>, SqliteConnection) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faye.db");
        let url = format!("sqlite:{}", file.display());
        let settings = config::Store { url: Some(url.as_str().into()), ..config::Store::default() };
        let backend = Backend::open(&settings, Metrics::default()).await.unwrap();
        let mut other = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        (folder, backend, other)
    }

    #[tokio::test]
    async fn operations_fail_at_once_while_the_store_is_known_to_be_away() {
        let (_folder, backend, other) = locked().await;
        assert!(backend.write(&claims::RELEASE, (1, 2)).await.is_err());
        assert!(!backend.is_up());
        // The probe waits for the other program.
        let probe = backend.write(&probe::PROBE, ());
        tokio::pin!(probe);
        assert!(futures_util::poll!(&mut probe).is_pending());
        tokio::select! {
            biased;
            probe = &mut probe => panic!("the operation has waited for the probe: {probe:?}"),
            outcome = backend.write(&claims::RELEASE, (1, 2)) => assert!(outcome.is_err()),
        }
        other.close().await.unwrap();
        while !backend.is_up() {
            tokio::task::yield_now().await;
        }
        backend.write(&claims::RELEASE, (1, 2)).await.unwrap();
    }

    #[tokio::test]
    async fn operations_behind_one_that_fails_fail_with_it() {
        let (_folder, backend, other) = locked().await;
        let first = backend.write(&claims::RELEASE, (1, 2));
        tokio::pin!(first);
        assert!(futures_util::poll!(&mut first).is_pending());
        // The writer takes the first operation alone.
        while !matches!(&backend.database, Database::Sqlite(store) if store.is_idle()) {
            tokio::task::yield_now().await;
        }
        let second = backend.write(&claims::RELEASE, (1, 2));
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(first.await.is_err());
        // The second one would succeed now.
        other.close().await.unwrap();
        assert!(second.await.is_err());
    }
}
