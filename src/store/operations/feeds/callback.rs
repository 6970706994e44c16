//! Callbacks of subscriptions, and the requests of hubs to them.

use super::{denial, renewal, restate};
use crate::store::operations::{clean, millis};
use crate::store::records::{Callback, HubWord};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// An identifier of a callback.
pub(in crate::store) static CALLBACK: Operation<String, Option<Callback>> =
    Operation { name: "callback", run: callback };
/// The number of a subscription, and the request of its hub. Returns whether the subscription exists.
pub(in crate::store) static HUB_SAID: Operation<(i64, HubWord), bool> =
    Operation { name: "hub_said", run: hub_said };
/// Numbers of feeds in ascending order, so that concurrent transactions lock their rows in the same order.
pub(in crate::store) static NOTIFY: Operation<Vec<i64>, ()> = Operation { name: "notify_feeds", run: notify };

static SUBSCRIPTION: Statement = Statement::new(
    "subscription",
    "SELECT s.id, s.feed_id, f.name, f.is_feed, s.hub, s.topic, s.secret, s.verify_token, s.mode, \
       CAST(CASE WHEN s.mode = 'subscribe' AND s.state = 'denied' AND coalesce(s.lease_until, 0) <= {now} THEN 0 \
         ELSE 1 END AS BIGINT) \
     FROM feed_subscriptions s JOIN feeds f ON f.id = s.feed_id WHERE s.callback = $1",
);

static FEED: Statement = Statement::new(
    "feed",
    "SELECT f.id FROM feed_subscriptions s JOIN feeds f ON f.id = s.feed_id WHERE s.id = $1 {lock f}",
);

static KNOWN: Statement =
    Statement::new("known", "SELECT s.mode, s.denials FROM feed_subscriptions s WHERE s.id = $1 {lock s}");

static VERIFIED: Statement = Statement::new(
    "verified",
    "UPDATE feed_subscriptions SET state = 'active', lease_until = {now} + $2, renew_at = {now} + $3, is_renewed = 0, \
       is_sent = 1, call_due = NULL, call_claim = NULL, call_attempts = 0, wait_until = NULL, waits = 0, denials = 0, \
       failure = NULL WHERE id = $1",
);

static DELETE: Statement = Statement::new("delete", "DELETE FROM feed_subscriptions WHERE id = $1");

static DENIED: Statement = Statement::new(
    "denied",
    "UPDATE feed_subscriptions SET state = 'denied', denials = denials + 1, failure = $2, renew_at = {now} + $3, \
       is_renewed = 0, lease_until = NULL, call_due = NULL, call_claim = NULL, call_attempts = 0, wait_until = NULL, \
       waits = 0 WHERE id = $1",
);

// A hub may push only some of the entries, so only a poll can confirm that all were pushed.
static PUSHED: Statement = Statement::new(
    "pushed",
    "UPDATE feeds SET pushed_at = {now}, is_unreliable = 0 WHERE id = $1 AND state <> 'removed'",
);

// $2: 2 because of a push, else 1. A claimed feed keeps its claim and is due again afterwards. Notifications cause at
// most one fetch a second, so that a hub cannot make this server load the site of a feed or other hubs.
static DUE: Statement = Statement::new(
    "due",
    "UPDATE feeds SET \
       poll_again = CASE WHEN poll_claim IS NOT NULL AND poll_due > {now} THEN {greatest}(poll_again, $2) \
         ELSE poll_again END, \
       is_pushed = CASE WHEN poll_claim IS NOT NULL AND poll_due > {now} THEN is_pushed \
         ELSE {greatest}(is_pushed, $2 - 1) END, \
       poll_due = CASE WHEN poll_claim IS NOT NULL AND poll_due > {now} THEN poll_due \
         WHEN $2 = 2 THEN {least}(coalesce(poll_due, {now} + 1000), {greatest}({now}, coalesce(polled_at, 0) + 1000)) \
         ELSE {now} END \
     WHERE id = $1 AND state <> 'removed'",
);

fn callback<'c>(mut session: Session<'c>, id: &'c String) -> Outcome<'c, Option<Callback>> {
    Box::pin(async move {
        let Some(mut row) = session.row(&SUBSCRIPTION, &[id.into()]).await? else { return Ok(None) };
        Ok(Some(Callback {
            id: row.int()?,
            feed_id: row.int()?,
            feed: row.text()?,
            is_feed: row.flag()?,
            hub: row.text()?,
            topic: row.text()?,
            secret: row.maybe_text()?,
            verify_token: row.maybe_text()?,
            mode: super::mode(&row.text()?),
            is_wanted: row.flag()?,
        }))
    })
}

fn notify<'c>(mut session: Session<'c>, feeds: &'c Vec<i64>) -> Outcome<'c, ()> {
    Box::pin(async move {
        for feed in feeds {
            session.execute(&DUE, &[(*feed).into(), 2.into()]).await?;
        }
        Ok(())
    })
}

fn hub_said<'c>(mut session: Session<'c>, (id, word): &'c (i64, HubWord)) -> Outcome<'c, bool> {
    Box::pin(async move {
        let id = (*id).into();
        let Some(mut feed) = session.row(&FEED, &[id]).await? else { return Ok(false) };
        let Some(mut row) = session.row(&KNOWN, &[id]).await? else { return Ok(false) };
        let feed = feed.int()?;
        let is_wanted = row.text()? == "subscribe";
        let denials = row.int()?;
        match word {
            HubWord::Verified(lease) if is_wanted => {
                let values = [id, millis(*lease).into(), renewal(*lease).into()];
                session.execute(&VERIFIED, &values).await?;
            }
            HubWord::Denied(why) if is_wanted => {
                let why = why.as_deref().map(clean);
                session.execute(&DENIED, &[id, (&why).into(), denial(denials).into()]).await?;
                session.execute(&DUE, &[feed.into(), 1.into()]).await?;
            }
            HubWord::Ended | HubWord::Denied(_) if !is_wanted => {
                session.execute(&DELETE, &[id]).await?;
            }
            HubWord::Pushed { is_read } => {
                session.execute(&PUSHED, &[feed.into()]).await?;
                if !is_read {
                    session.execute(&DUE, &[feed.into(), 2.into()]).await?;
                }
            }
            // A hub that verifies the opposite of the wanted state changes nothing.
            HubWord::Verified(_) | HubWord::Ended | HubWord::Denied(_) => {}
        }
        restate(&mut session, &[feed]).await?;
        Ok(true)
    })
}
