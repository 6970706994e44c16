//! The client of one instance, which its broker and its part of the cluster share.

use std::time::Duration;

use redis::{Cmd, RedisError as LibraryError, Value};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::watch;

use super::address::{Address, Connection, OnPush};
use super::dial::{Dial, Endpoint};
use super::keys::Keys;
use super::link::{Link, RedisError};
use super::node::NodeId;
use super::scripts::Script;
use crate::config;
use crate::metrics::Metrics;

/// How long Redis keeps the state of an idle partition and the positions of a dead instance.
const PARTITION_LIFETIME: Duration = Duration::from_secs(3600);

/// The subscription of this instance to the channel of requests and responses of other instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Differs after each loss of the connection.
    serial: u64,
    pub(crate) is_active: bool,
}

/// A client of Redis. It connects when the first command is sent.
pub struct Client {
    me: NodeId,
    endpoint: Endpoint,
    link: Link,
    keys: Keys,
    settings: config::Redis,
    metrics: Metrics,
    subscription: watch::Sender<Subscription>,
}

impl Client {
    /// Creates a client with a new [`NodeId`].
    ///
    /// # Errors
    /// A text that names the setting at fault.
    pub fn new(settings: &config::Redis, metrics: Metrics) -> Result<Self, String> {
        Self::with(settings, metrics, None)
    }

    /// Creates a client as [`Client::new`] does, whose connections go over streams that `dial` opens. The address of the
    /// settings has the credentials, and must not be of a Redis Cluster.
    ///
    /// # Errors
    /// A text that names the setting at fault.
    pub fn over(settings: &config::Redis, metrics: Metrics, dial: Dial) -> Result<Self, String> {
        Self::with(settings, metrics, Some(dial))
    }

    fn with(settings: &config::Redis, metrics: Metrics, dial: Option<Dial>) -> Result<Self, String> {
        let endpoint = Endpoint::new(address_of(settings)?, dial);
        let me = NodeId::random().map_err(|error| format!("no random bytes from the system: {error}"))?;
        let link = Link::new(endpoint.clone(), settings.deadline, metrics.clone());
        let keys = Keys::new(&settings.prefix);
        let subscription = watch::Sender::default();
        Ok(Self { me, endpoint, link, keys, settings: settings.clone(), metrics, subscription })
    }

    /// Returns the identifier of this instance.
    #[must_use]
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// Returns why the last attempt to connect failed; `None` while connected.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        self.link.cause()
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn settings(&self) -> &config::Redis {
        &self.settings
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Sends a command and waits for its reply.
    pub(crate) fn run(&self, command: &Cmd) -> impl Future<Output = Result<Value, RedisError>> {
        self.link.run(command)
    }

    /// Runs a script.
    pub(crate) fn run_script(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> impl Future<Output = Result<Value, RedisError>> {
        script.run(&self.link, keys, arguments)
    }

    /// Opens a separate connection, within `redis.deadline`. `on_push` receives the push messages in their order, on the
    /// task of the connection.
    pub(crate) async fn connect(&self, on_push: OnPush) -> Result<Connection, LibraryError> {
        let connecting = self.endpoint.connect(self.settings.deadline, Some(on_push));
        let connected = tokio::time::timeout(self.settings.deadline, connecting).await;
        connected.unwrap_or_else(|_| Err(super::link::timed_out()))
    }

    /// Connects if necessary, and returns the `run_id` of the master; empty if it is not known. A script that gets the
    /// `run_id` of the former master begins an epoch that is not needed.
    ///
    /// # Errors
    /// [`RedisError`] if there is no connection.
    pub(crate) async fn reach_master(&self) -> Result<String, RedisError> {
        self.link.reach_master().await
    }

    /// Returns the `run_id` of the connected master, and each later one.
    pub(crate) fn masters(&self) -> watch::Receiver<String> {
        self.link.masters()
    }

    /// Makes the next command go to the master that a separate connection has reached. Returns its `run_id`; empty if it is
    /// not known.
    pub(crate) async fn follow(&self, connection: &mut Connection) -> String {
        let master = super::link::run_id_of(connection, self.settings.deadline).await;
        if !master.is_empty() {
            self.link.follow(&master);
        }
        master
    }

    /// Returns the current subscription of this instance to its own channel, and each later one.
    pub(crate) fn subscription(&self) -> watch::Receiver<Subscription> {
        self.subscription.subscribe()
    }

    /// Notes that this instance has subscribed again to its own channel, or has lost the subscription.
    pub(crate) fn set_subscribed(&self, is_active: bool) {
        self.subscription.send_modify(|subscription| {
            *subscription = Subscription { serial: subscription.serial + 1, is_active };
        });
    }

    /// Returns the lifetime of partition state and positions in milliseconds, as an argument of a script.
    pub(crate) fn partition_lifetime(&self) -> Vec<u8> {
        PARTITION_LIFETIME.as_millis().to_string().into_bytes()
    }
}

/// Reads the address and the CA certificate of the settings.
pub(super) fn address_of(settings: &config::Redis) -> Result<Address, String> {
    let authority = settings.tls_ca.as_ref().map(|file| {
        let name = file.display();
        let text = std::fs::read(file).map_err(|error| {
            format!("redis.tls_ca: cannot read {name} ({error}); check its path and permissions")
        })?;
        // The library treats a file without certificates as no file, and trusts the CAs of the system.
        match CertificateDer::from_pem_slice(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(format!("redis.tls_ca: {name} holds no certificate in PEM; name one that does")),
        }
    });
    let url = settings.url.as_ref().map_or("", |url| url.expose());
    Address::parse(url, authority.transpose()?).map_err(|wrong| format!("redis.url: {wrong}"))
}
