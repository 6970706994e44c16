//! Releases claims: those of a stopped instance, and all of them when a SQLite file is opened.

use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// The lowest and the highest claim to release.
pub(in crate::store) static RELEASE: Operation<(i64, i64), u64> = Operation { name: "release", run: release };

static REQUESTS: Statement = Statement::new(
    "requests",
    "UPDATE requests SET claim = NULL, due_at = {now} WHERE claim BETWEEN $1 AND $2",
);

static TOPICS: Statement = Statement::new(
    "topics",
    "UPDATE topics SET fetch_claim = NULL, fetch_due = {now} WHERE fetch_claim BETWEEN $1 AND $2",
);

static DELIVERIES: Statement = Statement::new(
    "deliveries",
    "UPDATE deliveries SET claim = NULL, due_at = {now} WHERE claim BETWEEN $1 AND $2",
);

static FEEDS: Statement = Statement::new(
    "feeds",
    "UPDATE feeds SET poll_claim = NULL, poll_due = {now} WHERE poll_claim BETWEEN $1 AND $2",
);

static CALLS: Statement = Statement::new(
    "calls",
    "UPDATE feed_subscriptions SET call_claim = NULL, call_due = {now} WHERE call_claim BETWEEN $1 AND $2",
);

static PUBLISHER: Statement = Statement::new(
    "publisher",
    "UPDATE feed_state SET publish_claim = NULL WHERE publish_claim BETWEEN $1 AND $2",
);

fn release<'c>(mut session: Session<'c>, (from, to): &'c (i64, i64)) -> Outcome<'c, u64> {
    Box::pin(async move {
        let values = [(*from).into(), (*to).into()];
        let mut released = session.execute(&REQUESTS, &values).await?;
        released += session.execute(&TOPICS, &values).await?;
        released += session.execute(&DELIVERIES, &values).await?;
        released += session.execute(&FEEDS, &values).await?;
        released += session.execute(&CALLS, &values).await?;
        released += session.execute(&PUBLISHER, &values).await?;
        Ok(released)
    })
}
