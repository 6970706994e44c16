//! What the thread of JavaScript is told, and what it shares with those who tell it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, SyncSender};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::busy::Busy;
use super::fetch::{Fetch, REQUESTS, Response};
use super::folder::Folder;
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
    pub(super) message: String,
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
    pub(super) folders: Vec<Arc<Folder>>,
    /// What `process.env` has, as JSON.
    pub(super) environment: String,
    pub(super) metrics: Metrics,
    /// One for each file.
    pub(super) reports: Vec<Arc<Report>>,
    pub(super) fetch: Fetch,
    pub(super) fetches: Arc<Semaphore>,
    pub(super) runtime: Handle,
    /// Room for messages.
    pub(super) room: Arc<Semaphore>,
    pub(super) events: SyncSender<Event>,
    pub(super) busy: Busy,
    pub(super) is_stopping: AtomicBool,
}

impl Shared {
    /// For a thread that has not begun, with what comes in for it.
    pub(super) fn new(
        settings: &Extensions,
        folders: Vec<Arc<Folder>>,
        metrics: &Metrics,
        fetch: Fetch,
        runtime: Handle,
    ) -> (Arc<Self>, Receiver<Event>) {
        let (events, received) = queue(settings);
        let report = |file: &String| Arc::new(Report::new(file.clone(), metrics.clone()));
        let shared = Self {
            settings: settings.clone(),
            folders,
            environment: environment(&settings.environment),
            metrics: metrics.clone(),
            reports: settings.files.iter().map(report).collect(),
            fetch,
            fetches: Arc::new(Semaphore::new(REQUESTS)),
            runtime,
            room: Arc::new(Semaphore::new(settings.waiting)),
            events,
            busy: Busy::default(),
            is_stopping: false.into(),
        };
        (Arc::new(shared), received)
    }

    /// For a thread that takes over.
    pub(super) fn successor(&self) -> (Arc<Self>, Receiver<Event>) {
        let (events, received) = queue(&self.settings);
        let shared = Self {
            settings: self.settings.clone(),
            folders: self.folders.clone(),
            environment: self.environment.clone(),
            metrics: self.metrics.clone(),
            reports: self.reports.clone(),
            fetch: Arc::clone(&self.fetch),
            fetches: Arc::clone(&self.fetches),
            runtime: self.runtime.clone(),
            room: Arc::new(Semaphore::new(self.settings.waiting)),
            events,
            busy: Busy::default(),
            is_stopping: false.into(),
        };
        (Arc::new(shared), received)
    }
}

/// As long as all messages and requests together, and one more to stop.
fn queue(settings: &Extensions) -> (SyncSender<Event>, Receiver<Event>) {
    mpsc::sync_channel(settings.waiting + REQUESTS + 1)
}

/// The variables that the settings name, as a JSON object.
fn environment(names: &[String]) -> String {
    let set = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    let variables: serde_json::Map<String, serde_json::Value> =
        names.iter().filter_map(set).map(|(name, value)| (name, value.into())).collect();
    serde_json::Value::Object(variables).to_string()
}
