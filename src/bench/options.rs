//! What a load shall do.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What all loads have in common.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub url: String,
    /// Whether the server is the floor, which knows no sessions.
    pub floor: bool,
    /// The channel, or what the channels begin with.
    pub channel: String,
    /// The `ext` of every message, a JSON object: credentials that the server asks for.
    pub ext: Option<String>,
    /// How long to measure.
    pub measured: Duration,
    /// How long the load runs before it is measured, or how long memory may settle.
    pub warmup: Duration,
    /// Set when the load has to end early.
    pub stop: Arc<AtomicBool>,
    /// The process of the server, if its use of CPU and memory shall be measured.
    pub pid: Option<u32>,
}

/// Who receives publications, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribers {
    /// This many on one channel with one publisher, on WebSockets.
    Fanout(usize),
    /// The same with held requests.
    Polls(usize),
    /// This many publishers with a channel and a subscriber each, on WebSockets.
    Pairs(usize),
}

/// A load of publications.
#[derive(Debug, Clone)]
pub struct Publishing {
    /// Who receives.
    pub subscribers: Subscribers,
    /// Publications of a publisher that are under way at a time.
    pub window: usize,
    /// Publications that share a frame.
    pub batch: usize,
    /// Publications a second, however fast they arrive; no window then.
    pub rate: Option<f64>,
    /// Bytes of the data of a publication.
    pub payload: usize,
    /// Subscribers beside the others that read a byte a second, for one channel only.
    pub slow: usize,
}

/// Sessions that do nothing.
#[derive(Debug, Clone)]
pub struct Idle {
    /// How many.
    pub sessions: usize,
    /// Whether they hold a request, not a WebSocket.
    pub polls: bool,
    /// Messages to all of them before they read again.
    pub burst: usize,
    /// Bytes of the data of such a message.
    pub payload: usize,
}

/// Sessions that come and go.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// How many at a time.
    pub sessions: usize,
}
