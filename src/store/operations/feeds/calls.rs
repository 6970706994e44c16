//! Due requests to hubs, and accepted requests without a verification.

use std::time::Duration;

use super::{ClaimArguments, description, ids, restate, source};
use crate::store::operations::{list, millis};
use crate::store::records::{Claim, SubscriptionCall};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

pub(in crate::store) static CLAIM: Operation<ClaimArguments, Vec<SubscriptionCall>> =
    Operation { name: "claim_calls", run: claim };

static WAITED: Statement = Statement::new(
    "waited",
    "SELECT id FROM feeds WHERE id IN (SELECT s.feed_id FROM feed_subscriptions s WHERE s.wait_until <= {now} \
       ORDER BY s.wait_until LIMIT $1) {skip locked}",
);

static ENDED: Statement = Statement::new(
    "ended",
    "DELETE FROM feed_subscriptions WHERE feed_id IN {list $1} AND mode = 'unsubscribe' AND wait_until <= {now}",
);

// After the first timeout the request is sent again. After the second one, a hub that accepted it is assumed to push
// (some hubs never verify), with a lease of a day; an active subscription is unchanged and is renewed later.
static AGAIN: Statement = Statement::new(
    "again",
    "UPDATE feed_subscriptions SET wait_until = NULL, \
       waits = CASE WHEN waits = 0 AND state <> 'unverified' THEN 1 ELSE 0 END, \
       call_due = CASE WHEN waits = 0 AND state <> 'unverified' THEN {now} END, \
       renew_at = CASE WHEN waits = 0 AND state <> 'unverified' THEN NULL \
         WHEN state = 'active' THEN {now} + 3600000 ELSE {now} + $2 END, \
       lease_until = CASE WHEN state <> 'active' AND (waits > 0 OR state = 'unverified') THEN {now} + 86400000 \
         ELSE lease_until END, \
       failure = CASE WHEN waits = 0 AND state <> 'unverified' THEN failure \
         ELSE 'the hub has accepted the request and has not verified it' END, \
       state = CASE WHEN state <> 'active' AND waits > 0 THEN 'unverified' ELSE state END \
     WHERE feed_id IN {list $1} AND wait_until <= {now}",
);

static DUE: Statement = Statement::new(
    "claim",
    "UPDATE feed_subscriptions SET call_claim = $1, call_due = {now} + $2, is_sent = 1 WHERE id IN \
       (SELECT id FROM feed_subscriptions WHERE call_due <= {now} ORDER BY call_due LIMIT $3 {skip locked}) \
     RETURNING id",
);

static CALLS: Statement = Statement::new(
    "calls",
    "SELECT s.id, s.feed_id, f.name, f.url, f.hub, f.poll, f.username, f.password, f.is_public, f.title, f.source, \
       s.hub, s.topic, s.callback, s.secret, s.verify_token, s.mode, s.call_attempts \
     FROM feed_subscriptions s JOIN feeds f ON f.id = s.feed_id WHERE s.id IN {list $1} ORDER BY s.id",
);

fn claim<'c>(
    mut session: Session<'c>,
    (most, claim, hold): &'c ClaimArguments,
) -> Outcome<'c, Vec<SubscriptionCall>> {
    Box::pin(async move {
        let most = i64::from(*most);
        let waited = ids(session.rows(&WAITED, &[most.into()]).await?)?;
        if !waited.is_empty() {
            let feeds = list(&waited)?;
            session.execute(&ENDED, &[(&feeds).into()]).await?;
            let renewal = super::renewal(Duration::from_secs(86_400));
            session.execute(&AGAIN, &[(&feeds).into(), renewal.into()]).await?;
            restate(&mut session, &waited).await?;
        }
        let due = ids(session.rows(&DUE, &[(*claim).into(), millis(*hold).into(), most.into()]).await?)?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let rows = session.rows(&CALLS, &[(&list(&due)?).into()]).await?;
        rows.into_iter().map(|row| read(row, *claim)).collect()
    })
}

fn read(mut row: Row, claim: Claim) -> sqlx::Result<SubscriptionCall> {
    Ok(SubscriptionCall {
        id: row.int()?,
        claim,
        feed_id: row.int()?,
        feed: description(&mut row)?,
        source: source(&row.text()?),
        hub: row.text()?,
        topic: row.text()?,
        callback: row.text()?,
        secret: row.maybe_text()?,
        verify_token: row.maybe_text()?,
        mode: super::mode(&row.text()?),
        attempts: u32::try_from(row.int()?).unwrap_or(u32::MAX),
    })
}
