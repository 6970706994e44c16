//! One feed: the entries of the newest messages of its channel, and the documents of these entries.
//!
//! It must not know HTTP or the store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, Notify};

use super::description::Description;
use super::entry::Entry;
use super::{Channels, Kept, Recent, Unavailable, document};
use crate::broker::Span;
use crate::config::History;
use crate::web::feed as written;

/// A feed.
pub(super) struct Feed {
    pub(super) description: Description,
    /// Maximum size in bytes of a document, and of its messages.
    most: usize,
    /// Notified of each new message.
    pub(super) changed: Notify,
    /// When the feed was made, in milliseconds since 1970.
    created: i64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Newest first.
    entries: Vec<Entry>,
    documents: Option<Arc<Documents>>,
    /// The newest point in time that any document has named.
    updated: i64,
    /// The second of the last document that a reader received; `None` before the first one.
    served: Option<i64>,
}

/// A feed in its formats.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) atom: Document,
    pub(super) json: Document,
    /// The second since 1970 of the newest change.
    pub(super) modified: i64,
    /// Whether readers may have received other documents with the same second.
    pub(super) is_ambiguous: bool,
    /// Identifies the newest message; `None` without messages.
    pub(super) fingerprint: Option<Vec<u8>>,
}

/// A feed in one format.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    pub(super) etag: String,
}

impl Document {
    fn new(content_type: &'static str, text: String) -> Self {
        let hash = Sha256::digest(&text);
        let etag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&hash[..16]));
        Self { content_type, body: text.into(), etag }
    }
}

impl Feed {
    pub(super) fn new(description: Description, most: usize) -> Self {
        Self { description, most, changed: Notify::new(), created: now(), state: Mutex::default() }
    }

    /// Returns the documents of the newest messages; `None` if the channel is no longer syndicated. `is_read` says that
    /// a reader receives one of them.
    ///
    /// # Errors
    /// [`Unavailable`] if the history cannot be read for now.
    pub(super) async fn newest(
        self: &Arc<Self>,
        channels: &dyn Channels,
        is_read: bool,
    ) -> Result<Option<Arc<Documents>>, Unavailable> {
        let Description { channel, name, .. } = &self.description;
        let Some(history) = channels.history(channel, name) else { return Ok(None) };
        let mut state = self.state.lock().await;
        let since = state.entries.first().map_or(0, |entry| entry.number);
        let recent = channels.recent(channel, Span { since, history, bytes: self.most }).await?;
        let documents = match state.documents.clone().filter(|_| state.is_current(&recent)) {
            Some(documents) => documents,
            None => self.render(&mut state, recent, history, channels.is_shared()).await?,
        };
        if is_read {
            state.served = Some(documents.modified);
        }
        Ok(Some(documents))
    }

    /// Brings entries and documents up to date.
    async fn render(
        self: &Arc<Self>,
        state: &mut State,
        recent: Recent,
        history: History,
        is_shared: bool,
    ) -> Result<Arc<Documents>, Unavailable> {
        // If this is not completed, the next call begins without entries.
        let older = std::mem::take(&mut state.entries);
        state.documents = None;
        let floor = state.updated.max(self.quiet_since(history, is_shared));
        let (this, updated) = (Arc::clone(self), state.updated);
        let rendering = move || {
            let entries = this.entries(&recent, older, history);
            let newest = entries.iter().map(|entry| entry.at).max();
            let updated = newest.map_or(floor, |newest| newest.max(updated));
            let documents = this.documents(&entries, updated, is_shared);
            documents.map(|documents| (entries, updated, documents))
        };
        let failed = |error: &dyn std::fmt::Display| Unavailable(format!("cannot write the feed: {error}"));
        let rendered = tokio::task::spawn_blocking(rendering).await.map_err(|error| failed(&error))?;
        let (entries, updated, mut documents) = rendered.map_err(|error| failed(&error))?;
        documents.is_ambiguous |= state.served == Some(documents.modified);
        let documents = Arc::new(documents);
        state.documents = Some(Arc::clone(&documents));
        state.entries = entries;
        state.updated = updated;
        Ok(documents)
    }

    /// Entries of new and older messages, as many as the bounds allow.
    fn entries(&self, recent: &Recent, older: Vec<Entry>, history: History) -> Vec<Entry> {
        let oldest = recent.oldest.unwrap_or(u64::MAX);
        let made = recent.messages.iter().map(|message: &Kept| Entry::new(message, &self.description.scope));
        let mut size = 0;
        let has_room = |entry: &Entry| {
            let is_first = size == 0;
            size += entry.size.max(1);
            is_first || size <= self.most
        };
        let kept = older.into_iter().filter(|entry| entry.number >= oldest);
        made.chain(kept).take(history.messages).take_while(has_room).collect()
    }

    fn documents(&self, entries: &[Entry], updated: i64, is_shared: bool) -> serde_json::Result<Documents> {
        // A later message with the same identifier is a new version of the entry.
        let mut seen = HashSet::new();
        let shown: Vec<_> = entries.iter().filter(|entry| seen.insert(entry.id.as_str())).collect();
        let atom = document::atom(&self.description, updated, &shown, self.most);
        let json = document::json(&self.description, &shown, self.most)?;
        let modified = updated.div_euclid(1000);
        let newest = entries.first();
        Ok(Documents {
            atom: Document::new(written::atom::TYPE, atom),
            json: Document::new(written::json::TYPE, json),
            modified,
            // Another instance may have served a document between two messages of this second.
            is_ambiguous: is_shared
                && entries.iter().take_while(|entry| entry.at.div_euclid(1000) == modified).count() > 1,
            fingerprint: newest.map(|newest| format!("{} {}", newest.number, newest.at).into_bytes()),
        })
    }

    /// Returns a time in milliseconds since which nothing was published if the history is empty. It changes rarely,
    /// and is the same on all instances with a shared history.
    fn quiet_since(&self, history: History, is_shared: bool) -> i64 {
        let age = i64::try_from(history.age.as_millis()).unwrap_or(i64::MAX).max(1);
        let start = now().div_euclid(age).saturating_mul(age);
        if is_shared { start } else { start.max(self.created) }
    }
}

impl State {
    /// Whether the entries are those of the history.
    fn is_current(&self, recent: &Recent) -> bool {
        let oldest = recent.oldest.unwrap_or(u64::MAX);
        recent.messages.is_empty() && self.entries.last().is_none_or(|entry| entry.number >= oldest)
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
