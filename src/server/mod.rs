//! The Bayeux server: executes the verbs of the protocol, one verb a file.
//!
//! [`Server::receive`] is the only entry for messages. The module depends on sessions and extensions, and not on
//! sockets or HTTP.

#[cfg(not(feature = "redis"))]
mod alone;
mod ask_hook;
mod authorize;
mod backoff;
#[cfg(feature = "redis")]
mod cluster;
mod completion;
mod connect;
mod delivery;
mod dialect;
mod disconnect;
mod event;
mod execute;
mod handshake;
mod history;
mod journal;
mod pager;
mod pending;
mod prepared;
mod publish;
mod rate_limit;
mod receive;
mod received;
mod relief;
mod replay;
mod replay_plan;
mod request;
mod subscribe;
mod token_expiry;
mod unconnected;
#[cfg(feature = "redis")]
mod unflushed;
mod unreachable;
mod unsubscribe;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::broadcast;

#[cfg(all(feature = "redis", fuzzing))]
pub(crate) use cluster::fuzzing;
pub use event::Event;
pub use received::{Accepted, Received, Receiving};

use crate::auth::hook::Hook;
use crate::auth::{Credentials, Policy, Seals};
use crate::bayeux::{Advice, BayeuxError, ClientId, Field, Message};
use crate::broker::{Appended, Broker, Memory};
use crate::budget::Budget;
use crate::config::{Config, Dialect};
use crate::extension::{Extension, Pipeline};
use crate::lock::{self, level};
use crate::metrics::{Metrics, Reason};
use crate::peer::Peer;
use crate::router::{Bounds, Expiry, Patterns, Session, Sessions, StartReplay, Terms, Trie};
#[cfg(not(feature = "redis"))]
use alone as cluster;
use request::{Request, Sender};

/// Capacity of the event channel; a slower listener loses the oldest events.
const EVENTS: usize = 4096;

/// A Bayeux server.
pub struct Server {
    timeout: Duration,
    interval: Duration,
    limits: crate::config::Limits,
    /// The memory budget for everything that clients cause.
    budget: Arc<Budget>,
    relief: relief::Relief,
    sessions: Sessions,
    unconnected: unconnected::Unconnected,
    trie: Arc<Trie>,
    expiry: Expiry,
    broker: Arc<Broker<delivery::LocalSubscribers>>,
    /// The other instances; `None` without Redis.
    cluster: Option<cluster::Cluster>,
    pipeline: Arc<Pipeline>,
    policy: Arc<ArcSwap<Policy>>,
    hook: ArcSwapOption<Hook>,
    token_expiry: token_expiry::TokenExpiry,
    backoff: backoff::Backoff,
    dialect: Dialect,
    seals: Seals,
    events: broadcast::Sender<Event>,
    /// Set by the first listener and never cleared. The sender's own count of listeners takes a lock, which is too much
    /// for each message.
    listened: AtomicBool,
    /// Whether session events are logged (`log.sessions`).
    logs_sessions: bool,
    /// Called after each publication to a syndicated channel.
    appended: OnceLock<Appended>,
    metrics: Metrics,
}

