//! Changes that depend on time only: leases end, renewals become due, results and unused rows are removed.

use super::{KEEP, counters, list};
use crate::store::records::Swept;
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// How many subscriptions at most end, and how many are renewed, in one transaction.
pub(in crate::store) static SWEEP: Operation<i64, Swept> = Operation { name: "sweep", run: sweep };

static NOW: Statement = Statement::new("now", "SELECT {now}");

static EXPIRED: Statement = Statement::new(
    "expired",
    "SELECT id FROM subscriptions WHERE expires_at <= {now} ORDER BY expires_at LIMIT $1 {skip locked}",
);

static LATE: Statement = Statement::new(
    "late",
    "UPDATE requests SET stage = 'ended', claim = NULL, due_at = {now} + $2, reason = 'the lease is over' \
     WHERE is_renewal = 1 AND stage IN ('check', 'verify', 'deny') AND (topic, callback) IN \
       (SELECT t.url, s.callback FROM subscriptions s JOIN topics t ON t.id = s.topic_id WHERE s.id IN {list $1})",
);

static RESULT: Statement = Statement::new(
    "result",
    "INSERT INTO requests (mode, stage, topic, topic_spelt, callback, host, secret, signature, lease, is_legacy, \
       is_renewal, verify_token, token, due_at, claim, attempts, reason, created_at) \
     SELECT 'subscribe', 'ended', t.url, s.topic_spelt, s.callback, s.host, NULL, s.signature, s.lease, s.is_legacy, \
       0, NULL, s.token, {now} + $2, NULL, 0, 'the lease is over', {now} \
     FROM subscriptions s JOIN topics t ON t.id = s.topic_id WHERE s.id IN {list $1} \
     ON CONFLICT (topic, callback, mode, is_queued) DO UPDATE SET stage = 'ended', token = excluded.token, \
       due_at = excluded.due_at, reason = excluded.reason \
     WHERE requests.stage IN ('refused', 'denied', 'ended')",
);

static UNUSED: Statement = Statement::new(
    "unused",
    "UPDATE topics SET unused_at = $2 WHERE id IN (SELECT topic_id FROM subscriptions WHERE id IN {list $1})",
);

static EXPIRE: Statement = Statement::new("expire", "DELETE FROM subscriptions WHERE id IN {list $1}");

static RENEWABLE: Statement = Statement::new(
    "renewable",
    "SELECT id FROM subscriptions WHERE renew_at <= {now} AND expires_at > {now} ORDER BY renew_at LIMIT $1 \
     {skip locked}",
);

static RENEW: Statement = Statement::new(
    "renew",
    "INSERT INTO requests (mode, stage, topic, topic_spelt, callback, host, secret, signature, lease, is_legacy, \
       is_renewal, verify_token, token, due_at, claim, attempts, reason, created_at) \
     SELECT 'subscribe', 'verify', t.url, s.topic_spelt, s.callback, s.host, s.secret, s.signature, s.lease, \
       s.is_legacy, 1, s.verify_token, s.token, {now}, NULL, 0, NULL, {now} \
     FROM subscriptions s JOIN topics t ON t.id = s.topic_id WHERE s.id IN {list $1} \
     ON CONFLICT (topic, callback, mode, is_queued) DO UPDATE SET stage = excluded.stage, \
       topic_spelt = excluded.topic_spelt, host = excluded.host, secret = excluded.secret, \
       signature = excluded.signature, lease = excluded.lease, is_legacy = excluded.is_legacy, is_renewal = 1, \
       verify_token = excluded.verify_token, token = excluded.token, due_at = excluded.due_at, claim = NULL, \
       attempts = 0, reason = NULL, created_at = excluded.created_at \
     WHERE requests.stage IN ('refused', 'denied', 'ended')",
);

// If the renewal is neither confirmed nor refused by then, and no other request waits, the next sweep queues it again.
static RENEWED: Statement =
    Statement::new("renewed", "UPDATE subscriptions SET renew_at = {now} + 60000 WHERE id IN {list $1}");

// Requests with a newer one queued that are not being verified. Denials are sent first.
static REPLACED: Statement = Statement::new(
    "replaced",
    "DELETE FROM requests WHERE id IN (SELECT o.id FROM requests q JOIN requests o \
         ON o.topic = q.topic AND o.callback = q.callback AND o.mode = q.mode AND o.is_queued = 0 \
       WHERE q.is_queued = 1) \
     AND (stage IN ('refused', 'denied', 'ended') OR stage IN ('check', 'verify') AND claim IS NULL)",
);

static NEXT: Statement = Statement::new(
    "next",
    "UPDATE requests SET is_queued = 0 WHERE is_queued = 1 AND NOT EXISTS (SELECT 1 FROM requests o \
       WHERE o.topic = requests.topic AND o.callback = requests.callback AND o.mode = requests.mode \
         AND o.is_queued = 0)",
);

