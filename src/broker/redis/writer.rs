//! Publishes what this instance has for one partition: in its order, many at once, and again until Redis has taken it. While
//! Redis is away, the partition is kept up on this instance alone, as `redis.ack` says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::Shared;
use super::consumer::Heard;
use super::frame;
use super::link::{Unavailable, with_jitter};
use super::scripts::PUBLISH;
use crate::bayeux::{Partition, Publication};
use crate::broker::{Appended, Receipt, Refused};
use crate::config::{Ack, History};
use crate::lock::{self, level};

/// Publications that go to Redis in one command.
const BATCH: usize = 128;
/// Bytes of them, above which no further one is added.
const BATCH_BYTES: usize = 256 * 1024;
/// Publications that may wait while Redis answers, but not fast enough.
const QUEUE: usize = 10_000;
/// Bytes of the publications that may wait.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// How much of every channel is kept after Redis was away, and for how long after it is back.
const CATCH_UP: History = History { messages: 10_000, age: Duration::from_secs(60) };
const RECOVERING: Duration = Duration::from_secs(10);
/// How often Redis is told to keep the partition for longer.
const KEEP: Duration = Duration::from_secs(60);
/// Publications that Redis accepted, remembered until this instance receives them from it.
const MAX_UNECHOED: usize = 1024;
/// The pause before a batch is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// The way of a partition's publications to Redis.
pub(super) struct Writer {
    partition: Partition,
    heard: Arc<Heard>,
    queue: lock::Mutex<Queue, { level::QUEUE }>,
    /// Until when every channel is kept; nothing while Redis is away.
    recovering_until: Mutex<Option<Instant>>,
    wake: Notify,
    /// When Redis was last told to keep the partition for longer.
    kept: Mutex<Option<Instant>>,
    /// The number behind the newest that Redis has given to something of ours.
    given: AtomicU64,
    /// Publications that Redis accepted and that this instance has not received from it, with their counters, oldest first.
    /// If Redis fails before, they are delivered here before those that this instance accepts alone.
    unechoed: Mutex<VecDeque<(u64, Arc<Publication>)>>,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    /// Bytes of them.
    bytes: usize,
    /// The counter of the newest item.
    counter: u64,
    /// Redis does not take anything now.
    away: bool,
}

struct Item {
    counter: u64,
    publication: Arc<Publication>,
    history: Option<History>,
    /// Called once Redis has it.
    appended: Option<Appended>,
    /// Who waits for it to be accepted; nobody if it was already.
    publisher: Option<oneshot::Sender<Result<(), Refused>>>,
}

impl Writer {
    pub(super) fn new(partition: Partition, heard: Arc<Heard>) -> Self {
        let recovering_until = Mutex::new(Some(Instant::now()));
        Self {
            partition,
            heard,
            queue: lock::Mutex::default(),
            recovering_until,
            wake: Notify::new(),
            kept: Mutex::new(None),
            given: AtomicU64::new(0),
            unechoed: Mutex::default(),
        }
    }

    /// Whether Redis does not take anything now.
    pub(super) fn is_away(&self) -> bool {
        self.queue.lock().away
    }

    /// Takes a publication.
    pub(super) fn publish(
        &self,
        shared: &Shared,
        publication: Publication,
        history: Option<History>,
        appended: Option<Appended>,
    ) -> Receipt {
        let publication = Arc::new(publication);
        let mut queue = self.queue.lock();
        let room = if queue.away { shared.settings.backlog } else { QUEUE };
        let is_full = queue.items.len() >= room || queue.bytes > QUEUE_BYTES;
        if is_full || queue.away && shared.settings.ack == Ack::Cluster {
            shared.metrics.redis.refused.inc();
            return Receipt::refused();
        }
        queue.counter += 1;
        let counter = queue.counter;
        let (publisher, receipt) = if queue.away {
            // Under the lock, so that it is not overtaken by the next.
            self.heard.deliver_own(counter, &publication);
            shared.metrics.redis.accepted_locally.inc();
            (None, Receipt::accepted())
        } else {
            let (sender, receiver) = oneshot::channel();
            (Some(sender), Receipt::awaited(receiver))
        };
        queue.bytes += publication.size();
        queue.items.push_back(Item { counter, publication, history, appended, publisher });
        drop(queue);
        self.wake.notify_one();
        receipt
    }

