//! The store in a PostgreSQL database, for any number of processes.
//!
//! No transaction is open while anything but its statements is awaited. This module must not know tables.

mod notices;
mod options;
mod pool;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Executor;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::due::Due;
use super::error::{Fault, Result, StoreError, fault};
use super::failpoint;
use super::health::Health;
use super::migrate::{self, Failure};
use super::operations::probe;
use super::records::Work;
use super::session::{Operation, Session};
use super::statement::Dialect;
use crate::config;
use notices::Outbox;
use pool::{Lease, Pool};

/// The deadline of an operation.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often an operation is run that conflicts with others.
const ATTEMPTS: u32 = 8;
/// The time between checks that no newer program has changed the schema.
const SCHEMA: Duration = Duration::from_secs(10);

/// A PostgreSQL database.
pub(super) struct PostgresStore {
    place: String,
    pool: Arc<Pool>,
    /// Whether the schema was checked since the last failure.
    is_ready: AtomicBool,
    checked: Mutex<Instant>,
    outbox: Arc<Outbox>,
    health: Arc<Health>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl PostgresStore {
    /// Opens the database of a URL. A server that cannot be reached is no error.
    pub(super) async fn open(
        url: &str,
        settings: &config::Store,
        instance: i64,
        work: Arc<Work>,
        health: Arc<Health>,
    ) -> Result<Self> {
        let options = options::read(url).map_err(StoreError::Unusable)?;
        let place = options::place(&options);
        let pool = Arc::new(Pool::new(options.clone(), settings.durability, settings.connections));
        let outbox = Arc::new(Outbox::default());
        let tasks = vec![
            tokio::spawn(outbox.clone().send(pool.clone(), instance)),
            tokio::spawn(notices::listen(options, work, instance)),
        ];
        let is_ready = AtomicBool::new(false);
        let checked = Mutex::new(Instant::now());
        let store = Self { place, pool, is_ready, checked, outbox, health, tasks };
        match store.lease().await {
            Ok(lease) => lease.give_back(),
            Err(Problem::Schema(text)) => return Err(StoreError::Unusable(text)),
            Err(Problem::Database(error)) if is_setting(&error) => {
                return Err(StoreError::Unusable(store.explain(&error)));
            }
            Err(Problem::Database(error)) => store.health.failed(&store.explain(&error)),
        }
        Ok(store)
    }

    /// Notifies other instances that work may be due.
    pub(super) fn announce(&self, due: Due) {
        self.outbox.add(due);
    }

    /// Runs an operation in a transaction, and repeats it after a conflict.
    pub(super) async fn write<A, T>(&self, operation: &Operation<A, T>, arguments: A) -> Result<T> {
        self.run(operation, &arguments, true).await
    }

    /// Runs an operation that only reads.
    pub(super) async fn read<A, T>(&self, operation: &Operation<A, T>, arguments: A) -> Result<T> {
        self.run(operation, &arguments, false).await
    }

    pub(super) async fn close(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.pool.close().await;
    }

    async fn run<A, T>(&self, operation: &Operation<A, T>, arguments: &A, is_write: bool) -> Result<T> {
        if !self.health.is_up() && operation.name != probe::PROBE.name {
            // The probe detects the recovery; other operations would wait for the same deadline.
            return Err(StoreError::Unavailable(self.health.reason()));
        }
        let mut attempt = 0;
        let error = loop {
            attempt += 1;
            let error = match timeout(DEADLINE, self.attempt(operation, arguments, is_write)).await {
                Ok(Ok(value)) => {
                    if is_write {
                        self.health.succeeded();
                    }
                    return Ok(value);
                }
                Ok(Err(Problem::Schema(text))) => {
                    self.fail(&text);
                    return Err(StoreError::Unavailable(text));
                }
                Ok(Err(Problem::Database(error))) => error,
                Err(_) => sqlx::Error::Io(std::io::Error::other("the server does not answer")),
            };
            match fault(&error) {
                Fault::Conflict if attempt < ATTEMPTS => {
                    let pause = fastrand::u64(0..10 * u64::from(attempt));
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                Fault::Conflict | Fault::Busy => break error,
                Fault::Refused => {
                    let name = operation.name;
                    tracing::error!(operation = name, %error, "store operation refused; please report this");
                    break error;
                }
                Fault::Away => {
                    self.fail(&self.explain(&error));
                    break error;
                }
            }
        };
        Err(StoreError::Unavailable(self.explain(&error)))
    }

    fn fail(&self, reason: &str) {
        self.is_ready.store(false, Ordering::Release);
        self.pool.forget_idle();
        self.health.failed(reason);
    }

    /// Runs an operation once. The connection returns to the pool only without an open transaction.
    async fn attempt<A, T>(
        &self,
        operation: &Operation<A, T>,
        arguments: &A,
        is_write: bool,
    ) -> std::result::Result<T, Problem> {
        let mut lease = self.lease().await?;
        if is_write && let Err(error) = lease.connection.execute("BEGIN").await {
            if !lease.is_used {
                return Err(error.into());
            }
            lease = self.renewed(lease).await?;
            lease.connection.execute("BEGIN").await?;
        }
        let mut result =
            (operation.run)(Session::postgres(operation.name, &mut lease.connection), arguments).await;
        if !is_write && lease.is_used && result.as_ref().is_err_and(|error| fault(error) == Fault::Away) {
            lease = self.renewed(lease).await?;
            result =
                (operation.run)(Session::postgres(operation.name, &mut lease.connection), arguments).await;
        }
        let value = match result {
            Ok(value) => value,
            Err(error) => {
                let is_usable = fault(&error) != Fault::Away;
                if is_usable && (!is_write || lease.connection.execute("ROLLBACK").await.is_ok()) {
                    lease.give_back();
                }
                return Err(error.into());
            }
        };
        if is_write {
            failpoint::after(operation.name, "before_commit");
            let start = Instant::now();
            lease.connection.execute("COMMIT").await?;
            self.health.metrics.hub.store_commit_seconds.observe(start.elapsed().as_secs_f64());
            failpoint::after(operation.name, "after_commit");
        }
        lease.give_back();
        Ok(value)
    }

    /// Returns a connection, after the schema was brought up to date.
    async fn lease(&self) -> std::result::Result<Lease<'_>, Problem> {
        let mut lease = self.pool.acquire().await?;
        if !self.is_ready.load(Ordering::Acquire) || self.is_check_due().await {
            let mut result = migrate::run(Dialect::Postgres, &mut lease.connection, &self.place).await;
            if lease.is_used && matches!(result, Err(Failure::Database(_))) {
                lease = self.renewed(lease).await?;
                result = migrate::run(Dialect::Postgres, &mut lease.connection, &self.place).await;
            }
            result?;
            self.is_ready.store(true, Ordering::Release);
        }
        Ok(lease)
    }

    /// Replaces a connection that failed after being idle: the server has closed it, and perhaps all connections.
    async fn renewed<'p>(&'p self, lease: Lease<'p>) -> sqlx::Result<Lease<'p>> {
        self.pool.forget_idle();
        drop(lease);
        self.pool.acquire().await
    }

    /// Whether this operation has to check the schema again.
    async fn is_check_due(&self) -> bool {
        let mut checked = self.checked.lock().await;
        let is_due = checked.elapsed() > SCHEMA;
        if is_due {
            *checked = Instant::now();
        }
        is_due
    }

    /// Returns the text of an error with the server and a hint.
    fn explain(&self, error: &sqlx::Error) -> String {
        let hint = match error {
            sqlx::Error::Io(_) => ": check that the server runs and that the network reaches it",
            sqlx::Error::Tls(_) => ": set sslmode and sslrootcert in store.url",
            sqlx::Error::PoolTimedOut => ": all connections are in use; raise store.connections",
            sqlx::Error::PoolClosed => return "the store is closed".to_owned(),
            _ => "",
        };
        format!("{}: {error}{hint}", self.place)
    }
}

/// Whether an error persists until the settings are changed.
fn is_setting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => true,
        // Wrong password, unknown database, missing privilege.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("28") || code == "3D000" || code == "42501")
        }
        _ => false,
    }
}

/// Why an attempt has no result.
enum Problem {
    Database(sqlx::Error),
    Schema(String),
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => Self::Database(error),
            Failure::Schema(error) => Self::Schema(error.to_string()),
        }
    }
}
