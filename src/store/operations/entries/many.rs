//! Reads a range of the entries of many feeds in order, without reading many entries of other feeds.
//!
//! The index of all entries is used while other feeds have few entries. Otherwise the first positions of each feed are
//! read from its index and merged, and then the rows of the first ones. This module must not know the queries of
//! readers.

use super::{read as read_row, select_entries};
use crate::store::operations::list;
use crate::store::records::EntryRow;
use crate::store::session::{Row, Session, Value};
use crate::store::statement::Statement;

/// Entries of other feeds that a read by the index of all entries may meet.
const OTHERS: i64 = 1000;

/// A part of the entries, in its order.
pub(super) enum Range {
    /// Shown entries after a position: newest first.
    Before(i64, String),
    /// Shown entries before a position: oldest first.
    Above(i64, String),
    /// Events above the first number and up to the second one: lowest first.
    Events(i64, i64),
}

/// The statements of a kind of range. `$2` and `$3` are its bounds, `$4` is a number of rows.
struct Statements {
    /// Rows of one feed.
    one: Statement,
    /// Rows of feeds, by the index of all entries.
    all: Statement,
    /// The feeds with the first entries.
    feeds: Statement,
    /// Entries of one feed, with their places.
    places: Statement,
}

macro_rules! before {
    () => {
        "e.is_shown = 1 AND (e.shown_at, e.uuid) < ($2, $3) ORDER BY e.shown_at DESC, e.uuid DESC LIMIT "
    };
}
macro_rules! above {
    () => {
        "e.is_shown = 1 AND (e.shown_at, e.uuid) > ($2, $3) ORDER BY e.shown_at, e.uuid LIMIT "
    };
}
macro_rules! events {
    () => {
        "e.seq > $2 AND e.seq <= $3 AND e.change <> 'swept' ORDER BY e.seq LIMIT "
    };
}
macro_rules! first_feeds {
    ($range:ident, $place:literal, $order:literal) => {
        Statement::new(
            "feeds_of_many",
            concat!(
                "SELECT l.id FROM (SELECT k.value AS id, (SELECT e.",
                $place,
                " FROM entries e WHERE e.feed_id = k.value AND ",
                $range!(),
                "1) AS place, (SELECT e.uuid FROM entries e WHERE e.feed_id = k.value AND ",
                $range!(),
                "1) AS uuid FROM {list $1} k) l WHERE l.place IS NOT NULL ORDER BY ",
                $order,
                " LIMIT $4"
            ),
        )
    };
}

static BEFORE: Statements = Statements {
    one: select_entries!("before", without raw, "e.feed_id = $1 AND ", before!(), "$4"),
    all: select_entries!("before_all", without raw, "e.feed_id IN {list $1} AND ", before!(), "$4"),
    feeds: first_feeds!(before, "shown_at", "l.place DESC, l.uuid DESC"),
    places: Statement::new(
        "places",
        concat!("SELECT e.id, e.shown_at, e.uuid FROM entries e WHERE e.feed_id = $1 AND ", before!(), "$4"),
    ),
};

static ABOVE: Statements = Statements {
    one: select_entries!("above", without raw, "e.feed_id = $1 AND ", above!(), "$4"),
    all: select_entries!("above_all", without raw, "e.feed_id IN {list $1} AND ", above!(), "$4"),
    feeds: first_feeds!(above, "shown_at", "l.place, l.uuid"),
    places: Statement::new(
        "places",
        concat!("SELECT e.id, e.shown_at, e.uuid FROM entries e WHERE e.feed_id = $1 AND ", above!(), "$4"),
    ),
};

static EVENTS: Statements = Statements {
    one: select_entries!("after", without raw, "e.feed_id = $1 AND ", events!(), "$4"),
    all: select_entries!("after_all", without raw, "e.feed_id IN {list $1} AND ", events!(), "$4"),
    feeds: first_feeds!(events, "seq", "l.place"),
    places: Statement::new(
        "places",
        concat!("SELECT e.id, e.seq, e.uuid FROM entries e WHERE e.feed_id = $1 AND ", events!(), "$4"),
    ),
};

