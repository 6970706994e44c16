//! Feeds as shown to operators.

use super::{description, source, state};
use crate::store::records::FeedRow;
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

pub(in crate::store) static ROWS: Operation<(), Vec<FeedRow>> = Operation { name: "feed_rows", run: rows };

// The subscription that is nearest to working.
static FEEDS: Statement = Statement::new(
    "rows",
    "SELECT f.id, f.name, f.url, f.hub, f.poll, f.username, f.password, f.is_public, f.title, f.source, f.state, \
       f.found_title, f.site, f.topic, s.hub, s.lease_until, f.pushed_at, f.polled_at, \
       f.poll_due, f.entry_at, f.entries, f.missed, coalesce(f.failure, s.failure) \
     FROM feeds f LEFT JOIN feed_subscriptions s ON s.id = \
       (SELECT o.id FROM feed_subscriptions o WHERE o.feed_id = f.id AND o.mode = 'subscribe' \
         ORDER BY CASE o.state WHEN 'active' THEN 0 WHEN 'unverified' THEN 1 WHEN 'requested' THEN 2 ELSE 3 END, o.id \
         LIMIT 1) \
     ORDER BY f.name",
);

fn rows<'c>(mut session: Session<'c>, (): &'c ()) -> Outcome<'c, Vec<FeedRow>> {
    Box::pin(async move { session.rows(&FEEDS, &[]).await?.into_iter().map(read).collect() })
}

fn read(mut row: Row) -> sqlx::Result<FeedRow> {
    Ok(FeedRow {
        id: row.int()?,
        feed: description(&mut row)?,
        source: source(&row.text()?),
        state: state(&row.text()?),
        found_title: row.maybe_text()?,
        site: row.maybe_text()?,
        topic: row.maybe_text()?,
        hub: row.maybe_text()?,
        lease_until: row.maybe_int()?,
        pushed_at: row.maybe_int()?,
        polled_at: row.maybe_int()?,
        poll_due: row.maybe_int()?,
        entry_at: row.maybe_int()?,
        entries: row.count()?,
        missed: row.count()?,
        failure: row.maybe_text()?,
    })
}
