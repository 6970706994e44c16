//! Persistent state in SQLite or PostgreSQL: topics and subscriptions of the hub, feeds and entries of the subscriber,
//! and the work that is due for them.
//!
//! The operations of the hub are in this file, those of the subscriber in `feeds` and `entries`. Other modules use the
//! named operations of [`Store`]; all SQL is in this folder. The clock of the database decides what is due, so
//! operations take durations and no points in time. This module must not know HTTP or the WebSub protocol.

mod backend;
mod due;
mod entries;
mod error;
pub(crate) mod failpoint;
mod feeds;
mod health;
mod migrate;
mod operations;
mod packed;
mod postgres;
mod records;
mod session;
mod sqlite;
mod statement;

pub use error::{Result, StoreError};
pub use failpoint::NAMES as FAILPOINTS;
pub use records::*;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::config;
use crate::metrics::Metrics;
use backend::Backend;
use due::Due;
use operations::{Finished, Published};
use operations::{deliveries, fetches, listing, ping, requests, status, sweep};
use packed::Packed;

/// Subscriptions that end, or are renewed, in one transaction of [`Store::sweep`].
const SWEEP: u64 = 5000;

/// A store. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    backend: Arc<Backend>,
}

impl Store {
    /// Opens the configured store and migrates its schema. An unreachable PostgreSQL server is no error: operations
    /// fail with [`StoreError::Unavailable`] until it is reachable.
    ///
    /// # Errors
    /// [`StoreError::Unusable`]: the file is in use by another process or cannot be opened, or the schema is newer than
    /// this program.
    pub async fn open(settings: &config::Store, metrics: Metrics) -> Result<Self> {
        Ok(Self { backend: Backend::open(settings, metrics).await? })
    }

