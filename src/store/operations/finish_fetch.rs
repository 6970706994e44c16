//! Records the outcome of a claimed fetch.

use super::content;
use super::{KEEP, clean, counters, millis};
use crate::store::packed::Packed;
use crate::store::records::{Advertisement, FetchOutcome, FinishedFetch};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

/// The outcome, its content as stored, and the maximum bytes of all contents.
pub(in crate::store) type FinishArguments = (FinishedFetch, Option<Packed>, u64);

pub(in crate::store) static FINISH_FETCH: Operation<FinishArguments, Finished> =
    Operation { name: "finish_fetch", run: finish };

/// The work that has become due.
#[derive(Debug, Default)]
pub(in crate::store) struct Finished {
    /// Whether the claim was lost, and nothing has changed.
    pub(in crate::store) is_lost: bool,
    /// Whether the topic waits again, as before the claim.
    pub(in crate::store) is_postponed: bool,
    /// Whether the content exceeds the bound of all contents.
    pub(in crate::store) is_full: bool,
    /// Deliveries.
    pub(in crate::store) queued: u64,
    /// Requests that waited for the check, and denials.
    pub(in crate::store) requests: u64,
}

/// The delay of the next fetch of a topic without room for its content, in milliseconds.
const FULL: i64 = 60_000;
/// Why it has no content, for operators.
const NO_ROOM: &str = "the store has as much content as hub.content_size allows";

/// The number of consecutive fetches without a link to the hub that ends the subscriptions of a topic.
const MISSES: i64 = 3;
/// The time, in milliseconds, within which such results count once: pings must not multiply a short fault of a site.
const MISS_INTERVAL: i64 = 60 * 60 * 1000;

static CLAIMED: Statement = Statement::new(
    "claimed",
    "SELECT t.id, t.url, t.version, t.misses, \
       CAST(CASE WHEN t.missed_at > {now} - $3 THEN 0 ELSE 1 END AS BIGINT) \
     FROM topics t WHERE t.id = $1 AND t.fetch_claim = $2 {lock t}",
);

static CHANGED: Statement = Statement::new(
    "version",
    "UPDATE topics SET version = $2, etag = $3, last_modified = $4, fingerprint = $5, fetch_attempts = 0, \
       failure = NULL WHERE id = $1",
);

static UNCHANGED: Statement = Statement::new(
    "validators",
    "UPDATE topics SET etag = $2, last_modified = $3, fetch_attempts = 0, failure = NULL WHERE id = $1",
);

static NO_CONTENT: Statement = Statement::new("no_content", "UPDATE topics SET failure = $2 WHERE id = $1");

// A fetch that is followed by another one in any case is no retry and does not count as one.
static FAILED: Statement = Statement::new(
    "failure",
    "UPDATE topics SET fetch_attempts = CASE WHEN fetch_again IS NOT NULL OR fetch_last IS NOT NULL \
         THEN fetch_attempts WHEN CAST($2 AS BIGINT) IS NULL THEN 0 ELSE fetch_attempts + 1 END, \
       failure = $3 WHERE id = $1",
);

// $2: the next attempt, or null. $3: 1 if the topic names the hub, 0 if it does not, else null. $4: 1 if that counts as
// a miss.
static RELEASE: Statement = Statement::new(
    "release",
    "UPDATE topics SET fetch_claim = NULL, fetched_at = {now}, fetch_again = NULL, \
       fetch_due = CASE WHEN fetch_again IS NOT NULL THEN {greatest}(fetch_again, {now} + fetch_gap) \
         WHEN fetch_last IS NOT NULL THEN {greatest}(fetch_last, {now} + fetch_gap) \
         ELSE {now} + CAST($2 AS BIGINT) END, \
       is_pinged = CASE WHEN fetch_again IS NOT NULL OR fetch_last IS NOT NULL THEN 1 \
         WHEN CAST($2 AS BIGINT) IS NULL THEN 0 ELSE is_pinged END, \
       validated_at = CASE CAST($3 AS BIGINT) WHEN 1 THEN {now} WHEN 0 THEN NULL ELSE validated_at END, \
       misses = CASE CAST($3 AS BIGINT) WHEN 1 THEN 0 WHEN 0 THEN misses + $4 ELSE misses END, \
       missed_at = CASE CAST($3 AS BIGINT) WHEN 1 THEN NULL \
         WHEN 0 THEN CASE CAST($4 AS BIGINT) WHEN 1 THEN {now} ELSE missed_at END ELSE missed_at END \
     WHERE id = $1",
);

