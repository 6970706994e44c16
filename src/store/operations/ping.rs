//! Pings: topics become due for a fetch.

use std::time::Duration;

use super::{list, millis};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// Topics, the interval between fetches, and the delay.
pub(in crate::store) type PingArguments = (Vec<String>, Duration, Duration);

/// Returns the number of topics that are due.
pub(in crate::store) static PING: Operation<PingArguments, u64> = Operation { name: "ping", run: ping };

// A claimed topic keeps its claim and is due again afterwards. Another topic becomes due, or stays due if it is
// earlier; the later of the two times is stored in fetch_last: a delayed ping waits for the build of a site, and a
// retry for the repair of a site. After the clock was set back, the time of the last fetch may be in the future.
static DUE: Statement = Statement::new(
    "due",
    "UPDATE topics SET fetch_gap = $2, \
       fetch_again = CASE WHEN fetch_claim IS NOT NULL AND fetch_due > {now} \
         THEN {least}(coalesce(fetch_again, {now} + $3), {now} + $3) ELSE fetch_again END, \
       fetch_last = {greatest}(coalesce(fetch_last, 0), {now} + $3, \
         {least}(coalesce(fetched_at, 0), {now}) + CASE WHEN fetch_claim IS NULL THEN $2 ELSE 0 END, \
         CASE WHEN fetch_claim IS NULL THEN coalesce(fetch_due, 0) ELSE 0 END), \
       is_pinged = CASE WHEN fetch_claim IS NOT NULL AND fetch_due > {now} THEN is_pinged ELSE 1 END, \
       fetch_due = CASE WHEN fetch_claim IS NOT NULL AND fetch_due > {now} THEN fetch_due \
         ELSE {least}(coalesce(fetch_due, 9000000000000000), \
           {greatest}({now} + $3, {least}(coalesce(fetched_at, 0), {now}) + $2)) END \
     WHERE url IN {texts $1} \
       AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.topic_id = topics.id AND s.expires_at > {now})",
);

fn ping<'c>(mut session: Session<'c>, (topics, interval, delay): &'c PingArguments) -> Outcome<'c, u64> {
    Box::pin(async move {
        let topics = list(topics)?;
        session.execute(&DUE, &[(&topics).into(), millis(*interval).into(), millis(*delay).into()]).await
    })
}
