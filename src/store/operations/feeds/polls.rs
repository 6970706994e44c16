//! Claims of feeds for a fetch. A subscription to renew makes its feed due, so that the request goes to the hubs that
//! the feed names now.

use super::{ClaimArguments, description, ids, source, state};
use crate::store::operations::{duration, list, millis};
use crate::store::records::{Claim, FeedFetch, FetchReason, Validators};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

pub(in crate::store) static CLAIM: Operation<ClaimArguments, Vec<FeedFetch>> =
    Operation { name: "claim_polls", run: claim };

static RENEWABLE: Statement = Statement::new(
    "renewable",
    "SELECT id FROM feeds WHERE id IN (SELECT s.feed_id FROM feed_subscriptions s WHERE s.renew_at <= {now} \
       ORDER BY s.renew_at LIMIT $1) {skip locked}",
);

static RENEW: Statement = Statement::new(
    "renew",
    "UPDATE feed_subscriptions SET renew_at = NULL, is_renewed = 1 WHERE feed_id IN {list $1} AND renew_at <= {now}",
);

// The end of the fetch of a claimed feed includes the renewal.
static WANTED: Statement = Statement::new(
    "wanted",
    "UPDATE feeds SET poll_due = {now} WHERE id IN {list $1} AND state <> 'removed' AND poll_claim IS NULL",
);

static DUE: Statement = Statement::new(
    "claim",
    "UPDATE feeds SET poll_claim = $1, poll_due = {now} + $2 WHERE id IN \
       (SELECT id FROM feeds WHERE poll_due <= {now} ORDER BY poll_due LIMIT $3 {skip locked}) \
     RETURNING id, name, url, hub, poll, username, password, is_public, title, source, state, content_url, etag, last_modified, \
       body, poll_attempts, poll_interval, is_backfilled, is_feed, missed_polls, {now} - active_since, \
       {now} - resubscribed_at, is_pushed",
);

fn claim<'c>(
    mut session: Session<'c>,
    (most, claim, hold): &'c ClaimArguments,
) -> Outcome<'c, Vec<FeedFetch>> {
    Box::pin(async move {
        let most = i64::from(*most);
        let renewable = ids(session.rows(&RENEWABLE, &[most.into()]).await?)?;
        if !renewable.is_empty() {
            let renewable = list(&renewable)?;
            session.execute(&RENEW, &[(&renewable).into()]).await?;
            session.execute(&WANTED, &[(&renewable).into()]).await?;
        }
        let rows = session.rows(&DUE, &[(*claim).into(), millis(*hold).into(), most.into()]).await?;
        rows.into_iter().map(|row| read(row, *claim)).collect()
    })
}

fn read(mut row: Row, claim: Claim) -> sqlx::Result<FeedFetch> {
    Ok(FeedFetch {
        id: row.int()?,
        claim,
        feed: description(&mut row)?,
        source: source(&row.text()?),
        state: state(&row.text()?),
        content_url: row.maybe_text()?,
        validators: Validators { etag: row.maybe_text()?, last_modified: row.maybe_text()? },
        body: row.maybe_bytes()?,
        attempts: u32::try_from(row.int()?).unwrap_or(u32::MAX),
        interval: row.maybe_int()?.map(duration),
        is_backfilled: row.flag()?,
        is_feed: row.flag()?,
        missed: u32::try_from(row.int()?).unwrap_or(u32::MAX),
        active_for: row.maybe_int()?.map(duration),
        resubscribed_ago: row.maybe_int()?.map(duration),
        reason: if row.flag()? { FetchReason::Push } else { FetchReason::Poll },
    })
}
