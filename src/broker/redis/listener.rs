//! The connection by which this instance hears: the partitions in which it has a subscriber, and calls of other instances.
//! When it breaks, it is made anew, and every partition says how far it has come meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Redis;
use super::address::{Connection, Hear};
use super::consumer::Then;
use super::frame::{self, Body, Malformed};
use super::link::{Unavailable, with_jitter};
use crate::bayeux::{PARTITIONS, Partition};

/// For how long a partition is listened to after its last subscriber here has gone.
const LINGER: Duration = Duration::from_secs(30);
/// How often it is looked for partitions that nobody needs.
const LOOK: Duration = Duration::from_secs(1);
/// The pauses between two attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Partitions as bits.
type Partitions = u64;

fn bit(partition: Partition) -> Partitions {
    1 << partition.index()
}

/// What is listened to, and what shall be.
pub(super) struct Listener {
    wanted: AtomicU64,
    /// The partitions that are heard; who waits for one watches.
    joined: watch::Sender<Partitions>,
    /// Whether there is a connection, and calls reach this instance.
    up: AtomicBool,
    /// Tells the connections that there were apart.
    generation: AtomicU64,
    changed: Notify,
    /// The connection broke, or is deaf.
    lost: Notify,
    unneeded_since: Mutex<[Option<Instant>; PARTITIONS]>,
    /// The newest test of each partition that came back.
    pub(super) heard_probe: [AtomicU64; PARTITIONS],
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            wanted: AtomicU64::new(0),
            joined: watch::Sender::new(0),
            up: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            changed: Notify::new(),
            lost: Notify::new(),
            unneeded_since: Mutex::new([None; PARTITIONS]),
            heard_probe: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Listener {
    /// Whether there is a connection.
    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Whether a partition is heard.
    pub(super) fn has_joined(&self, partition: Partition) -> bool {
        *self.joined.borrow() & bit(partition) != 0
    }

    /// Makes the connection anew: it does not hear what it should.
    pub(super) fn renew(&self) {
        self.lost.notify_one();
    }

    /// Listens to partitions, and waits until they are heard. False if they are not after so long.
    pub(super) async fn join(&self, partitions: impl Iterator<Item = Partition>, patience: Duration) -> bool {
        let wanted = partitions.fold(0, |wanted, partition| wanted | bit(partition));
        if *self.joined.borrow() & wanted == wanted {
            return true;
        }
        if self.wanted.fetch_or(wanted, Ordering::AcqRel) & wanted != wanted {
            self.changed.notify_one();
        }
        let mut joined = self.joined.subscribe();
        let heard = joined.wait_for(|joined| joined & wanted == wanted);
        tokio::time::timeout(patience, heard).await.is_ok_and(|heard| heard.is_ok())
    }
}

impl Redis {
    /// Listens for as long as it is polled.
    pub(super) async fn listen(self: &Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let hear = self.hear();
            let connecting = self.shared.address.connect(self.shared.settings.deadline, Some(hear));
            let connected = tokio::time::timeout(self.shared.settings.deadline, connecting).await;
            if let Ok(Ok(mut connection)) = connected
                && self.listen_on(&mut connection, &mut pause).await.is_err()
            {
                tracing::debug!("Pub/Sub connection not set up");
            }
            self.listener.up.store(false, Ordering::Release);
            self.listener.joined.send_replace(0);
            tokio::time::sleep(with_jitter(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn listen_on(
        self: &Arc<Self>,
        connection: &mut Connection,
        pause: &mut Duration,
    ) -> Result<(), Unavailable> {
        self.subscribe(connection, &self.shared.names.calls(&self.shared.me.to_string())).await?;
        self.listener.up.store(true, Ordering::Release);
        self.shared.metrics.redis.subscriber_connections.inc();
        let mut look = tokio::time::interval(LOOK);
        loop {
            self.join_wanted(connection).await?;
            *pause = FIRST_PAUSE;
            tokio::select! {
                () = self.listener.changed.notified() => {}
                () = self.listener.lost.notified() => {
                    tracing::warn!("Pub/Sub connection lost");
                    if !connection.mends_itself() {
                        return Ok(());
                    }
                    // One node of many: all partitions are asked for again.
                    self.listener.joined.send_replace(0);
                }
                _ = look.tick() => self.leave_unneeded(connection).await?,
            }
        }
    }

    async fn join_wanted(self: &Arc<Self>, connection: &mut Connection) -> Result<(), Unavailable> {
        let wanted = self.listener.wanted.load(Ordering::Acquire);
        let missing = wanted & !*self.listener.joined.borrow();
        let partitions = Partition::all().filter(|partition| missing & bit(*partition) != 0);
        let joins = partitions.map(|partition| {
            let mut connection = connection.clone();
            async move {
                self.subscribe(&mut connection, &self.shared.names.channel(partition)).await?;
                self.catch_up(partition, &mut connection).await?;
                self.listener.joined.send_modify(|joined| *joined |= bit(partition));
                Ok(())
            }
        });
        let mends_itself = connection.mends_itself();
        let results: Vec<Result<(), Unavailable>> = futures_util::future::join_all(joins).await;
        match results.into_iter().find(Result::is_err) {
            // One node of many is lost; its partitions are tried again.
            Some(_) if mends_itself => Ok(()),
            Some(error) => error,
            None => Ok(()),
        }
    }

    /// Asks how far a partition has come, and looks for what was missed, if something was.
    async fn catch_up(
        self: &Arc<Self>,
        partition: Partition,
        connection: &mut Connection,
    ) -> Result<(), Unavailable> {
        let heard = &self.partitions[partition.index()].heard;
        let (epoch, number) = self.shared.state_of(partition, heard.number(), connection).await?;
        if heard.reached(epoch, number) == Then::Fill {
            self.fill(partition);
        }
        Ok(())
    }

    async fn subscribe(&self, connection: &mut Connection, channel: &str) -> Result<(), Unavailable> {
        let mut command = redis::cmd("SSUBSCRIBE");
        command.arg(channel);
        let answer = tokio::time::timeout(self.shared.settings.deadline, connection.run(&command)).await;
        answer.map_err(|_| Unavailable::Silent)?.map_err(Unavailable::Broken).map(drop)
    }

    /// Stops listening to the partitions in which nobody has subscribed for a while.
    async fn leave_unneeded(&self, connection: &mut Connection) -> Result<(), Unavailable> {
        let now = Instant::now();
        let joined = *self.listener.joined.borrow();
        let mut leaving = Vec::new();
        {
            let mut since = self.listener.unneeded_since.lock();
            for partition in Partition::all().filter(|partition| joined & bit(*partition) != 0) {
                let since = &mut since[partition.index()];
                if (self.is_needed)(partition) {
                    *since = None;
                } else if now.duration_since(*since.get_or_insert(now)) >= LINGER {
                    *since = None;
                    leaving.push(partition);
                }
            }
        }
        for partition in leaving {
            self.listener.wanted.fetch_and(!bit(partition), Ordering::AcqRel);
            self.listener.joined.send_modify(|joined| *joined &= !bit(partition));
            // Somebody may have subscribed in this moment, and found the partition joined.
            if (self.is_needed)(partition) {
                self.listener.wanted.fetch_or(bit(partition), Ordering::AcqRel);
                continue;
            }
            let mut command = redis::cmd("SUNSUBSCRIBE");
            command.arg(self.shared.names.channel(partition));
            let answer = tokio::time::timeout(self.shared.settings.deadline, connection.run(&command)).await;
            answer.map_err(|_| Unavailable::Silent)?.map_err(Unavailable::Broken)?;
            if !self.listener.has_joined(partition) {
                self.partitions[partition.index()].heard.forget();
            }
        }
        Ok(())
    }

    fn hear(self: &Arc<Self>) -> Hear {
        let generation = self.listener.generation.fetch_add(1, Ordering::AcqRel) + 1;
        // The connection outlives nobody who uses it.
        let this: Weak<Self> = Arc::downgrade(self);
        Arc::new(move |info: PushInfo| {
            let Some(this) = this.upgrade() else { return };
            match info.kind {
                PushKind::SMessage => this.heard(&info.data),
                PushKind::Disconnection if this.listener.generation.load(Ordering::Acquire) == generation => {
                    this.listener.lost.notify_one();
                }
                _ => {}
            }
        })
    }

    /// Something was said in a channel.
    fn heard(self: &Arc<Self>, data: &[Value]) {
        let [Value::BulkString(channel), Value::BulkString(payload)] = data else { return };
        let partition =
            std::str::from_utf8(channel).ok().and_then(|channel| self.shared.names.partition_of(channel));
        let Some(partition) = partition else {
            self.called(payload);
            return;
        };
        let frame = match frame::decode(payload, self.shared.longest) {
            Ok(frame) => frame,
            Err(error) => {
                self.shared.metrics.redis.malformed.inc();
                if error == Malformed::Version {
                    tracing::warn!("ignoring a cluster frame of another version");
                } else {
                    tracing::debug!(partition = partition.index(), %error, "ignoring malformed cluster frame");
                }
                return;
            }
        };
        let heard = &self.partitions[partition.index()].heard;
        let then = match frame.body {
            Body::Publications { publisher, counter, items } => {
                heard.publications(frame.epoch, frame.number, publisher, counter, items)
            }
            Body::Probe { tester, serial } => {
                if tester == self.shared.me {
                    self.listener.heard_probe[partition.index()].fetch_max(serial, Ordering::AcqRel);
                }
                heard.reached(frame.epoch, frame.number)
            }
        };
        if then == Then::Fill {
            self.fill(partition);
        }
    }
}
