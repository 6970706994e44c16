//! Asks the application whether an operation is allowed.
//!
//! It decides nothing itself but what holds when there is no answer. It knows no sessions and no sockets of clients.

mod breaker;
mod cache;
mod question;
pub mod signature;

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::http::Uri;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio::time::{Duration, timeout};

use crate::config::{self, OnError, Secret};
use crate::fetch::{Fetch, Repeat};
use crate::metrics::Metrics;
use crate::policy::Answer;
use breaker::Breaker;
use cache::Cache;
pub use question::Question;

/// Bytes that an answer may have.
const LONGEST: usize = 1024 * 1024;
/// The longest time for which an answer is kept, whatever it says.
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The application that is asked.
pub struct Hook {
    url: Uri,
    secret: Option<Secret>,
    headers: Vec<String>,
    deadline: Duration,
    kept: Duration,
    failure: OnError,
    fetch: Fetch,
    turns: Semaphore,
    /// Requests at one time.
    concurrent: usize,
    /// Questions that are asked or wait.
    waiting: AtomicUsize,
    most_waiting: usize,
    breaker: Breaker,
    cache: Cache,
    metrics: Metrics,
}

/// What the application said.
#[derive(Debug)]
pub struct Reply {
    /// Whether the operation is allowed.
    pub answer: Answer,
    /// What the `data` of the message is to be, JSON.
    pub data: Option<Box<RawValue>>,
    /// What the `ext` of the message is to be, JSON.
    pub ext: Option<Box<RawValue>>,
}

/// The body of an answer.
#[derive(Deserialize)]
struct Body {
    allow: bool,
    error: Option<String>,
    /// Seconds for which it holds.
    cache: Option<f64>,
    data: Option<Box<RawValue>>,
    ext: Option<Box<RawValue>>,
}

impl Hook {
    /// The application of the settings; `None` if there is none.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn new(settings: &config::Hook, metrics: Metrics) -> Result<Option<Self>, String> {
        let Some(url) = &settings.url else { return Ok(None) };
        let fetch = Fetch::to(url, Repeat::Any);
        let url = url.parse().map_err(|error| format!("hook.url: {error}"))?;
        Ok(Some(Self {
            url,
            secret: settings.secret.clone(),
            headers: settings.headers.clone(),
            deadline: settings.deadline,
            kept: settings.cache,
            failure: settings.on_error,
            fetch,
            turns: Semaphore::new(settings.concurrent),
            concurrent: settings.concurrent,
            waiting: AtomicUsize::new(0),
            most_waiting: settings.max_pending,
            breaker: Breaker::new(settings.breaker_threshold, settings.breaker_cooldown),
            cache: Cache::default(),
            metrics,
        }))
    }

    /// Asks the application, unless an earlier answer holds.
    pub async fn ask(&self, question: &Question<'_>) -> Reply {
        let key = question.key();
        if let Some(answer) = self.cache.get(&key) {
            self.metrics.hook_cache_hits.inc();
            return Reply { answer, data: None, ext: None };
        }
        if !self.breaker.may_ask() {
            self.metrics.hook_breaker_rejections.inc();
            return self.without_answer();
        }
        match self.answer(question).await {
            Ok(body) => {
                self.breaker.succeeded();
                let error = || {
                    body.error
                        .clone()
                        .unwrap_or_else(|| format!("403:{}:Forbidden channel", question.channel))
                };
                let answer = if body.allow { Answer::Allowed } else { Answer::Refused(error()) };
                // What changes the message holds for that message only.
                if body.data.is_none() && body.ext.is_none() {
                    let said = body.cache.map(kept);
                    self.cache.keep(key, &answer, said.unwrap_or(self.kept).min(LONGEST_KEPT));
                }
                Reply { answer, data: body.data, ext: body.ext }
            }
            Err(reason) => {
                self.metrics.hook_errors.inc();
                tracing::warn!(reason, operation = question.operation, "hook request failed");
                if self.breaker.failed() {
                    tracing::error!(
                        "hook circuit breaker open; sending no requests for hook.breaker_cooldown"
                    );
                }
                self.without_answer()
            }
        }
    }

    fn without_answer(&self) -> Reply {
        let answer = match self.failure {
            OnError::Allow => Answer::Allowed,
            OnError::Refuse => Answer::Refused("503::The application does not answer".to_owned()),
        };
        Reply { answer, data: None, ext: None }
    }

    /// The body of the answer, or why there is none.
    async fn answer(&self, question: &Question<'_>) -> Result<Body, String> {
        let _waiting = Waiting::begin(self).ok_or("too many pending decisions (hook.max_pending)")?;
        let asked = async {
            let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
            self.metrics.hook_requests.inc();
            let body = question.body(&self.headers);
            let request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/json");
            let request = signature::sign(request, self.secret.as_ref(), &body);
            let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
            self.fetch.send(request, self.deadline, LONGEST).await.map_err(|error| error.to_string())
        };
        let response = timeout(self.deadline, asked)
            .await
            .map_err(|_| "no response within hook.deadline".to_owned())??;
        if response.status() != StatusCode::OK {
            return Err(format!("the status is {}, not 200", response.status()));
        }
        serde_json::from_slice(response.body())
            .map_err(|error| format!("malformed response, see docs/hooks.md: {error}"))
    }
}

/// For how long an answer holds that says so; a time beyond all bounds is the longest.
fn kept(seconds: f64) -> Duration {
    let beyond = if seconds > 0.0 { LONGEST_KEPT } else { Duration::ZERO };
    Duration::try_from_secs_f64(seconds).unwrap_or(beyond)
}

/// A question that waits for its answer.
struct Waiting<'a>(&'a Hook);

impl<'a> Waiting<'a> {
    fn begin(hook: &'a Hook) -> Option<Self> {
        let waiting = hook.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(hook);
        (waiting < hook.most_waiting.saturating_add(hook.concurrent)).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
