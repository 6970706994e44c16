//! The connection for commands: opened on demand, and reopened with exponential backoff.

use std::time::Duration;

use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue, RedisError as LibraryError, ServerErrorKind, Value};
use tokio::sync::watch;
use tokio::time::Instant;

use super::address::Connection;
use super::backoff::Backoff;
use super::cause;
use super::dial::Endpoint;
use crate::metrics::Metrics;

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// Not connected, and in the pause before the next attempt.
    #[error("cannot reach Redis")]
    Disconnected,
    /// No reply within `redis.deadline`. The command may have taken effect.
    #[error("no response from Redis within redis.deadline")]
    Timeout,
    /// The connection broke. The command may have taken effect.
    #[error("{0}")]
    Broken(LibraryError),
    /// An error reply.
    #[error("{0}")]
    Refused(LibraryError),
    /// A reply of an unexpected type.
    #[error("unexpected response from Redis")]
    Unexpected,
}

impl RedisError {
    /// Whether Redis has refused the command for a reason that a repetition does not change: its memory is full, its disk
    /// cannot be written, or it denies permission. The command had no effect.
    pub(crate) fn is_final(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        matches!(error.code(), Some("OOM" | "MISCONF" | "NOPERM" | "NOAUTH" | "WRONGPASS"))
    }

    /// Logs the error, for callers that continue without the reply.
    pub(crate) fn logged(self) -> Self {
        tracing::debug!(error = %self, "Redis command failed");
        self
    }
}

/// The connection for commands.
pub(super) struct Link {
    endpoint: Endpoint,
    deadline: Duration,
    current: Mutex<Current>,
    /// The `run_id` of the master, which changes with a restart or failover. Empty on a Redis Cluster, and if unknown.
    master: watch::Sender<String>,
    connecting: tokio::sync::Mutex<Attempts>,
    /// The error of the last attempt to connect.
    cause: Mutex<Option<String>>,
    metrics: Metrics,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// The serial number of the connection.
    generation: u64,
}

/// The attempts to connect.
struct Attempts {
    backoff: Backoff,
    /// The time of the next one.
    next: Instant,
}

impl Link {
    pub(super) fn new(endpoint: Endpoint, deadline: Duration, metrics: Metrics) -> Self {
        let attempts = Attempts { backoff: Backoff::new(LONGEST_PAUSE), next: Instant::now() };
        let connecting = tokio::sync::Mutex::new(attempts);
        let (current, cause) = (Mutex::default(), Mutex::default());
        let master = watch::Sender::default();
        Self { endpoint, deadline, current, master, connecting, cause, metrics }
    }

    /// Sends a command and waits for its reply.
    pub(super) async fn run(&self, command: &Cmd) -> Result<Value, RedisError> {
        let (mut connection, generation) = self.connection().await?;
        let Ok(reply) = tokio::time::timeout(self.deadline, connection.run(command)).await else {
            self.drop_connection(generation);
            return Err(RedisError::Timeout);
        };
        reply.map_err(|error| {
            if is_broken(&error) {
                self.drop_connection(generation);
                RedisError::Broken(error)
            } else {
                RedisError::Refused(error)
            }
        })
    }

    async fn connection(&self) -> Result<(Connection, u64), RedisError> {
        if let Some(found) = self.current() {
            return Ok(found);
        }
        let mut attempts = self.connecting.lock().await;
        if let Some(found) = self.current() {
            return Ok(found);
        }
        if Instant::now() < attempts.next {
            return Err(RedisError::Disconnected);
        }
        let connecting = self.endpoint.connect(self.deadline, None);
        let connected = tokio::time::timeout(self.deadline, connecting).await;
        match connected.unwrap_or_else(|_| Err(timed_out())) {
            Ok(mut connection) => {
                let master = run_id_of(&mut connection, self.deadline).await;
                attempts.backoff.succeeded();
                *self.cause.lock() = None;
                let mut current = self.current.lock();
                current.generation += 1;
                current.connection = Some(connection.clone());
                self.metrics.redis.command_connections.inc();
                self.master.send_if_modified(|known| {
                    let is_new = !master.is_empty() && *known != master;
                    if is_new {
                        *known = master;
                    }
                    is_new
                });
                Ok((connection, current.generation))
            }
            Err(error) => {
                let cause = cause::connecting(&error, self.endpoint.address());
                tracing::debug!(cause, "cannot connect to Redis");
                *self.cause.lock() = Some(cause);
                attempts.next = Instant::now() + attempts.backoff.failed();
                Err(RedisError::Broken(error))
            }
        }
    }

    /// Returns the cause of the outage; `None` while connected.
    pub(super) fn cause(&self) -> Option<String> {
        self.cause.lock().clone()
    }

    /// Returns the `run_id` of the connected master; empty if unknown.
    fn master(&self) -> String {
        self.master.borrow().clone()
    }

    /// Connects if necessary, and returns the `run_id` of the master; empty if unknown.
    ///
    /// # Errors
    /// [`RedisError`] if there is no connection.
    pub(super) async fn reach_master(&self) -> Result<String, RedisError> {
        self.connection().await?;
        Ok(self.master())
    }

    /// Returns the `run_id` of the connected master, and each later one.
    pub(super) fn masters(&self) -> watch::Receiver<String> {
        self.master.subscribe()
    }

    /// Drops the connection if it is to another master than this one, to which another connection was opened since.
    pub(super) fn follow(&self, master: &str) {
        let is_old = ![master, ""].contains(&self.master.borrow().as_str());
        if is_old {
            self.current.lock().connection = None;
        }
    }

    fn current(&self) -> Option<(Connection, u64)> {
        let current = self.current.lock();
        current.connection.clone().map(|connection| (connection, current.generation))
    }

    fn drop_connection(&self, generation: u64) {
        let mut current = self.current.lock();
        if current.generation == generation {
            current.connection = None;
        }
    }
}

/// Returns the `run_id` of the server of a connection; empty on a Redis Cluster, and if it is not known.
pub(crate) async fn run_id_of(connection: &mut Connection, deadline: Duration) -> String {
    if connection.reconnects_itself() {
        return String::new();
    }
    let mut command = redis::cmd("INFO");
    command.arg("server");
    let reply = tokio::time::timeout(deadline, connection.run(&command)).await;
    let info = reply.ok().and_then(Result::ok).and_then(|reply| String::from_redis_value(reply).ok());
    info.as_deref().and_then(|info| value_of(info, "run_id")).unwrap_or_default().to_owned()
}

pub(super) fn timed_out() -> LibraryError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Whether the connection has to be replaced: it broke, or its server is no longer a master.
fn is_broken(error: &LibraryError) -> bool {
    let server_errors =
        [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_timeout()
        || error.is_unrecoverable_error()
        || server_errors.iter().any(|kind| error.kind() == (*kind).into())
}

/// Finds a value in the reply of `INFO`.
pub(super) fn value_of<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
