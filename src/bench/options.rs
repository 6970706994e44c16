//! The parameters of loads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustls::ClientConfig;

/// The parameters of all loads.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub url: String,
    /// The certificate authorities to trust, for https URLs.
    pub tls: Arc<ClientConfig>,
    /// Whether the server is the floor, which has no sessions.
    pub floor: bool,
    /// The channel, or the prefix of the channels.
    pub channel: String,
    /// The `ext` of every message, a JSON object: the credentials that the server requires.
    pub ext: Option<String>,
    /// The measured time.
    pub measured: Duration,
    /// The time before it, in which the load runs or memory settles.
    pub warmup: Duration,
    /// Set to end the load early.
    pub stop: Arc<AtomicBool>,
    /// The process of the server, to measure its CPU and memory.
    pub pid: Option<u32>,
    /// The prefix of each line of progress.
    pub progress: String,
}

/// The receivers of publications, and their transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribers {
    /// This many on one channel with one publisher, over WebSockets.
    Fanout(usize),
    /// The same over long-polling.
    Polls(usize),
    /// This many publishers with one channel and one subscriber each, over WebSockets.
    Pairs(usize),
}

/// A load of publications.
#[derive(Debug, Clone)]
pub struct Publishing {
    /// The receivers.
    pub subscribers: Subscribers,
    /// Publications in flight per publisher.
    pub window: usize,
    /// Publications per frame.
    pub batch: usize,
    /// Publications per second, in place of a window.
    pub rate: Option<f64>,
    /// Bytes of the data of a publication.
    pub payload: usize,
    /// Further subscribers that read one byte per second, for one channel only.
    pub slow: usize,
}

/// Idle sessions.
#[derive(Debug, Clone)]
pub struct Idle {
    /// Their number.
    pub sessions: usize,
    /// Whether they use long-polling in place of WebSockets.
    pub polls: bool,
    /// Messages to all of them before they read.
    pub burst: usize,
    /// Bytes of the data of such a message.
    pub payload: usize,
}

/// Sessions that open and end.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Sessions at a time.
    pub sessions: usize,
}
