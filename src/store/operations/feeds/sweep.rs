//! Changes that depend on time only: ends leases, removes old entries, and removes feeds that have ended.
//!
//! The key of a removed entry stays, because a feed may still contain the entry; otherwise it would count as new again.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::{ids, restate};
use crate::store::operations::{bound, list, millis};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

/// The number of entries to keep of each feed, their maximum age, and the number of rows in one batch.
pub(in crate::store) type SweepArguments = (u64, Duration, u64);

pub(in crate::store) static SWEEP: Operation<SweepArguments, Swept> =
    Operation { name: "sweep_feeds", run: sweep };

/// The counts of a sweep.
#[derive(Debug, Default)]
pub(in crate::store) struct Swept {
    /// Entries removed.
    pub(in crate::store) entries: u64,
    /// Whether there may be more.
    pub(in crate::store) is_unfinished: bool,
    /// Whether feeds may be due.
    pub(in crate::store) is_due: bool,
}

/// The number of feeds in one batch.
const FEEDS: i64 = 100;
/// Rows of a feed that only have a key; a document that is read has fewer entries.
const HIDDEN: i64 = 1000;

// Maximum time to wait for a hub that does not verify the end of a subscription.
static ENDED: Statement = Statement::new(
    "ended",
    "DELETE FROM feed_subscriptions WHERE id IN (SELECT id FROM feed_subscriptions \
       WHERE ended_at <= {now} - 86400000 ORDER BY ended_at LIMIT $1 {skip locked})",
);

static LEASES: Statement = Statement::new(
    "leases",
    "SELECT id FROM feeds WHERE id IN (SELECT s.feed_id FROM feed_subscriptions s WHERE s.lease_until <= {now} \
       ORDER BY s.lease_until LIMIT $1) {skip locked}",
);

static EXPIRE: Statement = Statement::new(
    "expire",
    "UPDATE feed_subscriptions SET lease_until = NULL, \
       renew_at = CASE WHEN mode = 'subscribe' AND state IN ('active', 'unverified') AND call_due IS NULL \
         AND wait_until IS NULL AND is_renewed = 0 THEN {now} ELSE renew_at END, \
       state = CASE WHEN mode = 'subscribe' AND state IN ('active', 'unverified') THEN 'requested' ELSE state END \
     WHERE feed_id IN {list $1} AND lease_until <= {now}",
);

static AGED: Statement = Statement::new(
    "aged",
    "SELECT id FROM feeds WHERE id IN (SELECT o.feed_id FROM (SELECT feed_id FROM entries \
       WHERE is_shown = 1 AND shown_at < {now} - $1 AND is_published = 1 ORDER BY shown_at LIMIT $2) o) {skip locked}",
);

static OLD: Statement = Statement::new(
    "old",
    "UPDATE entries SET change = 'swept', is_shown = 0, body = '{}', html = NULL, raw = NULL, base = NULL \
     WHERE id IN (SELECT id FROM entries WHERE feed_id IN {list $1} AND is_shown = 1 AND shown_at < {now} - $2 \
       AND is_published = 1 ORDER BY shown_at LIMIT $3) RETURNING feed_id",
);

static FULL: Statement = Statement::new(
    "full",
    "SELECT id, entries - $1 FROM feeds WHERE entries > $1 ORDER BY id LIMIT $2 {skip locked}",
);

static EXCESS: Statement = Statement::new(
    "excess",
    "UPDATE entries SET change = 'swept', is_shown = 0, body = '{}', html = NULL, raw = NULL, base = NULL \
     WHERE id IN (SELECT id FROM entries WHERE feed_id = $1 AND is_shown = 1 ORDER BY shown_at, uuid LIMIT $2) \
       AND is_published = 1 RETURNING feed_id",
);

static COUNT: Statement = Statement::new(
    "count",
    "UPDATE feeds SET entries = entries - c.shown, hidden = hidden + c.shown, \
       entry_at = (SELECT max(e.shown_at) FROM entries e WHERE e.feed_id = feeds.id AND e.is_shown = 1) \
     FROM {records $1 id:bigint shown:bigint} c WHERE feeds.id = c.id",
);

static CROWDED: Statement = Statement::new(
    "crowded",
    "SELECT id, hidden - $1 FROM feeds WHERE hidden > $1 ORDER BY id LIMIT $2 {skip locked}",
);

