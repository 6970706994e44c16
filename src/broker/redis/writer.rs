//! The writer of one partition: sends the publications of this instance to Redis in order and in batches, and repeats a
//! batch until Redis has it. While Redis is down, `redis.ack` decides: the instance accepts publications alone, or refuses
//! them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::consumer::PartitionConsumer;
use super::{Shared, frame};
use crate::bayeux::{Partition, Publication};
use crate::broker::{Appended, Deliver, Receipt, Refused};
use crate::config::{Ack, History};
use crate::lock::{self, level};
use crate::redis::{PUBLISH, RedisError, with_jitter};

/// The maximum number of publications in a batch.
const BATCH: usize = 128;
/// The size of a batch in bytes, above which no further publication is added.
const BATCH_BYTES: usize = 256 * 1024;
/// The maximum number of queued publications while Redis is up but slow.
const QUEUE: usize = 10_000;
/// The maximum size of the queue in bytes.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// The history of every channel after an outage, for instances that reconnect later, and for how long it is written.
const CATCH_UP: History = History { messages: 10_000, age: Duration::from_secs(60) };
const RECOVERING: Duration = Duration::from_secs(10);
/// How often the lifetime of the partition is extended.
const KEEP: Duration = Duration::from_secs(60);
/// The maximum number of accepted publications that await their echo.
const MAX_UNECHOED: usize = 1024;
/// The pause before a batch is repeated.
const PAUSE: Duration = Duration::from_millis(100);

/// The writer of a partition.
pub(super) struct Writer<D> {
    partition: Partition,
    consumer: Arc<PartitionConsumer<D>>,
    queue: lock::Mutex<Queue, { level::QUEUE }>,
    /// Until when the catch-up history is written; `None` while Redis is down.
    recovering_until: Mutex<Option<Instant>>,
    wake: Notify,
    /// When the lifetime of the partition was last extended.
    kept: Mutex<Option<Instant>>,
    /// The offset after the newest own publication.
    next_offset: AtomicU64,
    /// Publications that Redis has accepted and not echoed, with their counters, oldest first. If Redis fails, they are
    /// delivered here before the publications that this instance accepts alone.
    unechoed: Mutex<VecDeque<(u64, Arc<Publication>)>>,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    /// The size of the items in bytes.
    bytes: usize,
    /// The counter of the newest item.
    counter: u64,
    /// Whether Redis is down.
    down: bool,
}

struct Item {
    counter: u64,
    publication: Arc<Publication>,
    history: Option<History>,
    /// Called once Redis has the publication.
    appended: Option<Appended>,
    /// Receives the outcome; `None` once it was sent.
    publisher: Option<oneshot::Sender<Result<(), Refused>>>,
}

impl<D: Deliver> Writer<D> {
    pub(super) fn new(partition: Partition, consumer: Arc<PartitionConsumer<D>>) -> Self {
        let recovering_until = Mutex::new(Some(Instant::now()));
        Self {
            partition,
            consumer,
            queue: lock::Mutex::default(),
            recovering_until,
            wake: Notify::new(),
            kept: Mutex::new(None),
            next_offset: AtomicU64::new(0),
            unechoed: Mutex::default(),
        }
    }

    /// Whether Redis does not accept publications.
    pub(super) fn is_down(&self) -> bool {
        self.queue.lock().down
    }

