//! The sections of `faye.toml` about the server, its limits and its certificate. Field names are the keys; defaults are
//! the documentation's defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::HostName;
use super::listen::ListenAddress;
use super::units::{self, MemoryLimit};

/// `[server]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Host and port of the listener; port 0 lets the system choose.
    pub listen: ListenAddress,
    /// Path under which every transport is served.
    pub mount: String,
    /// When the demo page is served at `/`.
    pub page: PageMode,
    /// Maximum time to hold a `/meta/connect`.
    #[serde(deserialize_with = "units::duration")]
    pub timeout: Duration,
    /// The delay between two connects of a client (`advice.interval`).
    #[serde(deserialize_with = "units::duration")]
    pub interval: Duration,
    /// Maximum time that a stopping server waits for connections to close.
    #[serde(deserialize_with = "units::duration")]
    pub drain_timeout: Duration,
    /// Threads that serve connections; 0 means one for each core.
    pub threads: usize,
    /// Proxies whose `X-Forwarded-For` is trusted.
    #[serde(deserialize_with = "units::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Hosts of the server itself. Empty means the hosts that other settings name.
    pub hosts: Vec<HostName>,
    /// The public URL: scheme, host and port, without a path. The hub requires it.
    pub public_url: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)).into(),
            mount: "/faye".to_owned(),
            page: PageMode::Auto,
            timeout: Duration::from_secs(25),
            interval: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            threads: 0,
            trusted_proxies: Vec::new(),
            hosts: Vec::new(),
            public_url: None,
        }
    }
}

/// When the demo page is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageMode {
    /// Only if `server.listen` is a loopback address.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// `[advice]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Advice {
    /// `advice.interval` after the first repeated failure of a handshake or connect; it doubles with each further one.
    #[serde(deserialize_with = "units::duration")]
    pub retry_min: Duration,
    /// The largest `advice.interval` after failures.
    #[serde(deserialize_with = "units::duration")]
    pub retry_max: Duration,
}

impl Default for Advice {
    fn default() -> Self {
        Self { retry_min: Duration::from_millis(500), retry_max: Duration::from_secs(30) }
    }
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at one time.
    pub connections: usize,
    /// Connections at one time from one address; 0 means that they are not counted.
    pub connections_by_address: usize,
    /// Maximum memory of all client-related data: mailboxes, sessions, subscriptions, incomplete input, unsent output.
    pub memory: MemoryLimit,
    /// Bytes of the body of a request.
    #[serde(deserialize_with = "units::size")]
    pub body: usize,
    /// Maximum time for a client to send a body, or the rest of a WebSocket message.
    #[serde(deserialize_with = "units::duration")]
    pub body_time: Duration,
    /// Bytes of one WebSocket frame.
    #[serde(deserialize_with = "units::size")]
    pub frame: usize,
    /// Bytes of one WebSocket message over all its fragments.
    #[serde(deserialize_with = "units::size")]
    pub message: usize,
    /// Messages in one request or frame.
    pub batch: usize,
    /// Nesting of arrays and objects in one message.
    pub depth: usize,
    /// Bytes of the request line and the headers of a request.
    #[serde(deserialize_with = "units::size")]
    pub header: usize,
    /// Maximum time for a client to send the headers of a request.
    #[serde(deserialize_with = "units::duration")]
    pub header_time: Duration,
    /// How long a connection may be idle between two requests.
    #[serde(deserialize_with = "units::duration")]
    pub idle_time: Duration,
    /// Maximum time without progress of a write before the connection is closed.
    #[serde(deserialize_with = "units::duration")]
    pub write_time: Duration,
    /// Subscriptions of one session.
    pub subscriptions: usize,
    /// Sessions at one time.
    pub sessions: usize,
    /// Sessions of one address that have never connected.
    pub unconnected_by_address: usize,
    /// The lifetime of a session before its first connect.
    #[serde(deserialize_with = "units::duration")]
    pub unconnected_time: Duration,
    /// Maximum number of queued messages of a session before its first connect.
    pub unconnected_messages: usize,
    /// Maximum bytes of queued messages of a session before its first connect.
    #[serde(deserialize_with = "units::size")]
    pub unconnected_bytes: usize,
    /// Bytes of the name of a channel.
    #[serde(deserialize_with = "units::size")]
    pub channel: usize,
    /// Segments of the name of a channel.
    pub segments: usize,
    /// Bytes of a JSON-P callback.
    #[serde(deserialize_with = "units::size")]
    pub callback: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connections_by_address: 0,
            memory: MemoryLimit::Percent(25),
            body: 1024 * 1024,
            body_time: Duration::from_secs(30),
            frame: 1024 * 1024,
            message: 1024 * 1024,
            batch: 1000,
            depth: 64,
            header: 16 * 1024,
            header_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(75),
            write_time: Duration::from_secs(30),
            subscriptions: 1000,
            sessions: 1_000_000,
            unconnected_by_address: 1000,
            unconnected_time: Duration::from_secs(15),
            unconnected_messages: 100,
            unconnected_bytes: 256 * 1024,
            channel: 1024,
            segments: 32,
            callback: 128,
        }
    }
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// A separate listener for `/healthz`, `/readyz` and `/metrics`. Without it they are served on `server.listen`.
    pub listen: Option<ListenAddress>,
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The file of the certificate and its chain; if set, `server.listen` accepts TLS only.
    pub certificate: Option<PathBuf>,
    /// The file of its key.
    pub key: Option<PathBuf>,
}

/// `[acme]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The host names of the certificate; if set, `server.listen` accepts TLS only.
    pub domains: Vec<String>,
    /// Contact address for the CA.
    pub email: Option<String>,
    /// The folder in which the account and the certificate are kept.
    pub cache: PathBuf,
    /// URL of the ACME directory.
    pub directory: String,
    /// The file with the CA certificate for the connection to the directory, if it is not a CA of the system.
    pub directory_ca: Option<PathBuf>,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            email: None,
            cache: PathBuf::from("acme"),
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            directory_ca: None,
        }
    }
}
