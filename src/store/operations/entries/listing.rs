//! Entries as shown to readers. Their raw content is read separately ([`RAW`]), because it is rarely needed.

use super::many::{self, Range};
use super::{read, select_entries};
use crate::store::operations::list;
use crate::store::records::{EntryFrom, EntryQuery, EntryRow};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

pub(in crate::store) static ENTRIES: Operation<EntryQuery, Vec<EntryRow>> =
    Operation { name: "entries", run: entries };
/// A UUID. Returns also an entry that is deleted or swept.
pub(in crate::store) static ENTRY: Operation<String, Option<EntryRow>> =
    Operation { name: "entry", run: entry };
/// UUIDs. Returns those of entries with a raw content, with it.
pub(in crate::store) static RAW: Operation<Vec<String>, Vec<(String, String)>> =
    Operation { name: "raw_contents", run: raw };
pub(in crate::store) static LAST: Operation<(), i64> = Operation { name: "last_seq", run: last };
/// Names of feeds.
pub(in crate::store) static LAST_OF: Operation<Vec<String>, i64> =
    Operation { name: "last_seq_of", run: last_of };

static FEEDS: Statement = Statement::new("feeds", "SELECT id FROM feeds WHERE name IN {texts $1}");

static SEQ: Statement = Statement::new("seq", "SELECT seq FROM feed_state WHERE id = 0");

static SEQ_OF: Statement = Statement::new(
    "seq_of",
    "SELECT coalesce(max(l.seq), 0) FROM (SELECT (SELECT e.seq FROM entries e WHERE e.feed_id = f.id \
       ORDER BY e.seq DESC LIMIT 1) AS seq FROM feeds f WHERE f.name IN {texts $1}) l",
);

// Positions of entries of other feeds would reveal that they exist.
static PLACE_OF_ID: Statement = Statement::new(
    "place",
    "SELECT e.shown_at, e.uuid FROM entries e WHERE e.uuid = $1 AND e.feed_id IN {list $2}",
);

static PLACE_OF_SEQ: Statement = Statement::new(
    "place",
    "SELECT e.shown_at, e.uuid FROM entries e WHERE e.seq = (SELECT max(l.seq) FROM (SELECT (SELECT o.seq \
       FROM entries o WHERE o.feed_id = k.value AND o.seq <= $1 ORDER BY o.seq DESC LIMIT 1) AS seq \
       FROM {list $2} k) l)",
);

static ROW: Statement = select_entries!("row", without raw, "e.uuid = $1");

static RAW_ROWS: Statement = Statement::new(
    "raw",
    "SELECT e.uuid, e.raw FROM entries e WHERE e.uuid IN {texts $1} AND e.raw IS NOT NULL",
);

fn entries<'c>(mut session: Session<'c>, query: &'c EntryQuery) -> Outcome<'c, Vec<EntryRow>> {
    Box::pin(async move {
        let session = &mut session;
        let rows = session.rows(&FEEDS, &[(&list(&query.feeds)?).into()]).await?;
        let feeds = rows.into_iter().map(|mut row| row.int()).collect::<sqlx::Result<Vec<_>>>()?;
        let place = match &query.from {
            EntryFrom::Newest => {
                return many::read(session, &feeds, Range::Before(i64::MAX, String::new()), query.most).await;
            }
            // The feeds are read one after the other, so the newest number is read first: no entry of a later event is
            // returned without those before it.
            EntryFrom::AfterSeq(seq) => {
                let newest = session.row(&SEQ, &[]).await?.ok_or(sqlx::Error::RowNotFound)?.int()?;
                return many::read(session, &feeds, Range::Events(*seq, newest), query.most).await;
            }
            EntryFrom::BeforeId(id) | EntryFrom::AboveId(id) => {
                session.row(&PLACE_OF_ID, &[id.into(), (&list(&feeds)?).into()]).await?
            }
            EntryFrom::BeforeSeq(seq) => {
                session.row(&PLACE_OF_SEQ, &[(*seq).into(), (&list(&feeds)?).into()]).await?
            }
        };
        let Some(mut place) = place else { return Ok(Vec::new()) };
        let (at, id) = (place.int()?, place.text()?);
        let range = match &query.from {
            EntryFrom::AboveId(_) => Range::Above(at, id),
            _ => Range::Before(at, id),
        };
        many::read(session, &feeds, range, query.most).await
    })
}

fn entry<'c>(mut session: Session<'c>, id: &'c String) -> Outcome<'c, Option<EntryRow>> {
    Box::pin(async move { session.row(&ROW, &[id.into()]).await?.map(read).transpose() })
}

#[expect(clippy::ptr_arg, reason = "an operation takes its arguments by their type")]
fn raw<'c>(mut session: Session<'c>, ids: &'c Vec<String>) -> Outcome<'c, Vec<(String, String)>> {
    Box::pin(async move {
        let rows = session.rows(&RAW_ROWS, &[(&list(ids)?).into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
    })
}

fn last<'c>(mut session: Session<'c>, (): &'c ()) -> Outcome<'c, i64> {
    Box::pin(async move { session.row(&SEQ, &[]).await?.ok_or(sqlx::Error::RowNotFound)?.int() })
}

#[expect(clippy::ptr_arg, reason = "an operation takes its arguments by their type")]
fn last_of<'c>(mut session: Session<'c>, feeds: &'c Vec<String>) -> Outcome<'c, i64> {
    Box::pin(async move {
        let row = session.row(&SEQ_OF, &[(&list(feeds)?).into()]).await?;
        row.ok_or(sqlx::Error::RowNotFound)?.int()
    })
}
