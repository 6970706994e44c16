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

/// The validators of a conditional request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
}

/// The result of a fetch.
#[derive(Debug, Clone)]
pub struct FinishedFetch {
    /// The number of the topic.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The outcome.
    pub outcome: FetchOutcome,
    /// Whether the topic names the hub.
    pub advertisement: Advertisement,
}

/// The outcome of a fetch.
#[derive(Debug, Clone)]
pub enum FetchOutcome {
    /// New content to deliver.
    Changed(Content),
    /// Content without a relevant change, and its validators.
    Unchanged(Validators),
    /// No content, with the reason. The topic is due again after that time; with `None` there is no further attempt,
    /// and requests that wait for the check are denied with the reason.
    Failed(Option<Duration>, String),
    /// No request was sent. The topic is due again after that time; this is no attempt.
    Postponed(Duration),
}

/// The result of recording an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The outcome is stored.
    Done,
    /// The claim was lost, and nothing has changed.
    Lost,
    /// The content exceeds the bound of all contents. The topic is fetched again later.
    Full,
}

/// Whether a topic names the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertisement {
    /// The topic names the hub, or does not have to: requests that wait for the check continue.
    Named,
    /// The topic does not name the hub, with the reason: requests that wait for the check are denied. After the third
    /// consecutive time its subscriptions end with a denial. Times within an hour count once.
    Missing(String),
    /// The topic is no longer allowed, with the reason: its subscriptions end now with a denial.
    Refused(String),
    /// Unknown, because nothing was fetched.
    Unknown,
}

/// Content to deliver.
#[derive(Debug, Clone)]
pub struct Content {
    /// The bytes.
    pub body: Bytes,
    /// `Content-Type`, byte for byte.
    pub content_type: Option<String>,
    /// The fingerprint to compare a later fetch with.
    pub fingerprint: Vec<u8>,
    /// Validators for the next fetch.
    pub validators: Validators,
    /// The hubs in the links of the topic.
    pub hubs: Vec<String>,
    /// The `self` link of the topic.
    pub self_url: Option<String>,
}

/// Content to deliver, as stored.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The version of the topic.
    pub version: i64,
    /// The bytes.
    pub body: Bytes,
    /// `Content-Type`, byte for byte.
    pub content_type: Option<String>,
    /// The hubs in the links of the topic.
    pub hubs: Vec<String>,
    /// The `self` link of the topic.
    pub self_url: Option<String>,
    /// The URL of the topic, normalised.
    pub topic: String,
}
