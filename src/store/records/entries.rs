//! Entries of feeds.

/// By which way an entry came.
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

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Created,
    /// It has changed.
    Updated,
    /// It is gone.
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

/// What an entry is.
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
    /// What identifies it within its feed.
    pub key: String,
    /// A UUID (version 7), used if the entry is new.
    pub id: String,
    /// What it is.
    pub kind: EntryKind,
    /// Whether the feed says that it is deleted (a tombstone). Then only `key` counts.
    pub is_deleted: bool,
    /// The fingerprint of what readers see.
    pub fingerprint: Vec<u8>,
    /// What the feed says about the last change, in milliseconds since 1970.
    pub updated: Option<i64>,
    /// What the feed says about its publication.
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
    /// By which way they came. The first fetch of a feed is a backfill in any case.
    pub via: Via,
    /// Oldest first.
    pub entries: Vec<NewEntry>,
    /// The version of the sanitiser that made `html`.
    pub sanitiser: i64,
    /// How many new entries of a backfill are kept; the others, the oldest, are only remembered, so that they never become
    /// new. Other batches have no bound.
    pub most: usize,
}

/// What became of a batch.
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
    /// What happened last.
    pub change: Change,
    /// By which way.
    pub via: Via,
    /// What it is.
    pub kind: EntryKind,
    /// Where it stands among others, in milliseconds since 1970: when it was published, at most when it came.
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
    /// Behind the entry with this UUID in that order.
    BeforeId(String),
    /// In front of the entry with this UUID: the nearest first, so oldest first.
    AboveId(String),
    /// Behind the entry of these feeds with this number, or with the nearest below it, in that order.
    BeforeSeq(i64),
    /// Events above this number, lowest first, deleted ones included.
    AfterSeq(i64),
}
