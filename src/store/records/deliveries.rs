//! Deliveries of content to callbacks.

use std::time::Duration;

use super::Claim;
use crate::config::SignatureMethod;

/// A delivery that is being worked on.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The number of the subscription, which has at most one delivery.
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
    /// The signature method, if there is a secret.
    pub signature: SignatureMethod,
    /// Failed attempts of this version.
    pub attempts: u32,
    /// The remaining lease.
    pub expires_in: Duration,
    /// The time since this version was queued.
    pub age: Duration,
}

/// The result of a delivery.
#[derive(Debug, Clone)]
pub struct FinishedDelivery {
    /// Its number.
    pub id: i64,
    /// The proof of the claim.
    pub claim: Claim,
    /// The version that was delivered.
    pub version: i64,
    /// The outcome.
    pub outcome: DeliveryOutcome,
    /// The number of readers that the callback has reported, if it did (`X-Hub-On-Behalf-Of`).
    pub readers: Option<u32>,
}

/// The outcome of a delivery. A newer version that was queued since the claim stays, and is due immediately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The callback has accepted it.
    Delivered,
    /// The callback responded with 410: the subscription ends.
    Gone,
    /// Due again after that time, with the reason.
    Retry(Duration, String),
    /// Delayed for that time, because the host is busy or failing. Not counted as an attempt.
    Postponed(Duration),
    /// The delivery failed permanently; the subscription stays.
    GivenUp(String),
}
