//! The store in a SQLite file, for one process: one writer, and several read-only connections.
//!
//! This module must not know tables.

mod file;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::error::{Fault, Result, StoreError, fault, sqlite_hint};
use super::health::Health;
use super::migrate;
use super::operations::{claims, probe};
use super::session::{Operation, Session};
use super::statement::Dialect;
use crate::config::{self, Durability};
use file::LockedFile;
use writer::{Job, Task, Writer};

/// Maximum number of operations that wait for the writer.
const WAITING: usize = 1024;

/// A SQLite database.
pub(super) struct SqliteStore {
    place: PathBuf,
    jobs: mpsc::Sender<Job>,
    /// `None` in memory: there the writer reads too.
    readers: Option<SqlitePool>,
    health: Arc<Health>,
}

impl SqliteStore {
    /// Opens `sqlite:PLACE`.
    pub(super) async fn open(place: &str, settings: &config::Store, health: Arc<Health>) -> Result<Self> {
        let is_memory = place == ":memory:";
        let place = PathBuf::from(place);
        let lock = if is_memory { None } else { Some(LockedFile::open(&place)?) };
        let base = options(&place, settings.durability);
        // A new file shrinks when pages become free, see the sweep. Read-only connections cannot set this.
        let options = base.clone().auto_vacuum(SqliteAutoVacuum::Incremental);
        let unusable = |error: &sqlx::Error| StoreError::Unusable(sqlite_hint(error, &place));
        let mut connection = options.connect().await.map_err(|error| unusable(&error))?;
        match migrate::run(Dialect::Sqlite, &mut connection, &place.display().to_string()).await {
            Ok(()) => {}
            Err(migrate::Failure::Database(error)) => return Err(unusable(&error)),
            Err(migrate::Failure::Schema(error)) => return Err(error),
        }
        // No process but this one has the file, so all claims are of processes that have ended.
        let release = &claims::RELEASE;
        (release.run)(Session::sqlite(release.name, &mut connection), &(i64::MIN, i64::MAX))
            .await
            .map_err(|error| unusable(&error))?;
        let readers = (!is_memory).then(|| {
            let readers = base.read_only(true);
            PoolOptions::<Sqlite>::new()
                .max_connections(settings.connections.max(1))
                .min_connections(0)
                .test_before_acquire(false)
                .connect_lazy_with(readers)
        });
        let (jobs, waiting) = mpsc::channel(WAITING);
        let writer = Writer::new(connection, options, place.clone(), lock, health.clone());
        tokio::spawn(writer.run(waiting));
        Ok(Self { place, jobs, readers, health })
    }

    /// Runs an operation in a transaction, perhaps together with others.
    pub(super) async fn write<A, T>(&self, operation: &Operation<A, T>, arguments: A) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        if !self.health.is_up() && operation.name != probe::PROBE.name {
            // The probe detects the recovery; other operations would wait for the same lock or disk.
            return Err(StoreError::Unavailable(self.health.reason()));
        }
        let (reply, result) = oneshot::channel();
        let task = Task::new(*operation, arguments, reply);
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        self.jobs.send(Job::Run(Box::new(task))).await.map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
    }

    /// Runs an operation that only reads.
    pub(super) async fn read<A, T>(&self, operation: &Operation<A, T>, arguments: A) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let Some(readers) = &self.readers else {
            return self.write(operation, arguments).await;
        };
        let result = match readers.acquire().await {
            Ok(mut connection) => {
                let result =
                    (operation.run)(Session::sqlite(operation.name, &mut connection), &arguments).await;
                if result.as_ref().is_err_and(|error| fault(error) == Fault::Away) {
                    connection.close_on_drop();
                }
                result
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| {
            let hint = sqlite_hint(&error, &self.place);
            if fault(&error) == Fault::Away {
                self.health.failed(&hint);
            }
            StoreError::Unavailable(hint)
        })
    }

    /// Whether no operation waits for the writer.
    #[cfg(test)]
    pub(in crate::store) fn is_idle(&self) -> bool {
        self.jobs.capacity() == self.jobs.max_capacity()
    }

    /// Waits for the running operations, and closes the file.
    pub(super) async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

fn options(place: &Path, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Normal => SqliteSynchronous::Normal,
    };
    // `create_if_missing` stays off: the file was created with its mode before.
    SqliteConnectOptions::new()
        .filename(place)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(std::time::Duration::from_secs(5))
        .pragma("cache_size", "-16384")
        .pragma("temp_store", "MEMORY")
        // The log shrinks to this size after a burst.
        .pragma("journal_size_limit", "67108864")
        .row_buffer_size(512)
        .disable_statement_logging()
}

/// Closes a connection, which moves the log into the file.
async fn close(connection: sqlx::SqliteConnection, place: &Path) {
    if let Err(error) = connection.close().await {
        tracing::warn!(file = %place.display(), %error, "store file not closed cleanly; the next start recovers it");
    }
}
