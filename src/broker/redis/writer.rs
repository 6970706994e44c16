//! The writer of one partition: sends the publications of this instance to Redis in order and in batches, and repeats a
//! batch until Redis has it or `redis.patience` is over. While Redis is down, publications are refused, or with
//! `ack = "local"` delivered on this instance and sent later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::consumer::PartitionConsumer;
use super::queue::{Item, Queue, RedisState};
use super::{Shared, frame};
use crate::bayeux::{Partition, Publication};
use crate::broker::{Deliver, PublishOptions, Receipt, Refused};
use crate::config::{Ack, History};
use crate::lock::{self, level};
use crate::redis::{PUBLISH, RedisError, with_jitter};

/// The maximum number of queued publications, apart from those that were accepted while Redis is down.
const QUEUE: usize = 10_000;
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
    wake: Notify,
    /// Until when every publication gets a history, from which instances that reconnect later recover what they missed.
    recovering_until: Mutex<Option<Instant>>,
    /// When the lifetime of the partition was last extended.
    kept: Mutex<Option<Instant>>,
    /// The newest offset of own publications.
    newest_offset: AtomicU64,
    /// Publications with `ack = "local"` that Redis has accepted and not echoed, oldest first. If Redis fails, they are
    /// delivered here before the publications that this instance accepts alone.
    unechoed: Mutex<VecDeque<Unechoed>>,
}

/// What Redis has after a batch was sent.
struct Sent {
    /// The newest offset of own publications, or a later one.
    newest_offset: u64,
    /// The newest counter of own publications.
    newest_counter: u64,
}

struct Unechoed {
    counter: u64,
    offset: u64,
    publication: Arc<Publication>,
}

impl<D: Deliver> Writer<D> {
    pub(super) fn new(partition: Partition, consumer: Arc<PartitionConsumer<D>>) -> Self {
        Self {
            partition,
            consumer,
            queue: lock::Mutex::default(),
            wake: Notify::new(),
            recovering_until: Mutex::new(None),
            kept: Mutex::new(None),
            newest_offset: AtomicU64::new(0),
            unechoed: Mutex::default(),
        }
    }

    /// Begins the recovery, or extends it: Redis does not reply, is back, or is another one.
    pub(super) fn recover(&self) {
        *self.recovering_until.lock() = Some(Instant::now() + RECOVERING);
    }

    /// Whether Redis does not take publications.
    pub(super) fn is_down(&self) -> bool {
        self.queue.lock().redis != RedisState::Up
    }

    /// Queues a publication.
    pub(super) fn publish(
        &self,
        shared: &Shared,
        publication: Publication,
        options: PublishOptions<'_>,
    ) -> Receipt {
        let publication = Arc::new(publication);
        let is_local = options.ack == Ack::Local && options.history.is_none();
        let mut queue = self.queue.lock();
        let is_alone = is_local && queue.redis != RedisState::Up;
        let room = if is_alone { shared.client.settings().backlog } else { QUEUE };
        let is_down = queue.redis == RedisState::Down && !is_local;
        if is_down || queue.items.len() >= room || !shared.charge(publication.size()) {
            shared.client.metrics().redis.refused.inc();
            return Receipt::refused();
        }
        queue.counter += 1;
        let counter = queue.counter;
        let (publisher, receipt) = if is_alone {
            // Under the lock, so that the next publication does not overtake it.
            self.consumer.deliver_alone(counter, &publication, None);
            shared.client.metrics().redis.accepted_locally.inc();
            (None, Receipt::accepted())
        } else {
            let (sender, receiver) = oneshot::channel();
            (Some(sender), Receipt::awaited(receiver))
        };
        let (history, appended) = (options.history, options.appended.cloned());
        queue.items.push_back(Item { counter, publication, history, is_local, appended, publisher });
        drop(queue);
        self.wake.notify_one();
        receipt
    }

    /// Sends batches for as long as the future is polled.
    pub(super) async fn run(&self, shared: &Shared) {
        loop {
            let (batch, is_down) = {
                let mut queue = self.queue.lock();
                (queue.next_batch(), queue.redis == RedisState::Down)
            };
            if !batch.is_empty() {
                self.send(shared, batch).await;
            } else if is_down {
                self.try_again(shared).await;
            } else {
                self.wake.notified().await;
            }
        }
    }

    /// Sends a batch until Redis has it or it is given up.
    async fn send(&self, shared: &Shared, mut batch: Vec<Item>) {
        while !batch.is_empty() {
            match self.try_send(shared, &batch).await {
                Ok(sent) => {
                    let count = batch.iter().take_while(|item| item.counter <= sent.newest_counter).count();
                    self.accept(shared, batch.drain(..count).collect(), sent.newest_offset);
                }
                Err(error) => {
                    self.fail(shared, &mut batch, &error);
                    if !batch.is_empty() {
                        tokio::time::sleep(with_jitter(PAUSE)).await;
                    }
                }
            }
        }
    }

    /// Handles a batch that Redis has accepted.
    fn accept(&self, shared: &Shared, batch: Vec<Item>, newest: u64) {
        if batch.iter().any(|item| item.is_local) {
            self.expect_echo(&batch, newest);
        }
        for mut item in batch {
            shared.release(item.publication.size());
            if let Some(appended) = &item.appended {
                appended(item.publication.channel());
            }
            item.answer(Ok(()));
        }
        self.mark_up();
    }

