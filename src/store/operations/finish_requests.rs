//! Records the outcomes of claimed requests. Only these begin a subscription, or end it at the request of its
//! subscriber.

use std::collections::HashMap;

use serde::Serialize;

use super::{KEEP, clean, counters, list, millis};
use crate::store::records::{FinishedRequest, RequestOutcome};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// Returns the number of lost claims.
pub(in crate::store) static FINISH_REQUESTS: Operation<Vec<FinishedRequest>, u64> =
    Operation { name: "finish_requests", run: finish };

static CLAIMED: Statement = Statement::new(
    "claimed",
    "SELECT r.id, CAST(CASE WHEN r.mode = 'unsubscribe' THEN 1 ELSE 0 END AS BIGINT), r.is_renewal, r.attempts, \
       (SELECT count(*) FROM subscriptions s JOIN topics t ON t.id = s.topic_id \
         WHERE t.url = r.topic AND s.callback = r.callback AND s.expires_at > {now}) \
     FROM {records $1 id:bigint claim:bigint} f JOIN requests r ON r.id = f.id AND r.claim = f.claim \
     ORDER BY r.id {lock r}",
);

static TOPICS: Statement = Statement::new(
    "topics",
    "INSERT INTO topics (url, version, fetch_gap, fetch_attempts, is_pinged, misses, unused_at) \
     SELECT DISTINCT topic, 0, 0, 0, 0, 0, {now} FROM requests WHERE id IN {list $1} ON CONFLICT (url) DO NOTHING",
);

// A confirmed request of another client removes nothing: the later end of the lease stays, and so does data that only
// the older request had. A legacy subscription is renewed in the last tenth of its lease, but not less than 10 s before
// its end (half of a shorter lease) and not more than a day.
static RENEW: Statement = Statement::new(
    "renew",
    "UPDATE subscriptions SET host = r.host, topic_spelt = r.topic_spelt, \
       secret = coalesce(r.secret, subscriptions.secret), \
       signature = CASE WHEN r.secret IS NULL THEN subscriptions.signature ELSE r.signature END, \
       lease = {greatest}(r.lease, subscriptions.lease), \
       expires_at = {greatest}({now} + r.lease, subscriptions.expires_at), \
       renew_at = CASE WHEN r.is_legacy = 1 OR subscriptions.is_legacy = 1 \
         THEN {greatest}({now} + r.lease, subscriptions.expires_at) \
           - {least}({greatest}({greatest}(r.lease, subscriptions.lease) / 10, \
             {least}({greatest}(r.lease, subscriptions.lease) / 2, 10000)), 86400000) END, \
       is_legacy = {greatest}(r.is_legacy, subscriptions.is_legacy), \
       verify_token = coalesce(r.verify_token, subscriptions.verify_token), token = r.token, failures = 0, \
       failure = NULL \
     FROM requests r JOIN topics t ON t.url = r.topic \
     WHERE subscriptions.topic_id = t.id AND subscriptions.callback = r.callback AND r.id IN {list $1}",
);

static BEGIN: Statement = Statement::new(
    "begin",
    "INSERT INTO subscriptions (topic_id, callback, host, topic_spelt, secret, signature, lease, expires_at, \
       renew_at, is_legacy, verify_token, token, failures, failure) \
     SELECT t.id, r.callback, r.host, r.topic_spelt, r.secret, r.signature, r.lease, {now} + r.lease, \
       CASE WHEN r.is_legacy = 1 THEN {now} + r.lease \
         - {least}({greatest}(r.lease / 10, {least}(r.lease / 2, 10000)), 86400000) END, \
       r.is_legacy, r.verify_token, r.token, 0, NULL \
     FROM requests r JOIN topics t ON t.url = r.topic WHERE r.id IN {list $1} \
     ON CONFLICT (topic_id, callback) DO NOTHING",
);

static DONE: Statement = Statement::new("done", "DELETE FROM requests WHERE id IN {list $1}");

static UNUSED: Statement = Statement::new(
    "unused",
    "UPDATE topics SET unused_at = {now} WHERE url IN (SELECT topic FROM requests WHERE id IN {list $1})",
);

static END: Statement = Statement::new(
    "end",
    "DELETE FROM subscriptions WHERE id IN \
       (SELECT s.id FROM requests r JOIN topics t ON t.url = r.topic \
         JOIN subscriptions s ON s.topic_id = t.id AND s.callback = r.callback WHERE r.id IN {list $1})",
);

static STAGE: Statement = Statement::new(
    "stage",
    "UPDATE requests SET stage = coalesce(f.next, requests.stage), due_at = {now} + f.delay, claim = NULL, attempts = f.tries, \
       reason = coalesce(f.why, requests.reason) \
     FROM {records $1 id:bigint next:text delay:bigint tries:bigint why:text} f WHERE requests.id = f.id",
);

static RELEASE: Statement = Statement::new(
    "release",
    "UPDATE requests SET due_at = {now} + f.delay, claim = NULL \
     FROM {records $1 id:bigint delay:bigint} f WHERE requests.id = f.id",
);

#[derive(Serialize)]
struct Claimed {
    id: i64,
    claim: i64,
}

#[derive(Serialize)]
struct Next {
    id: i64,
    /// The next stage; `None` leaves the stage.
    next: Option<&'static str>,
    delay: i64,
    tries: i64,
    why: Option<String>,
}

