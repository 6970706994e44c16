//! Reads a list of entries from the store: entries of the public feeds, within a limit of entries and of bytes, with
//! the position of the next list.
//!
//! It must not know the presentation of lists.

use std::collections::HashMap;

use super::feeds::Visible;
use super::query::Place;
use crate::entries::{self, sanitise};
use crate::store::{self, EntryQuery, EntryRow, Store};

/// Maximum bytes of the messages of one list. A longer list ends early.
const BYTES: usize = 2 * 1024 * 1024;

/// Entries in their order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Their messages, as JSON.
    pub(super) messages: Vec<String>,
    /// The position of the next list, of older entries or of later events; `None` at the end.
    pub(super) next: Option<Place>,
    /// Where the list of the next newer entries begins, if this is not the newest list.
    pub(super) previous: Option<Place>,
    /// Every event up to this number is in this list, or in a newer or an older one.
    pub(super) last: i64,
}

/// Reads a list of at most `most` entries, of one feed or of all visible ones.
pub(super) async fn read(
    store: &Store,
    visible: &Visible,
    feed: Option<&str>,
    from: &Place,
    most: u32,
) -> store::Result<Listing> {
    let feeds = feed.map_or_else(|| visible.names().to_vec(), |feed| vec![feed.to_owned()]);
    if feeds.is_empty() {
        return Ok(Listing::default());
    }
    // Before the entries: a concurrent event is then returned again and not missed. The number of the newest event of
    // all feeds would reveal activity in hidden feeds.
    let last = if visible.is_all() { store.last_seq().await? } else { store.last_seq_of(&feeds).await? };
    let query = EntryQuery { feeds, from: from.entries(), most: most.saturating_add(1) };
    let mut rows = store.entries(&query).await?;
    complete(store, &mut rows).await?;
    Ok(fit(rows, visible, from, most, last))
}

/// Reads the raw contents of entries that an earlier sanitizer processed, so that they are sanitized again.
pub(super) async fn complete(store: &Store, rows: &mut [EntryRow]) -> store::Result<()> {
    let is_old = |row: &&EntryRow| row.sanitiser != sanitise::VERSION;
    let old: Vec<String> = rows.iter().filter(is_old).map(|row| row.id.clone()).collect();
    if old.is_empty() {
        return Ok(());
    }
    let mut raw: HashMap<_, _> = store.raw_contents(&old).await?.into_iter().collect();
    for row in rows {
        row.raw = raw.remove(&row.id);
    }
    Ok(())
}

/// Returns the messages of as many rows as fit. `rows` has one more than `most` if there are more.
fn fit(rows: Vec<EntryRow>, visible: &Visible, from: &Place, most: u32, last: i64) -> Listing {
    let mut list = Listing { last, ..Listing::default() };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut bytes = 0;
    let mut ends: Option<(End, End)> = None;
    let mut is_complete = true;
    for row in rows {
        if list.messages.len() == most || (bytes > BYTES && !list.messages.is_empty()) {
            is_complete = false;
            break;
        }
        let end = End { seq: row.seq, id: row.id.clone() };
        ends = Some(match ends {
            Some((first, _)) => (first, end),
            None => (end.clone(), end),
        });
        // A feed that was removed a moment ago.
        let Some(info) = visible.get(&row.feed) else { continue };
        let message = entries::message(&row, info);
        bytes += message.len();
        list.messages.push(message);
    }
    let (first, end) = ends.unzip();
    match from {
        Place::Newest => list.next = end.filter(|_| !is_complete).map(|end| Place::BeforeId(end.id)),
        Place::BeforeId(_) | Place::BeforeSeq(_) => {
            list.next = end.filter(|_| !is_complete).map(|end| Place::BeforeId(end.id));
            list.previous = Some(first.map_or(Place::Newest, |first| Place::AboveId(first.id)));
        }
        // The nearest were read first.
        Place::AboveId(_) => {
            list.messages.reverse();
            list.next = first.map(|first| Place::BeforeId(first.id));
            list.previous = end.filter(|_| !is_complete).map(|end| Place::AboveId(end.id));
        }
        // Events are read without a gap, so a program continues after the last one.
        Place::AfterSeq(_) => {
            if let Some(End { seq, .. }) = end {
                list.last = if is_complete { last.max(seq) } else { seq };
                list.next = (!is_complete).then_some(Place::AfterSeq(seq));
            }
        }
    }
    list
}

/// The first or the last entry of a list.
#[derive(Clone)]
struct End {
    seq: i64,
    id: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entries::FeedInfo;
    use crate::store::{Change, EntryKind, Via};

    fn row(seq: i64) -> EntryRow {
        EntryRow {
            seq,
            id: format!("id-{seq}"),
            feed: "blog".to_owned(),
            change: Change::Created,
            via: Via::Poll,
            kind: EntryKind::Entry,
            at: 1000,
            body: "{}".to_owned(),
            raw: None,
            base: None,
            html: None,
            sanitiser: crate::entries::sanitise::VERSION,
        }
    }

    #[test]
    fn the_next_list_begins_behind_the_last_entry_of_a_full_one() {
        let visible = Visible::some([FeedInfo { name: "blog".to_owned(), ..FeedInfo::default() }]);
        let rows = || vec![row(9), row(8), row(7)];
        let list = fit(rows(), &visible, &Place::Newest, 2, 50);
        assert_eq!((list.messages.len(), list.next), (2, Some(Place::BeforeId("id-8".to_owned()))));
        assert_eq!(list.last, 50);
        assert_eq!(fit(rows(), &visible, &Place::Newest, 3, 50).next, None);
        let events = fit(vec![row(7), row(8), row(9)], &visible, &Place::AfterSeq(6), 2, 50);
        assert_eq!((events.next, events.last), (Some(Place::AfterSeq(8)), 8), "a program goes on at last");
        assert_eq!((list.previous, events.previous), (None, None));
        assert_eq!(fit(vec![row(51)], &visible, &Place::AfterSeq(6), 2, 50).last, 51, "an event since then");
        assert_eq!(
            fit(vec![row(51)], &visible, &Place::Newest, 2, 50).last,
            50,
            "another entry may have changed too"
        );
    }

    #[test]
    fn pages_lead_to_newer_entries() {
        let visible = Visible::some([FeedInfo { name: "blog".to_owned(), ..FeedInfo::default() }]);
        let above = |seq: i64| Place::AboveId(format!("id-{seq}"));
        let older = Place::BeforeSeq(10);
        let page = fit(vec![row(9), row(8), row(7)], &visible, &older, 2, 50);
        assert_eq!((page.previous, page.next), (Some(above(9)), Some(Place::BeforeId("id-8".to_owned()))));
        assert_eq!(fit(Vec::new(), &visible, &older, 2, 50).previous, Some(Place::Newest));
        let page = fit(vec![row(7), row(8), row(9)], &visible, &above(6), 2, 50);
        assert_eq!((page.previous, page.next), (Some(above(8)), Some(Place::BeforeId("id-7".to_owned()))));
        assert!(page.messages[0].contains("id-8"), "newest first: {:?}", page.messages);
        assert_eq!(fit(vec![row(7), row(8)], &visible, &above(6), 2, 50).previous, None);
    }
}
