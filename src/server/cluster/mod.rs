//! Several instances as one server: a session lives on one of them, and any of them is asked.
//!
//! Redis knows who owns which session (`note`), each instance says that it lives and how far its sessions have come
//! (`beat`), a session moves to where its client connects (`take`, `release`, `arrive`), messages beside that are carried out by the
//! owner (`reach`), and a stopping instance gives its sessions away (`leave`).

mod arrive;
mod beat;
mod leave;
mod note;
mod reach;
mod release;
mod take;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(super) use note::Note;
pub(super) use reach::Reached;

use super::Server;
use crate::bayeux::{ClientId, Partition, Publication};
use crate::broker::{Deliver, Handlers, Redis};
use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::router::{Adapt, PendingFlush, Session};

/// What this instance knows of the others.
pub(super) struct Cluster {
    pub(super) redis: Arc<Redis>,
    settings: config::Redis,
    owned: DashMap<ClientId, Owned, RandomState>,
    /// Sessions that are on their way here; who wants one too waits for it.
    arriving: DashMap<ClientId, Arc<tokio::sync::Mutex<()>>, RandomState>,
    /// Sessions that have ended here, and of which Redis is being told.
    ending: DashMap<ClientId, (), RandomState>,
    /// How far this instance had come in each partition when it said so last.
    noted: Mutex<Vec<(Partition, u64)>>,
    /// Sessions that got something and are to be written to.
    fresh: Mutex<PendingFlush>,
    /// There are some.
    flushing: Notify,
    /// Sessions that got something while it is not known whether they are still this instance's.
    held_back: Mutex<PendingFlush>,
    /// Others may own what this instance owned; each session is looked at.
    in_doubt: AtomicBool,
    leaving: AtomicBool,
    server: Arc<OnceLock<Weak<Server>>>,
}

/// A session that this instance owns, as far as it knows.
struct Owned {
    /// How often it has changed hands, from one.
    epoch: u64,
    /// When Redis has to be told of it again.
    due: Instant,
    /// Whether Redis knows it.
    is_noted: bool,
    /// What Redis was told of what waits for it.
    waiting: String,
    /// Since when it is being given away.
    released: Option<Instant>,
}

impl Owned {
    fn new(epoch: u64) -> Self {
        Self { epoch, due: Instant::now(), is_noted: false, waiting: String::new(), released: None }
    }
}

impl Cluster {
    /// The instance as one of several, if the settings say so.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub(super) fn new(config: &Config, metrics: &Metrics) -> Result<Option<Self>, String> {
        if config.redis.url.is_none() {
            return Ok(None);
        }
        metrics.redis.set_up(false);
        let server = Arc::<OnceLock<Weak<Server>>>::default();
        let upgrade = |server: &Arc<OnceLock<Weak<Server>>>| {
            let server = Arc::clone(server);
            move || server.get().and_then(Weak::upgrade)
        };
        let deliver: Deliver = {
            let server = upgrade(&server);
            Arc::new(move |publications: &[Arc<Publication>], is_shared: bool| {
                if let Some(server) = server() {
                    server.deliver_heard(publications, is_shared);
                }
            })
        };
        let interest = upgrade(&server);
        let asked = upgrade(&server);
        let handlers = Handlers {
            deliver,
            is_needed: Arc::new(move |partition| {
                interest().is_some_and(|server| server.trie.is_interested_in(partition))
            }),
            answer: Arc::new(move |_, question| {
                let server = asked();
                Box::pin(async move {
                    match server {
                        Some(server) => server.answer(&question).await,
                        None => Vec::new(),
                    }
                })
            }),
        };
        // What is around a message when it is published is not longer than the message can be.
        let longest = 2 * config.limits.body.max(config.limits.message);
        let lifetime = 2 * config.server.timeout;
        let redis = Redis::new(&config.redis, longest, lifetime, handlers, metrics.clone())?;
        Ok(Some(Self {
            redis: Arc::new(redis),
            settings: config.redis.clone(),
            owned: DashMap::default(),
            arriving: DashMap::default(),
            noted: Mutex::default(),
            fresh: Mutex::default(),
            flushing: Notify::new(),
            held_back: Mutex::default(),
            ending: DashMap::default(),
            in_doubt: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            server,
        }))
    }

    /// Whether this instance is stopping.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }
}

impl Server {
    /// Keeps up with the other instances for as long as it is polled; never ready where there are none.
    pub async fn keep_up(self: &Arc<Self>) {
        let Some(cluster) = &self.cluster else { return std::future::pending().await };
        // It is set once, by who runs the server.
        let _ = cluster.server.set(Arc::downgrade(self));
        // Each with a task of its own, so that what wakes one is nothing to the others.
        let mut tasks = JoinSet::new();
        cluster.redis.run(&mut tasks);
        let server = Arc::clone(self);
        tasks.spawn(async move { server.beat().await });
        let server = Arc::clone(self);
        tasks.spawn(async move { server.write_fresh().await });
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Notes that a session which has just begun is this instance's.
    pub(crate) fn own(&self, id: &ClientId) {
        if let Some(cluster) = &self.cluster {
            cluster.owned.insert(*id, Owned::new(1));
        }
    }

    /// The reason why this instance is not ready, as far as the cluster is concerned.
    pub(super) fn unready_cluster(&self) -> Option<&'static str> {
        let cluster = self.cluster.as_ref()?;
        let is_up = cluster.redis.is_up();
        self.metrics.redis.set_up(is_up);
        if cluster.is_leaving() {
            return Some("stopping");
        }
        (!is_up).then_some("Redis is down")
    }

    /// Puts publications that came from Redis into the mailboxes of their subscribers here.
    fn deliver_heard(&self, publications: &[Arc<Publication>], is_shared: bool) {
        let mut pending = PendingFlush::default();
        let policy = self.policy.load();
        let adapt = |session: &Session, publication: &Arc<Publication>| self.adapt(session, publication);
        let adapt: Option<Adapt<'_>> = if self.pipeline.sees_deliveries() { Some(&adapt) } else { None };
        for publication in publications {
            let overflow = policy.rule(publication.channel()).overflow;
            self.trie.deliver(publication, overflow, &mut pending, adapt);
        }
        let is_doubtful = |cluster: &Cluster| {
            is_shared && (cluster.in_doubt.load(Ordering::Acquire) || !cluster.redis.has_lease())
        };
        if let Some(cluster) = self.cluster.as_ref().filter(|cluster| is_doubtful(cluster)) {
            // Another instance may own these sessions by now, and has heard the same. They wait until that is known.
            cluster.held_back.lock().append(&mut pending);
        } else if let Some(cluster) = &self.cluster {
            cluster.fresh.lock().append(&mut pending);
            cluster.flushing.notify_one();
        }
    }

    /// Ends the sessions with a full mailbox, and writes to the others. The caller holds no lock: publications are received
    /// under the lock of their partition, where no session may end.
    pub(super) fn settle_deliveries(&self, mut pending: PendingFlush) {
        self.end_overflowed(&mut pending);
        pending.flush();
        self.relieve();
    }

    /// Writes to the sessions that received publications, for as long as the future is polled. Publications that are
    /// received during a write leave in the next one, one write for each session.
    async fn write_fresh(&self) {
        let Some(cluster) = &self.cluster else { return };
        loop {
            cluster.flushing.notified().await;
            let fresh = std::mem::take(&mut *cluster.fresh.lock());
            self.settle_deliveries(fresh);
        }
    }
}
