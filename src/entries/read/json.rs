//! Parses a JSON Feed (versions 1 and 1.1). A field of a wrong type counts as missing, and invalid items are ignored.
//! It must not know XML.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use url::Url;

use super::draft::{self, Draft};
use super::list::List;
use super::media::resolve;
use super::{Document, ReadError, Reading, base, date, entry, markup};
use crate::entries::sanitise;

/// Maximum number of authors, of tags and of attachments of an item.
const MOST: usize = 64;

/// Reads a feed with its newest `most` entries. `None` if the document is not one.
pub(super) fn read(text: &str, document: &Document<'_>, most: usize) -> Option<Result<Reading, ReadError>> {
    let feed = match serde_json::from_str::<HashMap<String, &RawValue>>(text) {
        Ok(feed) => feed,
        // A truncated document still has its version.
        Err(error) if text.contains("jsonfeed.org/version/") => {
            return Some(Err(ReadError::Broken(error.to_string())));
        }
        Err(_) => return None,
    };
    let field = |name: &str| feed.get(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let is_feed = field("version").is_some_and(|version| {
        version.as_str().is_some_and(|version| version.contains("jsonfeed.org/version/"))
    });
    let items = feed.get("items").map(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()));
    let items = match items {
        _ if !is_feed => return None,
        Some(Ok(items)) => items,
        Some(Err(error)) => return Some(Err(ReadError::Broken(format!("items: {error}")))),
        None => Vec::new(),
    };
    let base = Rc::new(base(document.url));
    let mut list = List::new(most);
    for item in items {
        if let Ok(item) = serde_json::from_str(item.get()) {
            list.add(read_item(&item, &base));
        }
    }
    let authors = names(field("authors").as_ref(), field("author").as_ref());
    list.each(|draft| {
        if draft.authors.is_empty() {
            authors.iter().for_each(|name| draft.add_author(name));
        }
    });
    let title =
        field("title").as_ref().and_then(scalar).map(|title| sanitise::text(&escaped(&title), draft::TITLE));
    Some(Ok(Reading {
        title: title.filter(|title| !title.is_empty()),
        site: field("home_page_url").and_then(|site| resolve(&base, site.as_str()?)),
        feed: None,
        entries: list.finish(document.fetched),
    }))
}

fn read_item(item: &Map<String, Value>, base: &Rc<Url>) -> Draft {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let mut draft = Draft::new(base.clone());
    match item.get("id") {
        None | Some(Value::Null) => {}
        Some(Value::String(id)) => draft.set_id(id),
        Some(other) => draft.set_id(&other.to_string()),
    }
    draft.url = ["url", "external_url"].into_iter().find_map(|name| resolve(base, text(name)?));
    draft.title = item.get("title").and_then(scalar).map(|title| escaped(&title));
    draft.summary = text("summary").map(escaped);
    let html = text("content_html").filter(|html| !html.trim().is_empty());
    draft.content = html.map(str::to_owned).or_else(|| text("content_text").map(entry::lines));
    draft.published = text("date_published").and_then(date::parse);
    draft.updated = text("date_modified").and_then(date::parse);
    for name in names(item.get("authors"), item.get("author")) {
        draft.add_author(&name);
    }
    for tag in list(item.get("tags")).filter_map(scalar) {
        draft.add_tag(&escaped(&tag));
    }
    for attachment in list(item.get("attachments")) {
        let text = |name: &str| attachment.get(name).and_then(Value::as_str);
        let length = attachment.get("size_in_bytes").and_then(Value::as_f64).filter(|size| *size >= 1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
        let length = length.map(|length| length as u64);
        if let Some(url) = text("url") {
            draft.media.add(base, url, text("mime_type"), length);
        }
    }
    for name in ["image", "banner_image"] {
        if let Some(image) = text(name) {
            draft.media.add_cover(base, image);
        }
    }
    draft
}

/// Returns the names of authors, in version 1.1 and before, as HTML.
fn names(authors: Option<&Value>, author: Option<&Value>) -> Vec<String> {
    let names = list(authors).chain(author).filter_map(|author| match author {
        Value::String(name) => Some(escaped(name)),
        author => author.get("name").and_then(Value::as_str).map(escaped),
    });
    names.collect()
}

/// Returns the values of a list, or a single value.
fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (many, one) = match value {
        Some(Value::Array(values)) => (values.as_slice(), None),
        Some(Value::Null) | None => (&[][..], None),
        Some(other) => (&[][..], Some(other)),
    };
    many.iter().chain(one).take(MOST)
}

/// Returns a text or number as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    markup::escape(&mut out, text);
    out
}
