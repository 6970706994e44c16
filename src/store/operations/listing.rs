//! Listings and changes for operators: counts, topics, subscriptions, and deliveries to attempt immediately.

use super::duration;
use crate::store::records::{Counts, SubscriptionRow, TopicRow};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// A topic or all, the last number of the page before, and how many at most.
pub(in crate::store) type SubscriptionsArguments = (Option<String>, i64, u32);

pub(in crate::store) static COUNTS: Operation<(), Counts> = Operation { name: "counts", run: counts };
/// The last URL of the page before, and how many at most.
pub(in crate::store) static TOPICS: Operation<(String, u32), Vec<TopicRow>> =
    Operation { name: "topics", run: topics };
pub(in crate::store) static SUBSCRIPTIONS: Operation<SubscriptionsArguments, Vec<SubscriptionRow>> =
    Operation { name: "subscriptions", run: subscriptions };
/// A topic and a host, or all.
pub(in crate::store) static RETRY: Operation<(Option<String>, Option<String>), u64> =
    Operation { name: "retry", run: retry };

static COUNT: Statement = Statement::new(
    "count",
    "SELECT (SELECT CAST(sum(topics) AS BIGINT) FROM counters), \
       (SELECT CAST(sum(subscriptions) AS BIGINT) FROM counters), \
       (SELECT count(*) FROM requests WHERE stage IN ('check', 'verify', 'deny')), \
       (SELECT count(*) FROM deliveries)",
);

static TOPIC_ROWS: Statement = Statement::new(
    "rows",
    "SELECT url, (SELECT count(*) FROM subscriptions s WHERE s.topic_id = topics.id), \
       (SELECT count(*) FROM deliveries d WHERE d.topic_id = topics.id), version, {now} - fetched_at, failure \
     FROM topics WHERE url > $1 ORDER BY url LIMIT $2",
);

static SUBSCRIPTION_ROWS: Statement = Statement::new(
    "rows",
    "SELECT s.id, t.url, s.host, s.expires_at - {now}, s.is_legacy, \
       CAST(CASE WHEN s.secret IS NULL THEN 0 ELSE 1 END AS BIGINT), s.failures, s.failure \
     FROM subscriptions s JOIN topics t ON t.id = s.topic_id \
     WHERE s.id > $1 AND s.expires_at > {now} ORDER BY s.id LIMIT $2",
);

static SUBSCRIPTIONS_OF_TOPIC: Statement = Statement::new(
    "rows",
    "SELECT s.id, t.url, s.host, s.expires_at - {now}, s.is_legacy, \
       CAST(CASE WHEN s.secret IS NULL THEN 0 ELSE 1 END AS BIGINT), s.failures, s.failure \
     FROM topics t JOIN subscriptions s ON s.topic_id = t.id \
     WHERE t.url = $3 AND s.id > $1 AND s.expires_at > {now} ORDER BY s.id LIMIT $2",
);

static DUE: Statement = Statement::new(
    "due",
    "UPDATE deliveries SET due_at = {now} WHERE claim IS NULL \
       AND (CAST($1 AS TEXT) IS NULL OR topic_id = (SELECT id FROM topics WHERE url = $1)) \
       AND (CAST($2 AS TEXT) IS NULL OR host = $2)",
);

fn counts<'c>(mut session: Session<'c>, (): &'c ()) -> Outcome<'c, Counts> {
    Box::pin(async move {
        let mut row = session.row(&COUNT, &[]).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Counts {
            topics: row.count()?,
            subscriptions: row.count()?,
            requests: row.count()?,
            deliveries: row.count()?,
        })
    })
}

fn topics<'c>(mut session: Session<'c>, (after, most): &'c (String, u32)) -> Outcome<'c, Vec<TopicRow>> {
    Box::pin(async move {
        let rows = session.rows(&TOPIC_ROWS, &[after.into(), i64::from(*most).into()]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(TopicRow {
                    topic: row.text()?,
                    subscriptions: row.count()?,
                    deliveries: row.count()?,
                    version: row.int()?,
                    fetched: row.maybe_int()?.map(duration),
                    failure: row.maybe_text()?,
                })
            })
            .collect()
    })
}

fn subscriptions<'c>(
    mut session: Session<'c>,
    (topic, after, most): &'c SubscriptionsArguments,
) -> Outcome<'c, Vec<SubscriptionRow>> {
    Box::pin(async move {
        let most = i64::from(*most);
        let rows = match topic {
            Some(topic) => {
                let values = [(*after).into(), most.into(), topic.into()];
                session.rows(&SUBSCRIPTIONS_OF_TOPIC, &values).await?
            }
            None => session.rows(&SUBSCRIPTION_ROWS, &[(*after).into(), most.into()]).await?,
        };
        rows.into_iter()
            .map(|mut row| {
                Ok(SubscriptionRow {
                    id: row.int()?,
                    topic: row.text()?,
                    host: row.text()?,
                    expires_in: duration(row.int()?),
                    is_legacy: row.flag()?,
                    is_signed: row.flag()?,
                    failures: row.count()?,
                    failure: row.maybe_text()?,
                })
            })
            .collect()
    })
}

fn retry<'c>(
    mut session: Session<'c>,
    (topic, host): &'c (Option<String>, Option<String>),
) -> Outcome<'c, u64> {
    Box::pin(async move { session.execute(&DUE, &[topic.into(), host.into()]).await })
}
