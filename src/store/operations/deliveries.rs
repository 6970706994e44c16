//! Deliveries: claiming and finishing.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::{clean, counters, duration, list, millis, secret, signature};
use crate::store::records::{Claim, Delivery, DeliveryOutcome, FinishedDelivery};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

/// How many at most, the claim, how long it holds, and the hosts that are left out.
pub(in crate::store) type ClaimArguments = (u32, Claim, Duration, Vec<String>);

pub(in crate::store) static CLAIM: Operation<ClaimArguments, Vec<Delivery>> =
    Operation { name: "claim_deliveries", run: claim };

/// Returns the number of lost claims.
pub(in crate::store) static FINISH: Operation<Vec<FinishedDelivery>, u64> =
    Operation { name: "finish_deliveries", run: finish };

static DUE: Statement = Statement::new(
    "claim",
    "UPDATE deliveries SET claim = $1, due_at = {now} + $2 WHERE subscription_id IN \
       (SELECT subscription_id FROM deliveries WHERE due_at <= {now} AND host NOT IN {texts $3} \
         ORDER BY due_at LIMIT $4 {skip locked}) \
     RETURNING subscription_id, topic_id, version, host, attempts, {now} - queued_at, \
       (SELECT s.callback FROM subscriptions s WHERE s.id = subscription_id), \
       (SELECT s.secret FROM subscriptions s WHERE s.id = subscription_id), \
       (SELECT s.signature FROM subscriptions s WHERE s.id = subscription_id), \
       (SELECT s.expires_at FROM subscriptions s WHERE s.id = subscription_id) - {now}",
);

static CLAIMED: Statement = Statement::new(
    "claimed",
    "SELECT d.subscription_id, d.topic_id, d.version, s.failures, s.readers \
     FROM {records $1 id:bigint claim:bigint} f JOIN deliveries d ON d.subscription_id = f.id AND d.claim = f.claim \
       JOIN subscriptions s ON s.id = d.subscription_id ORDER BY d.subscription_id {lock d}",
);

static DONE: Statement = Statement::new("done", "DELETE FROM deliveries WHERE subscription_id IN {list $1}");

static RELEASE: Statement = Statement::new(
    "release",
    "UPDATE deliveries SET claim = NULL, due_at = {now} + f.delay, attempts = attempts + f.step \
     FROM {records $1 id:bigint delay:bigint step:bigint} f WHERE deliveries.subscription_id = f.id",
);

static FAILURES: Statement = Statement::new(
    "failures",
    "UPDATE subscriptions SET failures = failures + 1, failure = f.why \
     FROM {records $1 id:bigint why:text} f WHERE subscriptions.id = f.id",
);

static RECOVERED: Statement = Statement::new(
    "recovered",
    "UPDATE subscriptions SET failures = 0, failure = NULL WHERE id IN {list $1}",
);

static READERS: Statement = Statement::new(
    "readers",
    "UPDATE subscriptions SET readers = f.readers FROM {records $1 id:bigint readers:bigint} f \
     WHERE subscriptions.id = f.id",
);

static UNUSED: Statement =
    Statement::new("unused", "UPDATE topics SET unused_at = {now} WHERE id IN {list $1}");

static GONE: Statement = Statement::new("gone", "DELETE FROM subscriptions WHERE id IN {list $1}");

// The version protects content that another instance is queueing concurrently.
static CONTENTS: Statement = Statement::new(
    "contents",
    "DELETE FROM contents WHERE topic_id IN {list $1} \
       AND version = (SELECT t.version FROM topics t WHERE t.id = contents.topic_id) \
       AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.topic_id = contents.topic_id) \
     RETURNING size",
);

fn claim<'c>(
    mut session: Session<'c>,
    (most, claim, hold, without): &'c ClaimArguments,
) -> Outcome<'c, Vec<Delivery>> {
    Box::pin(async move {
        let without = list(without)?;
        let values = [(*claim).into(), millis(*hold).into(), (&without).into(), i64::from(*most).into()];
        let rows = session.rows(&DUE, &values).await?;
        let mut deliveries =
            rows.into_iter().map(|row| read(row, *claim)).collect::<sqlx::Result<Vec<_>>>()?;
        deliveries.sort_by(|a, b| b.age.cmp(&a.age).then(a.id.cmp(&b.id)));
        Ok(deliveries)
    })
}

fn read(mut row: Row, claim: Claim) -> sqlx::Result<Delivery> {
    Ok(Delivery {
        id: row.int()?,
        claim,
        topic_id: row.int()?,
        version: row.int()?,
        host: row.text()?,
        attempts: u32::try_from(row.int()?).unwrap_or(u32::MAX),
        age: duration(row.int()?),
        callback: row.text()?,
        secret: secret(row.maybe_bytes()?),
        signature: signature(&row.text()?),
        expires_in: duration(row.int()?),
    })
}

