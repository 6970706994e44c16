//! The JavaScript engine as the server sees it: passes calls to the engine process and waits for their answers. It must
//! not know how a process is started and replaced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::Instant;

use super::LoadError;
use super::answer::Answer;
use super::fetch::{Fetch, REQUESTS};
use super::process::Killer;
use super::queue::Queue;
use super::report::{Report, Restarts};
use super::request;
use super::wire::{Call, Has, Sources, Stage};
use crate::config::Extensions;
use crate::metrics::Metrics;
use crate::peer::Peer;

/// Maximum time to load a file; the engine process ends itself before.
const LOADED: Duration = Duration::from_secs(15);

/// Maximum time for `removed` of the extensions when the server stops.
const STOPPING: Duration = Duration::from_secs(2);

/// The reason why a call was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many calls are waiting.
    Full,
    /// There is no engine.
    NoEngine,
}

/// The engine.
pub(super) struct Engine {
    common: Arc<Common>,
    /// Completes when the supervising thread has ended.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

/// The state that the engine and its supervisor share.
pub(super) struct Common {
    pub(super) settings: Extensions,
    pub(super) metrics: Metrics,
    pub(super) fetch: Fetch,
    pub(super) runtime: Handle,
    pub(super) reports: Vec<Report>,
    pub(super) restarts: Restarts,
    /// Room for calls.
    pub(super) room: Arc<Semaphore>,
    /// Room for requests of files.
    pub(super) fetches: Arc<Semaphore>,
    /// The request that extensions see with a publication.
    pub(super) stand_in: String,
    pub(super) is_stopping: AtomicBool,
    /// The reason why there is no engine; `None` while there is one.
    pub(super) failure: watch::Sender<Option<String>>,
    pub(super) state: Mutex<State>,
    /// Wakes a supervisor that pauses.
    pub(super) stopped: Condvar,
}

/// The waiting calls, and the queue to the engine process.
#[derive(Default)]
pub(super) struct State {
    pub(super) last: u64,
    pub(super) waiting: BTreeMap<u64, Ticket>,
    /// The queue to the engine process; `None` without one.
    pub(super) queue: Option<Queue>,
    pub(super) killer: Option<Killer>,
    /// Counts the engine processes.
    pub(super) process: u64,
    pub(super) sources: Vec<Sources>,
}

/// A call that waits for its answer.
pub(super) struct Ticket {
    pub(super) call: Arc<Call>,
    answer: oneshot::Sender<Answer>,
    room: OwnedSemaphorePermit,
}

impl Ticket {
    /// Completes the call with an answer.
    pub(super) fn answer(self, answer: Answer) {
        // First, so that the next message of the client finds room.
        drop(self.room);
        // Sending fails if the wait has just ended.
        let _ = self.answer.send(answer);
    }
}

/// The wait for an answer. Dropping it ends the wait.
pub(super) struct Waiting {
    common: Arc<Common>,
    number: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Waiting {
    /// Returns the answer; `None` if the engine ended.
    pub(super) async fn answer(mut self) -> Option<Answer> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let ticket = self.common.state.lock().waiting.remove(&self.number);
        drop(ticket);
    }
}

impl Engine {
    /// Starts the engine, and waits until it has loaded the files. `mount` is the path of the server.
    pub(super) fn start(
        settings: &Extensions,
        mount: &str,
        metrics: &Metrics,
        fetch: Fetch,
    ) -> Result<(Self, Vec<Has>), LoadError> {
        let report = |file: &String| Report::new(file.clone(), metrics.clone());
        let common = Arc::new(Common {
            settings: settings.clone(),
            metrics: metrics.clone(),
            fetch,
            runtime: Handle::try_current().map_err(|error| failed(&error))?,
            reports: settings.files.iter().map(report).collect(),
            restarts: Restarts::new(metrics.clone()),
            room: Arc::new(Semaphore::new(settings.max_pending)),
            fetches: Arc::new(Semaphore::new(REQUESTS)),
            stand_in: request::stand_in(mount),
            is_stopping: AtomicBool::new(false),
            failure: watch::Sender::new(None),
            state: Mutex::default(),
            stopped: Condvar::new(),
        });
        let (ready, loaded) = mpsc::sync_channel(1);
        let (end, ended) = oneshot::channel();
        let own = Arc::clone(&common);
        let supervisor = thread::Builder::new().name("javascript".to_owned());
        let work = move || {
            own.supervise(&ready);
            drop(end);
        };
        supervisor.spawn(work).map_err(|error| failed(&error))?;
        let engine = Self { common, ended: Mutex::new(Some(ended)) };
        let patience = LOADED * u32::try_from(settings.files.len()).unwrap_or(u32::MAX);
        let has = loaded.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => failed(&"loading takes too long"),
            RecvTimeoutError::Disconnected => failed(&"its thread ended; the log has the reason"),
        })??;
        Ok((engine, has))
    }

    /// Returns the reports about a file.
    pub(super) fn report(&self, file: usize) -> Option<&Report> {
        self.common.reports.get(file)
    }

    /// Returns why there is no engine; `None` while there is one.
    pub(super) fn failure(&self) -> Option<String> {
        self.common.failure.borrow().clone()
    }

    /// Completes with the reason once there is no engine.
    pub(super) fn until_failure(&self) -> impl Future<Output = String> + use<> {
        let mut failure = self.common.failure.subscribe();
        async move {
            let reason = failure.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
            match reason {
                Some(reason) => reason,
                // The engine is gone, and with it every reason.
                None => std::future::pending().await,
            }
        }
    }

    /// Passes a message to a file. A publication has no peer.
    pub(super) fn ask(
        &self,
        file: usize,
        stage: Stage,
        message: String,
        peer: Option<&Peer>,
    ) -> Result<Waiting, Refusal> {
        let common = &self.common;
        let request = peer.map_or_else(|| common.stand_in.clone(), request::describe);
        let mut state = common.state.lock();
        if state.queue.is_none() {
            return Err(Refusal::NoEngine);
        }
        let room = Arc::clone(&common.room).try_acquire_owned().map_err(|_| Refusal::Full)?;
        let number = state.last + 1;
        let until = Instant::now() + common.settings.timeout;
        let call = Arc::new(Call { number, file, stage, message, request, until });
        if !state.queue.as_ref().is_some_and(|queue| queue.call(&call)) {
            return Err(Refusal::Full);
        }
        state.last = number;
        let (answer, answered) = oneshot::channel();
        state.waiting.insert(number, Ticket { call, answer, room });
        drop(state);
        common.metrics.extension_calls.inc();
        Ok(Waiting { common: Arc::clone(common), number, answer: answered })
    }

    /// Ends the engine, and waits for a limited time for `removed` of the extensions.
    pub(super) async fn stop(&self) {
        self.common.stop();
        let ended = self.ended.lock().take();
        if let Some(ended) = ended
            && tokio::time::timeout(STOPPING, ended).await.is_err()
            && let Some(killer) = &self.common.state.lock().killer
        {
            killer.end();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.common.stop();
    }
}

pub(super) fn failed(error: &dyn std::fmt::Display) -> LoadError {
    LoadError::new("the engine", error.to_string())
}