static OLD: Statement = Statement::new(
    "old",
    "DELETE FROM requests WHERE stage IN ('refused', 'denied', 'ended') AND due_at <= {now}",
);

static EXCESS: Statement = Statement::new(
    "excess",
    "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE stage IN ('refused', 'denied', 'ended') \
       ORDER BY due_at DESC LIMIT 10000 OFFSET 100000)",
);

static CONTENTS: Statement = Statement::new(
    "contents",
    "DELETE FROM contents WHERE version = (SELECT t.version FROM topics t WHERE t.id = contents.topic_id) \
       AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.topic_id = contents.topic_id)",
);

static TOPICS: Statement = Statement::new(
    "topics",
    "DELETE FROM topics WHERE unused_at <= $1 \
       AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.topic_id = topics.id) \
       AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.topic = topics.url AND r.stage IN ('check', 'verify'))",
);

static USED: Statement = Statement::new(
    "used",
    "UPDATE topics SET unused_at = NULL WHERE unused_at <= $1 \
       AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.topic_id = topics.id)",
);

// Requests that wait for a check of a topic that is not due, for instance after a fetch without a result.
static CHECKED: Statement = Statement::new(
    "checked",
    "INSERT INTO topics (url, version, fetch_gap, fetch_attempts, is_pinged, misses, unused_at) \
     SELECT DISTINCT topic, 0, 0, 0, 0, 0, {now} FROM requests WHERE stage = 'check' ON CONFLICT (url) DO NOTHING",
);

static CHECK: Statement = Statement::new(
    "check",
    "UPDATE topics SET fetch_due = {now} \
     WHERE fetch_due IS NULL AND url IN (SELECT topic FROM requests WHERE stage = 'check')",
);

static VACUUM: Statement = Statement::new("vacuum", "{vacuum}");

static RECOUNT: Statement = Statement::new(
    "recount",
    "SELECT (SELECT count(*) FROM requests WHERE stage IN ('check', 'verify', 'deny')) \
       - (SELECT CAST(sum(requests) AS BIGINT) FROM counters), \
       (SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM contents) \
       - (SELECT CAST(sum(contents) AS BIGINT) FROM counters)",
);

fn sweep<'c>(mut session: Session<'c>, most: &'c i64) -> Outcome<'c, Swept> {
    Box::pin(async move {
        let now = session.row(&NOW, &[]).await?.ok_or(sqlx::Error::RowNotFound)?.int()?;
        let expired = expire(&mut session, *most, now).await?;
        let renewals = renew(&mut session, *most).await?;
        session.execute(&REPLACED, &[]).await?;
        session.execute(&NEXT, &[]).await?;
        session.execute(&OLD, &[]).await?;
        session.execute(&EXCESS, &[]).await?;
        session.execute(&CONTENTS, &[]).await?;
        let topics = session.execute(&TOPICS, &[now.into()]).await?;
        session.execute(&USED, &[now.into()]).await?;
        let checked = session.execute(&CHECKED, &[]).await?;
        session.execute(&CHECK, &[]).await?;
        session.rows(&VACUUM, &[]).await?;
        let (requests, contents) = recount(&mut session).await?;
        let change = counters::Change {
            topics: counters::changed(checked) - counters::changed(topics),
            subscriptions: -counters::changed(expired),
            requests,
            contents,
        };
        counters::add(&mut session, change).await?;
        Ok(Swept { expired, renewals, topics })
    })
}

/// Returns the errors of the sums of unfinished requests and of bytes of contents. Operations add known changes only;
/// concurrent replacements of a request and denials of whole topics are corrected here.
async fn recount(session: &mut Session<'_>) -> sqlx::Result<(i64, i64)> {
    let mut row = session.row(&RECOUNT, &[]).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok((row.int()?, row.int()?))
}

async fn expire(session: &mut Session<'_>, most: i64, now: i64) -> sqlx::Result<u64> {
    let ids = ids(session, &EXPIRED, most).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let ids = list(&ids)?;
    session.execute(&LATE, &[(&ids).into(), KEEP.into()]).await?;
    session.execute(&RESULT, &[(&ids).into(), KEEP.into()]).await?;
    session.execute(&UNUSED, &[(&ids).into(), now.into()]).await?;
    session.execute(&EXPIRE, &[(&ids).into()]).await
}

async fn renew(session: &mut Session<'_>, most: i64) -> sqlx::Result<u64> {
    let ids = ids(session, &RENEWABLE, most).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let ids = list(&ids)?;
    let renewals = session.execute(&RENEW, &[(&ids).into()]).await?;
    session.execute(&RENEWED, &[(&ids).into()]).await?;
    Ok(renewals)
}

async fn ids(session: &mut Session<'_>, statement: &Statement, most: i64) -> sqlx::Result<Vec<i64>> {
    session.rows(statement, &[most.into()]).await?.into_iter().map(|mut row| row.int()).collect()
}
