//! The writer task: owns the only writing connection, and commits waiting operations together.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::file::LockedFile;
use crate::store::error::{Fault, Result, StoreError, fault, sqlite_hint};
use crate::store::failpoint;
use crate::store::health::Health;
use crate::store::operations::probe;
use crate::store::session::{Operation, Session};

/// Operations in one transaction.
const BATCH: usize = 64;

/// A message to the writer.
pub(super) enum Job {
    Run(Box<dyn Run>),
    Close(oneshot::Sender<()>),
}

/// An operation with its arguments, of any type.
pub(super) trait Run: Send {
    fn name(&self) -> &'static str;
    /// Runs it, and keeps the result.
    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = sqlx::Result<()>> + Send + 'c>>;
    /// Sends the result, or the error, to the caller.
    fn reply(self: Box<Self>, outcome: Result<()>);
}

pub(super) struct Task<A, T> {
    operation: Operation<A, T>,
    arguments: A,
    result: Option<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<A, T> Task<A, T> {
    pub(super) fn new(operation: Operation<A, T>, arguments: A, reply: oneshot::Sender<Result<T>>) -> Self {
        Self { operation, arguments, result: None, reply }
    }
}

impl<A: Send + Sync, T: Send> Run for Task<A, T> {
    fn name(&self) -> &'static str {
        self.operation.name
    }

    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = sqlx::Result<()>> + Send + 'c>> {
        let running = (self.operation.run)(Session::sqlite(self.operation.name, connection), &self.arguments);
        let result = &mut self.result;
        Box::pin(async move {
            *result = Some(running.await?);
            Ok(())
        })
    }

    fn reply(self: Box<Self>, outcome: Result<()>) {
        let Self { result, reply, .. } = *self;
        let missing = || StoreError::Unavailable("the operation was not run".to_owned());
        // A caller that is gone needs no result.
        let _ = reply.send(outcome.and_then(|()| result.ok_or_else(missing)));
    }
}

pub(super) struct Writer {
    /// `None` after an error that may be due to the connection; the next operation opens it again.
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    place: PathBuf,
    /// `None` in memory.
    lock: Option<LockedFile>,
    health: Arc<Health>,
}

impl Writer {
    pub(super) fn new(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        place: PathBuf,
        lock: Option<LockedFile>,
        health: Arc<Health>,
    ) -> Self {
        Self { connection: Some(connection), options, place, lock, health }
    }

    /// Writes until the store is closed or dropped.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut received = Vec::with_capacity(BATCH);
        let mut closing = None;
        while closing.is_none() && jobs.recv_many(&mut received, BATCH).await > 0 {
            let mut batch = Vec::with_capacity(received.len());
            for job in received.drain(..) {
                match job {
                    Job::Run(job) => batch.push(job),
                    Job::Close(done) => closing = Some(done),
                }
            }
            self.work(batch).await;
        }
        jobs.close();
        if let Some(connection) = self.connection.take() {
            super::close(connection, &self.place).await;
        }
        drop(self.lock.take());
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    async fn work(&mut self, batch: Vec<Box<dyn Run>>) {
        let batch = if self.health.is_up() { batch } else { self.only_probes(batch) };
        if batch.is_empty() {
            return;
        }
        let mut refused = vec![None; batch.len()];
        let mut batch = batch;
        let outcome = self.transaction(&mut batch, &mut refused).await;
        let outcome = match outcome {
            Ok(()) => {
                self.health.succeeded();
                Ok(())
            }
            Err(error) => {
                let hint = sqlite_hint(&error, &self.place);
                self.health.failed(&hint);
                self.abandon().await;
                Err(StoreError::Unavailable(hint))
            }
        };
        for (job, refused) in batch.into_iter().zip(refused) {
            let name = job.name();
            job.reply(outcome.clone().and_then(|()| match refused {
                Some(reason) => {
                    tracing::error!(operation = name, reason, "store operation refused; please report this");
                    Err(StoreError::Unavailable(reason))
                }
                None => Ok(()),
            }));
        }
    }

    /// Refuses operations that were sent before the store became unavailable: each would wait as long as the failed
    /// one. Returns the probes.
    fn only_probes(&self, batch: Vec<Box<dyn Run>>) -> Vec<Box<dyn Run>> {
        let (probes, others): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|job| job.name() == probe::PROBE.name);
        others.into_iter().for_each(|job| job.reply(Err(StoreError::Unavailable(self.health.reason()))));
        probes
    }

    /// Runs operations in one transaction. An operation that the database refuses is rolled back alone; the reason is
    /// added to `refused`.
    async fn transaction(
        &mut self,
        batch: &mut [Box<dyn Run>],
        refused: &mut [Option<String>],
    ) -> sqlx::Result<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.options.connect().await?),
        };
        connection.execute("BEGIN IMMEDIATE").await?;
        for (job, refused) in batch.iter_mut().zip(refused) {
            connection.execute("SAVEPOINT operation").await?;
            match job.run(connection).await {
                Ok(()) => {}
                Err(error) if fault(&error) == Fault::Away => return Err(error),
                Err(error) => {
                    *refused = Some(error.to_string());
                    connection.execute("ROLLBACK TO operation").await?;
                }
            }
            connection.execute("RELEASE operation").await?;
        }
        // A store in memory ends with the process, and there the writer reads too.
        let names: Vec<&str> =
            if self.lock.is_some() { batch.iter().map(|job| job.name()).collect() } else { Vec::new() };
        names.iter().for_each(|name| failpoint::after(name, "before_commit"));
        let start = Instant::now();
        connection.execute("COMMIT").await?;
        self.health.metrics.hub.store_commit_seconds.observe(start.elapsed().as_secs_f64());
        names.iter().for_each(|name| failpoint::after(name, "after_commit"));
        Ok(())
    }

    /// Rolls back a failed transaction. A connection to a file is reopened; a connection in memory is the database
    /// itself.
    async fn abandon(&mut self) {
        if self.lock.is_some() {
            self.connection = None;
        } else if let Some(connection) = &mut self.connection {
            // An error means that SQLite has undone the transaction already.
            let _ = connection.execute("ROLLBACK").await;
        }
    }
}
