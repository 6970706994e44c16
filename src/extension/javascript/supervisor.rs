//! Keeps an engine process running: replaces a process that has ended, with the texts of the files from the first
//! start. While none can be started, calls are refused immediately. It must not know the content of calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use super::LoadError;
use super::engine::{Common, failed};
use super::fetch::{REQUESTS, Request};
use super::process::Process;
use super::queue::{Queue, Queued};
use super::report::Report;
use super::wire::{Ending, Fetched, FetchedResponse, FromEngine, Has, Order, Start};

/// The pause after a failure to start an engine.
const PAUSE: Duration = Duration::from_secs(1);
impl Common {
    /// Keeps an engine process running until the server stops. Sends the functions of the first one's files to `ready`.
    pub(super) fn supervise(self: &Arc<Self>, ready: &SyncSender<Result<Vec<Has>, LoadError>>) {
        let mut is_first = true;
        // Calls up to this number were begun by an engine that has ended.
        let mut begun = u64::MAX;
        while !self.is_stopping.load(Ordering::Acquire) {
            match self.run(begun, |has| {
                // The files of a later engine are not awaited.
                let _ = ready.try_send(Ok(has));
            }) {
                Ok(up_to) => begun = up_to,
                Err(error) if is_first => {
                    self.fail_all();
                    // Sending fails after a timeout of the files, which was reported.
                    let _ = ready.try_send(Err(error));
                    return;
                }
                Err(error) => {
                    begun = u64::MAX;
                    self.fail(&error);
                    self.pause();
                }
            }
            is_first = false;
        }
        self.fail_all();
    }

