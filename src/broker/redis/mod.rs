//! The broker of several instances, which are joined by Redis. A publication goes to Redis once, in the partition of its
//! channel. Every instance that is subscribed to the partition receives it, the publishing one included, and delivers it to
//! its subscribers.

mod consumer;
mod consumer_state;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gap;
mod history;
mod local_deliveries;
#[cfg(test)]
mod model;
mod page;
mod probe;
mod publishers;
mod queue;
mod recover;
mod shared_reads;
mod subscriber;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use redis::{FromRedisValue, Value};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::history::Budget;
use super::{Deliver, HistoryError, PublishOptions, Receipt};
use crate::bayeux::{PARTITIONS, Partition, Positions, Publication, StreamPosition};
use crate::config;
use crate::redis::{Client, Connection, FORMAT, RedisError, STATE};
use consumer::PartitionConsumer;
use page::{Changed, ChannelPage, PageKey};
use shared_reads::SharedReads;
use writer::Writer;

/// The maximum number of concurrent reads of histories for a recovery.
const READS: usize = 4;
/// The maximum size of the queued publications of all partitions in bytes.
const QUEUED_BYTES: usize = 64 * 1024 * 1024;

/// The state that the parts share.
struct Shared {
    client: Arc<Client>,
    /// The maximum length of a publication in bytes.
    longest: usize,
    /// The size of the queued publications of all partitions in bytes.
    queued: AtomicUsize,
    /// Limits the concurrent reads of histories for a recovery.
    reading: Semaphore,
    /// The hash of the rules of the histories.
    rules: AtomicU64,
    /// Whether all instances that are alive read frames of the second version.
    all_read_second: AtomicBool,
    /// The limits of what the partitions keep in memory.
    budget: Arc<Budget>,
    /// The partition to sweep next.
    swept: AtomicUsize,
    /// Pages of channels, and the changed channels of partitions, for replays.
    pages: SharedReads<PageKey, ChannelPage>,
    changed: SharedReads<(Partition, u64, u64), Changed>,
}

/// One partition: its way from Redis and its way to Redis.
struct Link<D> {
    consumer: Arc<PartitionConsumer<D>>,
    writer: Writer<D>,
}

/// Handles a frame of the cluster's RPC, which arrives on the Pub/Sub connection of the broker.
pub type OnRpc = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// The broker.
pub struct Redis<D> {
    shared: Shared,
    partitions: Vec<Link<D>>,
    subscriber: subscriber::Subscriber,
    deliver: Arc<D>,
    on_rpc: OnRpc,
}

impl<D: Deliver> Redis<D> {
    /// Creates a broker, which connects when it runs. `longest` is the maximum length of a publication in bytes; `histories` has
    /// the limits of what is kept in memory.
    #[must_use]
    pub fn new(
        client: Arc<Client>,
        longest: usize,
        histories: &config::HistoryStore,
        deliver: Arc<D>,
        on_rpc: OnRpc,
    ) -> Self {
        let budget = Arc::new(Budget::new(histories));
        let partitions = Partition::all().map(|partition| {
            let (deliver, metrics) = (Arc::clone(&deliver), client.metrics().clone());
            let budget = Arc::clone(&budget);
            let consumer = PartitionConsumer::new(partition, client.me(), budget, deliver, metrics);
            let consumer = Arc::new(consumer);
            Link { writer: Writer::new(partition, Arc::clone(&consumer)), consumer }
        });
        let partitions = partitions.collect();
        let shared = Shared {
            client,
            longest,
            queued: AtomicUsize::new(0),
            reading: Semaphore::new(READS),
            rules: AtomicU64::new(0),
            all_read_second: AtomicBool::new(false),
            budget,
            swept: AtomicUsize::new(0),
            pages: SharedReads::new(ChannelPage::memory),
            changed: SharedReads::new(Changed::memory),
        };
        Self { shared, partitions, subscriber: subscriber::Subscriber::default(), deliver, on_rpc }
    }

