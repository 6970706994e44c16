//! Faye's extension files, run unchanged: CommonJS modules with `incoming` and `outgoing`, in a separate process.
//!
//! This file is the server's view of an extension file: an [`Extension`]. It must not know how JavaScript is run. In
//! the server, `engine` passes calls to the engine process, `supervisor` keeps one running, `process` is one of them,
//! and `wire` has the frames. In the engine process, `child` reads the frames, `worker` is the JavaScript thread,
//! `machine` the engine with its limits, `world` one file, `host` the functions that it may call, and `watch` ends
//! calls that do not return.

mod allowance;
mod answer;
mod child;
mod console;
mod crypto;
mod engine;
mod event;
mod fetch;
mod folder;
mod host;
mod machine;
mod out;
mod outgoing;
mod pending;
mod process;
mod queue;
mod rejections;
mod report;
mod reporter;
mod request;
mod supervisor;
mod throttle;
mod thrown;
mod timers;
mod watch;
mod wire;
mod worker;
mod world;

use std::sync::Arc;

use tokio::time::timeout;

use answer::Answer;
pub use child::engine_main;
use engine::{Engine, Refusal};
#[doc(hidden)]
pub use fetch::{Answering, Fetch, Request, Response};
#[doc(hidden)]
pub use outgoing::{over_http, refused};
use thrown::Thrown;
use wire::{Has, Stage};

use super::{Extension, Stages, Verdict};
use crate::bayeux::{BayeuxError, Message};
use crate::config::Extensions;
use crate::metrics::Metrics;
use crate::peer::Peer;

/// Why a file could not be loaded.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct LoadError {
    /// The file, with the line if one is known.
    pub place: String,
    /// The error, as text.
    pub reason: String,
}

impl LoadError {
    fn new(place: &str, reason: impl Into<String>) -> Self {
        Self { place: place.to_owned(), reason: reason.into() }
    }

    fn thrown(file: &str, thrown: Thrown) -> Self {
        let place = thrown.place.map_or_else(|| file.to_owned(), |(file, line)| format!("{file}:{line}"));
        Self { place, reason: thrown.text }
    }
}

/// The files of the settings, running.
#[doc(hidden)]
pub struct Scripts {
    engine: Arc<Engine>,
    extensions: Vec<Arc<dyn Extension>>,
}

impl Scripts {
    /// Loads the files into a new process (see [`engine_main`]), each into a separate world, with the configured
    /// limits. `mount` is the path of the server; `fetch` executes the requests of the files. Must be called in a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`LoadError`] for the first file that is missing, is no JavaScript, throws, exports no extension, or takes more
    /// than ten seconds.
    pub fn load(
        settings: &Extensions,
        mount: &str,
        metrics: &Metrics,
        fetch: Fetch,
    ) -> Result<Self, LoadError> {
        let (engine, has) = Engine::start(settings, mount, metrics, fetch)?;
        let engine = Arc::new(engine);
        let script = |(file, has)| -> Arc<dyn Extension> {
            Arc::new(Script { engine: Arc::clone(&engine), file, has, settings: settings.clone() })
        };
        let extensions = has.into_iter().enumerate().map(script).collect();
        Ok(Self { engine, extensions })
    }

    /// The extensions, in the order of the settings.
    #[must_use]
    pub fn extensions(&self) -> &[Arc<dyn Extension>] {
        &self.extensions
    }

    /// Completes with the reason once no engine can be started.
    pub fn until_failure(&self) -> impl Future<Output = String> + use<> {
        self.engine.until_failure()
    }

    /// Calls `removed` of the extensions, and ends JavaScript. Later messages fail.
    pub async fn stop(&self) {
        self.engine.stop().await;
    }
}

/// One file.
struct Script {
    engine: Arc<Engine>,
    /// Its number.
    file: usize,
    has: Has,
    settings: Extensions,
}

impl Extension for Script {
    fn name(&self) -> &str {
        self.settings.files.get(self.file).map_or("", String::as_str)
    }

    fn stages(&self) -> Stages {
        let Has { incoming, outgoing } = self.has;
        Stages { incoming, reply: outgoing, publication: outgoing, delivery: false }
    }

    fn failure(&self) -> Option<String> {
        self.engine.failure()
    }

    fn incoming<'a>(&'a self, message: Message, peer: &'a Arc<Peer>) -> Verdict<'a> {
        self.ask(Stage::Incoming, message, Some(peer), |message, error| Some(answer::refused(message, error)))
    }

    fn reply<'a>(&'a self, message: Message, peer: &'a Arc<Peer>) -> Verdict<'a> {
        self.ask(Stage::Outgoing, message, Some(peer), |message, error| {
            Some(answer::failed_reply(&message, error))
        })
    }

    fn publication<'a>(&'a self, message: Message) -> Verdict<'a> {
        // It may contain data that the extension would have removed.
        self.ask(Stage::Outgoing, message, None, |_, _| None)
    }
}

impl Script {
    /// Passes a message to the file; `fail` creates the message that continues if the file gives no answer.
    fn ask(
        &self,
        stage: Stage,
        mut message: Message,
        peer: Option<&Peer>,
        fail: impl Fn(Message, &BayeuxError) -> Option<Message> + Send + 'static,
    ) -> Verdict<'_> {
        let mut text = Vec::with_capacity(message.size() + 64);
        message.write(&mut text, |_| true);
        let report = self.engine.report(self.file);
        // Incoming messages are valid UTF-8, and extensions in Rust are responsible for the values that they set.
        let text = String::from_utf8(text).unwrap_or_default();
        let waiting = match self.engine.ask(self.file, stage, text, peer) {
            Ok(waiting) => waiting,
            Err(Refusal::Full) => {
                report.inspect(|report| report.refusal());
                return fail(message, &BayeuxError::TooManyWaiting(self.settings.max_pending)).into();
            }
            Err(Refusal::NoEngine) => {
                report.inspect(|report| report.unavailable());
                return fail(message, &BayeuxError::NoEngine).into();
            }
        };
        Verdict::Wait(Box::pin(async move {
            let answer = match timeout(self.settings.timeout, waiting.answer()).await {
                // The engine ended, and the log has the reason.
                Ok(answer) => answer.unwrap_or(Answer::Failed),
                Err(_) => {
                    report.inspect(|report| report.silence());
                    Answer::Failed
                }
            };
            match answer {
                Answer::Unchanged => Some(message),
                Answer::Changed(changes) if answer::apply(&mut message, &changes) => Some(message),
                Answer::Dropped => None,
                Answer::Changed(_) | Answer::Failed => fail(message, &BayeuxError::Internal),
            }
        }))
    }
}
