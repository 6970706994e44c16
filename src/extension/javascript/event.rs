//! What the thread of JavaScript is told, and what it shares with those who tell it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::SyncSender;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fetch::{Fetch, Response};
use super::pending::Ticket;
use super::report::Report;
use crate::config::Extensions;
use crate::metrics::Metrics;
use crate::peer::Peer;

/// Which function of an extension sees a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Incoming,
    Outgoing,
}

impl Stage {
    /// The name of the function.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

/// One thing to do.
pub(super) enum Event {
    Call(Box<Call>),
    Fetched(Box<Fetched>),
    /// Looks whether to stop.
    Stop,
}

/// A message for a file.
pub(super) struct Call {
    /// The file by its number.
    pub(super) file: usize,
    pub(super) stage: Stage,
    /// JSON.
    pub(super) message: Vec<u8>,
    /// The request that it came by; a publication has none.
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) ticket: Ticket,
}

/// The answer to a request of a file.
pub(super) struct Fetched {
    pub(super) file: usize,
    /// The number that the file gave it.
    pub(super) number: u32,
    /// Which start of the engine asked.
    pub(super) start: u64,
    pub(super) answer: Result<Response, String>,
    /// What the request takes of all that may be under way.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What does not change while the server runs.
pub(super) struct Shared {
    pub(super) settings: Extensions,
    /// What `process.env` has, as JSON.
    pub(super) environment: String,
    pub(super) metrics: Metrics,
    /// One for each file.
    pub(super) reports: Vec<Arc<Report>>,
    pub(super) fetch: Fetch,
    pub(super) fetches: Arc<Semaphore>,
    pub(super) runtime: Handle,
    pub(super) events: SyncSender<Event>,
    pub(super) is_stopping: AtomicBool,
}
