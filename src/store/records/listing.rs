//! The data shown to subscribers and operators.

use std::time::Duration;

use super::Mode;

/// The counts of [`Store::sweep`](crate::store::Store::sweep).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Subscriptions with an expired lease.
    pub expired: u64,
    /// Verifications queued before the end of a lease.
    pub renewals: u64,
    /// Topics removed.
    pub topics: u64,
}

/// The state of a request or of the subscription that it has led to.
#[derive(Debug, Clone)]
pub struct Status {
    /// The mode of the request.
    pub mode: Mode,
    /// The topic as the subscriber spells it.
    pub topic: String,
    /// The host of the callback.
    pub host: String,
    /// The state.
    pub state: State,
}

/// The state of a request or subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The topic is being checked.
    Checking,
    /// The verification is pending: the number of attempts, and the reason of the last failure.
    Verifying(u32, Option<String>),
    /// The subscription is active: its remaining lease, consecutive failed deliveries, and the reason of the last
    /// failure.
    Active(Duration, u64, Option<String>),
    /// The subscriber has not confirmed.
    Refused(String),
    /// The hub has denied it.
    Denied(String),
    /// The subscription has ended, by the subscriber or with its lease.
    Ended(String),
}

/// The number of rows of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Topics.
    pub topics: u64,
    /// Active subscriptions.
    pub subscriptions: u64,
    /// Unfinished requests.
    pub requests: u64,
    /// Waiting and running deliveries.
    pub deliveries: u64,
}

/// A topic as shown to operators.
#[derive(Debug, Clone)]
pub struct TopicRow {
    /// Its URL, normalised.
    pub topic: String,
    /// Active subscriptions.
    pub subscriptions: u64,
    /// Waiting and running deliveries.
    pub deliveries: u64,
    /// How often it has changed.
    pub version: i64,
    /// The time since the last fetch.
    pub fetched: Option<Duration>,
    /// Why the last fetch failed.
    pub failure: Option<String>,
}

/// A subscription as shown to operators; never its secret.
#[derive(Debug, Clone)]
pub struct SubscriptionRow {
    /// Its number.
    pub id: i64,
    /// The topic, normalised.
    pub topic: String,
    /// The host of the callback.
    pub host: String,
    /// The remaining lease.
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
