//! Several instances as one server. A session lives on one instance, and any instance serves its client.
//!
//! `directory` writes the records of sessions, `heartbeat` renews the lease and the records, `routing` executes a
//! message on the instance that owns its session, `handoff` moves a session between instances, `requests` handles the
//! requests of other instances, `messages` has their wire format, `timeouts` the times of a hand-off, and `drain` empties a
//! stopping instance.

mod directory;
mod drain;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handoff;
mod heartbeat;
mod messages;
#[cfg(test)]
mod model;
mod owned;
mod requests;
mod routing;
mod timeouts;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::task::JoinSet;

pub(super) use directory::DirectoryWrite;
use owned::Owned;
pub(super) use routing::Routed;

use super::Server;
use super::delivery::LocalSubscribers;
use super::unflushed::Unflushed;
use crate::bayeux::{ClientId, Positions};
use crate::broker::Redis;
use crate::cluster::{Directory, Membership, RequestHandler, Rpc};
use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::redis::{Client, NodeId};

/// This instance as a member of a cluster.
pub(super) struct Cluster {
    client: Arc<Client>,
    broker: Arc<Redis<LocalSubscribers>>,
    directory: Directory,
    membership: Arc<Membership>,
    rpc: Arc<Rpc>,
    settings: config::Redis,
    owned: DashMap<ClientId, Owned, RandomState>,
    /// Sessions that are being acquired. Concurrent requests for a session wait for its lock.
    acquiring: DashMap<ClientId, Arc<tokio::sync::Mutex<()>>, RandomState>,
    /// Sessions that ended here and whose records are being removed.
    ending: DashMap<ClientId, (), RandomState>,
    /// The positions in the last heartbeat of this instance.
    written_positions: Mutex<Positions>,
    /// Held while the records of sessions are written.
    writing_records: tokio::sync::Mutex<()>,
    pub(super) unflushed: Arc<Unflushed>,
    draining: AtomicBool,
    server: Arc<OnceLock<Weak<Server>>>,
}

/// Creates the Redis client; `None` without `redis.url`.
///
/// # Errors
/// A text that names the invalid setting.
pub(super) fn client(config: &Config, metrics: &Metrics) -> Result<Option<Arc<Client>>, String> {
    if config.redis.url.is_none() {
        return Ok(None);
    }
    metrics.redis.set_up(false);
    Client::new(&config.redis, metrics.clone()).map(|client| Some(Arc::new(client)))
}

impl Cluster {
    /// Creates the member of a cluster.
    pub(super) fn new(config: &Config, client: Arc<Client>, local: &LocalSubscribers) -> Self {
        let server = Arc::<OnceLock<Weak<Server>>>::default();
        let handling = Arc::clone(&server);
        let handler: RequestHandler = Arc::new(move |_, request| {
            let server = handling.get().and_then(Weak::upgrade);
            Box::pin(async move {
                match server {
                    Some(server) => server.handle_request(&request).await,
                    None => Vec::new(),
                }
            })
        });
        let rpc = Arc::new(Rpc::new(Arc::clone(&client), handler));
        let membership = Arc::new(Membership::new(Arc::clone(&client)));
        let unflushed = Arc::new(Unflushed::new(Arc::clone(&membership)));
        let deliver = LocalSubscribers { unflushed: Some(Arc::clone(&unflushed)), ..local.clone() };
        let receiving = Arc::clone(&rpc);
        let on_rpc = Arc::new(move |payload: &[u8]| receiving.receive(payload));
        // The envelope of a publication is at most as long as the message.
        let longest = 2 * config.limits.body.max(config.limits.message);
        let lifetime = 2 * config.server.timeout;
        Self {
            broker: Arc::new(Redis::new(
                Arc::clone(&client),
                longest,
                &config.history,
                Arc::new(deliver),
                on_rpc,
            )),
            directory: Directory::new(Arc::clone(&client), lifetime),
            membership,
            rpc,
            client,
            settings: config.redis.clone(),
            owned: DashMap::default(),
            acquiring: DashMap::default(),
            ending: DashMap::default(),
            written_positions: Mutex::default(),
            writing_records: tokio::sync::Mutex::default(),
            unflushed,
            draining: AtomicBool::new(false),
            server,
        }
    }

    /// Returns the subscribers of this instance, as the broker delivers to them.
    pub(super) fn local(&self, local: LocalSubscribers) -> LocalSubscribers {
        LocalSubscribers { unflushed: Some(Arc::clone(&self.unflushed)), ..local }
    }

    /// The broker on Redis.
    pub(super) fn broker(&self) -> Arc<Redis<LocalSubscribers>> {
        Arc::clone(&self.broker)
    }

    /// Returns the identifier of this instance.
    fn me(&self) -> NodeId {
        self.client.me()
    }

    /// Whether this instance is stopping.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether Redis is up: the lease is valid, the last heartbeat succeeded, and publications flow both ways.
    fn is_up(&self) -> bool {
        self.membership.has_responded() && self.membership.has_lease() && self.broker.is_up()
    }
}

impl Server {
    /// Runs the tasks of the cluster for as long as the future is polled. Pending forever without a cluster.
    pub async fn run_cluster(self: &Arc<Self>) {
        let Some(cluster) = &self.cluster else { return std::future::pending().await };
        // Set once: a second call comes with the same server.
        let _ = cluster.server.set(Arc::downgrade(self));
        // Separate tasks, so that waking one does not poll the others.
        let mut tasks = JoinSet::new();
        cluster.broker.run(&mut tasks);
        let server = Arc::clone(self);
        tasks.spawn(async move { server.run_heartbeat().await });
        let server = Arc::clone(self);
        tasks.spawn(async move { server.run_records().await });
        let server = Arc::clone(self);
        tasks.spawn(async move { server.run_flush().await });
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Registers a new session as owned by this instance.
    pub(crate) fn own(&self, id: &ClientId) {
        if let Some(cluster) = &self.cluster {
            cluster.owned.insert(*id, Owned::new(1));
        }
    }

    /// Returns why the cluster makes this instance not ready; `None` if it does not.
    pub(super) fn unready_cluster(&self) -> Option<&'static str> {
        let cluster = self.cluster.as_ref()?;
        let is_up = cluster.is_up();
        self.metrics.redis.set_up(is_up);
        if cluster.is_draining() {
            return Some("stopping");
        }
        (!is_up).then_some("Redis is down")
    }
}
