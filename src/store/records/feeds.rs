//! Feeds that the server follows, and its subscriptions to their topics.

use std::time::Duration;

use super::{Claim, Validators};

/// A feed as the settings or an operator describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedDescription {
    /// Its name.
    pub name: String,
    /// The URL.
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

/// The source of the description of a feed.
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
    /// A subscription was requested from a hub.
    Requested,
    /// A hub pushes.
    Active,
    /// A hub has accepted the request, and has not verified it.
    Unverified,
    /// All hubs have denied the subscription; the feed is polled.
    Denied,
    /// The feed has no hub and is polled.
    Polling,
    /// The hub does not push all entries of the feed; the feed is polled.
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
    /// The description.
    pub feed: FeedDescription,
    /// The source of the description.
    pub source: FeedSource,
    /// The state.
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
    /// Consecutive polls that found entries without a push.
    pub missed: u32,
    /// How long a hub has been pushing; `None` if none does.
    pub active_for: Option<Duration>,
    /// Since the last subscription because of missed entries.
    pub resubscribed_ago: Option<Duration>,
    /// Why it is due.
    pub reason: FetchReason,
}

/// Why a feed is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchReason {
    /// The interval has passed, or an operator requested it.
    Poll,
    /// A hub has notified without content that counts.
    Push,
}

/// The result of a fetch.
#[derive(Debug, Clone)]
pub struct FinishedPoll {
    /// The number of the feed.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The outcome.
    pub outcome: PollOutcome,
    /// When the feed is due again; `None` for never.
    pub next: Option<Duration>,
    /// The time between polls from now on, without jitter.
    pub interval: Option<Duration>,
}

/// The outcome of a fetch.
#[derive(Debug, Clone)]
pub enum PollOutcome {
    /// The feed was read. Entries are recorded before, by [`crate::store::Store::ingest`].
    Read(Box<PollRead>),
    /// The feed has not changed.
    Unchanged,
    /// The feed cannot be read, with the reason.
    Failed {
        /// The reason, for operators.
        why: String,
        /// Whether the server responded that the feed is gone (410).
        is_gone: bool,
    },
}

/// The metadata of a feed.
#[derive(Debug, Clone, Default)]
pub struct PollRead {
    /// For the next conditional request.
    pub validators: Validators,
    /// The URL of the content, after redirects.
    pub content_url: String,
    /// Whether it is a feed and not a web page.
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
    /// The new number of consecutive polls with such entries.
    pub missed_polls: u32,
    /// Whether to subscribe again at the hubs of the feed, although they are unchanged.
    pub resubscribe: bool,
    /// Whether the hub does not push all entries of the feed ([`FeedState::Unreliable`]).
    pub is_unreliable: bool,
    /// A hint about the feed for operators, in place of a failure.
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

/// A request to a hub.
#[derive(Debug, Clone)]
pub struct SubscriptionCall {
    /// The number of the subscription.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The number of its feed.
    pub feed_id: i64,
    /// The feed.
    pub feed: FeedDescription,
    /// The source of its description.
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
    /// Begin or renew the subscription.
    Subscribe,
    /// End the subscription.
    Unsubscribe,
}

/// The result of a request to a hub.
#[derive(Debug, Clone)]
pub struct FinishedCall {
    /// The number of the subscription.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The outcome.
    pub outcome: CallOutcome,
}

/// The outcome of a request to a hub.
#[derive(Debug, Clone)]
pub enum CallOutcome {
    /// The hub has accepted it. Without a verification it is sent again after `patience`, or counts as unverified if
    /// `is_final`.
    Accepted {
        /// Maximum time to wait for a verification.
        patience: Duration,
    },
    /// Repeat immediately with `hub.verify` and this token.
    Legacy(String),
    /// Retry after that time, with the reason.
    Retry(Duration, String),
    /// The hub refuses it, with the reason. The next hub is tried, or the feed is polled.
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
    /// The wanted state.
    pub mode: SubscriptionMode,
    /// Whether a request for it is running, or it is active.
    pub is_wanted: bool,
}

/// A request of a hub to a callback.
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

/// The result of adding a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddedFeed {
    /// The feed was added.
    Added,
    /// The name is in use.
    Exists,
    /// The number of feeds has reached the bound.
    Full,
}

/// A feed as shown to operators.
#[derive(Debug, Clone)]
pub struct FeedRow {
    /// Its number.
    pub id: i64,
    /// The description.
    pub feed: FeedDescription,
    /// The source of the description.
    pub source: FeedSource,
    /// The state.
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
    /// Total number of entries that polls found without a push.
    pub missed: u64,
    /// Why the last fetch, or the last request to the hub, failed.
    pub failure: Option<String>,
}
