//! Reads a list of entries from the store: those of the visible feeds, within a limit of entries and of bytes, with the
//! place where the next list begins.
//!
//! It must not know how lists are shown.

use super::feeds::Visible;
use super::query::Place;
use crate::entries;
use crate::store::{self, EntryQuery, EntryRow, Store};

/// Bytes of the messages of one list. Behind them the list ends early.
const BYTES: usize = 2 * 1024 * 1024;

/// Entries in their order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Their messages, as JSON.
    pub(super) messages: Vec<String>,
    /// Their rows, in the same order.
    pub(super) rows: Vec<EntryRow>,
    /// Where the next list begins, if there is more.
    pub(super) next: Option<Place>,
    /// Every event up to this number is in this list, or in one before or behind it.
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
    // Before the entries: an event in between is then asked for again, and not missed.
    let last = store.last_seq().await?;
    let feeds = feed.map_or_else(|| visible.names().to_vec(), |feed| vec![feed.to_owned()]);
    if feeds.is_empty() {
        return Ok(Listing { last, ..Listing::default() });
    }
    let query = EntryQuery { feeds, from: from.entries(), most: most.saturating_add(1) };
    let rows = store.entries(&query).await?;
    Ok(fit(rows, visible, from, most, last))
}

/// The messages of as many rows as fit. `rows` has one more than `most` if there are more.
fn fit(rows: Vec<EntryRow>, visible: &Visible, from: &Place, most: u32, last: i64) -> Listing {
    let mut list = Listing { last, ..Listing::default() };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut bytes = 0;
    let mut end = None;
    let mut is_complete = true;
    for row in rows {
        if list.rows.len() == most || (bytes > BYTES && !list.rows.is_empty()) {
            is_complete = false;
            break;
        }
        end = Some(match from {
            Place::AfterSeq(_) => Place::AfterSeq(row.seq),
            _ => Place::BeforeId(row.id.clone()),
        });
        // A feed that was removed a moment ago.
        let Some(info) = visible.get(&row.feed) else { continue };
        let message = entries::message(&row, info);
        bytes += message.len();
        list.messages.push(message);
        list.rows.push(row);
    }
    list.next = end.filter(|_| !is_complete);
    if let (Some(Place::AfterSeq(seq)), Place::AfterSeq(_)) = (&list.next, from) {
        list.last = *seq;
    }
    list
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
        assert_eq!((list.rows.len(), list.next), (2, Some(Place::BeforeId("id-8".to_owned()))));
        assert_eq!(list.last, 50);
        assert_eq!(fit(rows(), &visible, &Place::Newest, 3, 50).next, None);
        let events = fit(vec![row(7), row(8), row(9)], &visible, &Place::AfterSeq(6), 2, 50);
        assert_eq!((events.next, events.last), (Some(Place::AfterSeq(8)), 8), "a program goes on at last");
    }
}
