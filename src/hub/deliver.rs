//! Delivers content to callbacks: claims due deliveries, starts them when their hosts have places, and passes their
//! outcomes to the recorder.
//!
//! It must not know how topics are fetched or subscribers verified.

mod attempt;
mod content;
mod record;
mod sender;
mod waiting;

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use attempt::Job;
use content::Contents;
use record::Progress;
use sender::Sender;
use waiting::{Turn, Waiting};

use super::Hub;
use crate::store::{self, Delivery, DeliveryOutcome, FinishedDelivery};
use crate::web::hosts::Busy;
use crate::web::workers::POLL;

/// Deliveries that are claimed at one time.
const CLAIM: usize = 256;
/// Claimed deliveries for each place of `hub.concurrent`. Claims are sorted by host, so several are needed to keep many
/// hosts busy.
const WAITING: usize = 32;
/// Maximum time that a claimed delivery waits for a place before it is returned to the store.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a claim lasts beyond [`PATIENCE`] and `hub.deadline`: for the record of the outcome.
const MARGIN: Duration = Duration::from_secs(15);
/// Maximum time for a claim and for recording outcomes when the hub stops.
const STOP_STORE: Duration = Duration::from_millis(700);

type Claiming = Pin<Box<dyn Future<Output = store::Result<Vec<Delivery>>> + Send>>;

/// Delivers until the hub stops.
pub(super) async fn work(hub: Arc<Hub>) {
    let most = hub.settings.concurrent.saturating_mul(WAITING).max(4 * CLAIM).saturating_add(CLAIM);
    let (outcomes, queue) = mpsc::channel(most);
    let progress = Arc::new(Progress::default());
    let recording = tokio::spawn(record::record(Arc::clone(&hub), queue, Arc::clone(&progress)));
    let mut worker = Worker::new(hub, most, outcomes, progress);
    worker.run().await;
    worker.stop().await;
    drop(worker);
    let aborted = recording.abort_handle();
    // Claims without a recorded outcome end, and their deliveries are attempted again.
    if tokio::time::timeout(STOP_STORE, recording).await.is_err() {
        aborted.abort();
    }
}

struct Worker {
    sender: Arc<Sender>,
    contents: Contents,
    waiting: Waiting,
    /// Attempts under way; each returns its host too.
    running: JoinSet<(String, Option<FinishedDelivery>)>,
    outcomes: mpsc::Sender<FinishedDelivery>,
    progress: Arc<Progress>,
    /// Whether hosts may have free places that were not used yet.
    is_open: bool,
    /// Whether deliveries may be due.
    is_due: bool,
    /// Hosts that the last claim left out, because enough of their deliveries wait here.
    left_out: HashSet<String>,
    /// Maximum number of waiting and running deliveries.
    most: usize,
    /// Attempts under way at most, and the places of `hub.concurrent` that are left to verifications.
    concurrent: usize,
    spared: usize,
}

impl Worker {
    fn new(
        hub: Arc<Hub>,
        most: usize,
        outcomes: mpsc::Sender<FinishedDelivery>,
        progress: Arc<Progress>,
    ) -> Self {
        let concurrent = hub.settings.concurrent;
        Self {
            contents: Contents::new(hub.url()),
            waiting: Waiting::default(),
            running: JoinSet::new(),
            outcomes,
            progress,
            is_open: false,
            is_due: true,
            left_out: HashSet::new(),
            most,
            concurrent: concurrent - concurrent / 16,
            spared: concurrent / 16,
            sender: Arc::new(Sender::new(hub)),
        }
    }

