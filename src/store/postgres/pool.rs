//! A bounded pool of connections to the server.
//!
//! The pool of sqlx retries refused connections until a deadline and hides the reason. This one returns the reason, and
//! does not reuse a connection after an error.

use std::time::Duration;

use parking_lot::Mutex;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::config::Durability;

/// The deadline for connecting or waiting for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

// Locks of an instance that has stopped in the middle of a transaction must not last.
const SETUP: &str = "SET default_transaction_isolation = 'read committed'; SET statement_timeout = '60s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET jit = off";
const ASYNCHRONOUS: &str = "SET synchronous_commit = off";

pub(super) struct Pool {
    options: PgConnectOptions,
    durability: Durability,
    permits: Semaphore,
    idle: Mutex<Vec<PgConnection>>,
}

/// A connection in use. Dropping it closes the connection, unless it was returned to the pool.
pub(super) struct Lease<'p> {
    pool: &'p Pool,
    pub(super) connection: PgConnection,
    /// Whether it was used before, so that the server may have closed it.
    pub(super) is_used: bool,
    _permit: SemaphorePermit<'p>,
}

impl Pool {
    pub(super) fn new(options: PgConnectOptions, durability: Durability, most: u32) -> Self {
        let permits = Semaphore::new(usize::try_from(most.max(1)).unwrap_or(1));
        Self { options, durability, permits, idle: Mutex::new(Vec::new()) }
    }

    /// Returns a connection, a new one if none is idle.
    pub(super) async fn acquire(&self) -> sqlx::Result<Lease<'_>> {
        let permit = match timeout(PATIENCE, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(sqlx::Error::PoolClosed),
            Err(_) => return Err(sqlx::Error::PoolTimedOut),
        };
        let idle = self.idle.lock().pop();
        let is_used = idle.is_some();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lease { pool: self, connection, is_used, _permit: permit })
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let connect = async {
            let mut connection = self.options.connect().await?;
            connection.execute(SETUP).await?;
            if self.durability == Durability::Normal {
                connection.execute(ASYNCHRONOUS).await?;
            }
            Ok(connection)
        };
        let silent = || {
            sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer"))
        };
        timeout(PATIENCE, connect).await.map_err(|_| silent())?
    }

    /// Closes the connections that are idle, for instance after the server was restarted.
    pub(super) fn forget_idle(&self) {
        self.idle.lock().clear();
    }

    /// Closes idle connections, and refuses new ones.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "connection to the store not closed cleanly");
            }
        }
    }
}

impl Lease<'_> {
    /// Keeps the connection for the next operation.
    pub(super) fn give_back(self) {
        self.pool.idle.lock().push(self.connection);
    }
}
