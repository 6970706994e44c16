//! Parses an XML feed: its entries and its metadata. It must not know elements of entries.

use super::list::List;
use super::scan::scan;
use super::tree::{Element, Space};
use super::{Document, ReadError, Reading, base, draft, entry, link};
use crate::entries::sanitise::text;

/// Reads a feed with its newest `most` entries. `None` if the document is not one.
pub(super) fn read(text: &str, document: &Document<'_>, most: usize) -> Option<Result<Reading, ReadError>> {
    let url = document.url;
    let mut list = List::new(most);
    let scanned = scan(text, &base(url), &mut |element| {
        list.add(if element.name == "deleted-entry" {
            entry::tombstone(&element)
        } else {
            entry::read(&element)
        });
    })?;
    if let Some(reason) = scanned.broken.filter(|_| list.is_empty()) {
        return Some(Err(ReadError::Broken(reason)));
    }
    let head = &scanned.head;
    let own = link::self_url(head.iter());
    let authors: Vec<_> =
        head.iter().filter(|element| element.space == Space::Atom && element.name == "author").collect();
    list.each(|draft| {
        // A source that is this feed is none.
        draft.topic.take_if(|topic| Some(&*topic) == own.as_ref() || topic == url.as_str());
        if draft.authors.is_empty() && draft.topic.is_none() {
            authors.iter().for_each(|author| entry::add_person(draft, author));
        }
    });
    Some(Ok(Reading {
        title: title(head),
        site: link::site(head),
        feed: None,
        entries: list.finish(document.fetched),
    }))
}

fn title(head: &[Element]) -> Option<String> {
    let mut titles = head
        .iter()
        .filter(|element| matches!(element.space, Space::Atom | Space::Rss) && element.name == "title");
    titles.find_map(|title| Some(text(&entry::text(title), draft::TITLE)).filter(|text| !text.is_empty()))
}
