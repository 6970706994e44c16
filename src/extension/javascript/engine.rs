//! The way to the thread of JavaScript: a queue with an end, and one answer for each message.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use super::LoadError;
use super::answer::Answer;
use super::event::{Call, Event, Shared, Stage};
use super::fetch::{Fetch, REQUESTS};
use super::pending::Ticket;
use super::report::Report;
use super::worker::Worker;
use super::world::Has;
use crate::config::Extensions;
use crate::metrics::Metrics;
use crate::peer::Peer;

/// Bytes of the thread's stack: what JavaScript may use, and as much again and more for what it calls.
const THREAD_STACK: usize = 4 * 1024 * 1024;

/// How long a stopping server waits for `removed` of the extensions.
const STOPPING: Duration = Duration::from_secs(2);

/// The thread, from outside.
pub(super) struct Engine {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Engine {
    /// Starts the thread, and waits until it has loaded the files.
    pub(super) fn start(
        settings: &Extensions,
        metrics: &Metrics,
        fetch: Fetch,
    ) -> Result<(Self, Vec<Has>), LoadError> {
        let failed = |error: &dyn std::fmt::Display| LoadError::new("the engine", error.to_string());
        let (events, received) = mpsc::sync_channel(settings.waiting + REQUESTS + 1);
        let reports = settings.files.iter();
        let reports = reports.map(|file| Arc::new(Report::new(file.clone(), metrics.clone()))).collect();
        let shared = Arc::new(Shared {
            settings: settings.clone(),
            environment: environment(&settings.environment),
            metrics: metrics.clone(),
            reports,
            fetch,
            fetches: Arc::new(Semaphore::new(REQUESTS)),
            runtime: tokio::runtime::Handle::try_current().map_err(|error| failed(&error))?,
            events,
            is_stopping: false.into(),
        });
        let (ready, loaded) = mpsc::sync_channel(1);
        let (end, ended) = oneshot::channel();
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("javascript".to_owned()).stack_size(THREAD_STACK);
        thread.spawn(move || work(own, &received, &ready, end)).map_err(|error| failed(&error))?;
        let has = loaded.recv().map_err(|_| failed(&"its thread ended; the log says why"))??;
        let room = Arc::new(Semaphore::new(settings.waiting));
        Ok((Self { shared, room, ended: Mutex::new(Some(ended)) }, has))
    }

    /// Who speaks for a file.
    pub(super) fn report(&self, file: usize) -> Option<&Arc<Report>> {
        self.shared.reports.get(file)
    }

    /// Hands a message to a file. `None` if too many are with the files already.
    pub(super) fn ask(
        &self,
        file: usize,
        stage: Stage,
        message: Vec<u8>,
        peer: Option<Arc<Peer>>,
    ) -> Option<oneshot::Receiver<Answer>> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let (answer, answered) = oneshot::channel();
        let until = Instant::now() + self.shared.settings.answer;
        let ticket = Ticket { answer, room, until };
        let call = Call { file, stage, message, peer, ticket };
        self.shared.metrics.extension_calls.inc();
        // There is room: the queue is as long as all messages and requests together. If the thread has ended, the call is
        // dropped, which whoever waits is told.
        let _ = self.shared.events.try_send(Event::Call(Box::new(call)));
        Some(answered)
    }

    /// Ends the thread, and waits a while for it.
    pub(super) async fn stop(&self) {
        self.end();
        let ended = self.ended.lock().take();
        if let Some(ended) = ended {
            // Whether it ended or not, the process does.
            let _ = tokio::time::timeout(STOPPING, ended).await;
        }
    }

    fn end(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        // A full queue wakes the thread as well.
        let _ = self.shared.events.try_send(Event::Stop);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}

fn work(
    shared: Arc<Shared>,
    events: &Receiver<Event>,
    ready: &mpsc::SyncSender<Result<Vec<Has>, LoadError>>,
    // Dropped when the thread ends.
    _end: oneshot::Sender<()>,
) {
    // Whoever started the thread waits for this.
    let _ = match Worker::start(shared) {
        Ok((worker, has)) => {
            if ready.send(Ok(has)).is_ok() {
                worker.run(events);
            }
            Ok(())
        }
        Err(error) => ready.send(Err(error)),
    };
}

/// The variables that the settings name, as a JSON object.
fn environment(names: &[String]) -> String {
    let set = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    let variables: serde_json::Map<String, serde_json::Value> =
        names.iter().filter_map(set).map(|(name, value)| (name, value.into())).collect();
    serde_json::Value::Object(variables).to_string()
}
