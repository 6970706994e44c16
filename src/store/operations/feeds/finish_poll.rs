//! A fetch is recorded, and the subscriptions that follow from it are requested or ended.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::Serialize;

use super::{end, restate};
use crate::store::operations::{bound, clean, list, millis};
use crate::store::records::{FinishedPoll, PollOutcome, PollRead};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

pub(in crate::store) static FINISH: Operation<FinishedPoll, Finished> =
    Operation { name: "finish_poll", run: finish };

/// The work that has become due.
#[derive(Debug, Default)]
pub(in crate::store) struct Finished {
    /// Whether the claim was lost, and nothing has changed.
    pub(in crate::store) is_lost: bool,
    /// Requests to hubs.
    pub(in crate::store) calls: u64,
}

/// Hubs of a feed that are subscribed to.
const HUBS: usize = 3;
/// Maximum bytes of a hub's URL; a longer one is ignored, because PostgreSQL limits the size of index entries.
const URL: usize = 2000;
/// Bits of a callback's identifier, and of a secret.
const CALLBACK_BITS: usize = 128;
const SECRET_BITS: usize = 256;

static CLAIMED: Statement = Statement::new(
    "claimed",
    "SELECT f.is_resubscribed FROM feeds f WHERE f.id = $1 AND f.poll_claim = $2 AND f.state <> 'removed' {lock f}",
);

static READ: Statement = Statement::new(
    "read",
    "UPDATE feeds SET etag = $2, last_modified = $3, body = $4, found_title = $5, site = $6, topic = $7, \
       missed = missed + $8, missed_polls = $9, \
       resubscribed_at = CASE CAST($10 AS BIGINT) WHEN 1 THEN {now} ELSE resubscribed_at END, \
       is_unreliable = CASE CAST($11 AS BIGINT) WHEN 1 THEN 1 WHEN 0 THEN 0 ELSE is_unreliable END, \
       content_url = $12, is_feed = {greatest}(is_feed, $13), is_backfilled = 1, poll_attempts = 0, failure = $14 \
     WHERE id = $1",
);

// A reason without earlier failed fetches is a hint.
static UNCHANGED: Statement = Statement::new(
    "unchanged",
    "UPDATE feeds SET failure = CASE poll_attempts WHEN 0 THEN failure END, poll_attempts = 0 WHERE id = $1",
);

// The failure replaces a hint. Without validators, the next fetch reads the content and finds the hint again.
static FAILED: Statement = Statement::new(
    "failed",
    "UPDATE feeds SET etag = CASE WHEN poll_attempts > 0 OR failure IS NULL THEN etag END, \
       last_modified = CASE WHEN poll_attempts > 0 OR failure IS NULL THEN last_modified END, \
       body = CASE WHEN poll_attempts > 0 OR failure IS NULL THEN body END, \
       poll_attempts = poll_attempts + 1, failure = $2 WHERE id = $1",
);

static SUBSCRIPTIONS: Statement = Statement::new(
    "subscriptions",
    "SELECT id, hub, topic, is_renewed FROM feed_subscriptions WHERE feed_id = $1 AND mode = 'subscribe'",
);

static BEGIN: Statement = Statement::new(
    "begin",
    "INSERT INTO feed_subscriptions (feed_id, hub, topic, callback, secret, mode, state, call_due) \
     SELECT $2, s.hub, $3, s.callback, s.secret, 'subscribe', 'requested', {now} \
     FROM {records $1 hub:text callback:text secret:text} s",
);

// A request that is under way serves.
static QUEUE: Statement = Statement::new(
    "queue",
    "UPDATE feed_subscriptions SET state = CASE state WHEN 'denied' THEN 'requested' ELSE state END, \
       call_claim = CASE WHEN call_due > {now} THEN call_claim END, \
       call_due = CASE WHEN call_claim IS NOT NULL AND call_due > {now} THEN call_due ELSE {now} END, \
       call_attempts = 0, wait_until = NULL, waits = 0, renew_at = NULL, is_renewed = 0 \
     WHERE id IN {list $1}",
);

// $2: when the feed is due again, or null. $3: the interval. $4: whether the fetch failed.
static RELEASE: Statement = Statement::new(
    "release",
    "UPDATE feeds SET poll_claim = NULL, polled_at = {now}, poll_interval = coalesce($3, poll_interval), \
       is_resubscribed = 0, poll_again = 0, \
       poll_due = CASE poll_again WHEN 2 THEN {now} + 1000 WHEN 1 THEN {now} ELSE {now} + CAST($2 AS BIGINT) END, \
       is_pushed = CASE WHEN poll_again = 2 THEN 1 WHEN CAST($4 AS BIGINT) = 1 THEN is_pushed ELSE 0 END \
     WHERE id = $1",
);

#[derive(Serialize)]
struct Subscription<'h> {
    hub: &'h str,
    callback: String,
    secret: String,
}

/// A subscription that is stored.
struct Stored {
    id: i64,
    hub: String,
    topic: String,
    is_renewed: bool,
}

