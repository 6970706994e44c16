//! What goes into the store and comes out of it.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::config::SignatureMethod;

/// What a claim is proven by: a random number, new for each claim.
pub type Claim = i64;

/// Notifications that work may be due.
#[derive(Debug, Default)]
pub struct Work {
    /// Requests to subscribe or unsubscribe.
    pub requests: Notify,
    /// Topics to fetch.
    pub fetches: Notify,
    /// Deliveries.
    pub deliveries: Notify,
}

/// What a subscriber asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `hub.mode=subscribe`
    Subscribe,
    /// `hub.mode=unsubscribe`
    Unsubscribe,
}

/// A request to subscribe or unsubscribe.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// What it asks for.
    pub mode: Mode,
    /// The topic, normalised.
    pub topic: String,
    /// The topic as the subscriber spells it, for requests to the callback.
    pub topic_spelt: String,
    /// The callback.
    pub callback: String,
    /// The host of the callback, without a port.
    pub host: String,
    /// `hub.secret`
    pub secret: Option<String>,
    /// How deliveries are signed, if there is a secret.
    pub signature: SignatureMethod,
    /// The lease that is granted.
    pub lease: Duration,
    /// Whether the subscription is verified again before its lease ends (PubSubHubbub 0.3, section 6.3).
    pub is_legacy: bool,
    /// `hub.verify_token`
    pub verify_token: Option<String>,
    /// Whether the topic has to be fetched and found to name the hub before the callback is asked, if that was not
    /// found in the last 24 hours.
    pub needs_check: bool,
    /// The name of the status page: random, not guessable.
    pub token: String,
    /// Whether the caller verifies the request itself: it is claimed for that long.
    pub claim_for: Option<Duration>,
}

/// How much may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Topics.
    pub topics: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Unfinished requests with callbacks of one host.
    pub pending_by_host: u64,
    /// Subscriptions with callbacks of one host.
    pub subscriptions_by_host: u64,
}

/// The setting whose bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of the fields of Bounds")]
pub enum Bound {
    Topics,
    Subscriptions,
    PendingByHost,
    SubscriptionsByHost,
}

/// What came of [`Store::add_request`](super::Store::add_request).
#[derive(Debug)]
pub enum Admission {
    /// The request is kept. It is claimed by the caller if that was asked for.
    Accepted(Request),
    /// There is no subscription to end.
    Unknown,
    /// There is no room.
    Full(Bound),
}

/// The stage of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The topic has to be checked first.
    Check,
    /// The callback has to be asked.
    Verify,
    /// The callback has to be told of the denial.
    Deny,
}

/// A request that is being worked on.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// What it asks for.
    pub mode: Mode,
    /// What is due. Claimed requests are never in the stage `Check`, unless the caller of `add_request` has claimed it.
    pub stage: Stage,
    /// The topic, normalised.
    pub topic: String,
    /// The topic as the subscriber spells it.
    pub topic_spelt: String,
    /// The callback.
    pub callback: String,
    /// The host of the callback, without a port.
    pub host: String,
    /// The lease that is granted.
    pub lease: Duration,
    /// Whether it was made with `hub.verify`.
    pub is_legacy: bool,
    /// Whether the hub itself made it, before a lease ends.
    pub is_renewal: bool,
    /// `hub.verify_token`
    pub verify_token: Option<String>,
    /// How often the callback was asked or told.
    pub attempts: u32,
    /// The time since it was made.
    pub age: Duration,
    /// Why it is denied.
    pub reason: Option<String>,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub struct FinishedRequest {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// What came of it.
    pub outcome: RequestOutcome,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The subscriber has confirmed: the subscription begins, gets the new secret and lease, or ends.
    Verified,
    /// The topic may be subscribed to; the callback is due now.
    Checked,
    /// The subscriber has not confirmed, and is not asked again. What was there before stays, unless it is a renewal: then
    /// the subscription ends.
    Refused(String),
    /// The callback is due again after that time.
    Retry(Duration, String),
    /// The callback is not asked for that time, because its host is busy. It counts as no attempt.
    Postponed(Duration),
    /// The topic may not be subscribed to; the callback is told. A subscription ends.
    Denied(String),
    /// The callback was told of the denial, or cannot be told.
    Told,
}

