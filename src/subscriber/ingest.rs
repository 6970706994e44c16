//! Records the entries of a document from a poll or a push: parses it, sanitizes the entries, and stores them. It must
//! not know hubs or requests.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::Semaphore;
use url::Url;
use uuid::Uuid;

use crate::config;
use crate::entries::{self, Document, Found, ReadError, sanitise};
use crate::metrics::Metrics;
use crate::store::{Batch, EntryKind, Ingested, NewEntry, Store, StoreError, SubscribedTopic, Via};
use crate::web::urls;

/// Bytes of a type that an error names.
const TYPE: usize = 100;
/// Maximum bytes of a document that is parsed on the thread of the caller; a longer one is parsed on a blocking thread.
pub(super) const INLINE: usize = 8 * 1024;

/// A document that was pushed or fetched.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// The URL of the document.
    pub(super) url: Url,
    /// The value of `Content-Type`.
    pub(super) content_type: Option<String>,
    /// The content, without content coding.
    pub(super) body: Bytes,
}

/// The feed that a document is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    /// The number of the feed.
    pub(super) feed_id: i64,
    /// Its name.
    pub(super) feed: &'a str,
    /// Whether the URL had a feed before. Then a web page is an error, such as a page during maintenance.
    pub(super) is_feed: bool,
    /// The hub that pushed the document, and the topic of the push. Such a document may name other feeds with the same
    /// hub as the sources of its entries.
    pub(super) pushed: Option<(&'a str, &'a str)>,
}

/// The result of recording a document.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    /// The title of the feed or page.
    pub(super) title: Option<String>,
    /// The page that the feed is about.
    pub(super) site: Option<String>,
    /// Whether it is a web page and not a feed.
    pub(super) is_page: bool,
    /// The feed that a page names in its head.
    pub(super) feed: Option<String>,
    /// The result for the entries.
    pub(super) ingested: Ingested,
    /// The dates of its entries, newest entry first, in milliseconds since 1970.
    dates: Vec<Option<i64>>,
}

impl Taken {
    /// Returns how many of the new entries are older than `age`, by their dates. The newest entries of the document
    /// count as the new ones.
    pub(super) fn older_than(&self, age: Duration) -> u64 {
        let created = usize::try_from(self.ingested.created).unwrap_or(usize::MAX);
        let until = milliseconds(SystemTime::now()).saturating_sub_unsigned(whole(age));
        let old = self.dates.iter().take(created).filter(|date| date.is_some_and(|date| date < until));
        old.count() as u64
    }
}

/// Why the entries of a document are not recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum IngestError {
    /// It has none that can be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// A web page at the URL of a feed that had no entries before. The value is the type.
    #[error("the feed responds with a page ({0}) in place of entries")]
    Page(String),
    /// The store has refused them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Records entries.
pub(super) struct Ingest {
    store: Store,
    metrics: Metrics,
    /// `feeds.backfill`
    backfill: usize,
    /// Long documents that are read at one time.
    reading: Arc<Semaphore>,
}

