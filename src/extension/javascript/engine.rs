//! The way to the thread of JavaScript: a queue with an end, and one answer for each message. A thread that stands still
//! is given up, and another one takes over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::LoadError;
use super::answer::Answer;
use super::event::{Call, Event, Shared, Stage};
use super::fetch::Fetch;
use super::folder::Folder;
use super::pending::Ticket;
use super::report::Report;
use super::worker::Worker;
use super::world::Has;
use crate::config::Extensions;
use crate::metrics::Metrics;
use crate::peer::Peer;

/// Bytes of the thread's stack: what JavaScript may use, and as much again and more for what it calls.
const THREAD_STACK: usize = 4 * 1024 * 1024;

/// How long a file may take to be loaded, if even ending it for its time did not help.
const LOADED: Duration = Duration::from_secs(12);

/// How long a stopping server waits for `removed` of the extensions.
const STOPPING: Duration = Duration::from_secs(2);

/// Threads that are given up before that is no remedy any more, since each may keep a core busy.
const GIVEN_UP: usize = 3;

/// The thread, from outside.
pub(super) struct Engine {
    thread: Mutex<Thread>,
    reports: Vec<Arc<Report>>,
    given_up: AtomicUsize,
}

struct Thread {
    shared: Arc<Shared>,
    /// Is told when the thread has ended.
    ended: Option<oneshot::Receiver<()>>,
}

impl Engine {
    /// Starts the thread, and waits until it has loaded the files.
    pub(super) fn start(
        settings: &Extensions,
        metrics: &Metrics,
        fetch: Fetch,
    ) -> Result<(Self, Vec<Has>), LoadError> {
        let open = |file: &String| Folder::open(file).map_err(|reason| LoadError::new(file, reason));
        let folders = settings.files.iter().map(open).collect::<Result<_, _>>()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| failed(&error))?;
        let (shared, events) = Shared::new(settings, folders, metrics, fetch, runtime);
        let (ready, loaded) = mpsc::sync_channel(1);
        let ended = spawn(&shared, events, ready)?;
        // Some functions of the engine cannot be interrupted.
        let patience = LOADED * u32::try_from(settings.files.len()).unwrap_or(u32::MAX);
        let has = loaded.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => failed(&"the files take too long"),
            RecvTimeoutError::Disconnected => failed(&"its thread ended; the log says why"),
        })??;
        let reports = shared.reports.clone();
        let thread = Mutex::new(Thread { shared, ended: Some(ended) });
        Ok((Self { thread, reports, given_up: AtomicUsize::new(0) }, has))
    }

    /// Who speaks for a file.
    pub(super) fn report(&self, file: usize) -> Option<&Arc<Report>> {
        self.reports.get(file)
    }

    /// Hands a message to a file. `None` if too many are with the files already.
    pub(super) fn ask(
        &self,
        file: usize,
        stage: Stage,
        message: String,
        peer: Option<Arc<Peer>>,
    ) -> Option<oneshot::Receiver<Answer>> {
        let shared = Arc::clone(&self.thread.lock().shared);
        let room = Arc::clone(&shared.room).try_acquire_owned().ok()?;
        let (answer, answered) = oneshot::channel();
        let until = Instant::now() + shared.settings.answer;
        let ticket = Ticket { answer, room, until };
        let call = Call { file, stage, message, peer, ticket };
        shared.metrics.extension_calls.inc();
        // There is room: the queue is as long as all messages and requests together. If the thread has ended, the call is
        // dropped, which whoever waits is told.
        let _ = shared.events.try_send(Event::Call(Box::new(call)));
        Some(answered)
    }

    /// Looks whether the thread stands still in a function that the engine cannot end, such as one that goes through an
    /// array of endless length. Then another thread takes over, and the old one ends when it can.
    pub(super) fn replace_if_stuck(&self) {
        let mut thread = self.thread.lock();
        let limit = thread.shared.settings.time * 2 + Duration::from_secs(1);
        if !thread.shared.busy.is_longer_than(limit) || self.given_up.load(Ordering::Relaxed) >= GIVEN_UP {
            return;
        }
        self.given_up.fetch_add(1, Ordering::Relaxed);
        let metrics = thread.shared.metrics.clone();
        metrics.extension_restarts.inc();
        tracing::error!(
            "JavaScript stands still where it cannot be ended, so another engine was started; extensions lost their \
             variables, and the old engine keeps a core busy"
        );
        thread.end();
        let (shared, events) = thread.shared.successor();
        let (ready, _) = mpsc::sync_channel(1);
        match spawn(&shared, events, ready) {
            Ok(ended) => *thread = Thread { shared, ended: Some(ended) },
            Err(error) => tracing::error!(%error, "no other engine could be started"),
        }
    }

    /// Ends the thread, and waits a while for it.
    pub(super) async fn stop(&self) {
        let ended = {
            let mut thread = self.thread.lock();
            thread.end();
            thread.ended.take()
        };
        if let Some(ended) = ended {
            // Whether it ended or not, the process does.
            let _ = tokio::time::timeout(STOPPING, ended).await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.thread.lock().end();
    }
}

impl Thread {
    fn end(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        // A full queue wakes the thread as well.
        let _ = self.shared.events.try_send(Event::Stop);
    }
}

fn failed(error: &dyn std::fmt::Display) -> LoadError {
    LoadError::new("the engine", error.to_string())
}

type Ready = SyncSender<Result<Vec<Has>, LoadError>>;

/// Starts a thread, which says to `ready` what it has loaded. What is returned is told when it has ended.
fn spawn(
    shared: &Arc<Shared>,
    events: Receiver<Event>,
    ready: Ready,
) -> Result<oneshot::Receiver<()>, LoadError> {
    let (end, ended) = oneshot::channel();
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("javascript".to_owned()).stack_size(THREAD_STACK);
    let work = move || {
        work(shared, &events, &ready);
        drop(end);
    };
    thread.spawn(work).map_err(|error| failed(&error))?;
    Ok(ended)
}

fn work(shared: Arc<Shared>, events: &Receiver<Event>, ready: &Ready) {
    match Worker::start(shared) {
        Ok((worker, has)) => {
            // Nobody listens when the thread takes over from another one.
            let _ = ready.send(Ok(has));
            worker.run(events);
        }
        Err(error) => {
            if let Err(unheard) = ready.send(Err(error))
                && let Err(error) = unheard.0
            {
                tracing::error!(%error, "the JavaScript engine could not be started anew");
            }
        }
    }
}
