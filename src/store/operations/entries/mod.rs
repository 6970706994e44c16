//! Entries of feeds. Each has one event, the last, with a number; the lock on the row of `feed_state` from the number
//! until the commit makes events visible in the order of their numbers.

mod classify;
pub(in crate::store) mod ingest;
pub(in crate::store) mod listing;
mod many;
mod plan;
pub(in crate::store) mod publications;

use crate::store::records::{Change, EntryKind, EntryRow, Via};
use crate::store::session::Row;

/// A statement that selects the columns for [`read`] from `entries e` and `feeds f`, with the raw content or `without`
/// it. The condition has several parts.
macro_rules! select_entries {
    ($name:literal, without raw, $($rest:tt)+) => {
        select_entries!(($name, "CAST(NULL AS TEXT)"), $($rest)+)
    };
    ($name:literal, $($rest:tt)+) => {
        select_entries!(($name, "e.raw"), $($rest)+)
    };
    (($name:literal, $raw:literal), $($rest:tt)+) => {
        crate::store::statement::Statement::new(
            $name,
            concat!(
                "SELECT e.seq, e.uuid, f.name, e.change, e.via, e.kind, e.shown_at, e.body, ",
                $raw,
                ", e.base, e.html, e.sanitiser FROM entries e JOIN feeds f ON f.id = e.feed_id WHERE ",
                $($rest)+
            ),
        )
    };
}
use select_entries;

fn read(mut row: Row) -> sqlx::Result<EntryRow> {
    Ok(EntryRow {
        seq: row.int()?,
        id: row.text()?,
        feed: row.text()?,
        change: change(&row.text()?),
        via: via(&row.text()?),
        kind: kind(&row.text()?),
        at: row.int()?,
        body: row.text()?,
        raw: row.maybe_text()?,
        base: row.maybe_text()?,
        html: row.maybe_text()?,
        sanitiser: row.int()?,
    })
}

fn change(name: &str) -> Change {
    match name {
        "created" => Change::Created,
        "updated" => Change::Updated,
        _ => Change::Deleted,
    }
}

fn via(name: &str) -> Via {
    [Via::Push, Via::Poll, Via::Fetch].into_iter().find(|via| via.name() == name).unwrap_or(Via::Backfill)
}

fn kind(name: &str) -> EntryKind {
    if name == EntryKind::Page.name() { EntryKind::Page } else { EntryKind::Entry }
}
