//! The message of an entry for channels, lists and streams: `{ type, kind, via, seq, feed: { name, title, url, topic },
//! entry: { id, …, html } }`.
//!
//! It must not know how messages are sent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::sanitise;
use crate::store::{Change, EntryRow};
use crate::web::{date, urls};

/// The feed data in messages.
#[derive(Debug, Clone, Default)]
pub struct FeedInfo {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// The web page of the feed.
    pub site: Option<String>,
    /// Its topic. Messages have it unless it may have a password or token.
    pub topic: Option<String>,
}

/// A message; the order of the fields is that on the wire.
#[derive(Serialize)]
struct Message<'a> {
    r#type: &'static str,
    kind: &'static str,
    via: &'static str,
    seq: i64,
    feed: Feed<'a>,
    entry: Entry<'a>,
}

#[derive(Serialize)]
struct Feed<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Entry<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    guid: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authors: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<&'a RawValue>,
}

/// The stored part of an entry. Values are passed on as they are.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    guid: Option<&'a RawValue>,
    #[serde(borrow)]
    url: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    truncated: bool,
    #[serde(borrow)]
    published: Option<&'a RawValue>,
    #[serde(borrow)]
    updated: Option<&'a RawValue>,
    #[serde(borrow)]
    authors: Option<&'a RawValue>,
    #[serde(borrow)]
    tags: Option<&'a RawValue>,
    #[serde(borrow)]
    media: Option<&'a RawValue>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Returns the message of an entry as JSON. The message of a deleted entry only identifies it.
#[must_use]
pub fn message(row: &EntryRow, feed: &FeedInfo) -> String {
    let is_deleted = row.change == Change::Deleted;
    let body: Body<'_> = serde_json::from_str(&row.body).unwrap_or_default();
    let content = if is_deleted { Content::default() } else { content(row, body.truncated) };
    let entry = if is_deleted {
        Entry { id: &row.id, guid: body.guid, ..Entry::default() }
    } else {
        Entry {
            id: &row.id,
            guid: body.guid,
            url: body.url,
            title: body.title,
            summary: body.summary,
            html: content.html.as_deref(),
            truncated: content.is_truncated,
            published: body.published,
            updated: body.updated,
            at: Some(date::write_milliseconds(row.at)),
            authors: body.authors,
            tags: body.tags,
            media: body.media,
        }
    };
    let message = Message {
        r#type: row.change.name(),
        kind: row.kind.name(),
        via: row.via.name(),
        seq: row.seq,
        feed: Feed {
            name: &feed.name,
            title: feed.title.as_deref(),
            url: feed.site.as_deref(),
            topic: feed.topic.as_deref().filter(|topic| urls::is_shown(topic)),
        },
        entry,
    };
    // Texts and numbers are always JSON.
    serde_json::to_string(&message).unwrap_or_default()
}

/// The content of an entry for readers.
#[derive(Debug, Default)]
struct Content<'a> {
    /// It, sanitised by the rules of this version.
    html: Option<Cow<'a, str>>,
    /// Whether the content was truncated.
    is_truncated: bool,
}

