//! The state that all connections of a listener share.

use std::sync::Arc;

use super::deadline::DeadlineWheel;
use crate::budget::Budget;
use crate::config::{self, Limits};
use crate::metrics::Metrics;
use crate::server::Server;

/// The shared state of the connections of a listener.
pub struct Context {
    /// The Bayeux server; `None` on a listener that serves endpoints only.
    pub server: Option<Arc<Server>>,
    /// The TLS configuration; `None` on a listener of plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The memory budget that buffers of connections are charged to.
    pub budget: Arc<Budget>,
    /// Limits of requests, messages and connections.
    pub limits: Limits,
    /// Settings of WebSockets.
    pub websocket: config::WebSocket,
    /// Settings of EventSource streams.
    pub eventsource: config::EventSource,
    /// The deadlines of the connections.
    pub deadlines: Arc<DeadlineWheel>,
    /// The metrics.
    pub metrics: Metrics,
}

impl Context {
    /// Ends sessions if buffers of connections exceed the memory budget.
    pub(crate) fn relieve(&self) {
        if let Some(server) = &self.server {
            server.relieve();
        }
    }
}
