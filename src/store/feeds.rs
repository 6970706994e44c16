//! The operations on feeds and entries.

use std::collections::BTreeSet;
use std::time::Duration;

use super::operations::feeds::{
    add, callback, calls, due, finish_call, finish_poll, listing, polls, rates, remove, sweep, topics,
};
use super::{
    AddedFeed, Callback, Due, FeedDescription, FeedFetch, FeedRow, FeedSource, FinishedCall, FinishedPoll,
    HubWord, PollRates, Result, Store, SubscribedTopic, SubscriptionCall,
};

/// Rows that one transaction of [`Store::sweep_feeds`] changes.
const SWEEP: u64 = 1000;
/// Characters of the identifier of a callback: 128 bits in base64.
const CALLBACK: usize = 22;

impl Store {
    /// Synchronizes the feeds of the settings: adds and changes them, and removes those that are no longer configured.
    /// A feed of another source with the same name becomes a configured one. New feeds and feeds with a changed
    /// description are due for a fetch.
    pub async fn sync_feeds(&self, feeds: &[FeedDescription]) -> Result<()> {
        let ended = self.backend.write(&add::SYNC, feeds.to_vec()).await?;
        self.backend.announce(Due::POLLS | Due::CALLS.when(ended > 0));
        Ok(())
    }

    /// Adds a feed that is not in the settings, unless there are `most` feeds of all sources. A removed feed of that
    /// name continues with its entries.
    pub async fn add_feed(&self, feed: &FeedDescription, most: u64) -> Result<AddedFeed> {
        let added = self.backend.write(&add::ADD, (feed.clone(), most)).await?;
        self.backend.announce(Due::POLLS.when(added == AddedFeed::Added));
        Ok(added)
    }

    /// Ends the subscriptions and polls of a feed, and keeps its entries. Returns its source, or `None` if it is
    /// unknown. Feeds of the settings are not removed.
    pub async fn remove_feed(&self, name: &str) -> Result<Option<FeedSource>> {
        let removed = self.backend.write(&remove::REMOVE, name.to_owned()).await?;
        self.backend.announce(Due::CALLS.when(removed.is_some_and(|(_, ended)| ended > 0)));
        Ok(removed.map(|(source, _)| source))
    }

    /// Deletes the entries of a feed, and the feed itself if it is removed and no hub has to be notified. Returns the
    /// number of entries, or `None` if the feed is unknown. Entries that the feed still contains are stored again when
    /// it changes, and are not published.
    pub async fn purge_feed(&self, name: &str) -> Result<Option<u64>> {
        self.backend.write(&remove::PURGE, name.to_owned()).await
    }

    /// Makes a feed, or all of them, due for a fetch now. Returns their number.
    pub async fn poll_feeds(&self, name: Option<&str>) -> Result<u64> {
        let due = self.backend.write(&due::POLL, name.map(str::to_owned)).await?;
        self.backend.announce(Due::POLLS.when(due > 0));
        Ok(due)
    }

    /// Schedules feeds without an interval of their own that are not due: the next poll follows the last fetch by the
    /// interval of the given rate. Returns their number.
    pub async fn schedule_feeds(&self, rates: PollRates) -> Result<u64> {
        let due = self.backend.write(&rates::SCHEDULE, rates).await?;
        self.backend.announce(Due::POLLS.when(due > 0));
        Ok(due)
    }

    /// Ends the polls of feeds that these rates never poll. Returns their number.
    pub async fn unschedule_feeds(&self, rates: PollRates) -> Result<u64> {
        self.backend.write(&rates::UNSCHEDULE, rates).await
    }

    /// Returns the topics that feeds are subscribed to at a hub, by the spellings of its URL.
    pub async fn subscribed_topics(&self, hub: Vec<String>) -> Result<Vec<SubscribedTopic>> {
        self.backend.read(&topics::TOPICS, hub).await
    }

