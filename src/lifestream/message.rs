//! The message of an entry as the page reads it. Pages, lists and channels use the same message.
//!
//! It must not know where messages come from.

use serde::Deserialize;

/// A message of [`crate::entries::message`].
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    /// `entry` or `page`.
    #[serde(default)]
    pub(super) kind: String,
    /// The number of the event.
    pub(super) seq: i64,
    /// Its feed.
    pub(super) feed: Feed,
    /// The entry.
    pub(super) entry: Entry,
}

/// The feed of an entry.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Feed {
    /// Its name.
    pub(super) name: String,
    /// Its title.
    #[serde(default)]
    pub(super) title: Option<String>,
}

/// An entry.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    /// Its UUID.
    pub(super) id: String,
    /// The page of the entry at its publisher.
    #[serde(default)]
    pub(super) url: Option<String>,
    /// The title, as text.
    #[serde(default)]
    pub(super) title: Option<String>,
    /// A short text.
    #[serde(default)]
    pub(super) summary: Option<String>,
    /// The content, sanitised.
    #[serde(default)]
    pub(super) html: Option<String>,
    /// Whether the content was cut.
    #[serde(default)]
    pub(super) truncated: bool,
    /// The position of the entry as a time, RFC 3339 in UTC. Deleted entries have none.
    #[serde(default)]
    pub(super) at: String,
    /// Names of the authors.
    #[serde(default)]
    pub(super) authors: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Images, audio, video and other files.
    #[serde(default)]
    pub(super) media: Vec<Media>,
}

/// A file of an entry.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Media {
    /// The URL.
    pub(super) url: String,
    /// Its type.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
}

impl Message {
    /// Returns the title of the feed, or its name.
    pub(super) fn source(&self) -> &str {
        self.feed.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or(&self.feed.name)
    }
}
