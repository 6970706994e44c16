//! What subscribers and operators see.

use std::time::Duration;

use super::Mode;

/// What [`Store::sweep`](crate::store::Store::sweep) did.
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