    /// Sets the maximum size of all contents in bytes, as stored. Without a call there is no bound.
    pub fn bound_contents(&self, most: usize) {
        self.backend.content_size.store(u64::try_from(most).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn content_size(&self) -> u64 {
        self.backend.content_size.load(Ordering::Relaxed)
    }

    /// Whether the last write has reached the store.
    pub fn is_up(&self) -> bool {
        self.backend.is_up()
    }

    /// Notifications that work may be due, from this instance and from others.
    pub fn work(&self) -> &Work {
        self.backend.work()
    }

    /// Adds a request to subscribe or unsubscribe, and replaces an older one of the same mode for the same topic and
    /// callback. While the older one is being verified, the new request is queued after it.
    pub async fn add_request(&self, request: &NewRequest, bounds: &Bounds) -> Result<Admission> {
        let arguments = (request.clone(), *bounds, self.backend.claim());
        let admission = self.backend.write(&requests::ADD, arguments).await?;
        if let Admission::Accepted(Request { stage, .. }) = &admission {
            self.backend.announce(if *stage == Stage::Check { Due::FETCHES } else { Due::REQUESTS });
        }
        Ok(admission)
    }

    /// Claims requests whose callback is due for a verification or denial, for `hold`. Skips the hosts of `without`.
    pub async fn claim_requests(
        &self,
        most: u32,
        hold: Duration,
        without: &[String],
    ) -> Result<Vec<Request>> {
        self.backend.write(&requests::CLAIM, (most, self.backend.claim(), hold, without.to_vec())).await
    }

    /// Records the outcomes of claimed requests. Outcomes with a lost claim have no effect; returns their number.
    pub async fn finish_requests(&self, finished: &[FinishedRequest]) -> Result<u64> {
        if finished.is_empty() {
            return Ok(0);
        }
        let lost = self.backend.write(&operations::FINISH_REQUESTS, finished.to_vec()).await?;
        let is_due =
            |f: &FinishedRequest| matches!(f.outcome, RequestOutcome::Checked | RequestOutcome::Denied(_));
        self.backend.announce(Due::REQUESTS.when(finished.iter().any(is_due)));
        Ok(lost)
    }

    /// Makes topics due for a fetch if they are known and have subscriptions; ignores others. A topic that is being
    /// fetched becomes due again afterwards. The earliest time is `interval` after the last fetch, and `delay` from
    /// now. Returns the number of due topics.
    pub async fn ping(&self, topics: &[String], interval: Duration, delay: Duration) -> Result<u64> {
        let due = self.backend.write(&ping::PING, (topics.to_vec(), interval, delay)).await?;
        self.backend.announce(Due::FETCHES.when(due > 0));
        Ok(due)
    }

    /// Claims due topics for a fetch, for `hold`: at most `most`, and at most `by_host` of each host. Skips the hosts
    /// of `without`.
    pub async fn claim_fetches(
        &self,
        most: u32,
        by_host: u32,
        hold: Duration,
        without: &[String],
    ) -> Result<Vec<TopicFetch>> {
        let most = fetches::Most { in_all: most, by_host };
        self.backend.write(&fetches::CLAIM, (most, self.backend.claim(), hold, without.to_vec())).await
    }

    /// Claims one topic for a fetch now, whether due or not; `None` if it is unknown or claimed.
    pub async fn claim_fetch(&self, topic: &str, hold: Duration) -> Result<Option<TopicFetch>> {
        self.backend.write(&fetches::CLAIM_ONE, (topic.to_owned(), self.backend.claim(), hold)).await
    }

    /// Records the outcome of a claimed fetch. New content becomes the next version of the topic and is queued for all
    /// of its active subscriptions, in one transaction.
    pub async fn finish_fetch(&self, fetch: &FinishedFetch) -> Result<Recorded> {
        let packed = match &fetch.outcome {
            FetchOutcome::Changed(content) => Some(Packed::new(&content.body).await),
            _ => None,
        };
        let arguments = (fetch.clone(), packed, self.content_size());
        let finished = self.backend.write(&operations::FINISH_FETCH, arguments).await?;
        self.backend.announce(
            Due::REQUESTS.when(finished.requests > 0)
                | Due::FETCHES.when(!finished.is_lost && !finished.is_postponed)
                | Due::DELIVERIES.when(finished.queued > 0),
        );
        Ok(match finished {
            Finished { is_lost: true, .. } => Recorded::Lost,
            Finished { is_full: true, .. } => Recorded::Full,
            _ => Recorded::Done,
        })
    }

    /// Makes content that was not fetched the next version of a topic (a channel), and queues it for all of its active
    /// subscriptions. False if the topic is unknown, has no subscription, or has had this content, by its fingerprint,
    /// last.
    pub async fn publish(&self, topic: &str, content: &Content) -> Result<bool> {
        let packed = Packed::new(&content.body).await;
        let arguments = (topic.to_owned(), content.clone(), packed, self.content_size());
        match self.backend.write(&operations::PUBLISH, arguments).await? {
            Published::Unchanged => Ok(false),
            Published::Queued(queued) => {
                self.backend.announce(Due::DELIVERIES.when(queued > 0));
                Ok(true)
            }
            Published::Full => Err(StoreError::Unavailable(
                "the store has as much content as hub.content_size allows".to_owned(),
            )),
        }
    }

    /// Claims due deliveries, for `hold`, oldest first. Skips the hosts of `without`.
    pub async fn claim_deliveries(
        &self,
        most: u32,
        hold: Duration,
        without: &[String],
    ) -> Result<Vec<Delivery>> {
        self.backend.write(&deliveries::CLAIM, (most, self.backend.claim(), hold, without.to_vec())).await
    }

    /// Returns the newest content of a topic; `None` if no delivery waits for it any more.
    pub async fn payload(&self, topic_id: i64) -> Result<Option<Payload>> {
        let Some((payload, is_packed)) = self.backend.read(&operations::PAYLOAD, topic_id).await? else {
            return Ok(None);
        };
        let packed = Packed { bytes: payload.body.clone(), is_packed };
        Ok(Some(Payload { body: packed.unpack().await?, ..payload }))
    }

    /// Records the outcomes of claimed deliveries in one transaction. Outcomes with a lost claim have no effect;
    /// returns their number.
    pub async fn finish_deliveries(&self, finished: &[FinishedDelivery]) -> Result<u64> {
        if finished.is_empty() {
            return Ok(0);
        }
        self.backend.write(&deliveries::FINISH, finished.to_vec()).await
    }

    /// Ends subscriptions with an expired lease, queues verifications for legacy subscriptions whose lease ends soon,
    /// and removes old results of requests, topics without subscriptions, and content without deliveries.
    pub async fn sweep(&self) -> Result<Swept> {
        let most = i64::try_from(SWEEP).unwrap_or(i64::MAX);
        let mut total = Swept::default();
        loop {
            let swept = self.backend.write(&sweep::SWEEP, most).await?;
            total.expired += swept.expired;
            total.renewals += swept.renewals;
            total.topics += swept.topics;
            self.backend.announce(Due::REQUESTS.when(swept.renewals > 0));
            if swept.expired < SWEEP && swept.renewals < SWEEP {
                return Ok(total);
            }
        }
    }

    /// Returns the data of a status page. The token is from [`NewRequest::token`].
    pub async fn status(&self, token: &str) -> Result<Option<Status>> {
        self.backend.read(&status::STATUS, token.to_owned()).await
    }

    /// Counts the rows of each kind.
    pub async fn counts(&self) -> Result<Counts> {
        self.backend.read(&listing::COUNTS, ()).await
    }

    /// Returns up to `most` topics by URL, after `after`.
    pub async fn topics(&self, after: Option<&str>, most: u32) -> Result<Vec<TopicRow>> {
        self.backend.read(&listing::TOPICS, (after.unwrap_or_default().to_owned(), most)).await
    }

    /// Subscriptions, of one topic or of all, `most` of them with a number above `after`.
    pub async fn subscriptions(
        &self,
        topic: Option<&str>,
        after: i64,
        most: u32,
    ) -> Result<Vec<SubscriptionRow>> {
        self.backend.read(&listing::SUBSCRIPTIONS, (topic.map(str::to_owned), after, most)).await
    }

    /// Makes waiting deliveries due now, those of one topic or host or all. Returns their number.
    pub async fn retry(&self, topic: Option<&str>, host: Option<&str>) -> Result<u64> {
        let filter = (topic.map(str::to_owned), host.map(str::to_owned));
        let due = self.backend.write(&listing::RETRY, filter).await?;
        self.backend.announce(Due::DELIVERIES.when(due > 0));
        Ok(due)
    }

    /// Closes the store and returns the claims of this instance.
    pub async fn close(&self) {
        self.backend.close().await;
    }
}
