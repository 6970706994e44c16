//! Requests to subscribe and unsubscribe.

use std::time::Duration;

use super::Claim;
use crate::config::SignatureMethod;

/// What a subscriber asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `hub.mode=subscribe`
    Subscribe,
    /// `hub.mode=unsubscribe`
    Unsubscribe,
}

impl Mode {
    /// The value of `hub.mode`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// A request to subscribe or unsubscribe. It takes the place of an older one of the same mode, topic and callback, and
/// waits behind it while that one is being verified.
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
    /// The address of the client, or its network.
    pub client: String,
}

/// How much may be kept. Requests of active subscriptions are always kept.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Topics with subscriptions. The number of others is bounded by that of unfinished requests.
    pub topics: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Unfinished requests.
    pub pending: u64,
    /// Unfinished requests of one client.
    pub pending_by_client: u64,
    /// Unfinished requests with callbacks of one host. One client has three quarters of them at most.
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
    Pending,
    PendingByClient,
    PendingByHost,
    SubscriptionsByHost,
}

/// What came of [`Store::add_request`](crate::store::Store::add_request).
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a value lives while one request is answered")]
pub enum Admission {
    /// The request is kept. It is claimed by the caller if that was asked for.
    Accepted(Request),
    /// An older request for the same topic and callback is being verified, so the caller cannot claim this one now.
    Busy,
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
    /// Whether the subscription exists.
    pub is_known: bool,
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
    /// The topic may not be subscribed to; the callback is told. A subscription stays, and is not told, unless the request
    /// is a renewal: then the subscription ends.
    Denied(String),
    /// The callback was told of the denial, or cannot be told.
    Told,
}
