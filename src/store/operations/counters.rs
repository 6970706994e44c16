//! The sums of topics and subscriptions, in shards so that concurrent transactions rarely wait for each other.

use crate::store::session::Session;
use crate::store::statement::Statement;

/// Rows of the table, as in the migration.
const SHARDS: i64 = 8;

static COUNT: Statement = Statement::new(
    "count",
    "UPDATE counters SET topics = topics + $2, subscriptions = subscriptions + $3 WHERE shard = $1",
);

/// Adds to the sums. It is the last statement of an operation, because it locks a row.
pub(super) async fn add(session: &mut Session<'_>, topics: i64, subscriptions: i64) -> sqlx::Result<()> {
    if topics != 0 || subscriptions != 0 {
        let shard = fastrand::i64(0..SHARDS);
        session.execute(&COUNT, &[shard.into(), topics.into(), subscriptions.into()]).await?;
    }
    Ok(())
}

/// A number of changed rows as something to add.
pub(super) fn changed(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
