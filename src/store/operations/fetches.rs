//! Claims of topics that are fetched.

use std::time::Duration;

use super::{list, millis};
use crate::store::records::{Claim, TopicFetch, Validators};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

/// The bounds of a claim of topics.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Most {
    pub(in crate::store) in_all: u32,
    pub(in crate::store) by_host: u32,
}

/// How many at most, the claim, how long it holds, and the hosts that are left out.
pub(in crate::store) type ClaimArguments = (Most, Claim, Duration, Vec<String>);
/// A topic, the claim, and how long it holds.
pub(in crate::store) type ClaimOneArguments = (String, Claim, Duration);

pub(in crate::store) static CLAIM: Operation<ClaimArguments, Vec<TopicFetch>> =
    Operation { name: "claim_fetches", run: claim };
pub(in crate::store) static CLAIM_ONE: Operation<ClaimOneArguments, Option<TopicFetch>> =
    Operation { name: "claim_fetch", run: claim_one };

// A host with the oldest topics leaves room for others. Only the oldest 2,000 are considered: a busy host is skipped.
static DUE: Statement = Statement::new(
    "claim",
    "UPDATE topics SET fetch_claim = $1, fetch_due = {now} + $2, \
       fetch_last = CASE WHEN fetch_last > {now} THEN fetch_last END \
     WHERE id IN \
       (SELECT id FROM topics WHERE fetch_due <= {now} AND id IN \
         (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY host ORDER BY fetch_due) AS turn FROM \
           (SELECT id, host, fetch_due FROM topics WHERE fetch_due <= {now} AND host NOT IN {texts $3} \
             ORDER BY fetch_due LIMIT 2000) AS oldest) AS turns WHERE turn <= $4) \
         ORDER BY fetch_due LIMIT $5 {skip locked}) \
     RETURNING id, url, host, etag, last_modified, fingerprint, fetch_attempts, is_pinged, \
       (SELECT CAST(coalesce(sum(s.readers), 0) AS BIGINT) FROM subscriptions s WHERE s.topic_id = topics.id)",
);

// A ping for a later time keeps that time.
static ONE: Statement = Statement::new(
    "claim",
    "UPDATE topics SET fetch_claim = $1, fetch_due = {now} + $2, \
       fetch_last = CASE WHEN fetch_last > {now} THEN fetch_last \
         WHEN fetch_claim IS NULL AND is_pinged = 1 AND fetch_due > {now} THEN fetch_due END \
     WHERE url = $3 AND (fetch_claim IS NULL OR fetch_due <= {now}) \
     RETURNING id, url, host, etag, last_modified, fingerprint, fetch_attempts, is_pinged, \
       (SELECT CAST(coalesce(sum(s.readers), 0) AS BIGINT) FROM subscriptions s WHERE s.topic_id = topics.id)",
);

fn claim<'c>(
    mut session: Session<'c>,
    (most, claim, hold, without): &'c ClaimArguments,
) -> Outcome<'c, Vec<TopicFetch>> {
    Box::pin(async move {
        let without = list(without)?;
        let values = [
            (*claim).into(),
            millis(*hold).into(),
            (&without).into(),
            i64::from(most.by_host).into(),
            i64::from(most.in_all).into(),
        ];
        let rows = session.rows(&DUE, &values).await?;
        rows.into_iter().map(|row| read(row, *claim)).collect()
    })
}

fn claim_one<'c>(
    mut session: Session<'c>,
    (topic, claim, hold): &'c ClaimOneArguments,
) -> Outcome<'c, Option<TopicFetch>> {
    Box::pin(async move {
        let row = session.row(&ONE, &[(*claim).into(), millis(*hold).into(), topic.into()]).await?;
        row.map(|row| read(row, *claim)).transpose()
    })
}

fn read(mut row: Row, claim: Claim) -> sqlx::Result<TopicFetch> {
    Ok(TopicFetch {
        id: row.int()?,
        claim,
        topic: row.text()?,
        host: row.text()?,
        validators: Validators { etag: row.maybe_text()?, last_modified: row.maybe_text()? },
        fingerprint: row.maybe_bytes()?,
        attempts: u32::try_from(row.int()?).unwrap_or(u32::MAX),
        is_pinged: row.flag()?,
        readers: row.count()?,
    })
}
