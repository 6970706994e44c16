//! The Pub/Sub connection: the partitions in which this instance has a subscriber, and the RPC of the cluster. When it
//! breaks, it is reopened, and the newest offset of each partition is read, so that missed publications are recovered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Redis;
use super::consumer_state::Action;
use super::frame::{self, Body, Malformed};
use crate::bayeux::{PARTITIONS, Partition};
use crate::broker::Deliver;
use crate::redis::{Backoff, Connection, OnPush, RedisError};

/// How long a partition stays joined after its last subscriber has gone.
const LINGER: Duration = Duration::from_secs(30);
/// How often partitions without subscribers are searched.
const SWEEP: Duration = Duration::from_secs(1);
/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A set of partitions as bits.
type Partitions = u64;

fn bit(partition: Partition) -> Partitions {
    1 << partition.index()
}

/// The state of the Pub/Sub connection.
pub(super) struct Subscriber {
    /// The partitions to join.
    wanted: AtomicU64,
    /// The joined partitions.
    joined: watch::Sender<Partitions>,
    /// The serial number of the connection.
    generation: AtomicU64,
    /// `wanted` has changed.
    changed: Notify,
    /// The connection broke, or does not deliver.
    lost: Notify,
    /// The `run_id` of the master of the connection; empty if unknown.
    master: Mutex<String>,
    unneeded_since: Mutex<[Option<Instant>; PARTITIONS]>,
    /// The newest echoed probe of each partition.
    pub(super) echoed_probe: [AtomicU64; PARTITIONS],
}