    /// Queues a publication.
    pub(super) fn publish(
        &self,
        shared: &Shared,
        publication: Publication,
        history: Option<History>,
        appended: Option<Appended>,
    ) -> Receipt {
        let publication = Arc::new(publication);
        let mut queue = self.queue.lock();
        let room = if queue.down { shared.client.settings().backlog } else { QUEUE };
        let is_full = queue.items.len() >= room || queue.bytes > QUEUE_BYTES;
        if is_full || queue.down && shared.client.settings().ack == Ack::Cluster {
            shared.client.metrics().redis.refused.inc();
            return Receipt::refused();
        }
        queue.counter += 1;
        let counter = queue.counter;
        let (publisher, receipt) = if queue.down {
            // Under the lock, so that the next publication does not overtake it.
            self.consumer.deliver_alone(counter, &publication);
            shared.client.metrics().redis.accepted_locally.inc();
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

    /// Sends batches for as long as the future is polled.
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

    /// Takes the oldest publications with consecutive counters.
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

    /// Sends a batch until Redis has it. With `redis.ack = "cluster"` a failed batch is not repeated: its publishers have
    /// been refused.
    async fn send(&self, shared: &Shared, mut batch: Vec<Item>) {
        let Some(first) = batch.first().map(|item| item.counter) else { return };
        loop {
            match self.try_send(shared, first, &batch).await {
                Ok(()) => {
                    if shared.client.settings().ack == Ack::Local {
                        self.expect_echo(&batch);
                    }
                    for item in &batch {
                        if let Some(appended) = &item.appended {
                            appended(item.publication.channel());
                        }
                    }
                    for publisher in batch.iter_mut().filter_map(|item| item.publisher.take()) {
                        // The publisher may have gone.
                        let _ = publisher.send(Ok(()));
                    }
                    return self.mark_up();
                }
                Err(error) => {
                    self.mark_down(shared, &mut batch, &error);
                    tokio::time::sleep(with_jitter(PAUSE)).await;
                    if shared.client.settings().ack == Ack::Cluster {
                        return self.wait_until_up(shared).await;
                    }
                }
            }
        }
    }

    /// Keeps accepted publications until their echo.
    fn expect_echo(&self, batch: &[Item]) {
        let own = self.consumer.own();
        let mut unechoed = self.unechoed.lock();
        unechoed.retain(|(counter, _)| *counter > own);
        let sent = batch.iter().filter(|item| item.counter > own);
        unechoed.extend(sent.map(|item| (item.counter, Arc::clone(&item.publication))));
        let excess = unechoed.len().saturating_sub(MAX_UNECHOED);
        unechoed.drain(..excess);
    }

    /// Waits until Redis is up.
    async fn wait_until_up(&self, shared: &Shared) {
        let probe = frame::probe(shared.client.me(), 0);
        while shared.send_probe(self.partition, self.known(), &probe).await.is_err() {
            tokio::time::sleep(with_jitter(PAUSE)).await;
        }
        self.mark_up();
    }

    fn mark_up(&self) {
        let was_down = std::mem::take(&mut self.queue.lock().down);
        if was_down {
            *self.recovering_until.lock() = Some(Instant::now() + RECOVERING);
            tracing::info!(partition = self.partition.index(), "publishing to Redis again");
        }
    }

    async fn try_send(&self, shared: &Shared, first: u64, batch: &[Item]) -> Result<(), RedisError> {
        let items = batch.iter().map(|item| (item.publication.channel(), item.publication.object()));
        let body = frame::encode(shared.client.me(), first, items);
        let names = shared.client.keys();
        let keys = [
            names.partition(self.partition),
            names.publisher(self.partition, shared.client.me()),
            names.channel(self.partition),
            names.recent(self.partition),
        ];
        let extends_lifetime = self.kept.lock().is_none_or(|since| since.elapsed() >= KEEP);
        let mut arguments = vec![
            shared.epoch_candidate(),
            self.known().to_string().into_bytes(),
            shared.client.master().into_bytes(),
            shared.client.partition_lifetime(),
            if extends_lifetime { b"keep".to_vec() } else { Vec::new() },
            shared.client.me().to_string().into_bytes(),
            first.to_string().into_bytes(),
            batch.len().to_string().into_bytes(),
            body,
            names.histories(self.partition).into_bytes(),
        ];
        // Instances that reconnect later recover what they missed from the history.
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
        let reply = shared.client.run_script(&PUBLISH, &keys, &arguments).await?;
        shared.client.metrics().redis.published_batches.inc();
        shared.client.metrics().redis.published.inc_by(batch.len() as u64);
        let Value::Array(parts) = reply else { return Err(RedisError::Unexpected) };
        let first = parts.into_iter().nth(1).and_then(|part| u64::from_redis_value(part).ok());
        let next = first.ok_or(RedisError::Unexpected)? + batch.len() as u64;
        self.next_offset.fetch_max(next, Ordering::AcqRel);
        if extends_lifetime {
            *self.kept.lock() = Some(Instant::now());
        }
        Ok(())
    }

    /// Returns the newest offset of the partition that this instance knows of.
    fn known(&self) -> u64 {
        self.consumer.offset().max(self.next_offset.load(Ordering::Acquire).saturating_sub(1))
    }

    /// Handles a failed batch: delivers it and the queue on this instance, or refuses both.
    fn mark_down(&self, shared: &Shared, batch: &mut [Item], error: &RedisError) {
        let mut queue = self.queue.lock();
        if queue.down {
            return;
        }
        queue.down = true;
        *self.recovering_until.lock() = None;
        tracing::warn!(partition = self.partition.index(), %error, "cannot publish to Redis");
        match shared.client.settings().ack {
            Ack::Local => {
                for (counter, publication) in std::mem::take(&mut *self.unechoed.lock()) {
                    self.consumer.deliver_alone(counter, &publication);
                }
                for item in batch.iter_mut().chain(&mut queue.items) {
                    self.consumer.deliver_alone(item.counter, &item.publication);
                    if let Some(publisher) = item.publisher.take() {
                        shared.client.metrics().redis.accepted_locally.inc();
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
                    shared.client.metrics().redis.refused.inc();
                    let _ = publisher.send(Err(Refused));
                }
            }
        }
    }
}