impl Server {
    /// Creates a server without sessions.
    ///
    /// # Errors
    /// A text that names the invalid setting.
    pub fn new(config: &Config, extensions: &[Arc<dyn Extension>], metrics: Metrics) -> Result<Self, String> {
        let budget = Budget::new(config.limits.memory.of(crate::memory::available()));
        metrics.memory_limit.set(i64::try_from(budget.limit()).unwrap_or(i64::MAX));
        let terms = terms(config, &budget, &metrics);
        let client = cluster::client(config, &metrics)?;
        let trie = Arc::new(Trie::new(&budget, metrics.clone()));
        let pipeline = Arc::new(Pipeline::new(extensions));
        let policy = Arc::new(ArcSwap::from_pointee(Policy::new(config)?));
        let local = delivery::LocalSubscribers {
            trie: Arc::clone(&trie),
            pipeline: Arc::clone(&pipeline),
            policy: Arc::clone(&policy),
            unflushed: None,
        };
        let cluster = client.map(|client| cluster::Cluster::new(config, client, &local));
        let local = match &cluster {
            Some(cluster) => cluster.local(local),
            None => local,
        };
        let broker = Arc::new(match &cluster {
            Some(cluster) => Broker::Redis(cluster.broker()),
            None => Broker::Memory(Memory::new(&config.history, Arc::new(local.clone()))),
        });
        broker.set_rules(policy.load().history_rules());
        let sessions = Sessions::new(config.limits.sessions, terms);
        let pager: Arc<dyn StartReplay> = pager::Pager::new(Arc::clone(&broker), local);
        // It is not set yet.
        let _ = sessions.terms().pager.set(pager);
        Ok(Self {
            timeout: config.server.timeout,
            interval: config.server.interval,
            limits: config.limits.clone(),
            sessions,
            unconnected: unconnected::Unconnected::default(),
            relief: relief::Relief::default(),
            trie,
            expiry: Expiry::default(),
            broker,
            cluster,
            pipeline,
            policy,
            hook: ArcSwapOption::new(Hook::new(&config.hook, metrics.clone())?.map(Arc::new)),
            token_expiry: token_expiry::TokenExpiry::default(),
            backoff: backoff::Backoff::new(&config.advice),
            dialect: config.dialect.clone(),
            seals: Seals::new().map_err(|error| format!("no random bytes from the system: {error}"))?,
            events: broadcast::Sender::new(EVENTS),
            listened: AtomicBool::new(false),
            budget,
            logs_sessions: config.log.sessions,
            appended: OnceLock::new(),
            metrics,
        })
    }

