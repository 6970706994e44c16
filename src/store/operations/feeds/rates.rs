//! Schedules feeds without an interval of their own after a change of the configured rates. It must not know how the
//! interval of a feed adapts.

use crate::store::operations::millis;
use crate::store::records::PollRates;
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// Returns the number of feeds that have become due at some time.
pub(in crate::store) static SCHEDULE: Operation<PollRates, u64> =
    Operation { name: "schedule_feeds", run: schedule };
/// Returns the number of feeds that are due no more.
pub(in crate::store) static UNSCHEDULE: Operation<PollRates, u64> =
    Operation { name: "unschedule_feeds", run: unschedule };

static DUE: Statement = Statement::new(
    "due",
    "UPDATE feeds SET poll_due = {greatest}({now}, coalesce(polled_at, 0) + CASE WHEN state IN ('active', 'unverified') \
       THEN CAST($2 AS BIGINT) ELSE CAST($1 AS BIGINT) END) \
     WHERE state <> 'removed' AND poll IS NULL AND poll_due IS NULL AND poll_claim IS NULL \
       AND CASE WHEN state IN ('active', 'unverified') THEN CAST($2 AS BIGINT) ELSE CAST($1 AS BIGINT) END IS NOT NULL",
);

// A fetch that is due for another reason stays due: the first one, one that failed, and one for a notification.
static NEVER: Statement = Statement::new(
    "never",
    "UPDATE feeds SET poll_due = NULL \
     WHERE state <> 'removed' AND poll IS NULL AND poll_due > {now} AND poll_claim IS NULL AND poll_again = 0 \
       AND poll_attempts = 0 AND is_pushed = 0 AND is_resubscribed = 0 AND is_backfilled = 1 \
       AND CASE WHEN state IN ('active', 'unverified') THEN CAST($2 AS BIGINT) ELSE CAST($1 AS BIGINT) END IS NULL",
);

fn schedule<'c>(session: Session<'c>, rates: &'c PollRates) -> Outcome<'c, u64> {
    run(session, &DUE, rates)
}

fn unschedule<'c>(session: Session<'c>, rates: &'c PollRates) -> Outcome<'c, u64> {
    run(session, &NEVER, rates)
}

fn run<'c>(
    mut session: Session<'c>,
    statement: &'static Statement,
    rates: &'c PollRates,
) -> Outcome<'c, u64> {
    Box::pin(async move {
        let values = [rates.poll.map(millis).into(), rates.backup_poll.map(millis).into()];
        session.execute(statement, &values).await
    })
}