// The distance to the last fetch stays.
static POSTPONE: Statement = Statement::new(
    "postpone",
    "UPDATE topics SET fetch_claim = NULL, fetch_due = {now} + $2, fetch_again = NULL, \
       is_pinged = CASE WHEN fetch_again IS NOT NULL THEN 1 ELSE is_pinged END WHERE id = $1",
);

static PASS: Statement = Statement::new(
    "pass",
    "UPDATE requests SET stage = 'verify', due_at = CASE WHEN claim IS NULL THEN {now} ELSE due_at END \
     WHERE topic = $1 AND stage = 'check'",
);

// The callback of an active subscription is not notified: it would regard the subscription as ended, and any client can
// send such a request.
static DROP: Statement = Statement::new(
    "drop",
    "UPDATE requests SET stage = 'denied', claim = NULL, reason = $2, due_at = {now} + $3 \
     WHERE topic = $1 AND stage = 'check' AND EXISTS (SELECT 1 FROM subscriptions s \
       JOIN topics t ON t.id = s.topic_id \
       WHERE t.url = requests.topic AND s.callback = requests.callback AND s.expires_at > {now})",
);

static DENY: Statement = Statement::new(
    "deny",
    "UPDATE requests SET stage = 'deny', attempts = 0, reason = $2, \
       due_at = CASE WHEN claim IS NULL THEN {now} ELSE due_at END WHERE topic = $1 AND stage = 'check'",
);

static TELL_ALL: Statement = Statement::new(
    "tell_all",
    "INSERT INTO requests (mode, stage, topic, topic_spelt, callback, host, secret, signature, lease, is_legacy, \
       is_renewal, verify_token, token, due_at, claim, attempts, reason, created_at) \
     SELECT 'subscribe', 'deny', $2, topic_spelt, callback, host, secret, signature, lease, is_legacy, 0, \
       verify_token, token, {now}, NULL, 0, $3, {now} FROM subscriptions WHERE topic_id = $1 AND expires_at > {now} \
     ON CONFLICT (topic, callback, mode, is_queued) DO UPDATE SET stage = 'deny', claim = NULL, attempts = 0, \
       due_at = excluded.due_at, reason = excluded.reason",
);

static END_ALL: Statement = Statement::new("end_all", "DELETE FROM subscriptions WHERE topic_id = $1");

static UNUSED: Statement = Statement::new("unused", "UPDATE topics SET unused_at = {now} WHERE id = $1");

