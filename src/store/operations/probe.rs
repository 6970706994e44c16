//! A write without a relevant effect, which tests whether the store is available.

use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

pub(in crate::store) static PROBE: Operation<(), u64> = Operation { name: "probe", run: probe };

static WRITE: Statement = Statement::new(
    "write",
    "UPDATE counters SET probed_at = {greatest}({now}, probed_at + 1) WHERE shard = 0",
);

fn probe<'c>(mut session: Session<'c>, (): &'c ()) -> Outcome<'c, u64> {
    Box::pin(async move { session.execute(&WRITE, &[]).await })
}