#[derive(Serialize)]
struct Released {
    id: i64,
    delay: i64,
}

/// Changes, as lists of requests.
#[derive(Default)]
struct Plan {
    begin: Vec<i64>,
    end: Vec<i64>,
    next: Vec<Next>,
    released: Vec<Released>,
}

struct Row {
    is_unsubscribe: bool,
    is_renewal: bool,
    attempts: i64,
    /// Whether the subscription is active.
    is_subscribed: bool,
}

impl Plan {
    /// Returns the number of requests that have no work left.
    fn finished(&self) -> i64 {
        let ended = self.next.iter().filter(|next| next.next.is_some_and(is_final)).count();
        counters::changed((ended + self.begin.len()) as u64)
    }

    fn add(&mut self, id: i64, row: &Row, outcome: &RequestOutcome) {
        let mut next = |next: &'static str, delay, tries, why: Option<&str>| {
            let next = (!next.is_empty()).then_some(next);
            self.next.push(Next { id, next, delay, tries, why: why.map(clean) });
        };
        match outcome {
            RequestOutcome::Verified if row.is_unsubscribe => {
                next("ended", KEEP, row.attempts + 1, Some("the subscriber has unsubscribed"));
                self.end.push(id);
            }
            RequestOutcome::Verified => self.begin.push(id),
            RequestOutcome::Checked => next("verify", 0, row.attempts, None),
            RequestOutcome::Refused(why) if row.is_renewal => {
                next("ended", KEEP, row.attempts + 1, Some(why));
                self.end.push(id);
            }
            RequestOutcome::Refused(why) => next("refused", KEEP, row.attempts + 1, Some(why)),
            RequestOutcome::Denied(why) if row.is_renewal => {
                next("deny", 0, 0, Some(why));
                self.end.push(id);
            }
            // As in finish_fetch: the callback of an active subscription is not notified.
            RequestOutcome::Denied(why) if row.is_subscribed => {
                next("denied", KEEP, row.attempts, Some(why));
            }
            RequestOutcome::Denied(why) => next("deny", 0, 0, Some(why)),
            RequestOutcome::Told => next("denied", KEEP, row.attempts + 1, None),
            // The stage stays: the denial or verification is repeated.
            RequestOutcome::Retry(delay, why) => next("", millis(*delay), row.attempts + 1, Some(why)),
            RequestOutcome::Postponed(delay) => self.released.push(Released { id, delay: millis(*delay) }),
        }
    }
}

/// Whether a request of this stage has no work left.
fn is_final(stage: &str) -> bool {
    matches!(stage, "refused" | "denied" | "ended")
}

fn finish<'c>(mut session: Session<'c>, finished: &'c Vec<FinishedRequest>) -> Outcome<'c, u64> {
    Box::pin(async move {
        let claimed: Vec<Claimed> = finished.iter().map(|f| Claimed { id: f.id, claim: f.claim }).collect();
        let mut rows = HashMap::new();
        for mut row in session.rows(&CLAIMED, &[(&list(&claimed)?).into()]).await? {
            let id = row.int()?;
            let row = Row {
                is_unsubscribe: row.flag()?,
                is_renewal: row.flag()?,
                attempts: row.int()?,
                is_subscribed: row.flag()?,
            };
            rows.insert(id, row);
        }
        let mut plan = Plan::default();
        let mut lost = 0;
        for one in finished {
            match rows.get(&one.id) {
                Some(row) => plan.add(one.id, row, &one.outcome),
                None => lost += 1,
            }
        }
        let (topics, begun) = begin(&mut session, &plan.begin).await?;
        let ended = end(&mut session, &plan.end).await?;
        if !plan.next.is_empty() {
            session.execute(&STAGE, &[(&list(&plan.next)?).into()]).await?;
        }
        if !plan.released.is_empty() {
            session.execute(&RELEASE, &[(&list(&plan.released)?).into()]).await?;
        }
        let change = counters::Change {
            topics: counters::changed(topics),
            subscriptions: counters::changed(begun) - counters::changed(ended),
            requests: -plan.finished(),
            ..counters::Change::default()
        };
        counters::add(&mut session, change).await?;
        Ok(lost)
    })
}

/// Begins or renews subscriptions. Returns the numbers of new topics and of new subscriptions.
async fn begin(session: &mut Session<'_>, requests: &[i64]) -> sqlx::Result<(u64, u64)> {
    if requests.is_empty() {
        return Ok((0, 0));
    }
    let ids = list(requests)?;
    let topics = session.execute(&TOPICS, &[(&ids).into()]).await?;
    let renewed = session.execute(&RENEW, &[(&ids).into()]).await?;
    let begun = session.execute(&BEGIN, &[(&ids).into()]).await?;
    if renewed + begun != requests.len() as u64 {
        // Another instance has removed the topic concurrently.
        return Err(sqlx::Error::RowNotFound);
    }
    session.execute(&DONE, &[(&ids).into()]).await?;
    Ok((topics, begun))
}

/// Ends the subscriptions of requests. Returns their number.
async fn end(session: &mut Session<'_>, requests: &[i64]) -> sqlx::Result<u64> {
    if requests.is_empty() {
        return Ok(0);
    }
    let ids = list(requests)?;
    session.execute(&UNUSED, &[(&ids).into()]).await?;
    session.execute(&END, &[(&ids).into()]).await
}