    async fn run(&mut self) {
        let hub = Arc::clone(&self.sender.hub);
        let progress = Arc::clone(&self.progress);
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut claiming: Option<Claiming> = None;
        let stopped = hub.workers.stopped();
        tokio::pin!(stopped);
        loop {
            if std::mem::take(&mut self.is_open) {
                while self.start(None) {}
            }
            if claiming.is_none() && self.may_claim() {
                claiming = Some(self.claim());
            }
            let claimed = async {
                match &mut claiming {
                    Some(claiming) => claiming.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(outcome) = self.running.join_next() => self.ended(outcome),
                claimed = claimed => {
                    claiming = None;
                    self.claimed(claimed);
                }
                () = hub.hosts.freed(), if self.waiting.count() > 0 && self.running.is_empty() => self.is_open = true,
                () = hub.store.work().deliveries.notified() => self.is_due = true,
                () = progress.recorded.notified() => {}
                _ = poll.tick() => {
                    (self.is_due, self.is_open) = (true, true);
                    self.give_back_where(Job::is_late);
                }
                () = &mut stopped => break,
            }
        }
        // A claim that was sent may have been made.
        if let Some(claiming) = claiming {
            let claimed = tokio::time::timeout(STOP_STORE, claiming).await;
            self.claimed(claimed.unwrap_or(Ok(Vec::new())));
        }
    }

    /// Stops the worker: running attempts are completed, waiting deliveries are returned to the store.
    async fn stop(&mut self) {
        self.give_back_where(|_| true);
        let end = tokio::time::sleep(self.sender.hub.workers.time_left());
        tokio::pin!(end);
        loop {
            tokio::select! {
                outcome = self.running.join_next() => match outcome {
                    Some(outcome) => self.ended(outcome),
                    None => return,
                },
                () = &mut end => {
                    self.sender.hub.cut.fetch_add(self.running.len(), Ordering::AcqRel);
                    return self.running.abort_all();
                }
            }
        }
    }

    /// Whether to claim deliveries now: some may be due, and there is room for them.
    fn may_claim(&self) -> bool {
        let claimed = self.progress.claimed.load(Ordering::Acquire);
        let has_room = claimed + CLAIM <= self.most && !self.progress.is_stuck.load(Ordering::Acquire);
        self.is_due && has_room && (self.running.len() < self.concurrent || self.waiting.count() <= CLAIM / 2)
    }

    fn claim(&mut self) -> Claiming {
        self.is_due = false;
        let hub = &self.sender.hub;
        let most = self.most_of_host();
        self.left_out = self.waiting.hosts_above(most / 2).map(str::to_owned).collect();
        let mut without = hub.hosts.broken();
        without.extend(self.left_out.iter().cloned());
        let hold = PATIENCE + hub.settings.deadline + MARGIN;
        let store = hub.store.clone();
        let count = u32::try_from(CLAIM).unwrap_or(u32::MAX);
        Box::pin(async move { store.claim_deliveries(count, hold, &without).await })
    }

    /// Maximum number of waiting deliveries of one host: a share of the free room, so that slow hosts leave room for
    /// others.
    fn most_of_host(&self) -> usize {
        let free = self.most.saturating_sub(self.waiting.count());
        (free / 4).max(2 * self.sender.hub.settings.per_host)
    }

    fn claimed(&mut self, claimed: store::Result<Vec<Delivery>>) {
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::debug!(%error, "no deliveries claimed");
                return;
            }
        };
        self.is_due |= claimed.len() >= CLAIM;
        self.is_open = true;
        self.progress.claimed.fetch_add(claimed.len(), Ordering::AcqRel);
        let now = Instant::now();
        for delivery in claimed {
            let content = self.contents.of(delivery.topic_id, delivery.version);
            let job = Job { delivery, content, claimed: now };
            if self.waiting.of_host(&job.delivery.host) >= self.most_of_host() {
                self.give_back(&job, Duration::ZERO);
            } else {
                self.waiting.push(job);
            }
        }
    }

    /// Starts the next delivery, or the next one of a host, if there is a place for it. Returns whether one was
    /// started.
    fn start(&mut self, host: Option<&str>) -> bool {
        let mut left = Vec::new();
        let turn = |host: &str| match self.sender.hub.hosts.acquire_sparing(host, &[], self.spared) {
            Ok(place) => Turn::Start(place),
            Err(Busy::Full) => Turn::Wait,
            Err(Busy::Broken(time)) => Turn::Leave(time),
        };
        let next = match host {
            Some(host) => self.waiting.next_of(host, turn, &mut left),
            None => self.waiting.next(turn, &mut left),
        };
        left.iter().for_each(|(job, time)| self.give_back(job, *time));
        let Some((job, place)) = next else { return false };
        let host = &job.delivery.host;
        if !self.left_out.is_empty()
            && self.waiting.of_host(host) <= self.most_of_host() / 4
            && self.left_out.remove(host)
        {
            self.is_due = true;
        }
        self.progress.running.fetch_add(1, Ordering::AcqRel);
        let sender = Arc::clone(&self.sender);
        self.running.spawn(async move {
            let outcome = job.attempt(&sender, place).await;
            (job.delivery.host, outcome)
        });
        true
    }

    /// Records the outcome of an attempt, and starts another one in its place.
    fn ended(&mut self, ended: Result<(String, Option<FinishedDelivery>), JoinError>) {
        self.progress.running.fetch_sub(1, Ordering::AcqRel);
        match ended {
            Ok((host, finished)) => {
                match finished {
                    Some(finished) => self.finished(finished),
                    None => self.forget(),
                }
                // Only this host has a new place, unless all hosts waited for any place.
                let is_last = self.running.len() + 1 >= self.concurrent;
                self.start(Some(&*host).filter(|_| !is_last));
            }
            // The claim ends, and the delivery is attempted again.
            Err(error) => {
                self.forget();
                self.is_open = true;
                self.sender.hub.metrics.panics.inc();
                tracing::error!(%error, "attempt to deliver failed");
            }
        }
    }

    /// Subtracts a claimed delivery that has no outcome to record.
    fn forget(&self) {
        self.progress.claimed.fetch_sub(1, Ordering::AcqRel);
    }

    fn give_back_where(&mut self, which: impl Fn(&Job) -> bool) {
        self.waiting.remove(which).iter().for_each(|job| self.give_back(job, Duration::ZERO));
    }

    /// Returns a delivery to the store, due after that time or slightly later.
    fn give_back(&self, job: &Job, time: Duration) {
        let time = time + time.mul_f64(fastrand::f64() * 0.2);
        self.finished(job.finished(DeliveryOutcome::Postponed(time)));
    }

    fn finished(&self, finished: FinishedDelivery) {
        // The channel has room for all claims. The receiver is gone only after a panic; the claims then end.
        let _ = self.outcomes.try_send(finished);
    }
}