    /// Publishes for as long as it is polled.
    pub(super) async fn run(&self, shared: &Shared) {
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                self.wake.notified().await;
                continue;
            }
            self.send(shared, batch).await;
        }
    }

    /// The oldest publications, which have consecutive counters.
    fn next_batch(&self) -> Vec<Item> {
        let mut queue = self.queue.lock();
        let mut batch: Vec<Item> = Vec::new();
        let mut bytes = 0;
        while let Some(item) = queue.items.front() {
            let follows = batch.last().is_none_or(|last| last.counter + 1 == item.counter);
            if batch.len() >= BATCH || bytes > BATCH_BYTES || !follows {
                break;
            }
            bytes += item.publication.size();
            batch.extend(queue.items.pop_front());
        }
        queue.bytes -= bytes;
        batch
    }

    /// Sends a batch until Redis has taken it. If that is what being accepted means, it is not sent again: its publishers
    /// were told that it is not.
    async fn send(&self, shared: &Shared, mut batch: Vec<Item>) {
        let Some(first) = batch.first().map(|item| item.counter) else { return };
        loop {
            match self.try_send(shared, first, &batch).await {
                Ok(()) => {
                    if shared.settings.ack == Ack::Local {
                        self.await_echo(&batch);
                    }
                    for item in &batch {
                        if let Some(appended) = &item.appended {
                            appended(item.publication.channel());
                        }
                    }
                    for publisher in batch.iter_mut().filter_map(|item| item.publisher.take()) {
                        // Who waited may have gone.
                        let _ = publisher.send(Ok(()));
                    }
                    return self.come_back();
                }
                Err(error) => {
                    self.go_away(shared, &mut batch, &error);
                    tokio::time::sleep(with_jitter(PAUSE)).await;
                    if shared.settings.ack == Ack::Cluster {
                        return self.wait(shared).await;
                    }
                }
            }
        }
    }

    /// Remembers publications that Redis accepted until this instance receives them from it.
    fn await_echo(&self, batch: &[Item]) {
        let own = self.heard.own();
        let mut unechoed = self.unechoed.lock();
        unechoed.retain(|(counter, _)| *counter > own);
        let sent = batch.iter().filter(|item| item.counter > own);
        unechoed.extend(sent.map(|item| (item.counter, Arc::clone(&item.publication))));
        let excess = unechoed.len().saturating_sub(MAX_UNECHOED);
        unechoed.drain(..excess);
    }

    /// Waits until Redis answers again.
    async fn wait(&self, shared: &Shared) {
        let probe = frame::probe(shared.me, 0);
        while shared.test(self.partition, self.known(), &probe).await.is_err() {
            tokio::time::sleep(with_jitter(PAUSE)).await;
        }
        self.come_back();
    }

    fn come_back(&self) {
        let was_away = std::mem::take(&mut self.queue.lock().away);
        if was_away {
            *self.recovering_until.lock() = Some(Instant::now() + RECOVERING);
            tracing::info!(partition = self.partition.index(), "publishing to Redis again");
        }
    }

    async fn try_send(&self, shared: &Shared, first: u64, batch: &[Item]) -> Result<(), Unavailable> {
        let items = batch.iter().map(|item| (item.publication.channel(), item.publication.object()));
        let body = frame::encode(shared.me, first, items);
        let names = &shared.names;
        let keys = [
            names.partition(self.partition),
            names.publisher(self.partition, shared.me),
            names.channel(self.partition),
            names.recent(self.partition),
        ];
        let is_to_be_kept = self.kept.lock().is_none_or(|since| since.elapsed() >= KEEP);
        let mut arguments = vec![
            shared.epoch_candidate(),
            self.known().to_string().into_bytes(),
            shared.link.master().into_bytes(),
            shared.partition_lifetime(),
            if is_to_be_kept { b"keep".to_vec() } else { Vec::new() },
            shared.me.to_string().into_bytes(),
            first.to_string().into_bytes(),
            batch.len().to_string().into_bytes(),
            body,
            names.histories(self.partition).into_bytes(),
        ];
        // Other instances may come back later than this one, and find there what they would miss.
        let is_recovering = self.recovering_until.lock().is_none_or(|until| Instant::now() < until);
        let catch_up = is_recovering.then_some(CATCH_UP);
        for (place, item) in batch.iter().enumerate() {
            let Some(history) = item.history.or(catch_up) else { continue };
            arguments.push(place.to_string().into_bytes());
            arguments.push(item.publication.channel().as_bytes().to_vec());
            arguments.push(item.publication.object().to_vec());
            arguments.push(history.messages.to_string().into_bytes());
            arguments.push(history.age.as_millis().to_string().into_bytes());
        }
        let keys = keys.each_ref().map(String::as_str);
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let answer = PUBLISH.run(&shared.link, &keys, &arguments).await?;
        shared.metrics.redis.published_batches.inc();
        shared.metrics.redis.published.inc_by(batch.len() as u64);
        let Value::Array(parts) = answer else { return Err(Unavailable::Senseless) };
        let number = parts.into_iter().nth(1).and_then(|part| u64::from_redis_value(part).ok());
        let given = number.ok_or(Unavailable::Senseless)? + batch.len() as u64;
        self.given.fetch_max(given, Ordering::AcqRel);
        if is_to_be_kept {
            *self.kept.lock() = Some(Instant::now());
        }
        Ok(())
    }

    /// A number that is above all that this instance knows to have been given out in the partition, or the newest.
    fn known(&self) -> u64 {
        self.heard.number().max(self.given.load(Ordering::Acquire).saturating_sub(1))
    }

    /// Redis did not take a batch, as far as is known. What waits is accepted here, or refused.
    fn go_away(&self, shared: &Shared, batch: &mut [Item], error: &Unavailable) {
        let mut queue = self.queue.lock();
        if queue.away {
            return;
        }
        queue.away = true;
        *self.recovering_until.lock() = None;
        tracing::warn!(partition = self.partition.index(), %error, "cannot publish to Redis");
        match shared.settings.ack {
            Ack::Local => {
                for (counter, publication) in std::mem::take(&mut *self.unechoed.lock()) {
                    self.heard.deliver_own(counter, &publication);
                }
                for item in batch.iter_mut().chain(&mut queue.items) {
                    self.heard.deliver_own(item.counter, &item.publication);
                    if let Some(publisher) = item.publisher.take() {
                        shared.metrics.redis.accepted_locally.inc();
                        let _ = publisher.send(Ok(()));
                    }
                }
            }
            Ack::Cluster => {
                let waiting = std::mem::take(&mut queue.items);
                queue.bytes = 0;
                let sent = batch.iter_mut().filter_map(|item| item.publisher.take());
                let waiting = waiting.into_iter().filter_map(|item| item.publisher);
                for publisher in sent.chain(waiting) {
                    shared.metrics.redis.refused.inc();
                    let _ = publisher.send(Err(Refused));
                }
            }
        }
    }
}
