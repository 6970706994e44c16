//! Feeds that are followed, and the subscriptions to their topics at hubs.
//!
//! An operation that changes subscriptions locks the row of the feed first, and derives the state of the feed last
//! ([`restate`]).

pub(in crate::store) mod add;
pub(in crate::store) mod callback;
pub(in crate::store) mod calls;
pub(in crate::store) mod due;
pub(in crate::store) mod finish_call;
pub(in crate::store) mod finish_poll;
pub(in crate::store) mod listing;
pub(in crate::store) mod polls;
pub(in crate::store) mod rates;
pub(in crate::store) mod remove;
pub(in crate::store) mod sweep;
pub(in crate::store) mod topics;

use std::time::Duration;

use super::{duration, list, millis};
use crate::store::records::{Claim, FeedDescription, FeedSource, FeedState, SubscriptionMode};
use crate::store::session::{Row, Session};
use crate::store::statement::Statement;

/// The arguments of a claim: how many at most, the claim, and how long it holds.
pub(in crate::store) type ClaimArguments = (u32, Claim, Duration);

/// `poll` for never.
const NEVER: i64 = -1;

static STATE: Statement = Statement::new(
    "state",
    "UPDATE feeds SET state = n.state, \
       active_since = CASE n.state WHEN 'active' THEN coalesce(active_since, {now}) END \
     FROM (SELECT f.id, CASE \
         WHEN f.rank >= 3 AND f.is_unreliable = 1 THEN 'unreliable' WHEN f.rank = 4 THEN 'active' \
         WHEN f.rank = 3 THEN 'unverified' WHEN f.rank = 2 THEN 'requested' WHEN f.rank = 1 THEN 'denied' \
         WHEN f.topic IS NULL THEN 'new' ELSE 'polling' END AS state \
       FROM (SELECT id, topic, is_unreliable, \
           (SELECT max(CASE s.state WHEN 'active' THEN 4 WHEN 'unverified' THEN 3 WHEN 'requested' THEN 2 ELSE 1 END) \
             FROM feed_subscriptions s WHERE s.feed_id = feeds.id AND s.mode = 'subscribe') AS rank \
         FROM feeds WHERE id IN {list $1} AND state <> 'removed') f) n \
     WHERE feeds.id = n.id",
);

// Subscriptions that no hub has.
static FORGET: Statement = Statement::new(
    "forget",
    "DELETE FROM feed_subscriptions WHERE id IN {list $1} AND (state = 'denied' OR is_sent = 0)",
);

static END: Statement = Statement::new(
    "end",
    "UPDATE feed_subscriptions SET mode = 'unsubscribe', ended_at = {now}, call_due = {now}, call_claim = NULL, \
       call_attempts = 0, wait_until = NULL, waits = 0, renew_at = NULL, is_renewed = 0 \
     WHERE id IN {list $1} AND mode = 'subscribe'",
);

/// Derives the states of feeds from their subscriptions.
async fn restate(session: &mut Session<'_>, feeds: &[i64]) -> sqlx::Result<()> {
    if !feeds.is_empty() {
        session.execute(&STATE, &[(&list(feeds)?).into()]).await?;
    }
    Ok(())
}

/// Ends subscriptions. Returns the number of hubs to notify.
async fn end(session: &mut Session<'_>, subscriptions: &[i64]) -> sqlx::Result<u64> {
    if subscriptions.is_empty() {
        return Ok(0);
    }
    let ids = list(subscriptions)?;
    session.execute(&FORGET, &[(&ids).into()]).await?;
    session.execute(&END, &[(&ids).into()]).await
}

/// Returns the delay of the renewal of a lease in milliseconds: 80 % of the lease, with 5 % of jitter against
/// simultaneous renewals.
fn renewal(lease: Duration) -> i64 {
    millis(lease.mul_f64(0.75 + 0.1 * fastrand::f64()))
}

/// Returns the delay of another request to a hub that denied a subscription, in milliseconds. `denials` is the number
/// of consecutive earlier denials.
fn denial(denials: i64) -> i64 {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    DAY * match denials {
        0 => 1,
        1 => 3,
        _ => 7,
    }
}

/// Rows of one number each.
fn ids(rows: Vec<Row>) -> sqlx::Result<Vec<i64>> {
    rows.into_iter().map(|mut row| row.int()).collect()
}

/// Returns `feed.poll` as stored.
fn poll(feed: &FeedDescription) -> Option<i64> {
    feed.poll.map(|poll| poll.map_or(NEVER, millis))
}

/// Reads the columns `name, url, hub, poll, username, password, is_public, title`.
fn description(row: &mut Row) -> sqlx::Result<FeedDescription> {
    Ok(FeedDescription {
        name: row.text()?,
        url: row.text()?,
        hub: row.maybe_text()?,
        poll: row.maybe_int()?.map(|poll| (poll != NEVER).then(|| duration(poll))),
        username: row.maybe_text()?,
        password: row.maybe_text()?,
        public: row.flag()?,
        title: row.maybe_text()?,
    })
}

/// Returns the name of a source in the store.
fn source_name(source: FeedSource) -> &'static str {
    match source {
        FeedSource::Config => "config",
        FeedSource::Store => "store",
    }
}

fn source(name: &str) -> FeedSource {
    if name == "config" { FeedSource::Config } else { FeedSource::Store }
}

fn state(name: &str) -> FeedState {
    FeedState::ALL.into_iter().find(|state| state.name() == name).unwrap_or(FeedState::New)
}

fn mode(name: &str) -> SubscriptionMode {
    if name == "subscribe" { SubscriptionMode::Subscribe } else { SubscriptionMode::Unsubscribe }
}
