//! The peer of a message: the request by which a client reached this server, for extensions and logs.

mod authority;
mod cookie;
mod head;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

pub use authority::Authority;
#[doc(hidden)]
pub use cookie::{COOKIE, HOST_COOKIE, without_own};
pub use head::Head;
#[doc(hidden)]
pub use head::absolute;

/// The transport of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A POST of JSON.
    LongPolling,
    /// A POST of a form.
    CrossOriginLongPolling,
    /// A GET with a script as its response (JSON-P).
    CallbackPolling,
    /// A WebSocket.
    WebSocket,
    /// A stream of events.
    EventSource,
    /// A call within this process.
    InProcess,
}

impl Transport {
    /// The transport of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::LongPolling,
            Self::CrossOriginLongPolling,
            Self::CallbackPolling,
            Self::WebSocket,
            Self::EventSource,
            Self::InProcess,
        ];
        all.into_iter().find(|transport| transport.name() == name)
    }

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

/// A request, or the request that opened a connection. Its headers and its target contain secrets (cookies, tokens,
/// session identifiers), so `Debug` shows neither.
#[derive(Clone)]
pub struct Peer {
    /// Where the client is, before all trusted proxies; `None` for a call within this process.
    pub address: Option<SocketAddr>,
    /// By which way the messages travel.
    pub transport: Transport,
    /// Whether the connection uses TLS; `false` for a call within this process, and for TLS that ends at a proxy.
    pub secure: bool,
    /// The head of the request.
    pub head: Head,
    /// Whether a page of an unknown origin sent the request: its cookies and secrets are ignored.
    pub is_foreign: bool,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.address)
            .field("transport", &self.transport)
            .field("secure", &self.secure)
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
            secure: false,
            head: Head::default(),
            is_foreign: false,
        }
    }

    /// Returns the text of a header, ignoring the case of its name; `None` if it is missing or invalid UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.head.get(name)?).ok()
    }

    /// Returns a header as the application sees it: without the server's own cookie. `None` if nothing remains, or if
    /// the request comes from a page of a foreign origin, whose browser adds credentials automatically.
    #[must_use]
    pub fn application_header(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.header(name).filter(|_| !self.is_foreign)?;
        if !name.eq_ignore_ascii_case("cookie") {
            return Some(Cow::Borrowed(value));
        }
        Some(without_own(value)).filter(|value| !value.is_empty())
    }
}
