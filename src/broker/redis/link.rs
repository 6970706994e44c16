//! The connection by which commands go to Redis. It is made when it is needed, and anew when it broke, after a pause that
//! grows.

use std::time::Duration;

use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue, RedisError, ServerErrorKind, Value};
use tokio::time::Instant;

use super::address::{Address, Connection};
use super::cause;
use super::examine::value_of;
use crate::metrics::Metrics;

/// The pauses between two attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why Redis did not do something.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    /// There is no connection, and the pause before the next attempt is not over.
    #[error("cannot reach Redis")]
    Away,
    /// No answer came within `redis.deadline`; it may have been done.
    #[error("no response from Redis within redis.deadline")]
    Silent,
    /// The connection broke; it may have been done.
    #[error("{0}")]
    Broken(RedisError),
    /// Redis said no.
    #[error("{0}")]
    Refused(RedisError),
    /// Redis answered something else than was asked for.
    #[error("unexpected response from Redis")]
    Senseless,
}

/// The way to Redis.
pub(super) struct Link {
    address: Address,
    deadline: Duration,
    current: Mutex<Current>,
    connecting: tokio::sync::Mutex<Pause>,
    /// Why the last attempt to connect failed.
    cause: Mutex<Option<String>>,
    metrics: Metrics,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// The run of the master, by which another one is known; nothing if there are several, or it does not say.
    master: String,
    /// Tells the connections that there were apart.
    generation: u64,
}

struct Pause {
    length: Duration,
    over: Instant,
}

impl Link {
    pub(super) fn new(address: Address, deadline: Duration, metrics: Metrics) -> Self {
        let pause = Pause { length: FIRST_PAUSE, over: Instant::now() };
        let connecting = tokio::sync::Mutex::new(pause);
        let (current, cause) = (Mutex::default(), Mutex::default());
        Self { address, deadline, current, connecting, cause, metrics }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`Unavailable`], which says whether it may have been done all the same.
    pub(super) async fn run(&self, command: &Cmd) -> Result<Value, Unavailable> {
        let (mut connection, generation) = self.connection().await?;
        let Ok(answer) = tokio::time::timeout(self.deadline, connection.run(command)).await else {
            self.drop_connection(generation);
            return Err(Unavailable::Silent);
        };
        answer.map_err(|error| {
            if is_broken(&error) {
                self.drop_connection(generation);
                Unavailable::Broken(error)
            } else {
                Unavailable::Refused(error)
            }
        })
    }

    async fn connection(&self) -> Result<(Connection, u64), Unavailable> {
        if let Some(found) = self.current() {
            return Ok(found);
        }
        let mut pause = self.connecting.lock().await;
        if let Some(found) = self.current() {
            return Ok(found);
        }
        if Instant::now() < pause.over {
            return Err(Unavailable::Away);
        }
        let connecting = self.address.connect(self.deadline, None);
        let connected = tokio::time::timeout(self.deadline, connecting).await;
        match connected.unwrap_or_else(|_| Err(silence())) {
            Ok(mut connection) => {
                let master = self.run_of(&mut connection).await;
                pause.length = FIRST_PAUSE;
                *self.cause.lock() = None;
                let mut current = self.current.lock();
                current.generation += 1;
                current.master = master;
                current.connection = Some(connection.clone());
                self.metrics.redis.command_connections.inc();
                Ok((connection, current.generation))
            }
            Err(error) => {
                let cause = cause::connecting(&error, &self.address);
                tracing::debug!(cause, "cannot connect to Redis");
                *self.cause.lock() = Some(cause);
                pause.over = Instant::now() + with_jitter(pause.length);
                pause.length = (pause.length * 2).min(LONGEST_PAUSE);
                Err(Unavailable::Broken(error))
            }
        }
    }

    async fn run_of(&self, connection: &mut Connection) -> String {
        if connection.mends_itself() {
            return String::new();
        }
        let mut command = redis::cmd("INFO");
        command.arg("server");
        let answer = tokio::time::timeout(self.deadline, connection.run(&command)).await;
        let info = answer.ok().and_then(Result::ok).and_then(|answer| String::from_redis_value(answer).ok());
        info.as_deref().and_then(|info| value_of(info, "run_id")).unwrap_or_default().to_owned()
    }

    /// Why there is no connection, in plain words.
    pub(super) fn cause(&self) -> Option<String> {
        self.cause.lock().clone()
    }

    /// The run of the master that is connected, if it is known.
    pub(super) fn master(&self) -> String {
        self.current.lock().master.clone()
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

/// A pause somewhat shorter or longer, so that not all instances come back in one moment.
pub(super) fn with_jitter(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64())
}

pub(super) fn silence() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Whether a connection is of no use any more: it broke, or leads to what is no master now.
fn is_broken(error: &RedisError) -> bool {
    let of_the_server =
        [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_timeout()
        || error.is_unrecoverable_error()
        || of_the_server.iter().any(|kind| error.kind() == (*kind).into())
}