    /// Notes the offset of publications that were delivered alone, and keeps the others that may be, until their echo.
    fn expect_echo(&self, batch: &[Item], newest: u64) {
        if let Some(last) = batch.last() {
            self.consumer.sent(last.counter, newest);
        }
        // Without a subscriber here no echo arrives.
        if self.consumer.offset() == 0 {
            return;
        }
        let own = self.consumer.own();
        let mut unechoed = self.unechoed.lock();
        unechoed.retain(|sent| sent.counter > own);
        let sent = batch.iter().filter(|item| item.is_local && item.counter > own);
        unechoed.extend(sent.map(|item| {
            let publication = Arc::clone(&item.publication);
            Unechoed { counter: item.counter, offset: newest, publication }
        }));
        let excess = unechoed.len().saturating_sub(MAX_UNECHOED);
        unechoed.drain(..excess);
    }

    /// Publishes a probe after a pause. If Redis takes it, it takes publications.
    async fn try_again(&self, shared: &Shared) {
        tokio::time::sleep(with_jitter(PAUSE)).await;
        let probe = frame::probe(shared.client.me(), 0);
        match shared.send_probe(self.partition, self.known(), &probe, true).await {
            Ok(()) => self.mark_up(),
            Err(error) if error.is_final() => {}
            Err(_) => self.recover(),
        }
    }

    fn mark_up(&self) {
        let was = std::mem::take(&mut self.queue.lock().redis);
        if was != RedisState::Up {
            if self.recovering_until.lock().is_some_and(|until| Instant::now() < until) {
                self.recover();
            }
            tracing::info!(partition = self.partition.index(), "publishing to Redis again");
        }
    }

    /// Sends a batch. Redis may have a part of it already, which was sent before; then it takes nothing.
    async fn try_send(&self, shared: &Shared, batch: &[Item]) -> Result<Sent, RedisError> {
        let first = batch.first().map_or(0, |item| item.counter);
        let items = batch
            .iter()
            .map(|item| (item.publication.channel(), item.publication.object(), item.history.is_some()));
        let version = shared.version();
        let body = frame::encode(shared.client.me(), first, version, items);
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
            shared.client.reach_master().await?.into_bytes(),
            shared.client.partition_lifetime(),
            if extends_lifetime { b"keep".to_vec() } else { Vec::new() },
            shared.client.me().to_string().into_bytes(),
            first.to_string().into_bytes(),
            batch.len().to_string().into_bytes(),
            body,
            names.histories(self.partition).into_bytes(),
            format!("{:x}", shared.rules.load(Ordering::Acquire)).into_bytes(),
            version.as_str().into(),
        ];
        let is_recovering = self.recovering_until.lock().is_some_and(|until| Instant::now() < until);
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
        let Value::Array(parts) = reply else { return Err(RedisError::Unexpected) };
        let numbers: Vec<u64> =
            parts.into_iter().skip(1).filter_map(|part| u64::from_redis_value(part).ok()).collect();
        let sent = match numbers[..] {
            [0, newest_offset, newest_counter] if newest_counter >= first => {
                Sent { newest_offset, newest_counter }
            }
            [first_offset] => {
                shared.client.metrics().redis.published_batches.inc();
                shared.client.metrics().redis.published.inc_by(batch.len() as u64);
                let (newest_offset, newest_counter) =
                    (first_offset + batch.len() as u64 - 1, first + batch.len() as u64 - 1);
                Sent { newest_offset, newest_counter }
            }
            _ => return Err(RedisError::Unexpected),
        };
        self.newest_offset.fetch_max(sent.newest_offset, Ordering::AcqRel);
        if extends_lifetime {
            *self.kept.lock() = Some(Instant::now());
        }
        Ok(sent)
    }

    /// Returns the newest offset of the partition that this instance knows of.
    fn known(&self) -> u64 {
        self.consumer.offset().max(self.newest_offset.load(Ordering::Acquire))
    }

    /// Handles a failed batch. What this instance may accept alone is delivered here at once, and stays in the batch. The
    /// rest stays until `redis.patience` is over or Redis has refused it for good; then it is refused, and what this
    /// instance has accepted alone returns to the queue.
    fn fail(&self, shared: &Shared, batch: &mut Vec<Item>, error: &RedisError) {
        if !error.is_final() {
            self.recover();
        }
        let mut queue = self.queue.lock();
        let since = match queue.redis {
            RedisState::Up => {
                let now = Instant::now();
                queue.redis = RedisState::Failing(now);
                tracing::warn!(partition = self.partition.index(), %error, "cannot publish to Redis");
                self.accept_alone(shared, batch.iter_mut().chain(&mut queue.items));
                now
            }
            RedisState::Failing(since) => since,
            // Only publications that this instance has accepted are left.
            RedisState::Down => return,
        };
        if !error.is_final() && since.elapsed() < shared.client.settings().patience {
            return;
        }
        queue.redis = RedisState::Down;
        let waiting = std::mem::take(&mut queue.items);
        for mut item in batch.drain(..).chain(waiting) {
            if item.answer(Err(Refused)) {
                shared.client.metrics().redis.refused.inc();
                shared.release(item.publication.size());
            } else {
                queue.items.push_back(item);
            }
        }
    }

    /// Delivers the publications that this instance may accept alone.
    fn accept_alone<'i>(&self, shared: &Shared, items: impl Iterator<Item = &'i mut Item>) {
        for Unechoed { counter, offset, publication } in std::mem::take(&mut *self.unechoed.lock()) {
            self.consumer.deliver_alone(counter, &publication, Some(offset));
        }
        for item in items.filter(|item| item.is_local) {
            self.consumer.deliver_alone(item.counter, &item.publication, None);
            if item.answer(Ok(())) {
                shared.client.metrics().redis.accepted_locally.inc();
            }
        }
    }
}
