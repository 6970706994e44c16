//! Entries of feeds.

/// How an entry arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A notification of a hub.
    Push,
    /// A poll.
    Poll,
    /// A fetch because of a notification.
    Fetch,
    /// The first fetch, or an import.
    Backfill,
}

impl Via {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Poll => "poll",
            Self::Fetch => "fetch",
            Self::Backfill => "backfill",
        }
    }
}

/// The change of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new entry.
    Created,
    /// It has changed.
    Updated,
    /// A deleted entry.
    Deleted,
}

impl Change {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// An entry of a feed.
    Entry,
    /// A version of a page that is no feed.
    Page,
}

impl EntryKind {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Page => "page",
        }
    }
}

/// An entry as it was read.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The key of the entry within its feed.
    pub key: String,
    /// A UUID (version 7), used if the entry is new.
    pub id: String,
    /// The kind.
    pub kind: EntryKind,
    /// Whether the feed marks it as deleted (a tombstone). Then only `key` counts.
    pub is_deleted: bool,
    /// The fingerprint of the displayed content.
    pub fingerprint: Vec<u8>,
    /// The time of the last change according to the feed, in milliseconds since 1970.
    pub updated: Option<i64>,
    /// The time of publication according to the feed, in milliseconds since 1970.
    pub published: Option<i64>,
    /// The entry without `html`, as a JSON object.
    pub body: String,
    /// The content as the feed has it, not sanitised, at most 256 KiB.
    pub raw: Option<String>,
    /// The URL to which links in `raw` are relative.
    pub base: Option<String>,
    /// The content, sanitised.
    pub html: Option<String>,
}

/// Entries of one feed that were read together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The number of the feed.
    pub feed_id: i64,
    /// How the entries arrived. The first fetch of a feed is a backfill in any case.
    pub via: Via,
    /// Oldest first.
    pub entries: Vec<NewEntry>,
    /// The version of the sanitiser that made `html`.
    pub sanitiser: i64,
    /// Maximum number of new entries of a backfill that are kept; the older ones are only remembered, so that they
    /// never become new. Other batches have no bound.
    pub most: usize,
}

/// The result of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ingested {
    /// New entries.
    pub created: u64,
    /// Changed entries.
    pub updated: u64,
    /// Deleted entries.
    pub deleted: u64,
    /// Entries that were known.
    pub known: u64,
    /// Changed entries that are not published, because the feed has rewritten most of its entries.
    pub rewritten: u64,
}

/// An entry with its last event.
#[derive(Debug, Clone)]
pub struct EntryRow {
    /// The number of its last event. Later events of the server have higher ones.
    pub seq: i64,
    /// Its UUID.
    pub id: String,
    /// The name of its feed.
    pub feed: String,
    /// The last change.
    pub change: Change,
    /// By which way.
    pub via: Via,
    /// The kind.
    pub kind: EntryKind,
    /// The position among other entries, in milliseconds since 1970: the time of publication, but no later than the
    /// arrival.
    pub at: i64,
    /// The entry without `html`, as a JSON object.
    pub body: String,
    /// The content as the feed has it. [`crate::store::Store::entries`] leaves it out.
    pub raw: Option<String>,
    /// The URL to which links in `raw` are relative.
    pub base: Option<String>,
    /// The content, sanitised.
    pub html: Option<String>,
    /// The version of the sanitiser that made `html`.
    pub sanitiser: i64,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct EntryQuery {
    /// Of these feeds.
    pub feeds: Vec<String>,
    /// Where to begin.
    pub from: EntryFrom,
    /// At most that many.
    pub most: u32,
}

/// Where a list of entries begins.
#[derive(Debug, Clone, Default)]
pub enum EntryFrom {
    /// At the newest; newest first, deleted ones left out.
    #[default]
    Newest,
    /// After the entry with this UUID in that order.
    BeforeId(String),
    /// In front of the entry with this UUID: the nearest first, so oldest first.
    AboveId(String),
    /// After the entry of these feeds with this number, or the nearest lower one, in that order.
    BeforeSeq(i64),
    /// Events above this number, lowest first, deleted ones included.
    AfterSeq(i64),
}