/// A topic to fetch.
#[derive(Debug, Clone)]
pub struct TopicFetch {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// Its URL, normalised.
    pub topic: String,
    /// Validators of the last content.
    pub validators: Validators,
    /// The fingerprint of the last content that was delivered; `None` before the first.
    pub fingerprint: Option<Vec<u8>>,
    /// Active subscriptions.
    pub subscriptions: u64,
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
}

/// Whether a topic names the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertisement {
    /// It does, or it need not: requests that wait for the check go on.
    Named,
    /// It does not, for that reason: requests that wait for the check are denied. After the third time in a row its
    /// subscriptions end, and are told.
    Missing(String),
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

/// A delivery that is being worked on.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its number, which is that of the subscription: a subscription has at most one delivery.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The number of the topic.
    pub topic_id: i64,
    /// The version of the topic that was due when it was claimed.
    pub version: i64,
    /// The callback.
    pub callback: String,
    /// The host of the callback, without a port.
    pub host: String,
    /// `hub.secret`
    pub secret: Option<String>,
    /// How it is signed, if there is a secret.
    pub signature: SignatureMethod,
    /// Failed attempts of this version.
    pub attempts: u32,
    /// The rest of the lease.
    pub expires_in: Duration,
    /// The time since this version was queued.
    pub age: Duration,
}

/// What came of a delivery.
#[derive(Debug, Clone)]
pub struct FinishedDelivery {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The version that was delivered.
    pub version: i64,
    /// What came of it.
    pub outcome: DeliveryOutcome,
}

/// What came of a delivery. A newer version that was queued meanwhile stays, and is due at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The callback has accepted it.
    Delivered,
    /// The callback has answered 410: the subscription ends.
    Gone,
    /// It is due again after that time.
    Retry(Duration, String),
    /// It is not tried for that time, because the host is busy or failing. It counts as no attempt.
    Postponed(Duration),
    /// It is given up; the subscription stays.
    GivenUp(String),
}

/// What [`Store::sweep`](super::Store::sweep) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Subscriptions whose lease was over.
    pub expired: u64,
    /// Verifications queued before the end of a lease.
    pub renewals: u64,
    /// Topics removed.
    pub topics: u64,
}

/// The state of a request or of the subscription that it has led to.
#[derive(Debug, Clone)]
pub struct Status {
    /// What was asked for.
    pub mode: Mode,
    /// The topic as the subscriber spells it.
    pub topic: String,
    /// The host of the callback.
    pub host: String,
    /// Where it stands.
    pub state: State,
}

/// Where a request or subscription stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The topic is being checked.
    Checking,
    /// The callback is being asked; how often it was, and what came of the last time.
    Verifying(u32, Option<String>),
    /// The subscription is active: the rest of its lease, failed deliveries in a row, and why the last one failed.
    Active(Duration, u64, Option<String>),
    /// The subscriber has not confirmed.
    Refused(String),
    /// The hub has denied it.
    Denied(String),
    /// The subscription has ended, by the subscriber or with its lease.
    Ended(String),
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Topics.
    pub topics: u64,
    /// Active subscriptions.
    pub subscriptions: u64,
    /// Unfinished requests.
    pub requests: u64,
    /// Deliveries that wait or are under way.
    pub deliveries: u64,
}

/// A topic as operators see it.
#[derive(Debug, Clone)]
pub struct TopicRow {
    /// Its URL, normalised.
    pub topic: String,
    /// Active subscriptions.
    pub subscriptions: u64,
    /// Deliveries that wait or are under way.
    pub deliveries: u64,
    /// How often it has changed.
    pub version: i64,
    /// The time since the last fetch.
    pub fetched: Option<Duration>,
    /// Why the last fetch failed.
    pub failure: Option<String>,
}

/// A subscription as operators see it; never its secret.
#[derive(Debug, Clone)]
pub struct SubscriptionRow {
    /// Its number.
    pub id: i64,
    /// The topic, normalised.
    pub topic: String,
    /// The host of the callback.
    pub host: String,
    /// The rest of the lease.
    pub expires_in: Duration,
    /// Whether it is verified again before its lease ends.
    pub is_legacy: bool,
    /// Whether deliveries are signed.
    pub is_signed: bool,
    /// Failed deliveries in a row.
    pub failures: u64,
    /// Why the last one failed.
    pub failure: Option<String>,
}
