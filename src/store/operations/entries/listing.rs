//! Entries as readers see them.

use super::{read, select_entries};
use crate::store::operations::list;
use crate::store::records::{EntryFrom, EntryQuery, EntryRow};
use crate::store::session::{Operation, Outcome, Session, Value};
use crate::store::statement::Statement;

pub(in crate::store) static ENTRIES: Operation<EntryQuery, Vec<EntryRow>> =
    Operation { name: "entries", run: entries };
/// A UUID.
pub(in crate::store) static ENTRY: Operation<String, Option<EntryRow>> =
    Operation { name: "entry", run: entry };
pub(in crate::store) static LAST: Operation<(), i64> = Operation { name: "last_seq", run: last };

/// Up to this number of feeds each is read by its index. Beyond it, the index of all entries is read and filtered.
const EACH: usize = 8;

static FEEDS: Statement = Statement::new("feeds", "SELECT id FROM feeds WHERE name IN {texts $1}");

static SEQ: Statement = Statement::new("seq", "SELECT seq FROM feed_state WHERE id = 0");

static PLACE_OF_ID: Statement = Statement::new("place", "SELECT shown_at, uuid FROM entries WHERE uuid = $1");

static PLACE_OF_SEQ: Statement =
    Statement::new("place", "SELECT shown_at, uuid FROM entries WHERE seq <= $1 ORDER BY seq DESC LIMIT 1");

static BEFORE: Statement = select_entries!(
    "before",
    "e.feed_id = $1 AND e.is_shown = 1 AND (e.shown_at, e.uuid) < ($2, $3) \
     ORDER BY e.shown_at DESC, e.uuid DESC LIMIT $4"
);

static BEFORE_ALL: Statement = select_entries!(
    "before_all",
    "e.feed_id IN {list $1} AND e.is_shown = 1 AND (e.shown_at, e.uuid) < ($2, $3) \
     ORDER BY e.shown_at DESC, e.uuid DESC LIMIT $4"
);

static AFTER: Statement = select_entries!(
    "after",
    "e.feed_id = $1 AND e.seq > $2 AND e.seq <= $3 AND e.change <> 'swept' ORDER BY e.seq LIMIT $4"
);

static AFTER_ALL: Statement = select_entries!(
    "after_all",
    "e.feed_id IN {list $1} AND e.seq > $2 AND e.seq <= $3 AND e.change <> 'swept' ORDER BY e.seq LIMIT $4"
);

static ENTRY_ROW: Statement = select_entries!("row", "e.uuid = $1 AND e.is_shown = 1");

fn entries<'c>(mut session: Session<'c>, query: &'c EntryQuery) -> Outcome<'c, Vec<EntryRow>> {
    Box::pin(async move {
        let rows = session.rows(&FEEDS, &[(&list(&query.feeds)?).into()]).await?;
        let feeds = rows.into_iter().map(|mut row| row.int()).collect::<sqlx::Result<Vec<_>>>()?;
        match &query.from {
            EntryFrom::Newest => before(&mut session, query, &feeds, i64::MAX, "").await,
            EntryFrom::BeforeId(id) => {
                let place = session.row(&PLACE_OF_ID, &[id.into()]).await?;
                let Some(mut place) = place else { return Ok(Vec::new()) };
                before(&mut session, query, &feeds, place.int()?, &place.text()?).await
            }
            EntryFrom::BeforeSeq(seq) => {
                let place = session.row(&PLACE_OF_SEQ, &[(*seq).into()]).await?;
                let Some(mut place) = place else { return Ok(Vec::new()) };
                before(&mut session, query, &feeds, place.int()?, &place.text()?).await
            }
            EntryFrom::AfterSeq(seq) => after(&mut session, query, &feeds, *seq).await,
        }
    })
}

async fn before(
    session: &mut Session<'_>,
    query: &EntryQuery,
    feeds: &[i64],
    at: i64,
    id: &str,
) -> sqlx::Result<Vec<EntryRow>> {
    let bounds = [at.into(), id.into(), i64::from(query.most).into()];
    let mut entries = collect(session, feeds, [&BEFORE, &BEFORE_ALL], bounds).await?;
    entries.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| b.id.cmp(&a.id)));
    entries.truncate(query.most as usize);
    Ok(entries)
}

/// The feeds are read one after the other, so the newest number is read first: no entry of a later event is returned
/// without those before it.
async fn after(
    session: &mut Session<'_>,
    query: &EntryQuery,
    feeds: &[i64],
    seq: i64,
) -> sqlx::Result<Vec<EntryRow>> {
    let newest = session.row(&SEQ, &[]).await?.ok_or(sqlx::Error::RowNotFound)?.int()?;
    let bounds = [seq.into(), newest.into(), i64::from(query.most).into()];
    let mut entries = collect(session, feeds, [&AFTER, &AFTER_ALL], bounds).await?;
    entries.sort_by_key(|entry| entry.seq);
    entries.truncate(query.most as usize);
    Ok(entries)
}

/// Rows of each feed by the first statement, or of all by the second.
async fn collect(
    session: &mut Session<'_>,
    feeds: &[i64],
    [each, all]: [&Statement; 2],
    [from, to, most]: [Value<'_>; 3],
) -> sqlx::Result<Vec<EntryRow>> {
    let mut rows = Vec::new();
    if feeds.len() > EACH {
        rows = session.rows(all, &[(&list(feeds)?).into(), from, to, most]).await?;
    } else {
        for feed in feeds {
            rows.extend(session.rows(each, &[(*feed).into(), from, to, most]).await?);
        }
    }
    rows.into_iter().map(read).collect()
}

fn entry<'c>(mut session: Session<'c>, id: &'c String) -> Outcome<'c, Option<EntryRow>> {
    Box::pin(async move { session.row(&ENTRY_ROW, &[id.into()]).await?.map(read).transpose() })
}

fn last<'c>(mut session: Session<'c>, (): &'c ()) -> Outcome<'c, i64> {
    Box::pin(async move { session.row(&SEQ, &[]).await?.ok_or(sqlx::Error::RowNotFound)?.int() })
}
