//! Webhooks: sends the monitoring events to the application in signed batches, and retries until they are accepted.
//!
//! It must not know the meaning of the events.

mod batch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use hyper::http::Uri;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Duration, Instant, sleep};

use crate::auth::hook::signature;
use crate::config;
use crate::fetch::{Fetch, Repeat};
use crate::metrics::Metrics;
use crate::server::Event;
use batch::Batch;

/// The header with the identifier of a batch, which is the same in each attempt.
pub const DELIVERY: &str = "faye-delivery";
/// The delay before the first retry; it doubles up to the maximum.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The receiving application.
pub struct Webhook {
    url: Uri,
    settings: config::Webhook,
    fetch: Fetch,
    /// Bytes of the events in the queue or in transit.
    bytes: AtomicUsize,
    metrics: Metrics,
}

impl Webhook {
    /// Creates the webhook of the settings; `None` if there is none.
    ///
    /// # Errors
    /// The URL is invalid.
    pub fn new(settings: &config::Webhook, metrics: Metrics) -> Result<Option<Self>, String> {
        let Some(url) = &settings.url else { return Ok(None) };
        let fetch = Fetch::to(url, Repeat::Any);
        let url = url.parse().map_err(|error| format!("webhook.url: {error}"))?;
        Ok(Some(Self { url, settings: settings.clone(), fetch, bytes: AtomicUsize::new(0), metrics }))
    }

    /// Sends events, until `stopping` becomes true and all earlier events are sent.
    pub async fn run(self, events: broadcast::Receiver<Event>, stopping: watch::Receiver<bool>) {
        let (queue, waiting) = mpsc::channel(self.settings.max_pending);
        let this = Arc::new(self);
        let collecting = Arc::clone(&this);
        let collecting = tokio::spawn(async move { collecting.collect(events, &queue, stopping).await });
        this.send_all(waiting).await;
        collecting.abort();
    }

    /// Takes events from the server's bounded event channel without blocking it.
    async fn collect(
        &self,
        mut events: broadcast::Receiver<Event>,
        queue: &mpsc::Sender<batch::Entry>,
        mut stopping: watch::Receiver<bool>,
    ) {
        loop {
            let event = tokio::select! {
                biased;
                event = events.recv() => event,
                // It fails when the sender is gone, which is as final.
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match event {
                Ok(event) => {
                    let Some(entry) = batch::entry(&event, &self.settings.events) else { continue };
                    self.keep(entry, queue);
                }
                Err(broadcast::error::RecvError::Lagged(count)) => {
                    self.metrics.webhook_dropped.inc_by(count);
                    tracing::warn!(events = count, "dropping webhook events: the queue of events overflowed");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Queues an event, if there is room.
    fn keep(&self, entry: batch::Entry, queue: &mpsc::Sender<batch::Entry>) {
        let size = entry.len();
        let is_kept = self.bytes.fetch_add(size, Ordering::Relaxed) + size <= self.settings.max_pending_bytes
            && queue.try_send(entry).is_ok();
        if !is_kept {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            self.metrics.webhook_dropped.inc();
        }
    }

    async fn send_all(&self, mut waiting: mpsc::Receiver<batch::Entry>) {
        let mut entries = Vec::new();
        while waiting.recv_many(&mut entries, self.settings.batch).await > 0 {
            let size = entries.iter().map(Vec::len).sum();
            let batch = Batch::new(&mut entries);
            self.send(&batch).await;
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
    }

    /// Sends a batch until the application accepts it, or its time is over.
    async fn send(&self, batch: &Batch) {
        let end = Instant::now() + self.settings.retry;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.send_once(batch).await {
                Ok(()) => {
                    self.metrics.webhook_events.inc_by(batch.count);
                    return;
                }
                Err(reason) => {
                    self.metrics.webhook_errors.inc();
                    if Instant::now() + pause >= end {
                        self.metrics.webhook_dropped.inc_by(batch.count);
                        tracing::error!(
                            reason,
                            events = batch.count,
                            "dropping webhook events: not accepted within webhook.retry"
                        );
                        return;
                    }
                    tracing::warn!(reason, ?pause, "webhook request failed; retrying");
                }
            }
            // Jitter, so that simultaneous failures are not retried simultaneously.
            sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn send_once(&self, batch: &Batch) -> Result<(), String> {
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(DELIVERY, &batch.id);
        let request = signature::sign(request, self.settings.secret.as_ref(), &batch.body);
        let request =
            request.body(Full::new(Bytes::clone(&batch.body))).map_err(|error| error.to_string())?;
        let status =
            self.fetch.tell(request, self.settings.deadline).await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(()) } else { Err(format!("the status is {status}")) }
    }
}
