//! The broker of several nodes, which are joined by Redis. A publication goes to Redis once, in the partition of its channel;
//! every instance that listens to the partition hears it, this one too, and delivers it to its subscribers.
//!
//! It does not know the router: it is handed functions.

mod address;
mod calls;
mod cause;
mod consumer;
mod examine;
mod fill;
mod frame;
mod link;
mod listener;
mod names;
mod nodes;
mod probe;
mod registry;
mod scripts;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task::JoinSet;

pub use calls::{Answer, Unanswered};
pub use consumer::Deliver;
pub use frame::NodeId;
use nodes::Beat;
pub use registry::{Away, Record, Written};

use super::{Appended, Receipt, Recent, Replay, Span};
use crate::bayeux::{PARTITIONS, Partition, Publication};
use crate::config::{self, History};
use crate::metrics::Metrics;
use address::Address;
use consumer::Heard;
use link::{Link, Unavailable};
use names::Names;
use writer::Writer;

/// For how long a partition in which nothing is said is kept.
const PARTITION_LIFETIME: Duration = Duration::from_secs(3600);

/// What the parts share.
struct Shared {
    me: NodeId,
    address: Address,
    link: Link,
    names: Names,
    settings: config::Redis,
    /// Bytes of the longest publication.
    longest: usize,
    metrics: Metrics,
}

/// A partition.
struct Both {
    heard: Arc<Heard>,
    writer: Writer,
}

/// What the broker is handed by who uses it.
pub struct Handlers {
    /// Delivers to the subscribers on this instance.
    pub deliver: Deliver,
    /// Whether anybody on this instance subscribes to something in a partition.
    pub is_needed: Arc<dyn Fn(Partition) -> bool + Send + Sync>,
    /// Answers other instances.
    pub answer: Answer,
}

/// The broker.
pub struct Redis {
    shared: Shared,
    partitions: Vec<Both>,
    listener: listener::Listener,
    nodes: nodes::Nodes,
    calls: calls::Calls,
    is_needed: Arc<dyn Fn(Partition) -> bool + Send + Sync>,
    answer: Answer,
    /// How long a session lives after its last sign.
    session_lifetime: Duration,
}

