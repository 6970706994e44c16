//! The lease of this instance, and which others live.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::time::Instant;

use super::frame::NodeId;
use super::link::Unavailable;
use super::scripts::{ALIVE, BEAT, POSITIONS};
use super::{PARTITION_LIFETIME, Redis};
use crate::bayeux::Partition;

/// What is known of the instances.
#[derive(Default)]
pub(super) struct Nodes {
    /// Until when this instance owns what it owns, by its own clock.
    valid_until: Mutex<Option<Instant>>,
    others: Mutex<Vec<NodeId>>,
    leaving: AtomicBool,
    /// Whether Redis took the last heartbeat.
    answered: AtomicBool,
}

impl Nodes {
    /// Whether Redis took the last heartbeat.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }
}

/// What a heartbeat found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// The lease went on without a break.
    InTime,
    /// Others may have taken this instance for dead meanwhile.
    Late,
}

impl Redis {
    /// Says that this instance lives for so long, and gives the end of the lease.
    ///
    /// # Errors
    /// [`Unavailable`] if Redis did not take it: then the lease ends some time.
    pub(super) async fn beat_for(&self, lease: Duration) -> Result<(Beat, Instant), Unavailable> {
        let shared = &self.shared;
        let keys = [shared.names.nodes(), shared.names.leaving()];
        let me = shared.me.to_string();
        let milliseconds = lease.as_millis().to_string();
        let state: &[u8] = if self.nodes.leaving.load(Ordering::Acquire) { b"leaving" } else { b"" };
        // The lease is counted from before Redis begins to count.
        let sent = Instant::now();
        let arguments = [me.as_bytes(), milliseconds.as_bytes(), state];
        let answer = BEAT.run(&shared.link, &keys.each_ref().map(String::as_str), &arguments).await;
        self.nodes.answered.store(answer.is_ok(), Ordering::Release);
        let Value::Array(parts) = answer? else { return Err(Unavailable::Senseless) };
        let mut parts = parts.into_iter().filter_map(|part| String::from_redis_value(part).ok());
        let was_valid = parts.next().is_some_and(|part| part == "1");
        let others = parts.filter_map(|part| NodeId::parse(&part)).filter(|node| *node != shared.me);
        *self.nodes.others.lock() = others.collect();
        let is_first = self.nodes.valid_until.lock().is_none();
        let beat = if was_valid || is_first { Beat::InTime } else { Beat::Late };
        Ok((beat, sent + lease))
    }

    /// The lease is good until then.
    pub(super) fn renew(&self, until: Instant) {
        *self.nodes.valid_until.lock() = Some(until);
    }

    /// Whether the lease is over, so that others may own what this instance owned.
    pub(super) fn is_lease_over(&self) -> bool {
        self.nodes.valid_until.lock().is_none_or(|until| until <= Instant::now())
    }

    /// Another instance that lives and does not leave, if there is one.
    pub(super) fn other_node(&self) -> Option<NodeId> {
        let others = self.nodes.others.lock();
        (!others.is_empty()).then(|| others[fastrand::usize(..others.len())])
    }

    /// From now on this instance says that it leaves.
    pub(super) fn begin_to_leave(&self) {
        self.nodes.leaving.store(true, Ordering::Release);
    }

    /// For how long an instance counts as alive, as Redis sees it; zero if it does not.
    pub(super) async fn lease_of(&self, node: &str) -> Result<Duration, Unavailable> {
        let keys = [self.shared.names.nodes()];
        let answer =
            ALIVE.run(&self.shared.link, &keys.each_ref().map(String::as_str), &[node.as_bytes()]).await?;
        let milliseconds = u64::from_redis_value(answer).map_err(|_| Unavailable::Senseless)?;
        Ok(Duration::from_millis(milliseconds))
    }

    /// Notes how far this instance has come, for whoever takes its sessions over when it is dead.
    pub(super) async fn note_positions(&self, numbers: &[(Partition, u64)]) -> Result<(), Unavailable> {
        if numbers.is_empty() {
            return Ok(());
        }
        let key = self.shared.names.positions(&self.shared.me.to_string());
        let mut arguments = vec![PARTITION_LIFETIME.as_millis().to_string()];
        for (partition, number) in numbers {
            arguments.push(partition.index().to_string());
            arguments.push(number.to_string());
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_bytes).collect();
        POSITIONS.run(&self.shared.link, &[&key], &arguments).await.map(drop)
    }

    /// How far an instance had come in each partition.
    pub(super) async fn positions_of(&self, node: &str) -> Result<Vec<(Partition, u64)>, Unavailable> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.shared.names.positions(node));
        let answer = self.shared.link.run(&read).await?;
        let found = Vec::<(usize, u64)>::from_redis_value(answer).map_err(|_| Unavailable::Senseless)?;
        Ok(found
            .into_iter()
            .filter_map(|(partition, number)| Some((Partition::at(partition)?, number)))
            .collect())
    }
}
