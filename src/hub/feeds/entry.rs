//! The data of a publication as an entry of a feed: known fields of an object, or JSON as text.
//!
//! Pure; it must not know formats of feeds.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Kept, html, text};
use crate::web::date;

/// Maximum characters of a title, and of a title that is derived from the content.
const TITLE: usize = 500;
const MADE_TITLE: usize = 80;
/// Characters of the longest name of an author.
const NAME: usize = 200;
/// The fields of an object that make it an entry.
const FIELDS: [&str; 10] =
    ["id", "title", "url", "summary", "content", "html", "published", "updated", "author", "image"];

/// An entry. Its texts contain no character that XML forbids, and its URLs are absolute `http` or `https` URLs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The number of the message in its channel's history.
    pub(super) number: u64,
    /// When it was published, in milliseconds since 1970.
    pub(super) at: i64,
    /// Bytes of the data.
    pub(super) size: usize,
    /// An IRI: the publisher's, or one derived from the channel and the identity of the message in it.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) url: Option<String>,
    pub(super) summary: Option<String>,
    /// Plain text.
    pub(super) content: Option<String>,
    /// Sanitised HTML.
    pub(super) html: Option<String>,
    pub(super) published: i64,
    pub(super) updated: i64,
    pub(super) author: Option<Author>,
    pub(super) image: Option<String>,
}

/// The author of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Author {
    pub(super) name: String,
    pub(super) url: Option<String>,
}

/// The fields of an object, unparsed.
type Object<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

impl Entry {
    /// Creates an entry from a message. `scope` identifies the channel among all channels of all servers.
    pub(super) fn new(message: &Kept, scope: &str) -> Self {
        let data = std::str::from_utf8(&message.data).unwrap_or_default();
        let object: Option<Object<'_>> = serde_json::from_str(data).ok();
        let mut entry = match object.filter(|object| FIELDS.iter().any(|field| is_set(object, field))) {
            Some(object) => Self::of_object(&object, message, scope),
            None => Self::of_json(data, message, scope),
        };
        if entry.title.is_empty() {
            entry.title = entry.made_title();
        }
        entry
    }

    fn empty(message: &Kept, scope: &str) -> Self {
        Self {
            number: message.number,
            at: message.at,
            size: message.data.len(),
            id: made_id(scope, "message", &format!("{} {}", message.number, message.at)),
            title: String::new(),
            url: None,
            summary: None,
            content: None,
            html: None,
            published: message.at,
            updated: message.at,
            author: None,
            image: None,
        }
    }

    fn of_json(data: &str, message: &Kept, scope: &str) -> Self {
        let string: Option<String> = serde_json::from_str(data).ok();
        let title = text::line(string.as_deref().unwrap_or(data), MADE_TITLE);
        Self { title, content: Some(text::lines(data)), ..Self::empty(message, scope) }
    }

    fn of_object(object: &Object<'_>, message: &Kept, scope: &str) -> Self {
        let string = |field| string(object, field).filter(|text| !text.trim().is_empty());
        let url = |field| string(field).and_then(|text| text::web_url(&text));
        let mut entry = Self::empty(message, scope);
        if let Some(id) = string("id").or_else(|| number(object, "id")) {
            let id = id.trim();
            entry.id = text::iri(id).map_or_else(|| made_id(scope, "id", id), str::to_owned);
        }
        entry.url = url("url");
        entry.image = url("image");
        entry.title = string("title").map(|title| text::line(&title, TITLE)).unwrap_or_default();
        entry.summary = string("summary").map(|summary| text::lines(&summary));
        entry.content = string("content").map(|content| text::lines(&content));
        let base = entry.url.as_deref();
        entry.html = string("html").map(|html| text::lines(&html::sanitise(&html, base)));
        entry.author = author(object);
        let (published, updated) = (time(object, "published"), time(object, "updated"));
        entry.updated = updated.or(published).unwrap_or(message.at);
        entry.published = published.unwrap_or_else(|| message.at.min(entry.updated));
        entry
    }

    /// Returns the start of the content; empty without content.
    fn made_title(&self) -> String {
        let from = self.summary.as_deref().or(self.content.as_deref()).map(Cow::Borrowed);
        let from = from.or_else(|| self.html.as_deref().map(|html| html::text(html).into()));
        let from = from.filter(|text| !text.trim().is_empty());
        text::line(&from.or(self.url.as_deref().map(Cow::Borrowed)).unwrap_or_default(), MADE_TITLE)
    }

    /// Returns the text of an entry that has no content.
    pub(super) fn text(&self) -> &str {
        self.summary.as_deref().unwrap_or(&self.title)
    }
}

fn is_set(object: &Object<'_>, field: &str) -> bool {
    object.get(field).is_some_and(|value| value.get() != "null")
}

fn string(object: &Object<'_>, field: &str) -> Option<String> {
    serde_json::from_str(object.get(field)?.get()).ok()
}

/// Returns a number as it is written.
fn number(object: &Object<'_>, field: &str) -> Option<String> {
    let text = object.get(field)?.get();
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then(|| text.to_owned())
}

fn time(object: &Object<'_>, field: &str) -> Option<i64> {
    match string(object, field) {
        Some(text) => date::parse(&text),
        None => date::of_number(number(object, field)?.parse().ok()?),
    }
}

