//! Feeds that operators make due.

use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// A name, or all. Returns the number of feeds.
pub(in crate::store) static POLL: Operation<Option<String>, u64> =
    Operation { name: "poll_feeds", run: poll };
/// A name. Returns the number of feeds.
pub(in crate::store) static RESUBSCRIBE: Operation<String, u64> =
    Operation { name: "resubscribe_feed", run: resubscribe };

// A claimed feed keeps its claim and is due again afterwards.
static DUE: Statement = Statement::new(
    "due",
    "UPDATE feeds SET \
       poll_again = CASE WHEN poll_claim IS NOT NULL AND poll_due > {now} THEN {greatest}(poll_again, 1) \
         ELSE poll_again END, \
       poll_due = CASE WHEN poll_claim IS NOT NULL AND poll_due > {now} THEN poll_due ELSE {now} END \
     WHERE state <> 'removed' AND (CAST($1 AS TEXT) IS NULL OR name = $1)",
);

// Without validators, the feed and the hubs that it names are read again.
static WANT: Statement = Statement::new(
    "want",
    "UPDATE feeds SET is_resubscribed = 1, is_unreliable = 0, missed_polls = 0, etag = NULL, last_modified = NULL, \
       body = NULL WHERE state <> 'removed' AND name = $1",
);

fn poll<'c>(mut session: Session<'c>, name: &'c Option<String>) -> Outcome<'c, u64> {
    Box::pin(async move { session.execute(&DUE, &[name.into()]).await })
}

fn resubscribe<'c>(mut session: Session<'c>, name: &'c String) -> Outcome<'c, u64> {
    Box::pin(async move {
        session.execute(&WANT, &[name.into()]).await?;
        session.execute(&DUE, &[name.into()]).await
    })
}
