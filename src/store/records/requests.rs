//! Requests to subscribe and unsubscribe.

use std::time::Duration;

use super::Claim;
use crate::config::SignatureMethod;

/// The mode of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `hub.mode=subscribe`
    Subscribe,
    /// `hub.mode=unsubscribe`
    Unsubscribe,
}

impl Mode {
    /// Returns the value of `hub.mode`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// A request to subscribe or unsubscribe. It replaces an older one of the same mode, topic and callback, and is queued
/// after it while that one is being verified.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The mode.
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
    /// The signature method of deliveries, if there is a secret.
    pub signature: SignatureMethod,
    /// The lease that is granted.
    pub lease: Duration,
    /// Whether the subscription is verified again before its lease ends (PubSubHubbub 0.3, section 6.3).
    pub is_legacy: bool,
    /// `hub.verify_token`
    pub verify_token: Option<String>,
    /// Whether the topic has to be fetched and has to name the hub before the verification, unless that was checked in
    /// the last 24 hours.
    pub needs_check: bool,
    /// The name of the status page: random, not guessable.
    pub token: String,
    /// For a caller that verifies the request itself: the duration of its claim.
    pub claim_for: Option<Duration>,
    /// The address of the client, or its network.
    pub client: String,
}

/// How much may be kept. Requests of active subscriptions are always kept.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Topics with subscriptions. The number of other topics is bounded by the number of unfinished requests.
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

/// The result of [`Store::add_request`](crate::store::Store::add_request).
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a value lives while one request is answered")]
pub enum Admission {
    /// The request is stored. The caller has a claim on it if it requested one.
    Accepted(Request),
    /// An older request for the same topic and callback is being verified, so the caller cannot claim this one now.
    Busy,
    /// A bound was reached.
    Full(Bound),
}

/// The stage of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The topic has to be checked first.
    Check,
    /// The callback has to be verified.
    Verify,
    /// The callback has to receive the denial.
    Deny,
}

/// A request that is being worked on.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The mode.
    pub mode: Mode,
    /// The due stage. Claimed requests are never in the stage `Check`, unless the caller of `add_request` has claimed
    /// it.
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
    /// The number of attempts to verify or deny.
    pub attempts: u32,
    /// The time since it was made.
    pub age: Duration,
    /// The reason of a denial.
    pub reason: Option<String>,
}

/// The result of a request.
#[derive(Debug, Clone)]
pub struct FinishedRequest {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The outcome.
    pub outcome: RequestOutcome,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The subscriber confirmed: the subscription begins, gets the new secret and lease, or ends.
    Verified,
    /// The topic may be subscribed to; the callback is due now.
    Checked,
    /// The subscriber did not confirm, and there is no further attempt. An existing subscription stays, unless the
    /// request is a renewal: then it ends.
    Refused(String),
    /// The callback is due again after that time.
    Retry(Duration, String),
    /// The verification is delayed for that time, because the host is busy. Not counted as an attempt.
    Postponed(Duration),
    /// The topic is not allowed; the callback receives a denial. An existing subscription stays without a denial,
    /// unless the request is a renewal: then it ends.
    Denied(String),
    /// The denial was sent, or cannot be sent.
    Told,
}
