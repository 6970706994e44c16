//! Removes feeds and deletes entries.

use super::{end, source};
use crate::store::operations::list;
use crate::store::records::FeedSource;
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// Takes a name. Returns the source of the feed, and the number of hubs to notify.
pub(in crate::store) static REMOVE: Operation<String, Option<(FeedSource, u64)>> =
    Operation { name: "remove_feed", run: remove_one };
/// A name. Returns the number of entries.
pub(in crate::store) static PURGE: Operation<String, Option<u64>> =
    Operation { name: "purge_feed", run: purge };

static FEED: Statement = Statement::new(
    "feed",
    "SELECT f.id, f.source FROM feeds f WHERE f.name = $1 AND f.state <> 'removed' {lock f}",
);

static REMOVED: Statement = Statement::new(
    "removed",
    "UPDATE feeds SET state = 'removed', poll_due = NULL, poll_claim = NULL, poll_again = 0, is_pushed = 0, \
       is_resubscribed = 0, active_since = NULL WHERE id IN {list $1}",
);

static SUBSCRIPTIONS: Statement = Statement::new(
    "subscriptions",
    "SELECT id FROM feed_subscriptions WHERE feed_id IN {list $1} AND mode = 'subscribe'",
);

static PURGED: Statement =
    Statement::new("feed", "SELECT f.id, f.entries FROM feeds f WHERE f.name = $1 {lock f}");

static ENTRIES: Statement = Statement::new("entries", "DELETE FROM entries WHERE feed_id = $1");

// The next fetch finds old entries: they are stored as by the first fetch. A running fetch may have stored its entries
// before the purge, so it loses its claim and starts again.
static EMPTY: Statement = Statement::new(
    "empty",
    "UPDATE feeds SET entries = 0, hidden = 0, entry_at = NULL, is_backfilled = 0, etag = NULL, last_modified = NULL, \
       body = NULL, poll_due = CASE WHEN poll_claim IS NULL THEN poll_due ELSE {now} END, poll_claim = NULL \
     WHERE id = $1",
);

static DELETE: Statement = Statement::new(
    "delete",
    "DELETE FROM feeds WHERE id = $1 AND state = 'removed' \
       AND NOT EXISTS (SELECT 1 FROM feed_subscriptions s WHERE s.feed_id = feeds.id)",
);

/// Ends the polls and subscriptions of feeds. Returns the number of hubs to notify.
pub(super) async fn remove(session: &mut Session<'_>, feeds: &[i64]) -> sqlx::Result<u64> {
    if feeds.is_empty() {
        return Ok(0);
    }
    let ids = list(feeds)?;
    session.execute(&REMOVED, &[(&ids).into()]).await?;
    let subscriptions = super::ids(session.rows(&SUBSCRIPTIONS, &[(&ids).into()]).await?)?;
    end(session, &subscriptions).await
}

fn remove_one<'c>(mut session: Session<'c>, name: &'c String) -> Outcome<'c, Option<(FeedSource, u64)>> {
    Box::pin(async move {
        let Some(mut row) = session.row(&FEED, &[name.into()]).await? else { return Ok(None) };
        let (id, source) = (row.int()?, source(&row.text()?));
        let ended = match source {
            FeedSource::Config => 0,
            FeedSource::Store => remove(&mut session, &[id]).await?,
        };
        Ok(Some((source, ended)))
    })
}

fn purge<'c>(mut session: Session<'c>, name: &'c String) -> Outcome<'c, Option<u64>> {
    Box::pin(async move {
        let Some(mut row) = session.row(&PURGED, &[name.into()]).await? else { return Ok(None) };
        let (id, entries) = (row.int()?, row.count()?);
        session.execute(&ENTRIES, &[id.into()]).await?;
        session.execute(&EMPTY, &[id.into()]).await?;
        session.execute(&DELETE, &[id.into()]).await?;
        Ok(Some(entries))
    })
}