impl Default for Subscriber {
    fn default() -> Self {
        Self {
            wanted: AtomicU64::new(0),
            joined: watch::Sender::new(0),
            generation: AtomicU64::new(0),
            changed: Notify::new(),
            lost: Notify::new(),
            master: Mutex::default(),
            unneeded_since: Mutex::new([None; PARTITIONS]),
            echoed_probe: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Subscriber {
    /// Returns the serial number of the connection.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether a partition is joined.
    pub(super) fn has_joined(&self, partition: Partition) -> bool {
        *self.joined.borrow() & bit(partition) != 0
    }

    /// Replaces the connection, which does not deliver.
    pub(super) fn reconnect(&self) {
        self.lost.notify_one();
    }

    /// Replaces a connection to another master than this one.
    pub(super) fn follow(&self, master: &str) {
        if !master.is_empty() && ![master, ""].contains(&self.master.lock().as_str()) {
            self.reconnect();
        }
    }

    /// Joins partitions, and waits until they are joined. False if that takes longer than `timeout`.
    pub(super) async fn join(&self, partitions: impl Iterator<Item = Partition>, timeout: Duration) -> bool {
        let wanted = partitions.fold(0, |wanted, partition| wanted | bit(partition));
        if *self.joined.borrow() & wanted == wanted {
            return true;
        }
        if self.wanted.fetch_or(wanted, Ordering::AcqRel) & wanted != wanted {
            self.changed.notify_one();
        }
        let mut joined = self.joined.subscribe();
        let has_joined = joined.wait_for(|joined| joined & wanted == wanted);
        tokio::time::timeout(timeout, has_joined).await.is_ok_and(|joined| joined.is_ok())
    }
}

impl<D: Deliver> Redis<D> {
    /// Keeps the Pub/Sub connection open for as long as the future is polled.
    pub(super) async fn subscribe_forever(self: &Arc<Self>) {
        let mut backoff = Backoff::new(LONGEST_PAUSE);
        loop {
            let connected = self.shared.client.connect(self.on_push()).await;
            if let Ok(mut connection) = connected
                && self.keep_subscribed(&mut connection, &mut backoff).await.is_err()
            {
                tracing::debug!("Pub/Sub connection not set up");
            }
            self.shared.client.set_subscribed(false);
            self.subscriber.joined.send_replace(0);
            self.subscriber.master.lock().clear();
            tokio::time::sleep(backoff.failed()).await;
        }
    }

    /// Tells the other connection and the writers of a new master that a command has reached, for as long as the future is
    /// polled: the old master may be frozen, and its connection open.
    pub(super) async fn follow_master(&self) {
        let mut masters = self.shared.client.masters();
        let mut known = masters.borrow_and_update().clone();
        while masters.changed().await.is_ok() {
            let master = masters.borrow_and_update().clone();
            if !std::mem::replace(&mut known, master.clone()).is_empty() {
                self.partitions.iter().for_each(|partition| partition.writer.recover());
            }
            self.subscriber.follow(&master);
        }
    }

    async fn keep_subscribed(
        self: &Arc<Self>,
        connection: &mut Connection,
        backoff: &mut Backoff,
    ) -> Result<(), RedisError> {
        let client = &self.shared.client;
        *self.subscriber.master.lock() = client.follow(connection).await;
        self.subscribe(connection, &client.keys().rpc(client.me())).await?;
        client.set_subscribed(true);
        client.metrics().redis.subscriber_connections.inc();
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            self.join_wanted(connection).await?;
            backoff.succeeded();
            tokio::select! {
                () = self.subscriber.changed.notified() => {}
                () = self.subscriber.lost.notified() => {
                    tracing::warn!("Pub/Sub connection lost");
                    if !connection.reconnects_itself() {
                        return Ok(());
                    }
                    // One node of a Redis Cluster is lost. All partitions are joined again, and responses may be lost.
                    client.set_subscribed(true);
                    self.subscriber.joined.send_replace(0);
                }
                _ = sweep.tick() => self.leave_unneeded(connection).await?,
            }
        }
    }

    async fn join_wanted(self: &Arc<Self>, connection: &mut Connection) -> Result<(), RedisError> {
        let wanted = self.subscriber.wanted.load(Ordering::Acquire);
        let missing = wanted & !*self.subscriber.joined.borrow();
        let partitions = Partition::all().filter(|partition| missing & bit(*partition) != 0);
        let joins = partitions.map(|partition| {
            let mut connection = connection.clone();
            async move {
                self.subscribe(&mut connection, &self.shared.client.keys().channel(partition)).await?;
                self.catch_up(partition, &mut connection).await?;
                self.subscriber.joined.send_modify(|joined| *joined |= bit(partition));
                Ok(())
            }
        });
        let reconnects_itself = connection.reconnects_itself();
        let results: Vec<Result<(), RedisError>> = futures_util::future::join_all(joins).await;
        match results.into_iter().find(Result::is_err) {
            // One node of a Redis Cluster is lost. Its partitions are tried again.
            Some(_) if reconnects_itself => Ok(()),
            Some(error) => error,
            None => Ok(()),
        }
    }

    /// Reads the newest offset of a partition, and recovers missed publications.
    async fn catch_up(
        self: &Arc<Self>,
        partition: Partition,
        connection: &mut Connection,
    ) -> Result<(), RedisError> {
        let consumer = &self.partitions[partition.index()].consumer;
        let (epoch, offset) = self.shared.state_of(partition, consumer.offset(), connection).await?;
        if consumer.reached(epoch, offset) == Action::Recover {
            self.recover(partition);
        }
        Ok(())
    }

    async fn subscribe(&self, connection: &mut Connection, channel: &str) -> Result<(), RedisError> {
        self.run_on(connection, "SSUBSCRIBE", channel).await
    }

    async fn run_on(
        &self,
        connection: &mut Connection,
        command: &str,
        channel: &str,
    ) -> Result<(), RedisError> {
        let mut command = redis::cmd(command);
        command.arg(channel);
        let deadline = self.shared.client.settings().deadline;
        let reply = tokio::time::timeout(deadline, connection.run(&command)).await;
        reply.map_err(|_| RedisError::Timeout)?.map_err(RedisError::Broken).map(drop)
    }

    /// Leaves the partitions that have had no subscriber for a while.
    async fn leave_unneeded(&self, connection: &mut Connection) -> Result<(), RedisError> {
        let now = Instant::now();
        let joined = *self.subscriber.joined.borrow();
        let mut unneeded = Vec::new();
        {
            let mut since = self.subscriber.unneeded_since.lock();
            for partition in Partition::all().filter(|partition| joined & bit(*partition) != 0) {
                let since = &mut since[partition.index()];
                if self.deliver.is_interested_in(partition) {
                    *since = None;
                } else if now.duration_since(*since.get_or_insert(now)) >= LINGER {
                    *since = None;
                    unneeded.push(partition);
                }
            }
        }
        for partition in unneeded {
            self.subscriber.wanted.fetch_and(!bit(partition), Ordering::AcqRel);
            self.subscriber.joined.send_modify(|joined| *joined &= !bit(partition));
            // A client may have subscribed since, and found the partition joined.
            if self.deliver.is_interested_in(partition) {
                self.subscriber.wanted.fetch_or(bit(partition), Ordering::AcqRel);
                continue;
            }
            self.run_on(connection, "SUNSUBSCRIBE", &self.shared.client.keys().channel(partition)).await?;
            if !self.subscriber.has_joined(partition) {
                self.partitions[partition.index()].consumer.reset();
            }
        }
        Ok(())
    }

    fn on_push(self: &Arc<Self>) -> OnPush {
        let generation = self.subscriber.generation.fetch_add(1, Ordering::AcqRel) + 1;
        // The connection must not keep the broker alive.
        let this: Weak<Self> = Arc::downgrade(self);
        Arc::new(move |info: PushInfo| {
            let Some(this) = this.upgrade() else { return };
            match info.kind {
                PushKind::SMessage => this.receive(&info.data),
                PushKind::Disconnection
                    if this.subscriber.generation.load(Ordering::Acquire) == generation =>
                {
                    this.subscriber.lost.notify_one();
                }
                _ => {}
            }
        })
    }

    /// Handles a Pub/Sub message.
    fn receive(self: &Arc<Self>, data: &[Value]) {
        let [Value::BulkString(channel), Value::BulkString(payload)] = data else { return };
        let client = &self.shared.client;
        let channel = std::str::from_utf8(channel).ok();
        let Some(partition) = channel.and_then(|channel| client.keys().partition_of(channel)) else {
            (self.on_rpc)(payload);
            return;
        };
        let frame = match frame::decode(payload, self.shared.longest) {
            Ok(frame) => frame,
            Err(error) => {
                client.metrics().redis.malformed.inc();
                if error == Malformed::Version {
                    tracing::warn!("ignoring a cluster frame of another version");
                } else {
                    tracing::debug!(partition = partition.index(), %error, "ignoring malformed cluster frame");
                }
                return;
            }
        };
        let consumer = &self.partitions[partition.index()].consumer;
        let action = match frame.body {
            Body::Publications { publisher, counter, items } => {
                consumer.publications(frame.epoch, frame.offset, publisher, counter, items)
            }
            Body::Probe { sender, serial } => {
                if sender == client.me() {
                    self.subscriber.echoed_probe[partition.index()].fetch_max(serial, Ordering::AcqRel);
                }
                consumer.reached(frame.epoch, frame.offset)
            }
        };
        if action == Action::Recover {
            self.recover(partition);
        }
    }
}
