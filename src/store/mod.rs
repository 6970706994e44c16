//! State that outlives the process, in SQLite or PostgreSQL: topics, subscriptions, and the work that is due for them.
//!
//! The rest of the crate uses the named operations of [`Store`]. No SQL is outside this folder. The clock of the
//! database decides what is due, so operations take durations and no points in time. This module must not know HTTP or
//! the WebSub protocol.

mod records;

pub use records::*;

use std::time::Duration;

use bytes::Bytes;

use crate::config;
use crate::metrics::Metrics;

/// Why an operation has no result.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be used for now; the same operation may succeed later.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The store cannot be used with these settings or by this program. Only [`Store::open`] returns it.
    #[error("{0}")]
    Unusable(String),
}

/// The result of an operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A store. Cloning shares it.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens the store of the settings and brings its schema up to date. A PostgreSQL server that cannot be reached is
    /// no error: operations fail with [`StoreError::Unavailable`] until it can.
    ///
    /// # Errors
    /// [`StoreError::Unusable`]: the file is in use by another process or cannot be opened, or the schema is newer than
    /// this program.
    pub async fn open(_settings: &config::Store, _metrics: Metrics) -> Result<Self> {
        todo!()
    }

    /// Whether the last operation reached the store.
    pub fn is_up(&self) -> bool {
        todo!()
    }

    /// Notifications that work may be due, from this instance and from others.
    pub fn work(&self) -> &Work {
        todo!()
    }

    /// Keeps a request to subscribe or unsubscribe, in place of an older one for the same topic and callback.
    pub async fn add_request(&self, _request: &NewRequest, _bounds: &Bounds) -> Result<Admission> {
        todo!()
    }

    /// Claims requests whose callback is due to be asked or told, for `hold`. Hosts of `without` are left out.
    pub async fn claim_requests(
        &self,
        _most: u32,
        _hold: Duration,
        _without: &[String],
    ) -> Result<Vec<Request>> {
        todo!()
    }

    /// Records what came of claimed requests. Those whose claim was lost change nothing; returns their number.
    pub async fn finish_requests(&self, _finished: &[FinishedRequest]) -> Result<u64> {
        todo!()
    }

    /// Makes topics due for a fetch, those that are known and have subscriptions. Others are ignored. A topic that is
    /// being fetched becomes due again after that. The earliest time is `interval` after the last fetch, and `delay` from now.
    pub async fn ping(&self, _topics: &[String], _interval: Duration, _delay: Duration) -> Result<u64> {
        todo!()
    }

    /// Claims topics that are due for a fetch, for `hold`.
    pub async fn claim_fetches(&self, _most: u32, _hold: Duration) -> Result<Vec<TopicFetch>> {
        todo!()
    }

    /// Claims one topic for a fetch now, whether it is due or not; `None` if it is unknown or claimed.
    pub async fn claim_fetch(&self, _topic: &str, _hold: Duration) -> Result<Option<TopicFetch>> {
        todo!()
    }

    /// Records what came of a claimed fetch. New content becomes the next version of the topic and is queued for all
    /// of its active subscriptions, in one transaction. False if the claim was lost.
    pub async fn finish_fetch(&self, _fetch: &FinishedFetch) -> Result<bool> {
        todo!()
    }

    /// Makes content that was not fetched the next version of a topic (a channel), and queues it for all of its active
    /// subscriptions. False if the topic is unknown or has no subscription.
    pub async fn publish(&self, _topic: &str, _content: &Content) -> Result<bool> {
        todo!()
    }

    /// Claims deliveries that are due, for `hold`, oldest first. Hosts of `without` are left out.
    pub async fn claim_deliveries(
        &self,
        _most: u32,
        _hold: Duration,
        _without: &[String],
    ) -> Result<Vec<Delivery>> {
        todo!()
    }

    /// The newest content of a topic; `None` if no delivery waits for it any more.
    pub async fn payload(&self, _topic_id: i64) -> Result<Option<Payload>> {
        todo!()
    }

    /// Records what came of claimed deliveries, all of them in one transaction. Those whose claim was lost change nothing; returns their
    /// number.
    pub async fn finish_deliveries(&self, _finished: &[FinishedDelivery]) -> Result<u64> {
        todo!()
    }

    /// Ends subscriptions whose lease is over, queues verifications for legacy subscriptions whose lease ends soon,
    /// removes old results of requests, topics without subscriptions and content that no delivery waits for.
    pub async fn sweep(&self) -> Result<Swept> {
        todo!()
    }

    /// What a status page shows. The token is from [`NewRequest::token`].
    pub async fn status(&self, _token: &str) -> Result<Option<Status>> {
        todo!()
    }

    /// How much there is of everything.
    pub async fn counts(&self) -> Result<Counts> {
        todo!()
    }

    /// Topics by their URL, `most` of them behind `after`.
    pub async fn topics(&self, _after: Option<&str>, _most: u32) -> Result<Vec<TopicRow>> {
        todo!()
    }

    /// Subscriptions, of one topic or of all, `most` of them with a number above `after`.
    pub async fn subscriptions(
        &self,
        _topic: Option<&str>,
        _after: i64,
        _most: u32,
    ) -> Result<Vec<SubscriptionRow>> {
        todo!()
    }

    /// Makes waiting deliveries due now, those of one topic or host or all. Returns their number.
    pub async fn retry(&self, _topic: Option<&str>, _host: Option<&str>) -> Result<u64> {
        todo!()
    }

    /// Closes the store. Claims of this instance are given back.
    pub async fn close(&self) {
        todo!()
    }
}

#[allow(unused)]
fn unused(_: Bytes) {}