#[derive(Serialize)]
struct Claimed {
    id: i64,
    claim: i64,
}

#[derive(Serialize)]
struct Released {
    id: i64,
    delay: i64,
    /// The increment of the attempts.
    step: i64,
}

#[derive(Serialize)]
struct Failed {
    id: i64,
    why: String,
}

#[derive(Serialize)]
struct Reported {
    id: i64,
    readers: i64,
}

/// Changes, as lists of subscriptions and topics.
#[derive(Default)]
struct Plan {
    done: Vec<i64>,
    released: Vec<Released>,
    failed: Vec<Failed>,
    recovered: Vec<i64>,
    reported: Vec<Reported>,
    gone: Vec<i64>,
    gone_topics: Vec<i64>,
    /// Topics that may have no more deliveries.
    topics: Vec<i64>,
}

struct Queued {
    topic_id: i64,
    version: i64,
    failures: i64,
    readers: i64,
}

impl Plan {
    fn add(&mut self, finished: &FinishedDelivery, row: &Queued) {
        let id = finished.id;
        let is_replaced = row.version != finished.version;
        match &finished.outcome {
            DeliveryOutcome::Gone => {
                self.gone.push(id);
                self.gone_topics.push(row.topic_id);
                self.topics.push(row.topic_id);
                return;
            }
            DeliveryOutcome::Postponed(delay) => {
                self.released.push(Released { id, delay: millis(*delay), step: 0 });
                return;
            }
            DeliveryOutcome::Delivered if row.failures > 0 => self.recovered.push(id),
            DeliveryOutcome::Delivered => {}
            DeliveryOutcome::Retry(_, why) | DeliveryOutcome::GivenUp(why) => {
                self.failed.push(Failed { id, why: clean(why) });
            }
        }
        if let Some(readers) = finished.readers.map(i64::from).filter(|readers| *readers != row.readers) {
            self.reported.push(Reported { id, readers });
        }
        match &finished.outcome {
            _ if is_replaced => self.released.push(Released { id, delay: 0, step: 0 }),
            DeliveryOutcome::Retry(delay, _) => {
                self.released.push(Released { id, delay: millis(*delay), step: 1 });
            }
            _ => {
                self.done.push(id);
                self.topics.push(row.topic_id);
            }
        }
    }
}

fn finish<'c>(mut session: Session<'c>, finished: &'c Vec<FinishedDelivery>) -> Outcome<'c, u64> {
    Box::pin(async move {
        let claimed: Vec<Claimed> = finished.iter().map(|f| Claimed { id: f.id, claim: f.claim }).collect();
        let mut rows = HashMap::with_capacity(finished.len());
        for mut row in session.rows(&CLAIMED, &[(&list(&claimed)?).into()]).await? {
            let id = row.int()?;
            let (topic_id, version, failures, readers) = (row.int()?, row.int()?, row.int()?, row.int()?);
            rows.insert(id, Queued { topic_id, version, failures, readers });
        }
        let mut plan = Plan::default();
        let mut lost = 0;
        for one in finished {
            match rows.get(&one.id) {
                Some(row) => plan.add(one, row),
                None => lost += 1,
            }
        }
        plan.topics.sort_unstable();
        plan.topics.dedup();
        execute(&mut session, &DONE, &plan.done).await?;
        execute(&mut session, &RELEASE, &plan.released).await?;
        execute(&mut session, &FAILURES, &plan.failed).await?;
        execute(&mut session, &RECOVERED, &plan.recovered).await?;
        execute(&mut session, &READERS, &plan.reported).await?;
        execute(&mut session, &UNUSED, &plan.gone_topics).await?;
        let gone = execute(&mut session, &GONE, &plan.gone).await?;
        let mut contents = 0;
        if !plan.topics.is_empty() {
            for mut row in session.rows(&CONTENTS, &[(&list(&plan.topics)?).into()]).await? {
                contents -= row.int()?;
            }
        }
        let change = counters::Change {
            subscriptions: -counters::changed(gone),
            contents,
            ..counters::Change::default()
        };
        counters::add(&mut session, change).await?;
        Ok(lost)
    })
}

/// Runs a statement on a list, unless the list is empty.
async fn execute<T: Serialize>(
    session: &mut Session<'_>,
    statement: &Statement,
    items: &[T],
) -> sqlx::Result<u64> {
    if items.is_empty() {
        return Ok(0);
    }
    session.execute(statement, &[(&list(items)?).into()]).await
}