static OF_OTHERS: Statement = Statement::new(
    "others",
    "SELECT CAST(coalesce(sum(entries + hidden), 0) AS BIGINT) FROM feeds WHERE id NOT IN {list $1}",
);

static ROWS: Statement = select_entries!(
    "rows", without raw,
    "e.id IN {list $1} AND (e.is_shown = 1 OR $2 = 1) AND ($2 = 0 OR e.seq <= $3)"
);

/// Reads the first `most` entries of a range.
pub(super) async fn read(
    session: &mut Session<'_>,
    feeds: &[i64],
    range: Range,
    most: u32,
) -> sqlx::Result<Vec<EntryRow>> {
    let (statements, from, to): (_, Value<'_>, Value<'_>) = match &range {
        Range::Before(at, id) => (&BEFORE, (*at).into(), id.into()),
        Range::Above(at, id) => (&ABOVE, (*at).into(), id.into()),
        Range::Events(from, to) => (&EVENTS, (*from).into(), (*to).into()),
    };
    let bounds = [from, to, i64::from(most).into()];
    let rows = match feeds {
        [] => Vec::new(),
        [feed] => session.rows(&statements.one, &with((*feed).into(), bounds)).await?,
        _ => {
            let listed = list(feeds)?;
            let others = session.row(&OF_OTHERS, &[(&listed).into()]).await?;
            let has_others = others.ok_or(sqlx::Error::RowNotFound)?.int()? > OTHERS;
            let found = if has_others {
                merged(session, feeds, statements, bounds, most, &range).await?
            } else {
                None
            };
            match found {
                Some(rows) => rows,
                None => session.rows(&statements.all, &with((&listed).into(), bounds)).await?,
            }
        }
    };
    let mut rows = rows.into_iter().map(read_row).collect::<sqlx::Result<Vec<_>>>()?;
    match range {
        Range::Before(..) => rows.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id))),
        Range::Above(..) => rows.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id))),
        Range::Events(..) => rows.sort_by_key(|row| row.seq),
    }
    Ok(rows)
}

/// Returns the first rows of feeds, by their own indexes. `None` if an entry has left the range since its place was
/// read.
async fn merged(
    session: &mut Session<'_>,
    feeds: &[i64],
    statements: &Statements,
    bounds: [Value<'_>; 3],
    most: u32,
    range: &Range,
) -> sqlx::Result<Option<Vec<Row>>> {
    let most = most as usize;
    let mut first = feeds.to_vec();
    // The other feeds have none of the first entries.
    if feeds.len() > most {
        let rows = session.rows(&statements.feeds, &with((&list(feeds)?).into(), bounds)).await?;
        first = rows.into_iter().map(|mut row| row.int()).collect::<sqlx::Result<_>>()?;
    }
    let mut places = Vec::new();
    for feed in first {
        for mut row in session.rows(&statements.places, &with(feed.into(), bounds)).await? {
            let id = row.int()?;
            places.push(((row.int()?, row.text()?), id));
        }
    }
    places.sort_unstable();
    if matches!(range, Range::Before(..)) {
        places.reverse();
    }
    let ids: Vec<i64> = places.into_iter().take(most).map(|(_, id)| id).collect();
    let last = if let Range::Events(_, last) = range { Some(*last) } else { None };
    let listed = list(&ids)?;
    let conditions = [(&listed).into(), last.is_some().into(), last.unwrap_or(0).into()];
    let rows = session.rows(&ROWS, &conditions).await?;
    Ok((rows.len() == ids.len()).then_some(rows))
}

fn with<'v>(first: Value<'v>, [from, to, most]: [Value<'v>; 3]) -> [Value<'v>; 4] {
    [first, from, to, most]
}