impl Ingest {
    pub(super) fn new(settings: &config::Feeds, store: Store, metrics: Metrics) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { store, metrics, backfill: settings.backfill, reading: Arc::new(Semaphore::new(threads)) }
    }

    /// Records the entries of a document. All of them are committed on return.
    ///
    /// # Errors
    /// [`IngestError`] if the document cannot be parsed, or if the store is unavailable. The call can be repeated with
    /// the same document.
    pub(super) async fn take(
        &self,
        owner: Owner<'_>,
        content: Content,
        via: Via,
    ) -> Result<Taken, IngestError> {
        let length = content.body.len();
        let kind = essence(content.content_type.as_deref());
        let Prepared { mut taken, entries } = self
            .compute(length, move || prepare(&content))
            .await
            .unwrap_or_else(|| Err(ReadError::Broken("the reader has failed".to_owned())))?;
        if taken.is_page && owner.is_feed {
            return Err(IngestError::Page(kind));
        }
        let Sorted { own, others } = self.sort(owner, entries).await?;
        if !others.is_empty() {
            self.store.notify_feeds(others).await?;
        }
        if !own.is_empty() {
            let (feed_id, most) = (owner.feed_id, self.backfill);
            let batch = Batch { feed_id, via, entries: own, sanitiser: sanitise::VERSION, most };
            taken.ingested = self.store.ingest(&batch).await?;
            self.count(owner.feed, &taken.ingested);
        }
        Ok(taken)
    }

    /// Runs a computation over `length` bytes, on a separate thread if they are many. `None` if it has panicked there.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        length: usize,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if length <= INLINE {
            return Some(compute());
        }
        // The semaphore is never closed.
        let permit = Arc::clone(&self.reading).acquire_owned().await.ok();
        let computed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            compute()
        });
        let computed = computed.await;
        if computed.is_err() {
            self.metrics.panics.inc();
        }
        computed.ok()
    }

    /// Removes the entries that name the topic of another feed with a subscription at the same hub. These names come
    /// from the author of the document, and the signature of the hub does not confirm them. Such an entry is therefore
    /// not stored: its feed is fetched.
    async fn sort(
        &self,
        owner: Owner<'_>,
        entries: Vec<(Option<String>, NewEntry)>,
    ) -> Result<Sorted, StoreError> {
        let pushed = owner.pushed.filter(|(_, own)| {
            let own = key(own);
            entries.iter().any(|(topic, _)| topic.as_deref().is_some_and(|topic| key(topic) != own))
        });
        let Some((hub, topic)) = pushed else {
            let own = entries.into_iter().map(|(_, entry)| entry).collect();
            return Ok(Sorted { own, others: BTreeSet::new() });
        };
        let mut feeds: HashMap<String, Vec<i64>> = HashMap::new();
        for SubscribedTopic { feed_id, topic, .. } in self.store.subscribed_topics(spellings(hub)).await? {
            feeds.entry(key(&topic)).or_default().push(feed_id);
        }
        // Two feeds may have the same topic, and a feed that has moved has two.
        feeds.retain(|_, feeds| !feeds.contains(&owner.feed_id));
        feeds.remove(&key(topic));
        let mut sorted = Sorted { own: Vec::new(), others: BTreeSet::new() };
        for (topic, entry) in entries {
            match topic.and_then(|topic| feeds.get(&key(&topic))) {
                Some(feeds) => sorted.others.extend(feeds),
                None => sorted.own.push(entry),
            }
        }
        Ok(sorted)
    }

    fn count(&self, feed: &str, ingested: &Ingested) {
        let metrics = &self.metrics.feeds;
        metrics.entries(feed, "created", ingested.created);
        metrics.entries(feed, "updated", ingested.updated);
        metrics.entries(feed, "deleted", ingested.deleted);
        metrics.entries(feed, "rewritten", ingested.rewritten);
    }
}

/// Entries that are ready to be stored, oldest first, each with its topic if it differs from the document's.
struct Prepared {
    taken: Taken,
    entries: Vec<(Option<String>, NewEntry)>,
}

/// Parses a document and sanitizes its entries. Slow for large documents.
fn prepare(content: &Content) -> Result<Prepared, ReadError> {
    let document = Document {
        url: &content.url,
        content_type: content.content_type.as_deref(),
        body: &content.body,
        fetched: SystemTime::now(),
    };
    let reading = entries::read(&document)?;
    let dates = reading.entries.iter().rev().map(|found| found.updated.or(found.published)).collect();
    let is_page = reading.entries.iter().any(|found| found.kind == EntryKind::Page);
    let entries = reading.entries.into_iter().map(entry).collect();
    let entries::Reading { title, site, feed, .. } = reading;
    let taken = Taken { title, site, is_page, feed, ingested: Ingested::default(), dates };
    Ok(Prepared { taken, entries })
}

fn entry(found: Found) -> (Option<String>, NewEntry) {
    let topic = found.topic.clone().filter(|_| found.kind == EntryKind::Entry);
    // Later ids of this process are higher.
    (topic, entries::prepare(found, Uuid::now_v7().to_string()))
}

/// The entries of a document by their feeds.
struct Sorted {
    /// Those of the feed of the document.
    own: Vec<NewEntry>,
    /// The numbers of the feeds that the others name.
    others: BTreeSet<i64>,
}

/// Returns the URL of a hub as feeds may name it: some with a slash at the end, some without.
fn spellings(hub: &str) -> Vec<String> {
    let short = hub.trim_end_matches('/');
    vec![short.to_owned(), format!("{short}/")]
}

/// Returns the type of content for an error, without parameters.
fn essence(content_type: Option<&str>) -> String {
    let name = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_type = (1..=TYPE).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_type { name.to_ascii_lowercase() } else { "without a type".to_owned() }
}

/// Returns a topic for comparison.
fn key(topic: &str) -> String {
    urls::read(topic).map_or_else(|_| topic.to_owned(), |url| url.key)
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