static FORGET: Statement = Statement::new(
    "forget",
    "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE feed_id = $1 AND is_shown = 0 ORDER BY seq LIMIT $2) \
       AND is_published = 1",
);

static FORGOTTEN: Statement =
    Statement::new("forgotten", "UPDATE feeds SET hidden = hidden - $2 WHERE id = $1");

static GONE: Statement = Statement::new(
    "gone",
    "DELETE FROM feeds WHERE id IN (SELECT f.id FROM feeds f WHERE f.state = 'removed' AND f.entries = 0 \
       AND NOT EXISTS (SELECT 1 FROM feed_subscriptions s WHERE s.feed_id = f.id) LIMIT $1 {skip locked})",
);

#[derive(Serialize)]
struct Count {
    id: i64,
    shown: i64,
}

fn sweep<'c>(mut session: Session<'c>, (keep, age, most): &'c SweepArguments) -> Outcome<'c, Swept> {
    Box::pin(async move {
        let session = &mut session;
        let most = bound(*most);
        session.execute(&ENDED, &[most.into()]).await?;
        let expired = ids(session.rows(&LEASES, &[most.into()]).await?)?;
        if !expired.is_empty() {
            session.execute(&EXPIRE, &[(&list(&expired)?).into()]).await?;
            restate(session, &expired).await?;
        }
        let mut removed = old(session, millis(*age), most).await?;
        removed.extend(excess(session, bound(*keep), most - bound(removed.len() as u64)).await?);
        count(session, &removed).await?;
        let forgotten = forget(session, most).await?;
        let gone = session.execute(&GONE, &[FEEDS.into()]).await?;
        let full = |rows: u64, most: i64| bound(rows) >= most;
        Ok(Swept {
            entries: removed.len() as u64,
            is_unfinished: full(removed.len() as u64, most)
                || full(forgotten, most)
                || full(expired.len() as u64, most)
                || full(gone, FEEDS),
            is_due: !expired.is_empty(),
        })
    })
}

/// Removes entries that are too old. Returns the feed of each.
async fn old(session: &mut Session<'_>, age: i64, most: i64) -> sqlx::Result<Vec<i64>> {
    let feeds = ids(session.rows(&AGED, &[age.into(), most.into()]).await?)?;
    if feeds.is_empty() {
        return Ok(Vec::new());
    }
    ids(session.rows(&OLD, &[(&list(&feeds)?).into(), age.into(), most.into()]).await?)
}

/// Removes entries beyond the number that a feed keeps. Returns the feed of each.
async fn excess(session: &mut Session<'_>, keep: i64, mut most: i64) -> sqlx::Result<Vec<i64>> {
    let full = pairs(session.rows(&FULL, &[keep.into(), FEEDS.into()]).await?)?;
    let mut removed = Vec::new();
    for (feed, excess) in full {
        if most <= 0 {
            break;
        }
        let rows = ids(session.rows(&EXCESS, &[feed.into(), excess.min(most).into()]).await?)?;
        most -= bound(rows.len() as u64);
        removed.extend(rows);
    }
    Ok(removed)
}

/// Subtracts removed entries from the counts of their feeds.
async fn count(session: &mut Session<'_>, removed: &[i64]) -> sqlx::Result<()> {
    if removed.is_empty() {
        return Ok(());
    }
    let mut counts = HashMap::new();
    for &feed in removed {
        *counts.entry(feed).or_insert(0) += 1;
    }
    let counts: Vec<Count> = counts.into_iter().map(|(id, shown)| Count { id, shown }).collect();
    session.execute(&COUNT, &[(&list(&counts)?).into()]).await?;
    Ok(())
}

/// Deletes the oldest of too many rows that only have a key. Returns their number.
async fn forget(session: &mut Session<'_>, most: i64) -> sqlx::Result<u64> {
    let crowded = pairs(session.rows(&CROWDED, &[HIDDEN.into(), FEEDS.into()]).await?)?;
    let mut total = 0;
    for (feed, excess) in crowded {
        let left = most - bound(total);
        if left <= 0 {
            break;
        }
        let deleted = session.execute(&FORGET, &[feed.into(), excess.min(left).into()]).await?;
        session.execute(&FORGOTTEN, &[feed.into(), bound(deleted).into()]).await?;
        total += deleted;
    }
    Ok(total)
}

fn pairs(rows: Vec<Row>) -> sqlx::Result<Vec<(i64, i64)>> {
    rows.into_iter().map(|mut row| Ok((row.int()?, row.int()?))).collect()
}
