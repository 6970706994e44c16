//! Follows feeds: subscribes to their topics at hubs (W3C WebSub, PubSubHubbub 0.3 and 0.4), polls the others, stores
//! their entries, and publishes them on channels.
//!
//! This module must not know Bayeux sessions: it publishes through [`Channels`]. All state is in the store; a worker
//! may die between any two operations.

mod answer;
mod callback;
mod calls;
mod discover;
mod ingest;
mod intent;
mod notices;
mod outcome;
mod page;
mod poll;
mod publish;
mod reach;
mod request;
#[cfg(test)]
mod samples;
mod schedule;
mod signature;
mod sweep;
mod sync;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::auth::Notices;
use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::store::{PollRates, Store};
use crate::transport::Endpoint;
use crate::web::hosts::Hosts;
use crate::web::workers::{Worker, Workers};
use callback::{Callbacks, Way};
use ingest::Ingest;
use reach::Reached;
use sync::Wanted;

pub use page::feeds_of_pages;

/// Grace period for running requests when the subscriber stops.
const GRACE: Duration = Duration::from_secs(4);

/// The final result of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The broker has it.
    Accepted,
    /// An extension or a limit refuses it, and would refuse a repetition.
    Refused,
    /// An extension failed on it, and may fail on a repetition.
    Failed,
}

/// The future of [`Channels::publish`].
pub type Published<'a> = Pin<Box<dyn Future<Output = Result<Publication, String>> + Send + 'a>>;

/// The channels of the server.
pub trait Channels: Send + Sync {
    /// Publishes the message of an entry as the server itself. Succeeds once the broker has the publication, or if the
    /// publication is refused permanently.
    ///
    /// # Errors
    /// The reason why the publication was lost, or refused temporarily. The caller repeats it.
    fn publish<'a>(&'a self, channel: &'a str, data: &'a str) -> Published<'a>;

    /// Whether the current rules allow all clients to subscribe to a channel.
    fn is_public(&self, channel: &str) -> bool;
}

/// Follows the feeds of the settings and of the store.
pub struct Subscriber {
    settings: config::Feeds,
    /// Scheme and host of `server.public_url`, without a slash at the end. Without it no hub can reach this server.
    public_url: Option<String>,
    /// The header `User-Agent` of all requests.
    agent: String,
    store: Store,
    channels: Arc<dyn Channels>,
    metrics: Metrics,
    /// Which addresses requests to feeds and hubs go to.
    reached: Reached,
    /// Limits of the requests to feeds and hubs.
    hosts: Arc<Hosts>,
    /// Records entries.
    ingest: Ingest,
    /// The settings that a reload changes.
    wanted: watch::Sender<Arc<Wanted>>,
    /// Which log lines about hosts may be written.
    notices: Notices,
    /// Which log lines about feeds that have moved may be written.
    moves: Notices,
    workers: Workers,
}

impl Subscriber {
    /// Creates a subscriber. `hub` is the endpoint of the hub of this process, if it has one. The subscriber is idle
    /// until [`Subscriber::run`].
    ///
    /// # Errors
    /// A text that names the invalid setting.
    pub fn new(
        config: &Config,
        store: Store,
        channels: Arc<dyn Channels>,
        hub: Option<&Arc<dyn Endpoint>>,
        metrics: Metrics,
    ) -> Result<Arc<Self>, String> {
        let settings = config.feeds.clone();
        let public_url = config.server.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        let version = env!("CARGO_PKG_VERSION");
        let agent = match &public_url {
            Some(url) => format!("faye/{version} (+{url})"),
            None => format!("faye/{version}"),
        };
        Ok(Arc::new(Self {
            reached: Reached::new(config, public_url.as_deref(), hub, &metrics),
            hosts: Arc::new(Hosts::new(settings.per_host, settings.concurrent)),
            ingest: Ingest::new(&settings, store.clone(), metrics.clone()),
            wanted: watch::Sender::new(Wanted::new(config)),
            notices: Notices::every(notices::PAUSE),
            moves: Notices::every(notices::MOVED),
            workers: Workers::new(metrics.clone()),
            settings,
            public_url,
            agent,
            store,
            channels,
            metrics,
        }))
    }

    /// Returns the callbacks of hubs.
    #[must_use]
    pub fn endpoints(self: &Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::new(Callbacks::new(self, Way::Http))]
    }

    /// Returns the callbacks as the hub of this process calls them.
    #[must_use]
    pub fn local(self: &Arc<Self>) -> Arc<dyn Endpoint> {
        Arc::new(Callbacks::new(self, Way::InProcess))
    }

    /// Applies the feeds and the polling rates of a new configuration, once the store is open.
    pub fn reload(&self, config: &Config) {
        self.wanted.send_replace(Wanted::new(config));
    }

    /// Works until [`Subscriber::stop`] is called; then finishes the requests under way.
    pub async fn run(self: Arc<Self>) {
        let workers: [Worker<Self>; 5] = [
            |subscriber| Box::pin(sync::work(subscriber)),
            |subscriber| Box::pin(poll::work(subscriber)),
            |subscriber| Box::pin(calls::work(subscriber)),
            |subscriber| Box::pin(publish::work(subscriber)),
            |subscriber| Box::pin(sweep::work(subscriber)),
        ];
        self.workers.run(&self, &workers).await;
    }

    /// Ends [`Subscriber::run`] within 5 s.
    pub fn stop(&self) {
        self.workers.stop(GRACE);
    }

    /// Returns the polling rates of feeds.
    fn rates(&self) -> PollRates {
        self.wanted.borrow().rates
    }
}