fn finish<'c>(mut session: Session<'c>, (fetch, packed, most): &'c FinishArguments) -> Outcome<'c, Finished> {
    Box::pin(async move {
        let values = [fetch.id.into(), fetch.claim.into(), MISS_INTERVAL.into()];
        let Some(row) = session.row(&CLAIMED, &values).await? else {
            return Ok(Finished { is_lost: true, ..Finished::default() });
        };
        let topic = Topic::read(row)?;
        if let FetchOutcome::Postponed(delay) = &fetch.outcome {
            session.execute(&POSTPONE, &[topic.id.into(), millis(*delay).into()]).await?;
            return Ok(Finished { is_postponed: true, ..Finished::default() });
        }
        let mut finished = Finished::default();
        let (mut next, mut ended, mut dropped, mut contents) = (None, 0, 0, 0);
        let room = match packed {
            Some(packed) => content::room(&mut session, &topic.url, packed, *most).await?,
            None => None,
        };
        match (&fetch.outcome, packed.as_ref().zip(room)) {
            (FetchOutcome::Changed(_), None) => {
                finished.is_full = true;
                next = Some(FULL);
                session.execute(&NO_CONTENT, &[topic.id.into(), NO_ROOM.into()]).await?;
            }
            (FetchOutcome::Changed(content), Some((packed, growth))) => {
                let validators = &content.validators;
                let values = [
                    topic.id.into(),
                    (topic.version + 1).into(),
                    (&validators.etag).into(),
                    (&validators.last_modified).into(),
                    content.fingerprint.as_slice().into(),
                ];
                session.execute(&CHANGED, &values).await?;
                finished.queued =
                    content::queue(&mut session, topic.id, topic.version + 1, content, packed).await?;
                contents = if finished.queued > 0 { growth } else { 0 };
            }
            (FetchOutcome::Unchanged(validators), _) => {
                let values = [topic.id.into(), (&validators.etag).into(), (&validators.last_modified).into()];
                session.execute(&UNCHANGED, &values).await?;
            }
            (FetchOutcome::Postponed(_), _) => {}
            (FetchOutcome::Failed(delay, why), _) => {
                next = delay.map(millis);
                let why = clean(why);
                session.execute(&FAILED, &[topic.id.into(), next.into(), (&why).into()]).await?;
                if next.is_none() {
                    let (denied, others) = deny(&mut session, &topic, &why).await?;
                    finished.requests += denied;
                    dropped += others;
                }
            }
        }
        let is_named = match &fetch.advertisement {
            Advertisement::Named => {
                finished.requests += session.execute(&PASS, &[(&topic.url).into()]).await?;
                Some(1)
            }
            Advertisement::Missing(why) => {
                let why = clean(why);
                let (denied, others) = deny(&mut session, &topic, &why).await?;
                finished.requests += denied;
                dropped += others;
                if topic.misses + i64::from(topic.counts_miss) >= MISSES {
                    let (told, subscriptions) = end_all(&mut session, &topic, &why).await?;
                    finished.requests += told;
                    ended += subscriptions;
                }
                Some(0)
            }
            Advertisement::Refused(why) => {
                let why = clean(why);
                let (told, subscriptions) = end_all(&mut session, &topic, &why).await?;
                let (denied, others) = deny(&mut session, &topic, &why).await?;
                finished.requests += told + denied;
                ended += subscriptions;
                dropped += others;
                None
            }
            Advertisement::Unknown => None,
        };
        let values = [topic.id.into(), next.into(), is_named.into(), topic.counts_miss.into()];
        session.execute(&RELEASE, &values).await?;
        if ended > 0 {
            session.execute(&UNUSED, &[topic.id.into()]).await?;
        }
        let change = counters::Change {
            subscriptions: -counters::changed(ended),
            requests: -counters::changed(dropped),
            contents,
            ..counters::Change::default()
        };
        counters::add(&mut session, change).await?;
        Ok(finished)
    })
}

struct Topic {
    id: i64,
    url: String,
    version: i64,
    misses: i64,
    /// Whether another result without a link to the hub would count.
    counts_miss: bool,
}

impl Topic {
    fn read(mut row: Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.int()?,
            url: row.text()?,
            version: row.int()?,
            misses: row.int()?,
            counts_miss: row.flag()?,
        })
    }
}

/// Ends the subscriptions of a topic. Returns the number of due denials, and of subscriptions.
async fn end_all(session: &mut Session<'_>, topic: &Topic, why: &str) -> sqlx::Result<(u64, u64)> {
    let told = session.execute(&TELL_ALL, &[topic.id.into(), (&topic.url).into(), why.into()]).await?;
    let ended = session.execute(&END_ALL, &[topic.id.into()]).await?;
    Ok((told, ended))
}

/// Denies the requests that wait for the check. Subscriptions stay: the requests are not verified. Returns the number
/// of due denials, and of requests without remaining work.
async fn deny(session: &mut Session<'_>, topic: &Topic, why: &str) -> sqlx::Result<(u64, u64)> {
    let dropped = session.execute(&DROP, &[(&topic.url).into(), why.into(), KEEP.into()]).await?;
    let denied = session.execute(&DENY, &[(&topic.url).into(), why.into()]).await?;
    Ok((denied, dropped))
}
