//! The sums of topics, subscriptions, unfinished requests and bytes of contents, in shards so that concurrent
//! transactions rarely wait for each other.

use crate::store::session::Session;
use crate::store::statement::Statement;

/// Rows of the table, as in the migration.
const SHARDS: i64 = 8;

static COUNT: Statement = Statement::new(
    "count",
    "UPDATE counters SET topics = topics + $2, subscriptions = subscriptions + $3, requests = requests + $4, \
       contents = contents + $5 \
     WHERE shard = $1",
);

/// Additions to the sums. Only unfinished requests count.
#[derive(Default)]
pub(super) struct Change {
    pub(super) topics: i64,
    pub(super) subscriptions: i64,
    pub(super) requests: i64,
    /// Bytes of contents.
    pub(super) contents: i64,
}

/// Adds to the sums. This has to be the last statement of an operation, because it locks a row.
pub(super) async fn add(session: &mut Session<'_>, change: Change) -> sqlx::Result<()> {
    let Change { topics, subscriptions, requests, contents } = change;
    if topics != 0 || subscriptions != 0 || requests != 0 || contents != 0 {
        let shard = fastrand::i64(0..SHARDS);
        let values = [shard.into(), topics.into(), subscriptions.into(), requests.into(), contents.into()];
        session.execute(&COUNT, &values).await?;
    }
    Ok(())
}

/// Converts a number of changed rows to an addition.
pub(super) fn changed(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
