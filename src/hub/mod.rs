//! The WebSub hub (W3C Recommendation of 23 January 2018; PubSubHubbub 0.3 and 0.4): subscriptions to topics, and the
//! delivery of their content.
//!
//! This module must not know Bayeux sessions. All state is in the store; a worker may die between any two operations.

mod admission;
mod advertised;
mod ask;
mod call;
mod challenge;
mod content;
mod deliver;
mod doubts;
mod endpoint;
pub mod feeds;
mod fetch;
mod fingerprint;
mod form;
mod get;
mod notices;
mod page;
mod ping;
mod policy;
mod refusal;
mod response;
mod retry;
mod status;
mod submit;
mod sweep;
mod verify;
mod wish;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::auth::Notices;
use crate::config::{self, Config};
use crate::fetch::{Class, Fetch, Reach, Repeat};
use crate::metrics::Metrics;
use crate::store::Store;
use crate::transport::Endpoint;
use crate::web::hosts::Hosts;
use crate::web::workers::{Worker, Workers};

pub(crate) use doubts::{check, doubts};
use ping::Pings;

/// Maximum time to count the remaining work when the hub stops.
const COUNTING: Duration = Duration::from_millis(700);

/// Long contents that are read at one time.
const READING: usize = 4;

/// A hub.
pub struct Hub {
    settings: config::Hub,
    /// Scheme and host of `server.public_url`, without a slash at the end.
    public_url: String,
    /// `hub.topics`
    listed: policy::Prefixes,
    store: Store,
    /// Requests to callbacks.
    callbacks: Fetch,
    /// Requests to topics.
    topics: get::Topics,
    /// Limits how many long contents are parsed at one time: each takes several times its size.
    reading: Semaphore,
    /// Limits of the requests to callbacks.
    hosts: Arc<Hosts>,
    /// The endpoints that serve the callbacks of this process. The references are weak, since the endpoints may refer
    /// to the hub.
    local: OnceLock<Vec<Weak<dyn Endpoint>>>,
    /// The topics that are channels of this server, normalised.
    channels: HashSet<String>,
    pings: Vec<config::Ping>,
    /// Which log lines about hosts may be written.
    notices: Notices,
    metrics: Metrics,
    workers: Workers,
    /// Deliveries that were cut.
    cut: AtomicUsize,
}

impl Hub {
    /// Creates a hub. It is idle until [`Hub::run`].
    ///
    /// # Errors
    /// A text that names the invalid setting.
    pub fn new(config: &Config, store: Store, metrics: Metrics) -> Result<Arc<Self>, String> {
        let public_url = config.server.public_url.as_deref();
        let public_url = public_url.ok_or("hub.enabled needs server.public_url")?.trim_end_matches('/');
        let mut settings = config.hub.clone();
        // A mount of `/` has the POST to `/`.
        settings.root &= config.server.mount != "/";
        store.bound_contents(config.hub.content_size);
        Ok(Arc::new(Self {
            settings,
            public_url: public_url.to_owned(),
            listed: policy::Prefixes::new(&config.hub.topics)?,
            store,
            callbacks: Fetch::of_class(
                Class::Callbacks,
                Reach::Networks(config.hub.callback_networks.as_slice().into()),
                // A delivery without a response is repeated in any case.
                Repeat::Any,
                &metrics,
            ),
            topics: get::Topics::new(&config.hub, &metrics),
            reading: Semaphore::new(READING),
            hosts: Arc::new(Hosts::new(config.hub.per_host, config.hub.concurrent)),
            local: OnceLock::new(),
            channels: feeds::topics(config),
            pings: ping::normalised(&config.ping)?,
            notices: crate::web::notices::notices(),
            workers: Workers::new(metrics.clone()),
            metrics,
            cut: AtomicUsize::new(0),
        }))
    }

    /// Returns the endpoint of the hub.
    #[must_use]
    pub fn endpoints(self: &Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::new(Pings::new(self)), Arc::new(endpoint::Front::new(self))]
    }

    /// Returns the URL of the hub, for subscribers in this process.
    #[must_use]
    pub fn front(self: &Arc<Self>) -> Arc<dyn Endpoint> {
        Arc::new(endpoint::Front::new(self))
    }

    /// Sends requests to callbacks below `/websub/callback/` of `server.public_url` to these endpoints, as long as they
    /// exist. The first call counts.
    pub fn serve_callbacks(&self, endpoints: &[Arc<dyn Endpoint>]) {
        self.local.get_or_init(|| endpoints.iter().map(Arc::downgrade).collect());
    }

    /// Works until [`Hub::stop`] is called; then finishes the requests under way.
    pub async fn run(self: Arc<Self>) {
        let workers: [Worker<Self>; 4] = [
            |hub| Box::pin(verify::work(hub)),
            |hub| Box::pin(fetch::work(hub)),
            |hub| Box::pin(deliver::work(hub)),
            |hub| Box::pin(sweep::work(hub)),
        ];
        self.workers.run(&self, &workers).await;
        self.note_unfinished().await;
    }

    /// Ends [`Hub::run`]. Running requests have that time to complete; unfinished work stays due in the store.
    pub fn stop(&self, within: Duration) {
        self.workers.stop(within);
    }

    /// Logs how many deliveries are left for the next start.
    async fn note_unfinished(&self) {
        let cut = self.cut.load(Ordering::Acquire);
        let counts = tokio::time::timeout(COUNTING, self.store.counts()).await;
        let waiting = counts.ok().and_then(Result::ok).map(|counts| counts.deliveries);
        if cut > 0 {
            tracing::warn!(
                cut,
                waiting,
                "deliveries that did not end within server.drain_timeout were cut; they continue after the restart"
            );
        } else if waiting.is_some_and(|waiting| waiting > 0) {
            tracing::info!(waiting, "deliveries wait; they continue after the restart");
        }
    }

    /// Whether a normalized URL is the URL of a channel of this server.
    fn is_local(&self, key: &str) -> bool {
        self.channels.contains(key)
    }

    /// Returns the URL of the hub, which topics name.
    fn url(&self) -> String {
        format!("{}{}", self.public_url, self.settings.path)
    }
}
