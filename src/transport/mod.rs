//! The transports of clients: long-polling, JSON-P, EventSource and WebSocket.
//!
//! A transport decodes bytes to messages for [`Server::receive`](crate::server::Server::receive) and writes the messages of
//! mailboxes. It makes no decision of the Bayeux protocol.
//!
//! The modules in order. A module imports only modules above it in this list:
//!
//! 1. `buffer`: growth of buffers.
//! 2. `websocket`: the WebSocket codec, without input or output.
//! 3. `net`: sockets, TLS, read buffers, deadlines, wake-ups.
//! 4. `push`: transports that write messages as they arrive, WebSocket and EventSource.
//! 5. `http`: requests and responses, long-polling, JSON-P, endpoints.
//! 6. `local`: requests to endpoints of this process, without a connection.
//! 7. `serve`: one connection from the TLS handshake to its end.
//! 8. `connection_limit`, `listener`: accept connections.
//!
//! HTTP does not run a push transport. It returns a hand-over, and `serve` passes the connection on.

mod buffer;
mod connection_limit;
mod http;
mod listener;
pub mod local;
mod net;
mod push;
mod serve;
pub mod websocket;

pub use http::endpoint::{Endpoint, Route, RouteFuture, RouteLimits, RouteRequest};
#[cfg(fuzzing)]
pub(crate) use http::fuzzing;
pub use http::mount::Mount;
pub use http::request::Method;
pub use http::site::Site;
pub use listener::Listener;
pub use net::context::Context;
pub use net::deadline::{DeadlineWheel, TICK};
