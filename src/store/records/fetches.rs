//! Fetches of topics, and their content.

use std::time::Duration;

use bytes::Bytes;

use super::Claim;

/// A topic to fetch.
#[derive(Debug, Clone)]
pub struct TopicFetch {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// Its URL, normalised.
    pub topic: String,
    /// Its host, without a port.
    pub host: String,
    /// Validators of the last content.
    pub validators: Validators,
    /// The fingerprint of the last content that was delivered; `None` before the first.
    pub fingerprint: Option<Vec<u8>>,
    /// Readers of all subscriptions: one for each that has reported none.
    pub readers: u64,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Whether a ping is the reason, or only the check of a request.
    pub is_pinged: bool,
}

/// What a conditional request says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
}

/// What came of a fetch.
#[derive(Debug, Clone)]
pub struct FinishedFetch {
    /// The number of the topic.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// What came of it.
    pub outcome: FetchOutcome,
    /// Whether the topic names the hub.
    pub advertisement: Advertisement,
}

/// What came of a fetch.
#[derive(Debug, Clone)]
pub enum FetchOutcome {
    /// New content, to be delivered.
    Changed(Content),
    /// Content that is not to be delivered, and the validators from now on.
    Unchanged(Validators),
    /// No content. The topic is due again after that time, if there is one; without it nothing more is tried, and
    /// requests that wait for the check are denied with the reason.
    Failed(Option<Duration>, String),
    /// Nothing was requested. The topic is due again after that time; this is no attempt.
    Postponed(Duration),
}

/// What became of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the store.
    Done,
    /// The claim was lost, and nothing is changed.
    Lost,
    /// There is no room for the content. The topic is fetched again later.
    Full,
}

/// Whether a topic names the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertisement {
    /// It does, or it need not: requests that wait for the check go on.
    Named,
    /// It does not, for that reason: requests that wait for the check are denied. After the third time in a row its
    /// subscriptions end, and are told. Times within an hour count once.
    Missing(String),
    /// The topic may no longer be subscribed to, for that reason: its subscriptions end now, and are told.
    Refused(String),
    /// Not known, because nothing was fetched.
    Unknown,
}

/// Content to be delivered.
#[derive(Debug, Clone)]
pub struct Content {
    /// The bytes.
    pub body: Bytes,
    /// `Content-Type`, byte for byte.
    pub content_type: Option<String>,
    /// What a later fetch is compared with.
    pub fingerprint: Vec<u8>,
    /// Validators for the next fetch.
    pub validators: Validators,
    /// The hubs found at the topic.
    pub hubs: Vec<String>,
    /// The `self` found at the topic.
    pub self_url: Option<String>,
}

/// Content to be delivered, as it is stored.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The version of the topic.
    pub version: i64,
    /// The bytes.
    pub body: Bytes,
    /// `Content-Type`, byte for byte.
    pub content_type: Option<String>,
    /// The hubs found at the topic.
    pub hubs: Vec<String>,
    /// The `self` found at the topic.
    pub self_url: Option<String>,
    /// The URL of the topic, normalised.
    pub topic: String,
}