    /// Returns the memory budget for everything that clients cause.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Returns the metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Subscribes to the monitoring events. A listener that lags loses the oldest events and receives their number.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.listened.store(true, Ordering::Release);
        self.events.subscribe()
    }

    /// Returns the current policy.
    #[must_use]
    pub fn policy(&self) -> arc_swap::Guard<Arc<Policy>> {
        self.policy.load()
    }

    /// Returns why a load balancer should send no clients to this instance; `None` if the instance is ready.
    #[must_use]
    pub fn not_ready(&self) -> Option<String> {
        self.pipeline.failure().or_else(|| self.unready_cluster().map(str::to_owned))
    }

    /// Returns the live session with this identifier.
    #[must_use]
    pub fn session(&self, id: &ClientId) -> Option<Arc<Session>> {
        self.sessions.find(id)
    }

    /// Replaces the policy and the authorization hook with those of a new configuration. Existing subscriptions stay.
    ///
    /// # Errors
    /// A text that names the invalid setting. The current policy and hook stay in effect.
    pub fn reload(&self, config: &Config) -> Result<(), String> {
        let policy = Policy::new(config)?.with_server_channels_of(&self.policy.load());
        let hook = Hook::new(&config.hook, self.metrics.clone())?;
        self.hook.store(hook.map(Arc::new));
        self.broker.set_rules(policy.history_rules());
        self.policy.store(Arc::new(policy));
        Ok(())
    }

    /// Ends expired sessions and token-based subscriptions with expired tokens. Call it about once a second.
    pub fn expire(&self) {
        self.policy.load().sweep();
        self.expire_subscriptions();
        self.broker.sweep();
        self.relieve();
        self.metrics.memory_used.set(i64::try_from(self.budget.used()).unwrap_or(i64::MAX));
        let histories = self.broker.history_size();
        self.metrics.histories.set(histories.channels, histories.bytes, histories.displaced);
        for session in self.expiry.due() {
            match session.end_if_expired() {
                Some(patterns) => {
                    tracing::debug!(client = %session.id(), "session expired");
                    self.metrics.sessions_expired.inc();
                    self.forget_ended(&session, patterns);
                }
                None => self.expiry.watch(&session),
            }
        }
    }

    /// Ends a session with its subscriptions, mailbox and transports. Returns `false` if the session had already ended.
    fn end(&self, session: &Arc<Session>) -> bool {
        let Some(patterns) = session.end() else { return false };
        self.forget_ended(session, patterns);
        true
    }

    /// Removes an ended session from all tables and from the directory.
    fn forget_ended(&self, session: &Arc<Session>, patterns: Patterns) {
        lock::assert_free(level::SUBSCRIPTIONS);
        self.expiry.forget(session);
        self.unconnected.remove(session);
        self.log_disconnect(session.id(), patterns.len());
        for pattern in patterns {
            self.trie.remove(session, &pattern);
            self.emit(|| Event::Unsubscribe { client: *session.id(), channel: pattern.into_string() });
        }
        if self.sessions.forget(session) {
            self.remove_record(*session.id());
        }
        self.emit(|| Event::Disconnect { client: *session.id() });
    }

    fn is_listened_to(&self) -> bool {
        self.listened.load(Ordering::Acquire)
    }

    fn emit(&self, event: impl FnOnce() -> Event) {
        if self.is_listened_to() {
            // Sending fails if the last listener has been dropped.
            let _ = self.events.send(event());
        }
    }

    /// Returns the live session that a message names.
    ///
    /// # Errors
    /// The message names no session, or none that it proves to own: a client that only knows the identifier receives
    /// the same reply as without a session.
    fn session_of<'r>(&self, request: &'r Request<'_>) -> Result<&'r Arc<Session>, BayeuxError> {
        if request.message.truthy(Field::ClientId).is_none() {
            return Err(BayeuxError::ParameterMissing("clientId"));
        }
        request.session(self).ok_or_else(|| self.client_unknown(&request.message))
    }

    /// Looks up the sender of a message.
    fn find_sender(&self, request: &Request<'_>) -> Sender {
        let Request { message, policy, credentials, peer, .. } = request;
        let id = message.text(Field::ClientId).and_then(|id| ClientId::parse(id.as_bytes()));
        let Some(session) = id.and_then(|id| self.sessions.find(&id)) else { return Sender::Unknown };
        let is_proven = !session.ownership().is_bound()
            || session.ownership().is_proven(&policy.proof(credentials, peer));
        if is_proven { Sender::Session(session) } else { Sender::Unproven }
    }

    /// Whether a request without messages, such as the request for a stream, proves that it owns a session.
    #[must_use]
    pub fn is_proven(&self, session: &Session, peer: &Arc<Peer>) -> bool {
        let is_proven = !session.ownership().is_bound()
            || session.ownership().is_proven(&self.policy.load().proof(&Credentials::default(), peer));
        if !is_proven {
            self.metrics.refuse(Reason::unproven);
        }
        is_proven
    }

    /// Checks the length and the number of segments of a channel.
    ///
    /// # Errors
    /// The channel exceeds `limits.channel` bytes or `limits.segments` segments.
    fn check_size(&self, channel: &str) -> Result<(), BayeuxError> {
        if channel.len() > self.limits.channel {
            return Err(BayeuxError::ChannelTooLong(self.limits.channel));
        }
        if crate::bayeux::channel::depth(channel) > self.limits.segments {
            return Err(BayeuxError::TooManySegments(self.limits.segments));
        }
        Ok(())
    }

    fn advice(&self, message: &Message) -> Advice {
        self.advice_of(is_of_stream(message))
    }

    fn advice_of(&self, is_stream: bool) -> Advice {
        let timeout = milliseconds(self.timeout);
        if is_stream {
            // Messages are delivered through the stream; the connects only keep the session alive.
            return Advice { retry: true, interval: timeout, timeout: 0 };
        }
        Advice { retry: true, interval: milliseconds(self.interval), timeout }
    }

    fn advice_after_failure(&self, interval: u64) -> Advice {
        Advice { retry: false, interval, timeout: milliseconds(self.timeout) }
    }
}

fn terms(config: &Config, budget: &Arc<Budget>, metrics: &Metrics) -> Terms {
    let (limits, mailbox) = (&config.limits, &config.mailbox);
    let bounds = Bounds { messages: mailbox.messages, bytes: mailbox.bytes };
    let lifetime = 2 * config.server.timeout;
    Terms {
        unconnected_bounds: Bounds {
            messages: limits.unconnected_messages.min(bounds.messages),
            bytes: limits.unconnected_bytes.min(bounds.bytes),
        },
        unconnected_lifetime: limits.unconnected_time.min(lifetime),
        budget: Arc::clone(budget),
        ..Terms::new(bounds, lifetime, metrics.clone())
    }
}

/// Whether a message is a connect of a client that receives its messages through an EventSource stream.
fn is_of_stream(message: &Message) -> bool {
    message.text(Field::ConnectionType).as_deref() == Some("eventsource")
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
