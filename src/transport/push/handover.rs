//! The hand-over of a connection from HTTP to a push transport.

use std::sync::Arc;

use crate::peer::Peer;
use crate::server::Server;

/// The push transport that takes over a connection after a request, with the state of that request.
pub(crate) enum Handover {
    /// A WebSocket, after the response to its handshake.
    WebSocket {
        server: Arc<Server>,
        peer: Arc<Peer>,
        /// Whether the handshake agreed on compression.
        compresses: bool,
    },
    /// An EventSource stream, before its response.
    EventSource {
        server: Arc<Server>,
        peer: Arc<Peer>,
        /// The head of the response.
        head: Vec<u8>,
    },
}
