//! The sections of `faye.toml` about WebSub and about the store. Field names are the keys; defaults are the
//! documentation's defaults.

use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::units::{self, Rate};
use super::{HostName, Secret};

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite:FILE`, `sqlite::memory:`, or a `postgres:` URL. The default is `sqlite:faye.db`, if a feature needs a
    /// store.
    pub url: Option<Secret>,
    /// Whether a commit waits for the disk.
    pub durability: Durability,
    /// Connections to PostgreSQL, or reading connections to SQLite.
    pub connections: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: None, durability: Durability::Full, connections: 8 }
    }
}

/// When a commit is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When the disk has it.
    Full,
    /// When the system has it: a crash of the machine may lose the last commits.
    Normal,
}

/// `[hub]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hub {
    /// Whether the hub is served.
    pub enabled: bool,
    /// The path of the hub.
    pub path: String,
    /// Whether a POST to `/` is a request to the hub too.
    pub root: bool,
    /// Which topics are accepted.
    pub policy: TopicPolicy,
    /// Prefixes of topics that are accepted without a check: whole host and path segments.
    pub topics: Vec<String>,
    /// Whether `mode` is read as `hub.mode`, and so on.
    pub bare_names: bool,
    /// Whether `hub.verify` is read (PubSubHubbub 0.3).
    pub legacy: bool,
    /// The lease of a subscription without a requested one.
    #[serde(deserialize_with = "units::duration")]
    pub lease: Duration,
    /// The shortest lease.
    #[serde(deserialize_with = "units::duration")]
    pub lease_min: Duration,
    /// The longest lease.
    #[serde(deserialize_with = "units::duration")]
    pub lease_max: Duration,
    /// The method of signatures.
    pub signature: SignatureMethod,
    /// The method of signatures for subscriptions made with `hub.verify`.
    pub legacy_signature: SignatureMethod,
    /// Hosts of callbacks with `sha1` signatures.
    pub sha1_hosts: Vec<HostName>,
    /// The criterion for a change of a topic.
    pub change: Change,
    /// Bytes of the content of a topic.
    #[serde(deserialize_with = "units::size")]
    pub topic_size: usize,
    /// Maximum bytes of undelivered contents in the store.
    #[serde(deserialize_with = "units::size")]
    pub content_size: usize,
    /// The shortest time between two fetches of a topic.
    #[serde(deserialize_with = "units::duration")]
    pub fetch_interval: Duration,
    /// The deadline of a fetch.
    #[serde(deserialize_with = "units::duration")]
    pub fetch_deadline: Duration,
    /// The deadline of a callback's response.
    #[serde(deserialize_with = "units::duration")]
    pub deadline: Duration,
    /// The delays before retries of a delivery.
    #[serde(deserialize_with = "units::durations")]
    pub retries: Vec<Duration>,
    /// Requests at one time to one host.
    pub per_host: usize,
    /// Requests at one time to all hosts.
    pub concurrent: usize,
    /// Topics that are kept.
    pub max_topics: u64,
    /// Subscriptions that are kept.
    pub max_subscriptions: u64,
    /// Maximum number of pending verifications.
    pub max_pending: u64,
    /// Maximum number of pending verifications of one client.
    pub pending_by_client: u64,
    /// Maximum number of pending verifications for one host of callbacks.
    pub pending_by_host: u64,
    /// Subscriptions with callbacks of one host.
    pub subscriptions_by_host: u64,
    /// Requests of one client address.
    pub rate: Rate,
    /// Networks beyond the public addresses that topics of `topics` may be fetched from; with the policy `open`, all topics.
    #[serde(deserialize_with = "units::networks")]
    pub topic_networks: Vec<IpNet>,
    /// Networks beyond the public addresses that callbacks may be in.
    #[serde(deserialize_with = "units::networks")]
    pub callback_networks: Vec<IpNet>,
}

impl Default for Hub {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let retries = [10, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR];
        Self {
            enabled: false,
            path: "/hub".to_owned(),
            root: true,
            policy: TopicPolicy::Advertised,
            topics: Vec::new(),
            bare_names: false,
            legacy: true,
            lease: Duration::from_secs(10 * DAY),
            lease_min: Duration::from_secs(HOUR),
            lease_max: Duration::from_secs(30 * DAY),
            signature: SignatureMethod::Sha256,
            legacy_signature: SignatureMethod::Sha1,
            sha1_hosts: Vec::new(),
            change: Change::Entries,
            topic_size: 5 * 1024 * 1024,
            content_size: 1024 * 1024 * 1024,
            fetch_interval: Duration::from_secs(1),
            fetch_deadline: Duration::from_secs(10),
            deadline: Duration::from_secs(10),
            retries: retries.map(Duration::from_secs).to_vec(),
            per_host: 4,
            concurrent: 256,
            max_topics: 100_000,
            max_subscriptions: 1_000_000,
            max_pending: 10_000,
            pending_by_client: 100,
            pending_by_host: 20,
            subscriptions_by_host: 10_000,
            rate: Rate::per_second(10),
            topic_networks: Vec::new(),
            callback_networks: Vec::new(),
        }
    }
}

impl Hub {
    /// Topics that are fetched at one time.
    pub const FETCHES: usize = 32;
}

/// Which topics a hub accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TopicPolicy {
    /// Topics that name this hub, and those of `hub.topics`.
    Advertised,
    /// Every topic.
    Open,
    /// Those of `hub.topics`.
    Listed,
}

/// The method of a signature (WebSub, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum SignatureMethod {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl SignatureMethod {
    /// Returns the name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// The criterion for a change of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Its entries, or its title, link, author, hub or self.
    Entries,
    /// Any byte.
    Bytes,
}

/// `[[ping]]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// The last segment of the path, `/hub/ping/NAME`.
    pub name: String,
    /// The program that sends the requests.
    pub kind: PingKind,
    /// Its secret.
    pub secret: Secret,
    /// The topics that have changed then.
    #[serde(default)]
    pub topics: Vec<String>,
    /// How long the topics are left alone after a request.
    #[serde(default, deserialize_with = "units::duration")]
    pub delay: Duration,
    /// Branches whose pushes count; all branches if empty.
    #[serde(default)]
    pub branches: Vec<String>,
}

/// The program that sends pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "names of programs")]
pub enum PingKind {
    Gogs,
    /// Gogs before 0.11.42, with the secret in the body.
    GogsBody,
    Gitea,
    Forgejo,
    Github,
    Gitlab,
}

/// `[api]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// The key of `/api/v1`; without it the API is disabled.
    pub key: Option<Secret>,
}