/// An author is a name, or an object with `name` and `url`.
fn author(object: &Object<'_>) -> Option<Author> {
    let name = |name: String| Some(text::line(&name, NAME)).filter(|name| !name.is_empty());
    if let Some(text) = string(object, "author") {
        return Some(Author { name: name(text)?, url: None });
    }
    let parts: Object<'_> = serde_json::from_str(object.get("author")?.get()).ok()?;
    let url = string(&parts, "url").and_then(|url| text::web_url(&url));
    Some(Author { name: name(string(&parts, "name")?)?, url })
}

/// Derives a UUID (RFC 9562, version 8) from an identifier within a scope.
fn made_id(scope: &str, kind: &str, identifier: &str) -> String {
    let mut hash = Sha256::new();
    for part in [scope, kind, identifier] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes: [u8; 16] = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_764_471_845_000;

    fn entry(data: &str) -> Entry {
        let message = Kept { number: 7, at: AT, data: data.to_owned().into() };
        Entry::new(&message, "https://a.example /news")
    }

    #[test]
    fn the_known_fields_of_an_object_are_taken() {
        let entry = entry(
            r#"{"id":"urn:x:1","title":" A\n title ","url":"https://a.example/1","summary":"s","content":"c",
            "html":"<p>h<script>x</script>","published":"2026-01-02T03:04:05Z","updated":"2026-01-03","author":"Ann",
            "image":"https://a.example/1.png","other":1}"#,
        );
        let expected = Entry {
            number: 7,
            at: AT,
            size: entry.size,
            id: "urn:x:1".into(),
            title: "A title".into(),
            url: Some("https://a.example/1".into()),
            summary: Some("s".into()),
            content: Some("c".into()),
            html: Some("<p>h</p>".into()),
            published: date::parse("2026-01-02T03:04:05Z").unwrap(),
            updated: date::parse("2026-01-03").unwrap(),
            author: Some(Author { name: "Ann".into(), url: None }),
            image: Some("https://a.example/1.png".into()),
        };
        assert_eq!(entry, expected);
    }

    #[test]
    fn anything_else_is_json_text_with_a_title_made_of_it() {
        let long = format!("{{\"a\":\"{}\"}}", "word ".repeat(40));
        for (data, title, content) in [
            ("\"hello \\u0000 world\"", "hello world", "\"hello \\u0000 world\""),
            ("7", "7", "7"),
            ("null", "null", "null"),
            ("[1, 2]", "[1, 2]", "[1, 2]"),
            ("{\"a\":1}", "{\"a\":1}", "{\"a\":1}"),
            ("{\"title\":null}", "{\"title\":null}", "{\"title\":null}"),
            ("{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800\"}"),
        ] {
            let entry = entry(data);
            assert_eq!((entry.title.as_str(), entry.content.as_deref()), (title, Some(content)), "{data}");
            assert!(entry.html.is_none() && entry.url.is_none(), "{data}");
        }
        let entry = entry(&long);
        assert!(entry.title.ends_with('…') && entry.title.chars().count() <= MADE_TITLE, "{}", entry.title);
        assert_eq!(entry.content.as_deref(), Some(long.as_str()));
    }

    #[test]
    fn values_that_cannot_be_used_are_left_out() {
        let entry = entry(
            r#"{"title":["x"],"url":"javascript:alert(1)","image":"data:x","published":"soon","updated":{},"author":7,
            "content":"text","summary":"\ud800"}"#,
        );
        assert_eq!(entry.url, None);
        assert_eq!(entry.image, None);
        assert_eq!(entry.author, None);
        assert_eq!(entry.summary, None);
        assert_eq!((entry.published, entry.updated), (AT, AT));
        assert_eq!(entry.title, "text", "made of the content");
    }

    #[test]
    fn dates_that_are_missing_follow_from_the_others() {
        let dates = |data| {
            let entry = entry(data);
            (entry.published, entry.updated)
        };
        let early = date::parse("2020-01-01").unwrap();
        let late = date::parse("2030-01-01").unwrap();
        assert_eq!(dates(r#"{"title":"a"}"#), (AT, AT));
        assert_eq!(dates(r#"{"published":"2020-01-01"}"#), (early, early));
        assert_eq!(dates(r#"{"updated":"2020-01-01"}"#), (early, early));
        assert_eq!(dates(r#"{"updated":"2030-01-01"}"#), (AT, late));
        assert_eq!(dates(r#"{"published":1577836800,"updated":1577836800000}"#), (early, early));
    }

    #[test]
    fn identifiers_are_stable_and_belong_to_one_channel_of_one_server() {
        let id = |data: &str, number, at, scope| {
            Entry::new(&Kept { number, at, data: data.to_owned().into() }, scope).id
        };
        assert_eq!(id("1", 1, AT, "a"), id("2", 1, AT, "a"), "the same message");
        assert_ne!(id("1", 1, AT, "a"), id("1", 2, AT, "a"));
        assert_ne!(id("1", 1, AT, "a"), id("1", 1, AT + 1, "a"), "after a restart numbers begin again");
        assert_ne!(id("1", 1, AT, "a"), id("1", 1, AT, "b"));
        let named = r#"{"id":42}"#;
        assert_eq!(id(named, 1, AT, "a"), id(r#"{"id":"42","title":"new"}"#, 9, AT + 5, "a"));
        assert_ne!(id(named, 1, AT, "a"), id(named, 1, AT, "b"));
        let made = id("1", 1, AT, "a");
        assert!(made.starts_with("urn:uuid:") && made.len() == 45 && &made[23..24] == "8", "{made}");
        for bad in ["javascript:alert(1)", "a b", "x"] {
            assert!(id(&format!("{{\"id\":\"{bad}\"}}"), 1, AT, "a").starts_with("urn:uuid:"), "{bad}");
        }
    }
}
