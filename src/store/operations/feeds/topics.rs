//! The topics that feeds are subscribed to at one hub.

use crate::store::operations::list;
use crate::store::records::SubscribedTopic;
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

/// The spellings of the URL of a hub.
pub(in crate::store) static TOPICS: Operation<Vec<String>, Vec<SubscribedTopic>> =
    Operation { name: "subscribed_topics", run: topics };

static ROWS: Statement = Statement::new(
    "rows",
    "SELECT s.feed_id, f.name, s.topic FROM feed_subscriptions s JOIN feeds f ON f.id = s.feed_id \
     WHERE s.hub IN {texts $1} AND s.mode = 'subscribe' AND s.state <> 'denied' ORDER BY s.id",
);

#[expect(clippy::ptr_arg, reason = "an operation takes its arguments by their type")]
fn topics<'c>(mut session: Session<'c>, hubs: &'c Vec<String>) -> Outcome<'c, Vec<SubscribedTopic>> {
    Box::pin(async move {
        let rows = session.rows(&ROWS, &[(&list(hubs)?).into()]).await?;
        let read =
            |mut row: Row| Ok(SubscribedTopic { feed_id: row.int()?, feed: row.text()?, topic: row.text()? });
        rows.into_iter().map(read).collect()
    })
}
