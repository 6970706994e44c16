//! A parsed entry before it is completed for the store: texts are truncated and cleaned, and the displayed content is
//! hashed. It must not know the format of the feed.

use std::rc::Rc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use super::Found;
use super::fingerprint::Fingerprint;
use super::media::Media;
use crate::entries::sanitise::text;
use crate::store::EntryKind;
use crate::web::date;

/// Characters of a title, a summary, a name and a tag.
pub(super) const TITLE: usize = 512;
const SUMMARY: usize = 280;
const NAME: usize = 128;
/// Authors and tags of an entry.
const AUTHORS: usize = 10;
const TAGS: usize = 20;
/// Bytes of the content.
const CONTENT: usize = 256 * 1024;
/// Maximum bytes of an id that is stored unchanged.
const ID: usize = 512;

/// An entry.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The id in the feed.
    pub(super) id: Option<String>,
    pub(super) is_deleted: bool,
    pub(super) url: Option<String>,
    /// Texts are HTML.
    pub(super) title: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) content: Option<String>,
    /// The URL to which links of the content are relative.
    pub(super) base: Rc<Url>,
    pub(super) published: Option<i64>,
    pub(super) updated: Option<i64>,
    pub(super) authors: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) media: Media,
    pub(super) topic: Option<String>,
}

impl Draft {
    pub(super) fn new(base: Rc<Url>) -> Self {
        Self {
            id: None,
            is_deleted: false,
            url: None,
            title: None,
            summary: None,
            content: None,
            base,
            published: None,
            updated: None,
            authors: Vec::new(),
            tags: Vec::new(),
            media: Media::default(),
            topic: None,
        }
    }

    /// Returns the date of publication, or else of the last change.
    pub(super) fn date(&self) -> Option<i64> {
        self.published.or(self.updated)
    }

    pub(super) fn add_author(&mut self, name: &str) {
        add(&mut self.authors, name, AUTHORS);
    }

    pub(super) fn add_tag(&mut self, tag: &str) {
        add(&mut self.tags, tag, TAGS);
    }

    /// Sets the id unless it is set.
    pub(super) fn set_id(&mut self, id: &str) {
        let id = id.trim();
        if self.id.is_none() && !id.is_empty() {
            self.id = Some(id.to_owned());
        }
    }

    /// Truncates long values and derives the missing ones. Returns `None` if there is nothing to display.
    pub(super) fn settle(mut self) -> Option<Self> {
        let texts = [&mut self.title, &mut self.summary, &mut self.content];
        for text in texts {
            if let Some(html) = text {
                html.truncate(html.floor_char_boundary(CONTENT));
            }
            text.take_if(|html| html.trim().is_empty());
        }
        if self.is_deleted {
            return self.id.is_some().then_some(self);
        }
        if self.content.is_none() {
            self.content = self.summary.take();
        }
        if let Some(content) = &self.content {
            self.media.add_first_image(&self.base, content);
        }
        let is_empty =
            self.id.is_none() && self.url.is_none() && self.title.is_none() && self.content.is_none();
        (!is_empty).then_some(self)
    }

    /// Returns a hash of texts as an id.
    pub(super) fn hashed<'a>(kind: &str, parts: impl IntoIterator<Item = &'a str>) -> String {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        format!("{kind}:{}", data_encoding::HEXLOWER.encode(&hash.finalize()))
    }

    /// Returns an id of a bounded length.
    pub(super) fn bounded(id: &str) -> String {
        if id.len() <= ID { id.to_owned() } else { Self::hashed("sha256", [id]) }
    }

    pub(super) fn finish(self, key: String) -> Found {
        let base = Some(self.base.as_str().to_owned());
        let mut body = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        let shown =
            |html: &Option<String>, most| Some(text(html.as_ref()?, most)).filter(|text| !text.is_empty());
        put("guid", self.id.as_deref().map(|id| Self::bounded(id).into()));
        if self.is_deleted {
            return Found {
                key,
                kind: EntryKind::Entry,
                is_deleted: true,
                fingerprint: [0; 32],
                updated: self.updated,
                published: None,
                topic: self.topic,
                body,
                raw: None,
                base: None,
            };
        }
        let media = self.media.into_json();
        let title = shown(&self.title, TITLE);
        let mut fingerprint = Fingerprint::default();
        fingerprint.text(title.as_deref().unwrap_or_default());
        fingerprint.text(self.url.as_deref().unwrap_or_default());
        fingerprint.html(self.summary.as_deref().unwrap_or_default());
        fingerprint.html(self.content.as_deref().unwrap_or_default());
        fingerprint.text(&Value::from(media.clone()).to_string());
        put("url", self.url.map(Value::from));
        put("title", title.map(Value::from));
        let summary = shown(&self.summary, SUMMARY).or_else(|| shown(&self.content, SUMMARY));
        put("summary", summary.map(Value::from));
        put("published", self.published.map(|time| date::write(time).into()));
        put("updated", self.updated.map(|time| date::write(time).into()));
        let list =
            |values: Vec<Value>| Some(Value::from(values)).filter(|list| *list != Value::Array(vec![]));
        put("authors", list(self.authors.into_iter().map(Value::from).collect()));
        put("tags", list(self.tags.into_iter().map(Value::from).collect()));
        put("media", list(media));
        Found {
            key,
            kind: EntryKind::Entry,
            is_deleted: false,
            fingerprint: fingerprint.finish(),
            updated: self.updated,
            published: self.published,
            topic: self.topic,
            body,
            raw: self.content,
            base,
        }
    }
}

/// Adds a text to a list of different texts.
fn add(list: &mut Vec<String>, html: &str, most: usize) {
    let text = text(html, NAME);
    if !text.is_empty() && list.len() < most && !list.contains(&text) {
        list.push(text);
    }
}