    /// Spawns the tasks that receive, publish and probe. They run until the set is dropped.
    pub fn run(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        for partition in Partition::all() {
            let this = Arc::clone(self);
            tasks.spawn(async move { this.partitions[partition.index()].writer.run(&this.shared).await });
        }
        let this = Arc::clone(self);
        tasks.spawn(async move { this.subscribe_forever().await });
        let this = Arc::clone(self);
        tasks.spawn(async move { this.probe().await });
        let this = Arc::clone(self);
        tasks.spawn(async move { this.follow_master().await });
    }

    /// Publishes. `appended` is called once Redis has the publication, which may be after its acceptance.
    pub(super) fn publish(&self, publication: Publication, options: PublishOptions<'_>) -> Receipt {
        let partition = Partition::of(publication.channel());
        self.partitions[partition.index()].writer.publish(&self.shared, publication, options)
    }

    /// Joins the partitions of some patterns, and waits until their publications arrive. False if that takes longer than
    /// `redis.deadline`; the partitions are then joined when Redis is back.
    pub async fn join<'a>(&self, patterns: impl Iterator<Item = &'a str>) -> bool {
        let deadline = self.shared.client.settings().deadline;
        self.subscriber.join(patterns.flat_map(Partition::of_pattern), deadline).await
    }

    /// Whether the Pub/Sub connection is up, and Redis accepts publications.
    #[must_use]
    pub fn is_up(&self) -> bool {
        let is_subscribed = self.shared.client.subscription().borrow().is_active;
        is_subscribed && self.partitions.iter().all(|partition| !partition.writer.is_down())
    }

    /// Returns the newest delivered position in each partition of some patterns.
    #[must_use]
    pub fn positions<'a>(&self, patterns: impl Iterator<Item = &'a str>) -> Positions {
        let mut wanted = [false; PARTITIONS];
        for partition in patterns.flat_map(Partition::of_pattern) {
            wanted[partition.index()] = true;
        }
        self.positions_in(|partition| wanted[partition.index()]).collect()
    }

    /// Returns the newest delivered position in each joined partition.
    #[must_use]
    pub fn joined_positions(&self) -> Positions {
        self.positions_in(|_| true).filter(|position| position.offset > 0).collect()
    }

    fn positions_in(&self, is_wanted: impl Fn(Partition) -> bool) -> impl Iterator<Item = StreamPosition> {
        let position = |partition: Partition| {
            let offset = self.partitions[partition.index()].consumer.offset();
            StreamPosition { partition, offset }
        };
        Partition::all().filter(move |partition| is_wanted(*partition)).map(position)
    }

    /// Counts the publications in the partitions of some patterns that this instance has delivered alone. `None` while one
    /// of them has not come back from Redis: a session that moves now would miss or repeat it.
    #[must_use]
    pub fn delivered_alone<'a>(&self, patterns: impl Iterator<Item = &'a str>) -> Option<u64> {
        let mut partitions = patterns.flat_map(Partition::of_pattern);
        partitions.try_fold(0, |sum, partition| {
            self.partitions[partition.index()].consumer.delivered_alone().map(|count| sum + count)
        })
    }

    /// Calls a function while nothing is delivered in some partitions, with their newest delivered positions.
    pub fn while_paused<T>(&self, partitions: &[Partition], act: impl FnOnce(&Positions) -> T) -> T {
        self.pause(partitions, &mut Positions::default(), act)
    }

    /// Locks the partitions in their order.
    fn pause<T>(
        &self,
        partitions: &[Partition],
        positions: &mut Positions,
        act: impl FnOnce(&Positions) -> T,
    ) -> T {
        let Some((partition, rest)) = partitions.split_first() else { return act(positions) };
        self.partitions[partition.index()].consumer.while_paused(|offset| {
            positions.insert(StreamPosition { partition: *partition, offset });
            self.pause(rest, positions, act)
        })
    }
}

