//! Membership: the lease of this instance, and the other live instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{FromRedisValue, Value};

use super::clock;
use crate::bayeux::Positions;
use crate::redis::{ALIVE, BEAT, Client, NodeId, POSITIONS, RedisError};

/// The membership, for one instance.
pub struct Membership {
    client: Arc<Client>,
    /// The clock of the lease.
    now: fn() -> Duration,
    /// The end of the lease by this clock; `None` before the first heartbeat.
    lease_until: Mutex<Option<Duration>>,
    others: Mutex<Others>,
    is_draining: AtomicBool,
    /// Whether the last heartbeat succeeded.
    has_responded: AtomicBool,
}

/// The other instances that are alive and do not drain, and when Redis had them.
#[derive(Default)]
struct Others {
    nodes: Vec<NodeId>,
    since: Duration,
}

/// The state of the lease in Redis when a heartbeat renewed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    /// It had not expired.
    InTime,
    /// It had expired: other instances may have adopted sessions.
    Late,
}

impl Membership {
    /// Creates the membership of an instance without a lease.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            now: clock::now,
            lease_until: Mutex::new(None),
            others: Mutex::default(),
            is_draining: AtomicBool::new(false),
            has_responded: AtomicBool::new(false),
        }
    }

    /// Renews the lease of this instance, and updates the list of other instances. Calls `late` before the lease is valid
    /// again if it had expired, in Redis or by the clock of this instance. Redis alone does not know: it may have executed an
    /// earlier heartbeat without a reply, and renewed an expired lease.
    ///
    /// # Errors
    /// [`RedisError`]: the lease goes on and expires.
    pub async fn renew(&self, late: impl FnOnce()) -> Result<(), RedisError> {
        let lease = self.client.settings().lease;
        let (renewal, until) = self.beat(lease).await.map_err(RedisError::logged)?;
        let mut lease_until = self.lease_until.lock();
        let has_expired = lease_until.is_some_and(|until| until <= (self.now)());
        if renewal == Renewal::Late || has_expired {
            late();
        }
        *lease_until = Some(until);
        Ok(())
    }

    /// Sends a heartbeat for a lease. Returns the end of the lease.
    async fn beat(&self, lease: Duration) -> Result<(Renewal, Duration), RedisError> {
        let keys = [self.client.keys().nodes(), self.client.keys().draining()];
        let me = self.client.me();
        let (node, milliseconds) = (me.to_string(), lease.as_millis().to_string());
        let state: &[u8] = if self.is_draining.load(Ordering::Acquire) { b"draining" } else { b"" };
        // The lease counts from before Redis starts it.
        let sent = (self.now)();
        let arguments = [node.as_bytes(), milliseconds.as_bytes(), state];
        let reply = self.client.run_script(&BEAT, &keys.each_ref().map(String::as_str), &arguments).await;
        self.has_responded.store(reply.is_ok(), Ordering::Release);
        let Value::Array(parts) = reply? else { return Err(RedisError::Unexpected) };
        let mut parts = parts.into_iter().filter_map(|part| String::from_redis_value(part).ok());
        let was_valid = parts.next().is_some_and(|part| part == "1");
        let nodes: Vec<_> =
            parts.filter_map(|part| NodeId::parse(&part)).filter(|node| *node != me).collect();
        let (now, mut others) = ((self.now)(), self.others.lock());
        // Redis may have lost its data. Then it has the others again after their next heartbeats.
        if !nodes.is_empty() || others.since + 2 * self.client.settings().heartbeat <= now {
            *others = Others { nodes, since: now };
        }
        drop(others);
        let is_first = self.lease_until.lock().is_none();
        let renewal = if was_valid || is_first { Renewal::InTime } else { Renewal::Late };
        Ok((renewal, sent + lease))
    }

    /// Whether this instance has a valid lease. Without one, other instances may own its sessions.
    #[must_use]
    pub fn has_lease(&self) -> bool {
        self.lease_until.lock().is_some_and(|until| until > (self.now)())
    }

    /// Whether the last heartbeat succeeded.
    #[must_use]
    pub fn has_responded(&self) -> bool {
        self.has_responded.load(Ordering::Acquire)
    }

    /// Returns another instance, at random among those that are alive and do not drain. If Redis has none any more, those that it
    /// had stay for two heartbeats.
    #[must_use]
    pub fn other(&self) -> Option<NodeId> {
        let others = self.others.lock();
        (!others.nodes.is_empty()).then(|| others.nodes[fastrand::usize(..others.nodes.len())])
    }

    /// Marks this instance as draining from the next heartbeat on.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Ends the lease of this instance.
    pub async fn deregister(&self) {
        if let Err(error) = self.beat(Duration::ZERO).await {
            tracing::debug!(%error, "cannot deregister this instance in Redis");
        }
    }

    /// Returns the remaining lease of an instance; zero if it counts as dead.
    ///
    /// # Errors
    /// [`RedisError`] if Redis did not reply.
    pub async fn lease_of(&self, node: NodeId) -> Result<Duration, RedisError> {
        let (key, node) = (self.client.keys().nodes(), node.to_string());
        let reply = self.client.run_script(&ALIVE, &[&key], &[node.as_bytes()]).await;
        let milliseconds = u64::from_redis_value(reply.map_err(RedisError::logged)?);
        let milliseconds = milliseconds.map_err(|_| RedisError::Unexpected.logged())?;
        Ok(Duration::from_millis(milliseconds))
    }

    /// Writes the positions of this instance, for the instances that adopt its sessions after its death.
    ///
    /// # Errors
    /// [`RedisError`]: the positions may have been written.
    pub async fn write_positions(&self, positions: &Positions) -> Result<(), RedisError> {
        if positions.is_empty() {
            return Ok(());
        }
        let key = self.client.keys().positions(self.client.me());
        let mut arguments = vec![self.client.partition_lifetime()];
        for position in positions.iter() {
            arguments.push(position.partition.index().to_string().into_bytes());
            arguments.push(position.offset.to_string().into_bytes());
        }
        let arguments: Vec<_> = arguments.iter().map(Vec::as_slice).collect();
        let reply = self.client.run_script(&POSITIONS, &[&key], &arguments).await;
        reply.map(drop).map_err(RedisError::logged)
    }

    /// Returns the positions that an instance wrote last.
    ///
    /// # Errors
    /// [`RedisError`] if Redis did not reply.
    pub async fn positions_of(&self, node: NodeId) -> Result<Positions, RedisError> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.client.keys().positions(node));
        let reply = self.client.run(&read).await.map_err(RedisError::logged)?;
        let pairs = Vec::<(usize, u64)>::from_redis_value(reply);
        pairs.map(Positions::from).map_err(|_| RedisError::Unexpected.logged())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::config;
    use crate::metrics::Metrics;
    use crate::redis::fake;

    /// The time in seconds.
    static TIME: AtomicU64 = AtomicU64::new(1000);

    #[test]
    fn a_lease_ends_while_the_host_is_suspended() {
        let url = Some(config::Secret::from("redis://localhost"));
        let settings = config::Redis { url, ..config::Redis::default() };
        let client = Client::new(&settings, Metrics::default()).unwrap();
        let now = || Duration::from_secs(TIME.load(Ordering::Relaxed));
        let membership = Membership { now, ..Membership::new(Arc::new(client)) };
        assert!(!membership.has_lease(), "no heartbeat yet");
        *membership.lease_until.lock() = Some(now() + settings.lease);
        assert!(membership.has_lease());
        // As after a suspension, in which no heartbeat was sent.
        TIME.fetch_add(settings.lease.as_secs() + 1, Ordering::Relaxed);
        assert!(!membership.has_lease());
    }

    #[tokio::test]
    async fn a_lease_that_only_a_heartbeat_without_a_reply_has_renewed_is_late() {
        static TIME: AtomicU64 = AtomicU64::new(1000);
        // The lease is valid in Redis whenever a heartbeat arrives.
        let dial =
            fake::dial(|words| Some(if words[0] == "EVALSHA" { b"*1\r\n$1\r\n1\r\n" } else { b"+OK\r\n" }));
        let client = Arc::new(fake::client(dial));
        let lease = client.settings().lease;
        let now = || Duration::from_secs(TIME.load(Ordering::Relaxed));
        let membership = Membership { now, ..Membership::new(client) };
        let is_late = async || {
            let mut is_late = false;
            membership.renew(|| is_late = true).await.unwrap();
            is_late
        };
        assert!(!is_late().await, "the first heartbeat");
        assert!(!is_late().await, "in time");
        TIME.fetch_add(lease.as_secs() + 1, Ordering::Relaxed);
        assert!(!membership.has_lease());
        assert!(is_late().await, "without a lease in between");
        assert!(membership.has_lease());
    }

    #[tokio::test]
    async fn the_other_instances_stay_for_two_heartbeats_when_redis_has_lost_them() {
        static TIME: AtomicU64 = AtomicU64::new(1000);
        static IS_LOST: AtomicBool = AtomicBool::new(false);
        let dial = fake::dial(|words| {
            Some(match words[0].as_str() {
                "EVALSHA" if IS_LOST.load(Ordering::Relaxed) => b"*1\r\n$1\r\n0\r\n",
                "EVALSHA" => b"*2\r\n$1\r\n1\r\n$32\r\n07070707070707070707070707070707\r\n",
                _ => b"+OK\r\n",
            })
        });
        let client = Arc::new(fake::client(dial));
        let heartbeat = client.settings().heartbeat;
        let now = || Duration::from_secs(TIME.load(Ordering::Relaxed));
        let membership = Membership { now, ..Membership::new(client) };
        let other = async || {
            membership.renew(|| ()).await.unwrap();
            membership.other()
        };
        assert_eq!(other().await, Some(NodeId([7; 16])));
        IS_LOST.store(true, Ordering::Relaxed);
        assert_eq!(other().await, Some(NodeId([7; 16])));
        TIME.fetch_add(2 * heartbeat.as_secs(), Ordering::Relaxed);
        assert_eq!(other().await, None);
    }
}