impl Redis {
    /// A broker by these settings, which connects when it runs; `longest` are the bytes of the longest publication.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        settings: &config::Redis,
        longest: usize,
        session_lifetime: Duration,
        handlers: Handlers,
        metrics: Metrics,
    ) -> Result<Self, String> {
        let address = address_of(settings)?;
        let me = NodeId::draw().map_err(|error| format!("no random bytes from the system: {error}"))?;
        let Handlers { deliver, is_needed, answer } = handlers;
        let partitions = Partition::all().map(|partition| {
            let heard = Arc::new(Heard::new(partition, me, Arc::clone(&deliver), metrics.clone()));
            Both { writer: Writer::new(partition, Arc::clone(&heard)), heard }
        });
        let partitions = partitions.collect();
        let link = Link::new(address.clone(), settings.deadline, metrics.clone());
        let names = Names::new(&settings.prefix);
        let shared = Shared { me, address, link, names, settings: settings.clone(), longest, metrics };
        Ok(Self {
            shared,
            partitions,
            listener: listener::Listener::default(),
            nodes: nodes::Nodes::default(),
            calls: calls::Calls::default(),
            is_needed,
            answer,
            session_lifetime,
        })
    }

    /// Has tasks hear, publish and test for as long as the set is there.
    pub fn run(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        for partition in Partition::all() {
            let this = Arc::clone(self);
            tasks.spawn(async move { this.partitions[partition.index()].writer.run(&this.shared).await });
        }
        let this = Arc::clone(self);
        tasks.spawn(async move { this.listen().await });
        let this = Arc::clone(self);
        tasks.spawn(async move { this.probe().await });
    }

    /// This instance.
    #[must_use]
    pub fn me(&self) -> NodeId {
        self.shared.me
    }

    /// Publishes. `appended` is called once Redis has the publication, which may be later than it is accepted.
    pub fn publish(
        &self,
        publication: Publication,
        history: Option<History>,
        appended: Option<Appended>,
    ) -> Receipt {
        let partition = Partition::of(publication.channel());
        self.partitions[partition.index()].writer.publish(&self.shared, publication, history, appended)
    }

    /// Listens to the partitions of subscriptions, and waits until they are heard. False if Redis is away; then they are heard
    /// when it is back.
    pub async fn join<'a>(&self, patterns: impl Iterator<Item = &'a str>) -> bool {
        self.listener.join(patterns.flat_map(Partition::of_pattern), self.shared.settings.deadline).await
    }

    /// Whether everything works: Redis answers, is heard and takes publications.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.nodes.has_answered()
            && !self.is_lease_over()
            && self.listener.is_up()
            && self.partitions.iter().all(|partition| !partition.writer.is_away())
    }

    /// Why Redis cannot be reached, in plain words; nothing while there is a connection.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        self.shared.link.cause()
    }

    /// Whether this instance can own sessions: its lease is not over.
    #[must_use]
    pub fn has_lease(&self) -> bool {
        !self.is_lease_over()
    }

    /// The newest number that was delivered in each partition of some patterns.
    #[must_use]
    pub fn positions<'a>(&self, patterns: impl Iterator<Item = &'a str>) -> Vec<(Partition, u64)> {
        let mut wanted = [false; PARTITIONS];
        for partition in patterns.flat_map(Partition::of_pattern) {
            wanted[partition.index()] = true;
        }
        let wanted = Partition::all().filter(|partition| wanted[partition.index()]);
        wanted.map(|partition| (partition, self.partitions[partition.index()].heard.number())).collect()
    }

    /// Runs something while nothing is delivered in these partitions, with the newest numbers that were.
    pub fn while_still<T>(&self, partitions: &[Partition], act: impl FnOnce(&[(Partition, u64)]) -> T) -> T {
        self.still(partitions, &mut Vec::new(), act)
    }

    /// Holds one partition after the other, in their order.
    fn still<T>(
        &self,
        partitions: &[Partition],
        numbers: &mut Vec<(Partition, u64)>,
        act: impl FnOnce(&[(Partition, u64)]) -> T,
    ) -> T {
        let Some((partition, rest)) = partitions.split_first() else { return act(numbers) };
        self.partitions[partition.index()].heard.while_still(|number| {
            numbers.push((*partition, number));
            self.still(rest, numbers, act)
        })
    }

    /// What was published to a channel behind a number of its partition and is kept, oldest first.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer.
    pub async fn replay(&self, channel: &str, since: u64) -> Result<Replay, Away> {
        Ok(self.replay_kept(channel, since).await?)
    }

    /// The newest publications of a channel that are kept.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer.
    pub async fn recent(&self, channel: &str, span: Span) -> Result<Recent, Away> {
        Ok(self.recent_kept(channel, span).await?)
    }

    /// What is kept of a partition behind a number, of all its channels, in order.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer.
    pub async fn kept(&self, partition: Partition, behind: u64) -> Result<Vec<Arc<Publication>>, Away> {
        let (_, mut found) = self.kept_behind(partition, behind).await?;
        found.sort_by_key(|arrived| arrived.number);
        let publication = |arrived: consumer::Arrived| {
            let position = crate::bayeux::StreamPosition { partition, offset: arrived.number };
            Arc::new(Publication::encoded(&arrived.item.channel, Some(position), &arrived.item.object))
        };
        Ok(found.into_iter().map(publication).collect())
    }

    /// Says that this instance lives. `late` is called before the lease is good again, if it was over.
    ///
    /// # Errors
    /// [`Away`] if Redis did not take it.
    pub async fn beat(&self, late: impl FnOnce()) -> Result<(), Away> {
        let (beat, until) = self.beat_for(self.shared.settings.lease).await?;
        if beat == Beat::Late {
            late();
        }
        self.renew(until);
        Ok(())
    }

    /// The newest number that was delivered in each partition that is listened to.
    #[must_use]
    pub fn numbers(&self) -> Vec<(Partition, u64)> {
        let numbers =
            Partition::all().map(|partition| (partition, self.partitions[partition.index()].heard.number()));
        numbers.filter(|(_, number)| *number > 0).collect()
    }

    /// Notes how far this instance has come.
    ///
    /// # Errors
    /// [`Away`] if Redis did not take it.
    pub async fn note(&self, numbers: &[(Partition, u64)]) -> Result<(), Away> {
        Ok(self.note_positions(numbers).await?)
    }

    /// Another instance that lives and does not leave, if there is one.
    #[must_use]
    pub fn other(&self) -> Option<NodeId> {
        self.other_node()
    }

    /// From now on this instance says that it leaves.
    pub fn leave(&self) {
        self.begin_to_leave();
    }

    /// Ends the lease of this instance.
    pub async fn resign(&self) {
        if let Err(error) = self.beat_for(std::time::Duration::ZERO).await {
            tracing::debug!(%error, "cannot deregister this instance in Redis");
        }
    }

    /// For how long an instance counts as alive; zero if it does not.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer.
    pub async fn lease(&self, node: NodeId) -> Result<Duration, Away> {
        Ok(self.lease_of(&node.to_string()).await?)
    }

    /// How far an instance had come when it said so last.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer.
    pub async fn noted(&self, node: NodeId) -> Result<Vec<(Partition, u64)>, Away> {
        Ok(self.positions_of(&node.to_string()).await?)
    }
}