    /// Renews the subscriptions of a feed at its hubs, after a fetch. Returns `false` if the feed is unknown.
    pub async fn resubscribe_feed(&self, name: &str) -> Result<bool> {
        let due = self.backend.write(&due::RESUBSCRIBE, name.to_owned()).await?;
        self.backend.announce(Due::POLLS.when(due > 0));
        Ok(due > 0)
    }

    /// Returns all feeds by name, including those whose subscriptions are ending.
    pub async fn feed_rows(&self) -> Result<Vec<FeedRow>> {
        self.backend.read(&listing::ROWS, ()).await
    }

    /// Claims due feeds for a fetch, for `hold`, longest wait first. Feeds with subscriptions to renew are due.
    pub async fn claim_polls(&self, most: u32, hold: Duration) -> Result<Vec<FeedFetch>> {
        self.backend.write(&polls::CLAIM, (most, self.backend.claim(), hold)).await
    }

    /// Records a fetch, and queues the resulting requests to hubs: subscriptions at new hubs, unsubscriptions at hubs
    /// that the feed no longer names, and renewals that waited for the fetch, even if it failed. At most three hubs of
    /// a feed are used. Returns `false` if the claim was lost.
    pub async fn finish_poll(&self, finished: &FinishedPoll) -> Result<bool> {
        let finished = self.backend.write(&finish_poll::FINISH, finished.clone()).await?;
        self.backend.announce(Due::POLLS.when(!finished.is_lost) | Due::CALLS.when(finished.calls > 0));
        Ok(!finished.is_lost)
    }

    /// Claims due requests to hubs, for `hold`.
    pub async fn claim_calls(&self, most: u32, hold: Duration) -> Result<Vec<SubscriptionCall>> {
        self.backend.write(&calls::CLAIM, (most, self.backend.claim(), hold)).await
    }

    /// Records the outcome of a request to a hub. Returns `false` if the claim was lost: for instance, the hub has
    /// verified the subscription before its response.
    pub async fn finish_call(&self, finished: &FinishedCall) -> Result<bool> {
        let finished = self.backend.write(&finish_call::FINISH, finished.clone()).await?;
        self.backend.announce(Due::CALLS.when(finished.is_due));
        Ok(!finished.is_lost)
    }

    /// Returns the subscription of a callback. An identifier of another form is unknown.
    pub async fn callback(&self, id: &str) -> Result<Option<Callback>> {
        if id.len() != CALLBACK
            || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            return Ok(None);
        }
        self.backend.read(&callback::CALLBACK, id.to_owned()).await
    }

    /// Records a request of a hub to the callback of a subscription. Returns `false` if the subscription is gone.
    pub async fn hub_said(&self, subscription: i64, word: &HubWord) -> Result<bool> {
        let is_known = self.backend.write(&callback::HUB_SAID, (subscription, word.clone())).await?;
        let is_due = matches!(word, HubWord::Denied(_) | HubWord::Pushed { is_read: false });
        self.backend.announce(Due::POLLS.when(is_known && is_due));
        Ok(is_known)
    }

    /// Makes feeds due for a fetch because a notification of a hub names them, as after a notification without content.
    /// Their subscriptions do not change.
    pub async fn notify_feeds(&self, feeds: BTreeSet<i64>) -> Result<()> {
        self.backend.write(&callback::NOTIFY, feeds.into_iter().collect()).await?;
        self.backend.announce(Due::POLLS);
        Ok(())
    }

    /// Removes the oldest entries beyond `keep` of each feed and entries older than `age`, except unpublished ones.
    /// Ends leases, and removes feeds that have ended completely. Returns the number of entries.
    pub async fn sweep_feeds(&self, keep: u64, age: Duration) -> Result<u64> {
        let mut removed = 0;
        loop {
            let swept = self.backend.write(&sweep::SWEEP, (keep, age, SWEEP)).await?;
            removed += swept.entries;
            self.backend.announce(Due::POLLS.when(swept.is_due));
            if !swept.is_unfinished {
                return Ok(removed);
            }
        }
    }
}
