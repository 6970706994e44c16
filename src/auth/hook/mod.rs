//! The authorization hook: asks the application over HTTP whether an operation is allowed.
//!
//! Without a response, `hook.on_error` decides. Must not know sessions or client sockets.

mod breaker;
mod cache;
mod request;
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

use crate::auth::HookDecision;
use crate::config::{self, OnError, Secret};
use crate::fetch::{Fetch, Repeat};
use crate::metrics::Metrics;
use breaker::CircuitBreaker;
use cache::Cache;
pub use request::HookRequest;

/// Maximum length of a response in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;
/// Maximum lifetime of a cached decision, regardless of the response.
const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

/// The client of the authorization hook.
pub struct Hook {
    url: Uri,
    secret: Option<Secret>,
    headers: Vec<String>,
    deadline: Duration,
    default_ttl: Duration,
    on_error: OnError,
    fetch: Fetch,
    permits: Semaphore,
    /// Maximum number of concurrent requests.
    concurrent: usize,
    /// Number of decisions in progress, including those that wait for a permit.
    pending: AtomicUsize,
    max_pending: usize,
    breaker: CircuitBreaker,
    cache: Cache,
    metrics: Metrics,
}

/// The response of the hook.
#[derive(Debug)]
pub struct HookResponse {
    /// The decision.
    pub decision: HookDecision,
    /// The new `data` of the message, JSON.
    pub data: Option<Box<RawValue>>,
    /// The new `ext` of the message, JSON.
    pub ext: Option<Box<RawValue>>,
}

/// The body of a response.
#[derive(Deserialize)]
struct ResponseBody {
    allow: bool,
    error: Option<String>,
    /// Lifetime of the decision in the cache, in seconds.
    cache: Option<f64>,
    data: Option<Box<RawValue>>,
    ext: Option<Box<RawValue>>,
}

impl Hook {
    /// Creates the client; `None` without `hook.url`.
    ///
    /// # Errors
    /// An invalid URL.
    pub fn new(settings: &config::Hook, metrics: Metrics) -> Result<Option<Self>, String> {
        let Some(url) = &settings.url else { return Ok(None) };
        let fetch = Fetch::to(url, Repeat::Any);
        let url = url.parse().map_err(|error| format!("hook.url: {error}"))?;
        Ok(Some(Self {
            url,
            secret: settings.secret.clone(),
            headers: settings.headers.clone(),
            deadline: settings.deadline,
            default_ttl: settings.cache,
            on_error: settings.on_error,
            fetch,
            permits: Semaphore::new(settings.concurrent),
            concurrent: settings.concurrent,
            pending: AtomicUsize::new(0),
            max_pending: settings.max_pending,
            breaker: CircuitBreaker::new(settings.breaker_threshold, settings.breaker_cooldown),
            cache: Cache::default(),
            metrics,
        }))
    }

    /// Returns the decision about an operation, from the cache or from the application.
    pub async fn decide(&self, request: &HookRequest<'_>) -> HookResponse {
        let key = request.key();
        if let Some(decision) = self.cache.get(&key) {
            self.metrics.hook_cache_hits.inc();
            return HookResponse { decision, data: None, ext: None };
        }
        if !self.breaker.allows() {
            self.metrics.hook_breaker_rejections.inc();
            return self.fallback();
        }
        match self.send(request).await {
            Ok(body) => {
                self.breaker.succeeded();
                let error = || {
                    body.error.clone().unwrap_or_else(|| format!("403:{}:Forbidden channel", request.channel))
                };
                let decision = if body.allow { HookDecision::Allow } else { HookDecision::Deny(error()) };
                // A response that changes the message is valid for this message only.
                if body.data.is_none() && body.ext.is_none() {
                    let given = body.cache.map(ttl);
                    self.cache.insert(key, &decision, given.unwrap_or(self.default_ttl).min(MAX_TTL));
                }
                HookResponse { decision, data: body.data, ext: body.ext }
            }
            Err(reason) => {
                self.metrics.hook_errors.inc();
                tracing::warn!(reason, operation = request.operation, "hook request failed");
                if self.breaker.failed() {
                    tracing::error!(
                        "hook circuit breaker open; sending no requests for hook.breaker_cooldown"
                    );
                }
                self.fallback()
            }
        }
    }

    fn fallback(&self) -> HookResponse {
        let decision = match self.on_error {
            OnError::Allow => HookDecision::Allow,
            OnError::Refuse => HookDecision::Deny("503::The application does not answer".to_owned()),
        };
        HookResponse { decision, data: None, ext: None }
    }

    /// Sends the request and returns the body of the response, or the reason for the failure.
    async fn send(&self, request: &HookRequest<'_>) -> Result<ResponseBody, String> {
        let _pending = Pending::begin(self).ok_or("too many pending decisions (hook.max_pending)")?;
        let exchange = async {
            let _permit = self.permits.acquire().await.map_err(|error| error.to_string())?;
            self.metrics.hook_requests.inc();
            let body = request.body(&self.headers).map_err(|error| error.to_string())?;
            let request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/json");
            let request = signature::sign(request, self.secret.as_ref(), &body);
            let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
            self.fetch.send(request, self.deadline, MAX_RESPONSE).await.map_err(|error| error.to_string())
        };
        let response = timeout(self.deadline, exchange)
            .await
            .map_err(|_| "no response within hook.deadline".to_owned())??;
        if response.status() != StatusCode::OK {
            return Err(format!("the status is {}, not 200", response.status()));
        }
        serde_json::from_slice(response.body())
            .map_err(|error| format!("malformed response, see docs/hooks.md: {error}"))
    }
}

/// Converts the lifetime in a response; values out of range are clamped.
fn ttl(seconds: f64) -> Duration {
    let beyond = if seconds > 0.0 { MAX_TTL } else { Duration::ZERO };
    Duration::try_from_secs_f64(seconds).unwrap_or(beyond)
}

/// A decision in progress.
struct Pending<'a>(&'a Hook);

impl<'a> Pending<'a> {
    fn begin(hook: &'a Hook) -> Option<Self> {
        let pending = hook.pending.fetch_add(1, Ordering::Relaxed);
        let place = Self(hook);
        (pending < hook.max_pending.saturating_add(hook.concurrent)).then_some(place)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}