impl Shared {
    /// What a partition's life is called if this instance begins it.
    fn epoch_candidate(&self) -> Vec<u8> {
        format!("{:x}", fastrand::u64(1..)).into_bytes()
    }

    fn partition_lifetime(&self) -> Vec<u8> {
        PARTITION_LIFETIME.as_millis().to_string().into_bytes()
    }

    /// The life of a partition, and how far it has come, as Redis said behind what a connection has heard.
    async fn state_of(
        &self,
        partition: Partition,
        known: u64,
        connection: &mut address::Connection,
    ) -> Result<(u64, u64), Unavailable> {
        let (candidate, lifetime, known) =
            (self.epoch_candidate(), self.partition_lifetime(), known.to_string());
        let arguments = [&candidate[..], known.as_bytes(), b"", &lifetime];
        let (key, arguments) = (self.names.partition(partition), &arguments[..]);
        let keys = [key.as_str()];
        let asking = scripts::STATE.run_on(connection, &keys, arguments);
        let answer = tokio::time::timeout(self.settings.deadline, asking).await;
        let Value::Array(parts) = answer.map_err(|_| Unavailable::Silent)?? else {
            return Err(Unavailable::Senseless);
        };
        let mut parts = parts.into_iter().filter_map(|part| String::from_redis_value(part).ok());
        let epoch = parts.next().and_then(|epoch| u64::from_str_radix(&epoch, 16).ok());
        let number = parts.next().and_then(|number| number.parse().ok());
        epoch.zip(number).ok_or(Unavailable::Senseless)
    }

    /// Says in a partition how far it has come, as a test.
    async fn test(&self, partition: Partition, known: u64, probe: &[u8]) -> Result<(), Unavailable> {
        let keys = [self.names.partition(partition), self.names.channel(partition)];
        let (candidate, lifetime, known) =
            (self.epoch_candidate(), self.partition_lifetime(), known.to_string());
        let master = self.link.master();
        let arguments = [&candidate[..], known.as_bytes(), master.as_bytes(), &lifetime, probe];
        scripts::STATE.run(&self.link, &keys.each_ref().map(String::as_str), &arguments).await.map(drop)
    }
}

fn address_of(settings: &config::Redis) -> Result<Address, String> {
    let authority = settings.tls_ca.as_ref().map(|file| {
        let name = file.display();
        let text = std::fs::read(file).map_err(|error| {
            format!("redis.tls_ca: cannot read {name} ({error}); check its path and permissions")
        })?;
        // The library takes none for no authority, and trusts those of the system.
        match CertificateDer::from_pem_slice(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(format!("redis.tls_ca: {name} holds no certificate in PEM; name one that does")),
        }
    });
    let url = settings.url.as_ref().map_or("", |url| url.expose());
    Address::parse(url, authority.transpose()?).map_err(|wrong| format!("redis.url: {wrong}"))
}
