//! The pager: reads the pages of replays from the broker and puts them into mailboxes, one task for each session with a replay.
//! It must not know verbs.

use std::any::Any;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::time::Duration;

#[cfg(not(feature = "redis"))]
use super::alone::Unflushed;
use super::delivery::{LocalSubscribers, adapt};
#[cfg(feature = "redis")]
use super::unflushed::Unflushed;
use crate::auth::Policy;
use crate::broker::{Broker, HistoryError, Page, PageRequest};
use crate::router::{Job, NextPage, PagePushed, PendingFlush, Seen, Session, StartReplay};

/// How many pages are read at once.
const READS: usize = 8;
/// The pause before a page is read again that a broker could not read.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a page is read again from a store that is behind what this instance has delivered.
const ATTEMPTS: usize = 20;

/// Reads pages.
pub(super) struct Pager {
    broker: Arc<Broker<LocalSubscribers>>,
    local: LocalSubscribers,
    unflushed: Option<Arc<Unflushed>>,
    reading: tokio::sync::Semaphore,
    me: Weak<Self>,
}

impl StartReplay for Pager {
    fn start(&self, session: Arc<dyn Any + Send + Sync>) {
        if let (Some(this), Ok(session)) = (self.me.upgrade(), session.downcast::<Session>()) {
            tokio::spawn(async move { this.run(&session).await });
        }
    }
}

/// Returns the maximum age in the history of a channel; zero without a history.
pub(super) fn history_age(policy: &Policy, channel: &str) -> Duration {
    policy.rule(channel).history.map_or(Duration::ZERO, |history| history.age)
}

impl Pager {
    pub(super) fn new(broker: Arc<Broker<LocalSubscribers>>, local: LocalSubscribers) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            broker,
            unflushed: local.unflushed.clone(),
            local,
            reading: tokio::sync::Semaphore::new(READS),
            me: Weak::clone(me),
        })
    }

    /// Reads pages until the session has no replay any more.
    async fn run(&self, session: &Arc<Session>) {
        let mut attempts = 0;
        loop {
            let next = poll_fn(|context| session.poll_page(context)).await;
            let NextPage::Read(job, messages, bytes) = next else { return };
            let page = match self.read(&job, messages, bytes).await {
                Ok(page) => page,
                Err(HistoryError) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let is_behind = page.state.epoch == job.epoch && page.state.offset < job.until;
            if is_behind && attempts < ATTEMPTS {
                // A replica that has become the master may lack the newest publications.
                attempts += 1;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            attempts = 0;
            self.push(session, &job, page, is_behind);
        }
    }

    async fn read(&self, job: &Job, messages: usize, bytes: usize) -> Result<Page, HistoryError> {
        // The semaphore is never closed.
        let _reading = self.reading.acquire().await;
        let policy = self.local.policy.load_full();
        let newest = |channel: &str| {
            let rule = policy.rule(channel);
            if rule.history.is_some() { rule.replay } else { 0 }
        };
        let request = PageRequest {
            partition: job.partition,
            pattern: &job.pattern,
            start: &job.start,
            until: job.until,
            age: &|channel| history_age(&policy, channel),
            newest: if job.options.is_by_rule { Some(&newest) } else { None },
            seen: &job.options.seen,
            is_first: job.is_first,
            messages,
            bytes,
        };
        self.broker.page(request).await
    }

    fn push(&self, session: &Arc<Session>, job: &Job, page: Page, is_behind: bool) {
        let Page { mut publications, next, state, is_complete, .. } = page;
        if self.local.pipeline.sees_deliveries() {
            publications = publications
                .iter()
                .filter_map(|publication| adapt(&self.local.pipeline, session, publication))
                .collect();
        }
        let is_empty = publications.is_empty();
        let seen = Seen { epoch: state.epoch, is_complete: is_complete && !is_behind, is_empty };
        if session.push_page(job, &publications, seen, next.as_ref()) == PagePushed::Dropped {
            return;
        }
        let mut pending = PendingFlush::default();
        pending.add(session);
        match &self.unflushed {
            Some(unflushed) => unflushed.add(pending, true),
            None => pending.flush(),
        }
    }
}