/// Returns the content of an entry; sanitizes it again if the rules have changed since.
#[must_use]
fn content(row: &EntryRow, is_truncated: bool) -> Content<'_> {
    let raw = row.raw.as_deref().filter(|_| row.sanitiser != sanitise::VERSION);
    match raw {
        Some(raw) => {
            let clean = sanitise::clean(raw, row.base.as_deref());
            let html = Some(clean.html).filter(|html| !html.is_empty()).map(Cow::Owned);
            Content { html, is_truncated: clean.is_truncated }
        }
        None => Content { html: row.html.as_deref().map(Cow::Borrowed), is_truncated },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::store::{EntryKind, Via};

    fn feed() -> FeedInfo {
        FeedInfo {
            name: "blog".to_owned(),
            title: Some("A \"blog\"".to_owned()),
            site: Some("https://a.example/".to_owned()),
            topic: Some("https://a.example/feed".to_owned()),
        }
    }

    fn row() -> EntryRow {
        EntryRow {
            seq: 1234,
            id: "019b0000-0000-7000-8000-000000000001".to_owned(),
            feed: "blog".to_owned(),
            change: Change::Created,
            via: Via::Push,
            kind: EntryKind::Entry,
            at: 1_764_471_845_000,
            body: r#"{"authors":["chimo"],"guid":"tag:a.example,2015:42","media":[{"url":"https://a.example/a.jpg","type":"image/jpeg","length":12345}],"published":"2025-11-30T03:04:05Z","summary":"plain","tags":["push"],"title":"Lifestream <Architecture>","updated":"2025-11-30T03:04:06Z","url":"https://a.example/p/42"}"#.to_owned(),
            raw: None,
            base: None,
            html: Some("<p>x</p>".to_owned()),
            sanitiser: sanitise::VERSION,
        }
    }

    #[test]
    fn a_message_has_all_fields_in_their_order() {
        assert_eq!(
            message(&row(), &feed()),
            concat!(
                r#"{"type":"created","kind":"entry","via":"push","seq":1234,"#,
                r#""feed":{"name":"blog","title":"A \"blog\"","url":"https://a.example/","topic":"https://a.example/feed"},"#,
                r#""entry":{"id":"019b0000-0000-7000-8000-000000000001","guid":"tag:a.example,2015:42","#,
                r#""url":"https://a.example/p/42","title":"Lifestream <Architecture>","summary":"plain","html":"<p>x</p>","#,
                r#""published":"2025-11-30T03:04:05Z","updated":"2025-11-30T03:04:06Z","at":"2025-11-30T03:04:05.000Z","#,
                r#""authors":["chimo"],"tags":["push"],"#,
                r#""media":[{"url":"https://a.example/a.jpg","type":"image/jpeg","length":12345}]}}"#
            )
        );
    }

    #[test]
    fn a_topic_that_may_have_a_token_is_left_out() {
        let topic = |topic: &str| {
            let feed = FeedInfo { topic: Some(topic.to_owned()), ..feed() };
            let message: Value = serde_json::from_str(&message(&row(), &feed)).unwrap();
            message["feed"].get("topic").map(ToString::to_string)
        };
        for secret in [
            "https://a.example/feed?token=hidden",
            "https://ana:hidden@a.example/feed",
            "https://ana@a.example/feed",
            "https://a.example/feed?",
            "hidden",
        ] {
            assert_eq!(topic(secret), None, "{secret}");
        }
        assert_eq!(topic("https://a.example/@ana/feed").as_deref(), Some("\"https://a.example/@ana/feed\""));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let row = EntryRow {
            change: Change::Updated,
            via: Via::Backfill,
            kind: EntryKind::Page,
            body: r#"{"guid":"g"}"#.to_owned(),
            html: None,
            ..row()
        };
        let feed = FeedInfo { name: "blog".to_owned(), ..FeedInfo::default() };
        assert_eq!(
            message(&row, &feed),
            r#"{"type":"updated","kind":"page","via":"backfill","seq":1234,"feed":{"name":"blog"},"entry":{"id":"019b0000-0000-7000-8000-000000000001","guid":"g","at":"2025-11-30T03:04:05.000Z"}}"#
        );
        let broken = EntryRow { body: "{".to_owned(), ..row };
        assert!(message(&broken, &feed).contains(r#""entry":{"id":"019b"#));
    }

    #[test]
    fn a_deleted_entry_is_named_only() {
        let row = EntryRow { change: Change::Deleted, raw: Some("<p>x".to_owned()), sanitiser: 0, ..row() };
        let message: Value = serde_json::from_str(&message(&row, &feed())).unwrap();
        assert_eq!(message["type"], "deleted");
        assert_eq!(
            message["entry"].to_string(),
            r#"{"guid":"tag:a.example,2015:42","id":"019b0000-0000-7000-8000-000000000001"}"#
        );
    }

    #[test]
    fn content_of_older_rules_is_cleaned_again() {
        let raw = Some("<h1 onclick=x>a</h1><a href=b>c</a>".to_owned());
        let base = Some("https://a.example/d/".to_owned());
        let old = EntryRow { raw, base, sanitiser: sanitise::VERSION - 1, ..row() };
        let html = |row: &EntryRow| {
            let message: Value = serde_json::from_str(&message(row, &feed())).unwrap();
            message["entry"].clone()
        };
        let link = "<a href=\"https://a.example/d/b\" rel=\"nofollow ugc noopener noreferrer\">c</a>";
        assert_eq!(html(&old)["html"], format!("<h3>a</h3>{link}"));
        assert_eq!(html(&EntryRow { sanitiser: sanitise::VERSION, ..old.clone() })["html"], "<p>x</p>");
        assert_eq!(html(&EntryRow { raw: None, ..old.clone() })["html"], "<p>x</p>");
        let long = html(&EntryRow { raw: Some("x".repeat(100_000)), ..old.clone() });
        assert_eq!(long["truncated"], true);
        let gone = html(&EntryRow { raw: Some("<script>x</script>".to_owned()), ..old });
        assert!(gone.get("html").is_none() && gone.get("truncated").is_none());
    }

    #[test]
    fn a_cut_is_remembered_in_the_body() {
        let row = EntryRow { body: r#"{"guid":"g","truncated":true}"#.to_owned(), ..row() };
        assert!(message(&row, &feed()).contains(r#""html":"<p>x</p>","truncated":true,"at":"#));
    }
}