impl Shared {
    /// The version of the frames of publications.
    fn version(&self) -> frame::Version {
        let all_read_second = self.all_read_second.load(Ordering::Acquire);
        if all_read_second { frame::Version::Two } else { frame::Version::One }
    }

    /// Tells the other instances that this one reads the second version of frames, and notes whether all do. While Redis does
    /// not reply, one of another version may start.
    async fn agree_on_version(&self) {
        let keys = [self.client.keys().nodes(), self.client.keys().format()];
        let lifetime = (3 * self.client.settings().probe + self.client.settings().deadline).as_millis();
        let arguments = [self.client.me().to_string(), lifetime.to_string()];
        let arguments = arguments.each_ref().map(|argument| argument.as_bytes());
        let reply = self.client.run_script(&FORMAT, &keys.each_ref().map(String::as_str), &arguments).await;
        let all = reply.is_ok_and(|reply| matches!(reply, Value::Int(1)));
        self.all_read_second.store(all, Ordering::Release);
    }

    /// The epoch of a partition if this instance creates it.
    fn epoch_candidate(&self) -> Vec<u8> {
        format!("{:x}", fastrand::u64(1..)).into_bytes()
    }

    /// Returns the epoch and the newest offset of a partition. The reply follows the publications that the connection has
    /// received before.
    async fn state_of(
        &self,
        partition: Partition,
        known: u64,
        connection: &mut Connection,
    ) -> Result<(u64, u64), RedisError> {
        let (candidate, known) = (self.epoch_candidate(), known.to_string());
        let lifetime = self.client.partition_lifetime();
        let arguments = [&candidate[..], known.as_bytes(), b"", &lifetime];
        let keys = [self.client.keys().partition(partition), self.client.keys().recent(partition)];
        let keys = keys.each_ref().map(String::as_str);
        let reading = STATE.run_on(connection, &keys, &arguments);
        let reply = tokio::time::timeout(self.client.settings().deadline, reading).await;
        let Value::Array(parts) = reply.map_err(|_| RedisError::Timeout)?? else {
            return Err(RedisError::Unexpected);
        };
        let mut parts = parts.into_iter().filter_map(|part| String::from_redis_value(part).ok());
        let epoch = parts.next().and_then(|epoch| u64::from_str_radix(&epoch, 16).ok());
        let offset = parts.next().and_then(|offset| offset.parse().ok());
        epoch.zip(offset).ok_or(RedisError::Unexpected)
    }

    /// Charges a publication to the queues of all partitions. Returns `false` if there is no room for it.
    fn charge(&self, size: usize) -> bool {
        let grow = |queued: usize| (queued == 0 || queued + size <= QUEUED_BYTES).then_some(queued + size);
        self.queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, grow).is_ok()
    }

    /// Releases a publication that was charged.
    fn release(&self, size: usize) {
        self.queued.fetch_sub(size, Ordering::AcqRel);
    }

    /// Publishes a probe with the newest offset of a partition. With `writes` it fails where a publication fails, such as
    /// for a full memory.
    async fn send_probe(
        &self,
        partition: Partition,
        known: u64,
        probe: &[u8],
        writes: bool,
    ) -> Result<(), RedisError> {
        let names = self.client.keys();
        let keys = [names.partition(partition), names.recent(partition), names.channel(partition)];
        let (candidate, known) = (self.epoch_candidate(), known.to_string());
        let (master, lifetime) = (self.client.reach_master().await?, self.client.partition_lifetime());
        let writes: &[u8] = if writes { b"write" } else { b"" };
        let arguments = [&candidate[..], known.as_bytes(), master.as_bytes(), &lifetime, probe, writes];
        self.client.run_script(&STATE, &keys.each_ref().map(String::as_str), &arguments).await.map(drop)
    }
}

impl From<RedisError> for HistoryError {
    fn from(_: RedisError) -> Self {
        Self
    }
}
