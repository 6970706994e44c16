//! Feeds that the server follows, and its subscriptions to their topics.

use std::time::Duration;

use super::{Claim, Validators};

/// A feed as the settings or an operator describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedDescription {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// `feed.hub`
    pub hub: Option<String>,
    /// `feed.poll`; the inner `None` is never.
    pub poll: Option<Option<Duration>>,
    /// `feed.username`
    pub username: Option<String>,
    /// `feed.password`
    pub password: Option<String>,
    /// `feed.public`
    pub public: bool,
    /// `feed.title`
    pub title: Option<String>,
}

/// Who describes a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedSource {
    /// `[[feed]]`
    Config,
    /// `faye feeds add`
    Store,
}

/// How a feed is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedState {
    /// It has not been fetched.
    New,
    /// A hub was asked for a subscription.
    Requested,
    /// A hub pushes.
    Active,
    /// A hub has accepted the request, and has not verified it.
    Unverified,
    /// All hubs have denied the subscription; the feed is polled.
    Denied,
    /// There is no hub; the feed is polled.
    Polling,
    /// The hub does not push what the feed has; the feed is polled.
    Unreliable,
    /// The feed is removed; its subscriptions are being ended.
    Removed,
}

impl FeedState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Requested,
        Self::Active,
        Self::Unverified,
        Self::Denied,
        Self::Polling,
        Self::Unreliable,
        Self::Removed,
    ];

    /// Its name in the store, in the API and in `faye feeds list`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Unverified => "unverified",
            Self::Denied => "denied",
            Self::Polling => "polling",
            Self::Unreliable => "unreliable",
            Self::Removed => "removed",
        }
    }
}

/// A feed that is due for a fetch.
#[derive(Debug, Clone)]
pub struct FeedFetch {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// What it is.
    pub feed: FeedDescription,
    /// Who describes it.
    pub source: FeedSource,
    /// How it is followed.
    pub state: FeedState,
    /// Validators of the last content.
    pub validators: Validators,
    /// The URL of the last content, after redirects.
    pub content_url: Option<String>,
    /// The SHA-256 of the last content.
    pub body: Option<Vec<u8>>,
    /// Failed fetches in a row.
    pub attempts: u32,
    /// The time between the last two polls, which adapts.
    pub interval: Option<Duration>,
    /// Whether the first fetch has been recorded.
    pub is_backfilled: bool,
    /// Whether its URL had a feed once, and not a page.
    pub is_feed: bool,
    /// Polls in a row that found what a push should have brought.
    pub missed: u32,
    /// Since when a hub pushes, if one does.
    pub active_for: Option<Duration>,
    /// Since the last subscription because of missed entries.
    pub resubscribed_ago: Option<Duration>,
    /// Why it is due.
    pub reason: FetchReason,
}

/// Why a feed is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchReason {
    /// The time has come, or an operator asks.
    Poll,
    /// A hub has notified without content that counts.
    Push,
}

/// What a fetch came to.
#[derive(Debug, Clone)]
pub struct FinishedPoll {
    /// The number of the feed.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// What it came to.
    pub outcome: PollOutcome,
    /// When the feed is due again; `None` is never.
    pub next: Option<Duration>,
    /// The time between polls from now on, without jitter.
    pub interval: Option<Duration>,
}

/// What a fetch came to.
#[derive(Debug, Clone)]
pub enum PollOutcome {
    /// The feed was read. Entries are recorded before, by [`crate::store::Store::ingest`].
    Read(Box<PollRead>),
    /// The feed has not changed.
    Unchanged,
    /// It cannot be read, and why. `is_gone`: it is gone for good (410).
    Failed {
        /// The reason, for operators.
        why: String,
        /// Whether the server says that the feed is gone.
        is_gone: bool,
    },
}

/// What a feed says about itself.
#[derive(Debug, Clone, Default)]
pub struct PollRead {
    /// For the next conditional request.
    pub validators: Validators,
    /// The URL of the content, after redirects.
    pub content_url: String,
    /// Whether it is a feed, and not a page.
    pub is_feed: bool,
    /// The SHA-256 of the content.
    pub body: Vec<u8>,
    /// The title.
    pub title: Option<String>,
    /// The page that the feed is about.
    pub site: Option<String>,
    /// The topic: the self link, or the final URL.
    pub topic: String,
    /// The hubs that may be used, the best first; those of `feed.hub` in their place.
    pub hubs: Vec<String>,
    /// Entries that were new although a hub should have pushed them.
    pub missed: u64,
    /// Polls in a row with such entries, from now on.
    pub missed_polls: u32,
    /// Whether the feed is to be subscribed again at its hubs, although nothing about them has changed.
    pub resubscribe: bool,
    /// Whether the hub is found not to push what the feed has ([`FeedState::Unreliable`]).
    pub is_unreliable: bool,
    /// What an operator should know about the feed, in the place of a failure.
    pub hint: Option<String>,
}

