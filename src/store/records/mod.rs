//! The inputs and results of operations.

mod deliveries;
mod entries;
mod feeds;
mod fetches;
mod listing;
mod requests;

pub use deliveries::*;
pub use entries::*;
pub use feeds::*;
pub use fetches::*;
pub use listing::*;
pub use requests::*;

use tokio::sync::Notify;

/// The proof of a claim: a random number, new for each claim.
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
    /// Feeds to fetch.
    pub polls: Notify,
    /// Requests to hubs.
    pub calls: Notify,
    /// Entries to publish.
    pub entries: Notify,
}