fn finish<'c>(mut session: Session<'c>, poll: &'c FinishedPoll) -> Outcome<'c, Finished> {
    Box::pin(async move {
        let session = &mut session;
        let Some(mut row) = session.row(&CLAIMED, &[poll.id.into(), poll.claim.into()]).await? else {
            return Ok(Finished { is_lost: true, calls: 0 });
        };
        let mut is_wanted = row.flag()?;
        let stored = subscriptions(session, poll.id).await?;
        let mut calls = 0;
        let kept: Vec<&Stored> = match &poll.outcome {
            PollOutcome::Read(found) => {
                is_wanted |= found.resubscribe;
                let hubs = usable(&found.hubs);
                let topic = clean(&found.topic);
                read(session, poll.id, found, &topic, hubs.is_empty()).await?;
                let is_named = |s: &&Stored| s.topic == topic && hubs.contains(&s.hub.as_str());
                let (kept, gone): (Vec<_>, Vec<_>) = stored.iter().partition(is_named);
                calls += end(session, &gone.iter().map(|s| s.id).collect::<Vec<_>>()).await?;
                let is_new = |hub: &&str| !kept.iter().any(|s| s.hub == *hub);
                let new: Vec<&str> = hubs.into_iter().filter(is_new).collect();
                calls += begin(session, poll.id, &topic, &new).await?;
                kept
            }
            PollOutcome::Unchanged => {
                session.execute(&UNCHANGED, &[poll.id.into()]).await?;
                stored.iter().collect()
            }
            PollOutcome::Failed { why, .. } => {
                session.execute(&FAILED, &[poll.id.into(), (&clean(why)).into()]).await?;
                stored.iter().collect()
            }
        };
        let queued: Vec<i64> = kept.iter().filter(|s| is_wanted || s.is_renewed).map(|s| s.id).collect();
        if !queued.is_empty() {
            calls += session.execute(&QUEUE, &[(&list(&queued)?).into()]).await?;
        }
        let is_failed = matches!(poll.outcome, PollOutcome::Failed { .. });
        let values = [
            poll.id.into(),
            poll.next.map(millis).into(),
            poll.interval.map(millis).into(),
            is_failed.into(),
        ];
        session.execute(&RELEASE, &values).await?;
        restate(session, &[poll.id]).await?;
        Ok(Finished { is_lost: false, calls })
    })
}

/// Returns the first hubs, each once.
fn usable(hubs: &[String]) -> Vec<&str> {
    let mut usable: Vec<&str> = Vec::with_capacity(HUBS);
    for hub in hubs {
        if usable.len() < HUBS && hub.len() <= URL && !hub.contains('\0') && !usable.contains(&hub.as_str()) {
            usable.push(hub);
        }
    }
    usable
}

async fn subscriptions(session: &mut Session<'_>, feed: i64) -> sqlx::Result<Vec<Stored>> {
    let rows = session.rows(&SUBSCRIPTIONS, &[feed.into()]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Stored { id: row.int()?, hub: row.text()?, topic: row.text()?, is_renewed: row.flag()? })
        })
        .collect()
}

async fn read(
    session: &mut Session<'_>,
    feed: i64,
    found: &PollRead,
    topic: &str,
    is_without_hub: bool,
) -> sqlx::Result<()> {
    let title = found.title.as_deref().map(clean);
    let site = found.site.as_deref().map(clean);
    let hint = found.hint.as_deref().map(clean);
    let is_unreliable = if found.is_unreliable { Some(1) } else { is_without_hub.then_some(0) };
    let values = [
        feed.into(),
        (&found.validators.etag).into(),
        (&found.validators.last_modified).into(),
        found.body.as_slice().into(),
        (&title).into(),
        (&site).into(),
        topic.into(),
        bound(found.missed).into(),
        i64::from(found.missed_polls).into(),
        found.resubscribe.into(),
        is_unreliable.into(),
        (&found.content_url).into(),
        found.is_feed.into(),
        (&hint).into(),
    ];
    session.execute(&READ, &values).await?;
    Ok(())
}

/// Requests subscriptions at hubs that are new. Returns their number.
async fn begin(session: &mut Session<'_>, feed: i64, topic: &str, hubs: &[&str]) -> sqlx::Result<u64> {
    if hubs.is_empty() {
        return Ok(0);
    }
    let mut new = Vec::with_capacity(hubs.len());
    for hub in hubs {
        let callback = BASE64URL_NOPAD.encode(&random::<{ CALLBACK_BITS / 8 }>()?);
        let secret = HEXLOWER.encode(&random::<{ SECRET_BITS / 8 }>()?);
        new.push(Subscription { hub, callback, secret });
    }
    session.execute(&BEGIN, &[(&list(&new)?).into(), feed.into(), topic.into()]).await
}

fn random<const N: usize>() -> sqlx::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| sqlx::Error::Encode(error.to_string().into()))?;
    Ok(bytes)
}
