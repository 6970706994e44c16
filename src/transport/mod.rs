//! The ways by which clients reach the server: HTTP requests, EventSource streams, WebSockets.
//!
//! A transport turns bytes into messages for [`Server::receive`](crate::server::Server::receive) and writes what the
//! mailboxes hold. It decides nothing that the Bayeux protocol decides.

mod answer;
mod assets;
mod body;
mod buffer;
mod call;
mod chunked;
mod clock;
mod connection;
mod cookie;
mod dispatch;
mod endpoint;
mod eventsource;
mod input;
mod jsonp;
mod listener;
pub mod local;
mod mount;
mod neighbours;
mod outbox;
mod payload;
mod polling;
mod preflight;
mod records;
mod refusal;
mod request;
mod secure;
mod signal;
mod socket;
mod stream;
mod tls;
pub mod websocket;

use std::sync::Arc;

pub use clock::{Clock, TICK};
pub use endpoint::{Endpoint, Route, RouteFuture, RouteLimits, RouteRequest};
pub use listener::Listener;
pub use mount::Mount;
pub use request::Method;

use crate::budget::Budget;
use crate::config::{self, Limits};
use crate::server::Server;

/// What every connection needs.
pub struct Context {
    /// The Bayeux server; `None` on a listener that serves endpoints only.
    pub server: Option<Arc<Server>>,
    /// Endpoints outside of the mount; asked first, in order.
    pub endpoints: Vec<Arc<dyn Endpoint>>,
    /// The path of the Bayeux server.
    pub mount: Mount,
    /// How connections are secured; `None` on a listener of plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What buffers of connections are charged to.
    pub budget: Arc<Budget>,
    /// Bounds of what comes in.
    pub limits: Limits,
    /// Settings of WebSockets.
    pub websocket: config::WebSocket,
    /// Settings of streams.
    pub eventsource: config::EventSource,
    /// The deadlines of the connections.
    pub clock: Arc<Clock>,
    /// The counters.
    pub metrics: crate::metrics::Metrics,
}

impl Context {
    /// Ends sessions if buffers of connections have made the budget of memory exceeded.
    fn relieve(&self) {
        if let Some(server) = &self.server {
            server.relieve();
        }
    }
}
