//! Who is talking: the request by which a client reached us, as extensions and logs see it.

use std::fmt;
use std::net::SocketAddr;

use hyper::header::{HeaderMap, HeaderName};
use hyper::http::Uri;

/// By which way a message came or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A POST of JSON.
    LongPolling,
    /// A POST of a form.
    CrossOriginLongPolling,
    /// A GET whose answer is a script (JSON-P).
    CallbackPolling,
    /// A WebSocket.
    WebSocket,
    /// A stream of events.
    EventSource,
    /// A call within this process.
    InProcess,
}

impl Transport {
    /// The name of the connection type on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LongPolling => "long-polling",
            Self::CrossOriginLongPolling => "cross-origin-long-polling",
            Self::CallbackPolling => "callback-polling",
            Self::WebSocket => "websocket",
            Self::EventSource => "eventsource",
            Self::InProcess => "in-process",
        }
    }
}

/// One request, or the request that opened a connection. Its headers and its target hold secrets (cookies, tokens,
/// the identifiers of sessions), so `Debug` shows neither.
#[derive(Clone)]
pub struct Peer {
    /// Where the connection comes from; `None` for a call within this process.
    pub address: Option<SocketAddr>,
    /// By which way the messages travel.
    pub transport: Transport,
    /// The target of the request.
    pub uri: Uri,
    /// The headers of the request.
    pub headers: HeaderMap,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.address)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// The peer of a call within this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self {
            address: None,
            transport: Transport::InProcess,
            uri: Uri::default(),
            headers: HeaderMap::new(),
        }
    }

    /// A header's text; `None` if it is missing or not visible ASCII.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