/// `feeds.poll` and `feeds.backup_poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollRates {
    /// The mean time between two polls of a feed without a working hub; `None` is never.
    pub poll: Option<Duration>,
    /// The time between two polls of a feed with one.
    pub backup_poll: Option<Duration>,
}

/// A topic that a feed is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribedTopic {
    /// The number of the feed.
    pub feed_id: i64,
    /// The name of the feed.
    pub feed: String,
    /// The topic.
    pub topic: String,
}

/// What is to be sent to a hub.
#[derive(Debug, Clone)]
pub struct SubscriptionCall {
    /// The number of the subscription.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The number of its feed.
    pub feed_id: i64,
    /// What the feed is.
    pub feed: FeedDescription,
    /// Who describes it.
    pub source: FeedSource,
    /// The hub.
    pub hub: String,
    /// The topic.
    pub topic: String,
    /// The identifier in the path of the callback.
    pub callback: String,
    /// The secret.
    pub secret: Option<String>,
    /// `hub.verify_token`, sent with `hub.verify` (0.3) after a hub has refused a request without.
    pub verify_token: Option<String>,
    /// Whether to subscribe, or to unsubscribe.
    pub mode: SubscriptionMode,
    /// Failed requests in a row.
    pub attempts: u32,
}

/// Whether a subscription is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionMode {
    /// It is to begin, or to be renewed.
    Subscribe,
    /// It is to end.
    Unsubscribe,
}

/// What a request to a hub came to.
#[derive(Debug, Clone)]
pub struct FinishedCall {
    /// The number of the subscription.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// What it came to.
    pub outcome: CallOutcome,
}

/// What a request to a hub came to.
#[derive(Debug, Clone)]
pub enum CallOutcome {
    /// The hub has accepted it. Without a verification it is sent again after `patience`, or counts as unverified if
    /// `is_final`.
    Accepted {
        /// How long a verification is waited for.
        patience: Duration,
    },
    /// The same with `hub.verify` at once, with this token.
    Legacy(String),
    /// Try again after that time, and why.
    Retry(Duration, String),
    /// The hub does not want it, and why. The next hub is tried, or the feed is polled.
    Refused(String),
}

/// The subscription of a callback.
#[derive(Debug, Clone)]
pub struct Callback {
    /// The number of the subscription.
    pub id: i64,
    /// The number of the feed.
    pub feed_id: i64,
    /// The name of the feed.
    pub feed: String,
    /// Whether its URL had a feed once, and not a page.
    pub is_feed: bool,
    /// The hub.
    pub hub: String,
    /// The topic.
    pub topic: String,
    /// The secret.
    pub secret: Option<String>,
    /// `hub.verify_token`
    pub verify_token: Option<String>,
    /// What is wanted.
    pub mode: SubscriptionMode,
    /// Whether a request for it is under way, or it is active.
    pub is_wanted: bool,
}

/// What a hub says to a callback.
#[derive(Debug, Clone)]
pub enum HubWord {
    /// The subscription is verified, for that time.
    Verified(Duration),
    /// The end of the subscription is verified.
    Ended,
    /// The hub denies it, and why.
    Denied(Option<String>),
    /// Content was pushed. `is_read`: its entries are recorded; otherwise the feed is due for a fetch.
    Pushed {
        /// Whether the content was used.
        is_read: bool,
    },
}

/// What became of a feed that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddedFeed {
    /// It is followed from now on.
    Added,
    /// There is one of that name.
    Exists,
    /// There are as many feeds as allowed.
    Full,
}

/// A feed as operators see it.
#[derive(Debug, Clone)]
pub struct FeedRow {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub feed: FeedDescription,
    /// Who describes it.
    pub source: FeedSource,
    /// How it is followed.
    pub state: FeedState,
    /// The title in the feed.
    pub found_title: Option<String>,
    /// The page that the feed is about.
    pub site: Option<String>,
    /// The topic.
    pub topic: Option<String>,
    /// The hub in use.
    pub hub: Option<String>,
    /// Milliseconds since 1970: the end of the lease.
    pub lease_until: Option<i64>,
    /// The last push.
    pub pushed_at: Option<i64>,
    /// The last fetch.
    pub polled_at: Option<i64>,
    /// The next fetch.
    pub poll_due: Option<i64>,
    /// The last entry.
    pub entry_at: Option<i64>,
    /// Entries that are kept.
    pub entries: u64,
    /// Entries that polls found and pushes should have brought, in all.
    pub missed: u64,
    /// Why the last fetch, or the last request to the hub, failed.
    pub failure: Option<String>,
}
