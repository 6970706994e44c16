//! Unpublished entries. One instance at a time has a claim on them, in the order of their numbers.

use std::time::Duration;

use super::{read, select_entries};
use crate::store::operations::{list, millis};
use crate::store::records::{Claim, EntryRow};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// How many at most, the claim, how long it holds, and the lowest and the highest claim of this instance.
pub(in crate::store) type ClaimArguments = (u32, Claim, Duration, (Claim, Claim));

pub(in crate::store) static CLAIM: Operation<ClaimArguments, Vec<EntryRow>> =
    Operation { name: "claim_publications", run: claim };
/// Numbers of events.
pub(in crate::store) static FINISH: Operation<Vec<i64>, u64> =
    Operation { name: "finish_publications", run: finish };

static WAITING: Statement = Statement::new(
    "waiting",
    "SELECT count(*) FROM (SELECT 1 FROM entries WHERE is_published = 0 LIMIT 1) AS waiting",
);

static LEASE: Statement = Statement::new(
    "lease",
    "UPDATE feed_state SET publish_claim = $1, publish_until = {now} + $2 WHERE id = 0 \
       AND (publish_claim IS NULL OR publish_until <= {now} OR publish_claim BETWEEN $3 AND $4)",
);

static IDLE: Statement = Statement::new(
    "idle",
    "UPDATE feed_state SET publish_claim = NULL WHERE id = 0 AND publish_claim BETWEEN $1 AND $2",
);

static ROWS: Statement = select_entries!("rows", "e.is_published = 0 ORDER BY e.seq LIMIT $1");

// An entry that has changed since has another number, and stays unpublished.
static DONE: Statement = Statement::new("done", "UPDATE entries SET is_published = 1 WHERE seq IN {list $1}");

fn claim<'c>(
    mut session: Session<'c>,
    (most, claim, hold, (from, to)): &'c ClaimArguments,
) -> Outcome<'c, Vec<EntryRow>> {
    Box::pin(async move {
        let row = session.row(&WAITING, &[]).await?;
        if !row.ok_or(sqlx::Error::RowNotFound)?.flag()? {
            session.execute(&IDLE, &[(*from).into(), (*to).into()]).await?;
            return Ok(Vec::new());
        }
        let values = [(*claim).into(), millis(*hold).into(), (*from).into(), (*to).into()];
        if session.execute(&LEASE, &values).await? == 0 {
            return Ok(Vec::new());
        }
        session.rows(&ROWS, &[i64::from(*most).into()]).await?.into_iter().map(read).collect()
    })
}

#[expect(clippy::ptr_arg, reason = "an operation takes its arguments by their type")]
fn finish<'c>(mut session: Session<'c>, seqs: &'c Vec<i64>) -> Outcome<'c, u64> {
    Box::pin(async move { session.execute(&DONE, &[(&list(seqs)?).into()]).await })
}
