//! A request to a hub is recorded.

use super::{denial, restate};
use crate::store::operations::{clean, millis};
use crate::store::records::{CallOutcome, FinishedCall, SubscriptionMode};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

pub(in crate::store) static FINISH: Operation<FinishedCall, Finished> =
    Operation { name: "finish_call", run: finish };

/// The work that has become due.
#[derive(Debug, Default)]
pub(in crate::store) struct Finished {
    /// Whether the claim was lost, and nothing has changed.
    pub(in crate::store) is_lost: bool,
    /// Whether another request is due.
    pub(in crate::store) is_due: bool,
}

/// How often the end of a subscription is requested. After that its lease ends it.
const ATTEMPTS: i64 = 8;
/// Maximum time to wait for the verification of an end, in milliseconds.
const END: i64 = 60 * 60 * 1000;
/// The time until a feed without a working hub is polled, in milliseconds.
const SOON: i64 = 60 * 1000;

static FEED: Statement = Statement::new(
    "feed",
    "SELECT f.id FROM feed_subscriptions s JOIN feeds f ON f.id = s.feed_id \
     WHERE s.id = $1 AND s.call_claim = $2 {lock f}",
);

static CLAIMED: Statement = Statement::new(
    "claimed",
    "SELECT s.mode, s.denials, s.call_attempts FROM feed_subscriptions s WHERE s.id = $1 AND s.call_claim = $2 {lock s}",
);

static ACCEPTED: Statement = Statement::new(
    "accepted",
    "UPDATE feed_subscriptions SET call_claim = NULL, call_due = NULL, call_attempts = 0, failure = NULL, \
       wait_until = {now} + $2 WHERE id = $1",
);

static AGAIN: Statement = Statement::new(
    "again",
    "UPDATE feed_subscriptions SET call_claim = NULL, call_due = {now} + $2, \
       call_attempts = call_attempts + $3, failure = coalesce($4, failure), \
       verify_token = coalesce($5, verify_token) WHERE id = $1",
);

// Pushes of a lease that is not over still count.
static DENIED: Statement = Statement::new(
    "denied",
    "UPDATE feed_subscriptions SET call_claim = NULL, call_due = NULL, call_attempts = 0, waits = 0, \
       state = 'denied', denials = denials + 1, failure = $2, renew_at = {now} + $3 WHERE id = $1",
);

static POLLED: Statement = Statement::new(
    "polled",
    "UPDATE feeds SET poll_due = {least}(coalesce(poll_due, {now} + $2), {now} + $2) \
     WHERE id = $1 AND state <> 'removed' AND poll_claim IS NULL",
);

static DELETE: Statement = Statement::new("delete", "DELETE FROM feed_subscriptions WHERE id = $1");

fn finish<'c>(mut session: Session<'c>, call: &'c FinishedCall) -> Outcome<'c, Finished> {
    Box::pin(async move {
        let lost = Finished { is_lost: true, is_due: false };
        let claim = [call.id.into(), call.claim.into()];
        let Some(mut feed) = session.row(&FEED, &claim).await? else { return Ok(lost) };
        let Some(mut row) = session.row(&CLAIMED, &claim).await? else { return Ok(lost) };
        let feed = feed.int()?;
        let mode = super::mode(&row.text()?);
        let (denials, attempts) = (row.int()?, row.int()?);
        let id = call.id.into();
        let none = None::<&str>.into();
        let mut is_due = true;
        match (&call.outcome, mode) {
            (CallOutcome::Accepted { patience }, mode) => {
                let patience = if mode == SubscriptionMode::Subscribe { millis(*patience) } else { END };
                session.execute(&ACCEPTED, &[id, patience.into()]).await?;
                is_due = false;
            }
            (CallOutcome::Legacy(token), _) => {
                let values = [id, 0.into(), 0.into(), none, token.into()];
                session.execute(&AGAIN, &values).await?;
            }
            (CallOutcome::Retry(delay, why), mode)
                if mode == SubscriptionMode::Subscribe || attempts + 1 < ATTEMPTS =>
            {
                let why = clean(why);
                let values = [id, millis(*delay).into(), 1.into(), (&why).into(), none];
                session.execute(&AGAIN, &values).await?;
            }
            (CallOutcome::Retry(_, why) | CallOutcome::Refused(why), SubscriptionMode::Subscribe) => {
                let why = clean(why);
                session.execute(&DENIED, &[id, (&why).into(), denial(denials).into()]).await?;
                session.execute(&POLLED, &[feed.into(), SOON.into()]).await?;
                is_due = false;
            }
            (_, SubscriptionMode::Unsubscribe) => {
                session.execute(&DELETE, &[id]).await?;
                is_due = false;
            }
        }
        restate(&mut session, &[feed]).await?;
        Ok(Finished { is_lost: false, is_due })
    })
}
