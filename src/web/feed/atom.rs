//! A feed in Atom (RFC 4287).
//!
//! Pure; it must not know where items come from.

use super::{Feed, File, Item, Person, Source};
use crate::web::date;

/// The media type.
pub(crate) const TYPE: &str = "application/atom+xml; charset=utf-8";

/// Writes a feed of at most `most` bytes; items that have no room are left out, the first one is not. `updated` is the
/// time of the last change, in milliseconds since 1970.
pub(crate) fn write<'a>(
    feed: &Feed<'_>,
    updated: i64,
    items: impl Iterator<Item = Item<'a>>,
    most: usize,
) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n",
    );
    element(&mut out, "id", "", feed.own);
    element(&mut out, "title", "", feed.title);
    if let Some(subtitle) = feed.subtitle {
        element(&mut out, "subtitle", "", subtitle);
    }
    element(&mut out, "updated", "", &date::write(updated));
    author(&mut out, Person { name: feed.author, url: None });
    if let Some(hub) = feed.hub {
        link(&mut out, "hub", hub);
    }
    link(&mut out, "self", feed.own);
    if let Some(page) = feed.page {
        link(&mut out, "alternate", page);
    }
    const END: &str = "</feed>\n";
    for (at, item) in items.enumerate() {
        let before = out.len();
        write_item(&mut out, &item);
        if at > 0 && out.len() + END.len() > most {
            out.truncate(before);
            break;
        }
    }
    out.push_str(END);
    out
}

fn write_item(out: &mut String, item: &Item<'_>) {
    out.push_str("<entry>\n");
    element(out, "id", "", item.id);
    element(out, "title", "", item.title);
    if let Some(url) = item.url {
        link(out, "alternate", url);
    }
    if let Some(original) = item.original {
        link(out, "via", original);
    }
    if let Some(image) = item.image {
        link(out, "enclosure", image);
    }
    for file in &item.files {
        enclosure(out, file);
    }
    element(out, "published", "", &date::write(item.published));
    element(out, "updated", "", &date::write(item.updated));
    for person in &item.authors {
        author(out, *person);
    }
    for tag in &item.tags {
        out.push_str("<category");
        attribute(out, "term", tag);
        out.push_str("/>\n");
    }
    if let Some(from) = &item.source {
        source(out, from);
    }
    if let Some(summary) = item.summary {
        element(out, "summary", "", summary);
    }
    match (item.html, item.text) {
        (Some(html), _) => element(out, "content", " type=\"html\"", html),
        (None, Some(text)) => element(out, "content", "", text),
        // An entry without content requires a link (RFC 4287, section 4.1.2).
        (None, None) if item.url.is_none() => element(out, "content", "", item.stand_in),
        (None, None) => {}
    }
    out.push_str("</entry>\n");
}

fn source(out: &mut String, source: &Source<'_>) {
    out.push_str("<source>\n");
    if let Some(id) = source.id {
        element(out, "id", "", id);
    }
    element(out, "title", "", source.title);
    if let Some(own) = source.own {
        link(out, "self", own);
    }
    if let Some(page) = source.page {
        link(out, "alternate", page);
    }
    out.push_str("</source>\n");
}

fn author(out: &mut String, person: Person<'_>) {
    out.push_str("<author>\n");
    element(out, "name", "", person.name);
    if let Some(url) = person.url {
        element(out, "uri", "", url);
    }
    out.push_str("</author>\n");
}

fn link(out: &mut String, relation: &str, url: &str) {
    out.push_str("<link");
    attribute(out, "rel", relation);
    attribute(out, "href", url);
    out.push_str("/>\n");
}

fn enclosure(out: &mut String, file: &File<'_>) {
    out.push_str("<link");
    attribute(out, "rel", "enclosure");
    attribute(out, "href", file.url);
    if let Some(kind) = file.kind {
        attribute(out, "type", kind);
    }
    if let Some(length) = file.length {
        attribute(out, "length", &length.to_string());
    }
    out.push_str("/>\n");
}

fn attribute(out: &mut String, name: &str, value: &str) {
    for part in [" ", name, "=\""] {
        out.push_str(part);
    }
    escape(out, value);
    out.push('"');
}

fn element(out: &mut String, name: &str, attributes: &str, text: &str) {
    for part in ["<", name, attributes, ">"] {
        out.push_str(part);
    }
    escape(out, text);
    for part in ["</", name, ">\n"] {
        out.push_str(part);
    }
}

/// Appends a text without the characters that XML forbids.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // `]]>` must not appear in text.
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
}
