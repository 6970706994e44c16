//! Notifications between instances, with `NOTIFY` and `LISTEN`. They only reduce latency: workers also poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgListener};
use sqlx::{PgConnection, Postgres};
use tokio::sync::Notify;

use super::pool::Pool;
use crate::store::due::Due;
use crate::store::records::Work;

const CHANNEL: &str = "faye_store";
/// The time between attempts to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// The next notification of other instances. One task sends notifications outside of transactions, because commits with
/// a notification wait for each other.
#[derive(Default)]
pub(super) struct Outbox {
    kinds: AtomicU8,
    filled: Notify,
}

impl Outbox {
    pub(super) fn add(&self, due: Due) {
        if due.bits() != 0 && self.kinds.fetch_or(due.bits(), Ordering::AcqRel) == 0 {
            self.filled.notify_one();
        }
    }

    /// Sends added notifications until the task is aborted.
    pub(super) async fn send(self: Arc<Self>, pool: Arc<Pool>, instance: i64) {
        loop {
            self.filled.notified().await;
            let kinds = self.kinds.swap(0, Ordering::AcqRel);
            let Ok(mut lease) = pool.acquire().await else { continue };
            match notify(&mut lease.connection, &format!("{instance} {kinds}")).await {
                Ok(()) => lease.give_back(),
                Err(error) => tracing::debug!(%error, "other instances not notified"),
            }
        }
    }
}

async fn notify(connection: &mut PgConnection, payload: &str) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(connection).await?;
    Ok(())
}

/// Passes notifications of other instances on, until the task is aborted.
pub(super) async fn listen(options: PgConnectOptions, work: Arc<Work>, instance: i64) {
    let pool = PoolOptions::<Postgres>::new().max_connections(1).connect_lazy_with(options);
    loop {
        if let Err(error) = receive(&pool, &work, instance).await {
            tracing::debug!(%error, "notifications of other instances not received");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn receive(pool: &sqlx::PgPool, work: &Work, instance: i64) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // Notifications were lost without a connection: work may be due.
    Due::ALL.wake(work);
    while let Some(notification) = listener.try_recv().await? {
        let mut words = notification.payload().split(' ');
        let sender = words.next().and_then(|word| word.parse::<i64>().ok());
        let kinds = words.next().and_then(|word| word.parse::<u8>().ok());
        if let (Some(sender), Some(kinds)) = (sender, kinds)
            && sender != instance
        {
            Due::from_bits(kinds).wake(work);
        }
    }
    Ok(())
}
