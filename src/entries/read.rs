//! Parses the entries of a document: a feed of any format, or a web page.
//!
//! `decode` converts bytes to text; `xml`, `json` and `page` parse documents; `scan` iterates over XML and returns
//! entries as trees (`tree`), which `entry`, `link` and `media` interpret; `list` identifies and orders drafts, and
//! `draft` completes them. Pure; it must not know the followers of a feed.
//!
//! This module does not use `feed-rs`, which panics on some names and durations (3.0.0), reads nothing of Atom 0.3 and
//! of feeds with one unexpected element, and loses all entries of a feed that is not well-formed.

mod date;
mod decode;
mod draft;
mod entry;
mod fingerprint;
mod json;
mod link;
mod list;
mod markup;
mod media;
mod page;
mod scan;
mod tree;
mod xml;

use std::time::SystemTime;

use url::Url;

use crate::store::EntryKind;
use crate::web::sniff::Kind;

/// Entries of a document that is followed.
const MOST: usize = 500;
/// Bytes of a document that are searched for the root of a feed.
const OUTPUT: usize = 4096;

/// A document from the web.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The URL; relative links are resolved against it.
    pub url: &'a Url,
    /// The value of `Content-Type`. Feeds often have a wrong one.
    pub content_type: Option<&'a str>,
    /// The content, without content coding.
    pub body: &'a [u8],
    /// When it was fetched. An entry date with this time for each entry is meaningless.
    pub fetched: SystemTime,
}

/// The content of a document.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The title of the feed or page, as text.
    pub title: Option<String>,
    /// The page that the feed is about.
    pub site: Option<String>,
    /// The feed that a page names in its head.
    pub feed: Option<String>,
    /// The newest entries, oldest first. A web page is one entry.
    pub entries: Vec<Found>,
}

/// An entry of a document.
#[derive(Debug, Clone)]
pub struct Found {
    /// The identity within its feed: its id (with its link, if the document has the id for several links), or else a
    /// hash of its link and the date of publication, or else of title, date and content. A date that is the time of the
    /// fetch for all entries does not count.
    pub key: String,
    /// The kind.
    pub kind: EntryKind,
    /// Whether it is a tombstone (RFC 6721). Then only `key` and `updated` count.
    pub is_deleted: bool,
    /// SHA-256 of the displayed content: title, link, summary, content and media, with white space folded.
    pub fingerprint: [u8; 32],
    /// Milliseconds since 1970; `None` without a valid date. It may be in the future.
    pub updated: Option<i64>,
    /// Milliseconds since 1970.
    pub published: Option<i64>,
    /// The self link of the source feed, if it is another one (`atom:source`).
    pub topic: Option<String>,
    /// The entry as a JSON object without `id` and `html`: `guid`, `url`, `title`, `summary` (text, 280 characters),
    /// `published`, `updated` (RFC 3339, UTC), `authors`, `tags`, `media` (`url`, `type`, `length`). Missing values are
    /// omitted.
    pub body: serde_json::Map<String, serde_json::Value>,
    /// The content as the feed has it, as HTML, cut at 256 KiB.
    pub raw: Option<String>,
    /// The URL to which its links are relative.
    pub base: Option<String>,
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A feed that no parser accepts.
    #[error("the feed cannot be parsed: {0}")]
    Broken(String),
    /// It has no content.
    #[error("the document is empty")]
    Empty,
    /// It has a format of feeds, and is none.
    #[error("the document is {0}, and cannot be read as a feed")]
    Foreign(&'static str),
}

/// Parses a document. From a feed that is not well-formed it returns the readable entries.
///
/// # Errors
/// The reason why it cannot be parsed. HTML, and a document of a type that feeds do not have, is a web page and never
/// an error.
pub fn read(document: &Document<'_>) -> Result<Reading, ReadError> {
    read_most(document, MOST)
}

/// Same as [`read`], with the newest `most` entries.
///
/// # Errors
/// Those of [`read`].
pub(super) fn read_most(document: &Document<'_>, most: usize) -> Result<Reading, ReadError> {
    let decoded = decode::read(document.body, document.content_type);
    let text = decoded.text.trim_start();
    if text.is_empty() {
        return Err(ReadError::Empty);
    }
    let is_xml = |kind: &&str| kind.to_ascii_lowercase().contains("xml");
    let feed = match decoded.kind {
        Kind::Json => json::read(text, document, most),
        Kind::Xml => xml::read(text, document, most),
        Kind::Html | Kind::Other => None,
    };
    let feed = feed.or_else(|| {
        document.content_type.filter(is_xml).and_then(|_| xml::read(behind_output(text)?, document, most))
    });
    if let Some(feed) = feed {
        return feed;
    }
    match feed_format(document.content_type, decoded.kind, text) {
        Some(format) => Err(ReadError::Foreign(format)),
        None => Ok(page::read(document, (decoded.kind == Kind::Html).then_some(text))),
    }
}

/// Returns the base URL for links of a feed. It has no query, which may contain a token that a link such as `#part`
/// would repeat.
fn base(url: &Url) -> Url {
    let mut base = url.clone();
    base.set_query(None);
    base
}

/// Returns the format of a document that must be a feed by its type, or by its XML declaration without a specific type.
fn feed_format(content_type: Option<&str>, kind: Kind, text: &str) -> Option<&'static str> {
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let is_xml = |essence: &str| essence.ends_with("/xml") || essence.ends_with("+xml");
    match essence.as_str() {
        // Web servers send error pages with the type of the feed.
        _ if kind == Kind::Html => None,
        "application/feed+json" => Some("JSON"),
        "application/xhtml+xml" => None,
        image if image.starts_with("image/") => None,
        xml if is_xml(xml) => Some("XML"),
        "" | "text/plain" | "application/octet-stream" => text.starts_with("<?xml").then_some("XML"),
        _ => None,
    }
}

/// Returns the feed after warnings of a program at the start of a document.
fn behind_output(text: &str) -> Option<&str> {
    let start = &text[..text.floor_char_boundary(OUTPUT)];
    let starts = ["<?xml", "<rss", "<feed", "<rdf:RDF"].into_iter().filter_map(|root| start.find(root));
    starts.min().map(|at| &text[at..])
}

#[cfg(test)]
mod tests;