    /// Runs one engine process to its end. Calls with higher numbers than the one returned have not begun in it.
    fn run(self: &Arc<Self>, begun: u64, loaded: impl Fn(Vec<Has>)) -> Result<u64, LoadError> {
        let queue = self.open(begun);
        let mut process = Process::start(queue).map_err(|error| failed(&error))?;
        let killer = process.killer();
        self.state.lock().killer = Some(process.killer());
        let mut is_loaded = false;
        let mut ending = None;
        let end = loop {
            match process.read() {
                Ok(Some(FromEngine::Loaded { files, sources })) => {
                    is_loaded = true;
                    self.state.lock().sources = sources;
                    self.recover();
                    loaded(files);
                }
                Ok(Some(FromEngine::Refused { place, reason })) => return Err(LoadError { place, reason }),
                Ok(Some(FromEngine::Ending { begun, why })) => ending = Some((begun, why)),
                Ok(Some(frame)) => self.handle(frame),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let status = killer.end();
        self.state.lock().killer = None;
        let file = match ending {
            Some((_, Ending::Stuck { file })) => self.reports.get(file),
            _ => None,
        };
        if !is_loaded {
            let reason = match (file, end) {
                (Some(_), _) => "loading takes too long".to_owned(),
                (None, Some(error)) => format!("its process sent no frame ({error}); {status}"),
                (None, None) => format!("its process ended: {status}"),
            };
            return Err(failed(&reason));
        }
        if !self.is_stopping.load(Ordering::Acquire) {
            match (ending, file) {
                (Some(_), Some(report)) => self.restarts.stuck(report),
                (Some(_), None) => self.restarts.lost(),
                (None, _) => self.restarts.crashed(&status),
            }
        }
        Ok(ending.map_or(u64::MAX, |(begun, _)| begun))
    }

    /// Opens the queue to another engine process. Calls up to this number fail; the others go to the new process.
    fn open(&self, begun: u64) -> Receiver<Queued> {
        let settings = &self.settings;
        let (queue, received) = Queue::new(settings.max_pending);
        let failed = {
            let mut state = self.state.lock();
            let fresh = match begun.checked_add(1) {
                Some(first) => state.waiting.split_off(&first),
                None => BTreeMap::new(),
            };
            let failed = std::mem::replace(&mut state.waiting, fresh);
            queue.send(Order::Start(Box::new(Start {
                files: settings.files.clone(),
                sources: state.sources.clone(),
                environment: environment(&settings.environment),
                memory: settings.memory,
                time: settings.cpu_limit,
                log_rate: settings.log_rate,
            })));
            for ticket in state.waiting.values() {
                // The number of waiting calls does not exceed the capacity.
                queue.call(&ticket.call);
            }
            state.process += 1;
            // A server that stops concurrently must not find a queue that stays open.
            let is_stopping = self.is_stopping.load(Ordering::Acquire);
            state.queue = Some(queue).filter(|_| !is_stopping);
            failed
        };
        // Their senders wake tasks.
        drop(failed);
        received
    }

    fn handle(self: &Arc<Self>, frame: FromEngine) {
        match frame {
            FromEngine::Answer { number, answer } => {
                let ticket = self.state.lock().waiting.remove(&number);
                if let Some(ticket) = ticket {
                    ticket.answer(answer);
                }
            }
            FromEngine::Fetch { file, number, request } => self.fetch(file, number, request),
            FromEngine::Print { file, level, text } => self.about(file, |report| report.print(level, &text)),
            FromEngine::Suppressed { file, lines } => self.about(file, |report| report.suppressed(lines)),
            FromEngine::Failed { file, failure } => self.about(file, |report| report.failure(&failure)),
            FromEngine::Repeated { file, times } => self.about(file, |report| report.repeats(times)),
            FromEngine::Panicked { place, text } => {
                self.metrics.panics.inc();
                tracing::error!(location = place, text, "panic in the engine process; please report it");
            }
            FromEngine::Loaded { .. } | FromEngine::Refused { .. } | FromEngine::Ending { .. } => {}
        }
    }

    fn about(&self, file: usize, report: impl FnOnce(&Report)) {
        if let Some(own) = self.reports.get(file) {
            report(own);
        }
    }

    fn fetch(self: &Arc<Self>, file: usize, number: u32, request: Request) {
        let process = self.state.lock().process;
        let room = Arc::clone(&self.fetches).try_acquire_owned();
        let own = Arc::clone(self);
        self.runtime.spawn(async move {
            let answer = match &room {
                Ok(_) => (own.fetch)(request).await,
                // Requests of an engine that has ended are still under way.
                Err(_) => Err(format!("more than {REQUESTS} requests at one time")),
            };
            let answer = answer.map(|response| FetchedResponse {
                status: response.status,
                headers: response.headers,
                body: String::from_utf8_lossy(&response.body).into_owned(),
            });
            let state = own.state.lock();
            if state.process == process
                && let Some(queue) = &state.queue
            {
                queue.send(Order::Fetched(Box::new(Fetched { file, number, answer })));
            }
        });
    }

    /// Records that there is an engine.
    fn recover(&self) {
        self.metrics.extensions_unavailable.set(0);
        if self.failure.send_replace(None).is_some() {
            tracing::info!("JavaScript engine restarted");
        }
    }

    /// Records that there is no engine: calls fail until there is one.
    fn fail(&self, error: &LoadError) {
        self.fail_all();
        self.metrics.extensions_unavailable.set(1);
        // The text of an exception is only logged, since readiness may be public.
        let reason = "no JavaScript engine for extensions; see the log";
        if self.failure.borrow().is_none() {
            tracing::error!(%error, "cannot start the JavaScript engine; refusing messages until it starts");
            self.failure.send_replace(Some(reason.to_owned()));
        }
    }

    fn fail_all(&self) {
        let (queue, waiting) = {
            let mut state = self.state.lock();
            (state.queue.take(), std::mem::take(&mut state.waiting))
        };
        drop(queue);
        drop(waiting);
    }

    fn pause(&self) {
        let mut state = self.state.lock();
        if !self.is_stopping.load(Ordering::Acquire) {
            self.stopped.wait_for(&mut state, PAUSE);
        }
    }

    /// Closes the input of the engine process, by which it ends.
    pub(super) fn stop(&self) {
        let queue = {
            let mut state = self.state.lock();
            self.is_stopping.store(true, Ordering::Release);
            state.queue.take()
        };
        drop(queue);
        self.stopped.notify_all();
    }
}

/// Returns the variables that the settings name, as a JSON object.
fn environment(names: &[String]) -> String {
    let set = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    let variables: serde_json::Map<String, serde_json::Value> =
        names.iter().filter_map(set).map(|(name, value)| (name, value.into())).collect();
    serde_json::Value::Object(variables).to_string()
}
