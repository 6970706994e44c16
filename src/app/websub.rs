//! The store, the hub, the feeds of channels, the feeds that are followed, their page and the management API, as far as the
//! settings have them.

mod store_file;

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "websub")]
use tokio::sync::watch;
#[cfg(feature = "websub")]
use tokio::task::JoinHandle;

#[cfg(feature = "websub")]
use super::feeds::Histories;
#[cfg(feature = "websub")]
use super::publisher::Publisher;
use crate::admin::StoreState;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::server::Server;
use crate::transport::Endpoint;

#[cfg(feature = "websub")]
use crate::api::{Api, ManagedFeeds, ManagedHub};
#[cfg(feature = "websub")]
use crate::hub::{Hub, feeds::Feeds};
#[cfg(feature = "websub")]
use crate::lifestream::Lifestream;
#[cfg(feature = "websub")]
use crate::store::Store;
#[cfg(feature = "websub")]
use crate::subscriber::{Channels, Subscriber};

/// The parts for WebSub.
#[cfg(feature = "websub")]
#[derive(Default)]
pub(super) struct WebSub {
    /// The store, if there is a hub or a subscriber.
    store: Option<Store>,
    hub: Option<Arc<Hub>>,
    /// Channels that are feeds.
    feeds: Option<Arc<Feeds>>,
    subscriber: Option<Arc<Subscriber>>,
    /// The channels of the subscriber.
    channels: Option<Arc<Publisher>>,
    /// The callbacks as the hub of this process calls them.
    callbacks: Vec<Arc<dyn Endpoint>>,
    lifestream: Option<Arc<Lifestream>>,
}

/// The parts for WebSub, at work.
#[cfg(feature = "websub")]
pub(super) struct Running {
    store: Option<Store>,
    hub: Option<(Arc<Hub>, JoinHandle<()>)>,
    feeds: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    subscriber: Option<(Arc<Subscriber>, JoinHandle<()>)>,
    /// Kept here, since the hub has weak references.
    _callbacks: Vec<Arc<dyn Endpoint>>,
}

/// Checks the settings of the WebSub parts: topics, and the files to read.
///
/// # Errors
/// A text that names the invalid setting and a remedy.
pub(super) fn check(config: &Config) -> Result<(), String> {
    #[cfg(feature = "websub")]
    {
        if config.hub.enabled {
            crate::hub::check(config)?;
        }
        if config.serves_lifestream() {
            crate::lifestream::check_files(&config.lifestream)?;
        }
    }
    if config.hub.enabled || config.follows_feeds() {
        store_file::check(&config.store)?;
    }
    Ok(())
}

/// Puts the key before an error of the store, unless the error has it.
#[cfg(feature = "websub")]
fn with_key(error: String) -> String {
    if error.starts_with("store.url: ") { error } else { format!("store.url: {error}") }
}

/// Applies the followed feeds of a new configuration.
#[derive(Clone)]
pub(super) struct FollowedFeeds {
    #[cfg(feature = "websub")]
    subscriber: Option<Arc<Subscriber>>,
}

impl FollowedFeeds {
    /// Adds, changes and removes feeds.
    #[cfg(feature = "websub")]
    pub(super) fn reload(&self, config: &Config) {
        if let Some(subscriber) = &self.subscriber {
            subscriber.reload(config);
        }
    }

    #[cfg(not(feature = "websub"))]
    pub(super) fn reload(&self, _: &Config) {}
}

#[cfg(feature = "websub")]
impl WebSub {
    /// Opens the store if a part needs it.
    ///
    /// # Errors
    /// A text about the error of the store or the invalid setting.
    pub(super) async fn open(config: &Config, server: &Arc<Server>) -> Result<Self, String> {
        let metrics = server.metrics();
        let mut parts = Self::default();
        check(config)?;
        if config.hub.enabled || config.follows_feeds() {
            let store = Store::open(&config.store, metrics.clone());
            parts.store = Some(store.await.map_err(|error| with_key(error.to_string()))?);
        }
        if let Some(store) = parts.store.clone().filter(|_| config.hub.enabled) {
            metrics.hub.enable();
            parts.hub = Some(Hub::new(config, store, metrics.clone())?);
        }
        let hub_store = parts.store.clone().filter(|_| config.hub.enabled);
        parts.feeds = Feeds::new(config, Arc::new(Histories(Arc::downgrade(server))), hub_store);
        if let Some(feeds) = &parts.feeds {
            let feeds = Arc::clone(feeds);
            server.on_appended(Arc::new(move |channel| feeds.appended(channel)));
        }
        if let Some(store) = parts.store.clone().filter(|_| config.follows_feeds()) {
            parts.follow(config, server, &store)?;
        }
        Ok(parts)
    }

    /// Makes the subscriber and the page.
    fn follow(&mut self, config: &Config, server: &Arc<Server>, store: &Store) -> Result<(), String> {
        let metrics = server.metrics();
        metrics.feeds.enable();
        let channels = Arc::new(Publisher::new(server));
        let hub = self.hub.as_ref().map(Hub::front);
        let subscriber =
            Subscriber::new(config, store.clone(), channels.clone(), hub.as_ref(), metrics.clone())?;
        if let Some(hub) = &self.hub {
            self.callbacks = vec![subscriber.local()];
            hub.serve_callbacks(&self.callbacks);
        }
        self.subscriber = Some(subscriber);
        self.channels = Some(Arc::clone(&channels));
        if config.serves_lifestream() {
            self.lifestream = Some(Lifestream::new(config, store.clone(), channels, metrics.clone())?);
        }
        Ok(())
    }

    /// Returns the endpoints on `server.listen`.
    pub(super) fn endpoints(&self) -> Vec<Arc<dyn Endpoint>> {
        let feeds = self.feeds.iter().map(|feeds| Arc::clone(feeds) as Arc<dyn Endpoint>);
        let hub = self.hub.iter().flat_map(Hub::endpoints);
        let subscriber = self.subscriber.iter().flat_map(Subscriber::endpoints);
        let lifestream = self.lifestream.iter().flat_map(Lifestream::endpoints);
        feeds.chain(hub).chain(subscriber).chain(lifestream).collect()
    }

    /// Returns the endpoints for operators: on `admin.listen`, or else on `server.listen`.
    pub(super) fn management(&self, config: &Config, metrics: &Metrics) -> Vec<Arc<dyn Endpoint>> {
        let Some(key) = &config.api.key else { return Vec::new() };
        let public_url = config.server.public_url.as_deref().unwrap_or_default();
        let hub = self.store.as_ref().filter(|_| self.hub.is_some()).map(|store| ManagedHub {
            store: store.clone(),
            url: format!("{public_url}{}", config.hub.path),
            policy: config.hub.policy,
        });
        let feeds = self.store.as_ref().zip(self.channels.clone()).map(|(store, channels)| ManagedFeeds {
            store: store.clone(),
            settings: config.feeds.clone(),
            longest_channel: config.limits.channel,
            own: config.own_pages(),
            is_public: Box::new(move |channel| channels.is_public(channel)),
            importing: tokio::sync::Mutex::default(),
        });
        vec![Arc::new(Api::new(key, config.admin.listen.is_none(), hub, feeds, metrics.clone()))]
    }

    /// Whether the store can be used, for `/readyz`.
    pub(super) fn store_state(&self) -> Option<StoreState> {
        let store = self.store.clone()?;
        let users = [(self.hub.is_some(), "hub"), (self.subscriber.is_some(), "feeds")];
        let users = users.into_iter().filter(|(is_user, _)| *is_user).map(|(_, name)| name);
        Some(StoreState { is_up: Box::new(move || store.is_up()), users: users.collect() })
    }

    pub(super) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// The feeds that are followed, for a reload.
    pub(super) fn followed(&self) -> FollowedFeeds {
        FollowedFeeds { subscriber: self.subscriber.clone() }
    }

    /// Starts the workers.
    pub(super) fn run(self) -> Running {
        let Self { store, hub, feeds, subscriber, callbacks, .. } = self;
        let hub = hub.map(|hub| (Arc::clone(&hub), tokio::spawn(hub.run())));
        let subscriber =
            subscriber.map(|subscriber| (Arc::clone(&subscriber), tokio::spawn(subscriber.run())));
        let feeds = feeds.map(|feeds| {
            let (stop, stopped) = watch::channel(false);
            (stop, tokio::spawn(feeds.run(stopped)))
        });
        Running { store, hub, feeds, subscriber, _callbacks: callbacks }
    }
}

#[cfg(feature = "websub")]
impl Running {
    /// Completes the running requests of the hub. Other work stays due in the store.
    pub(super) async fn drain(&mut self, within: Duration) {
        if let Some((hub, task)) = self.hub.take() {
            hub.stop(within);
            // A task fails only after a panic, which is logged.
            let _ = task.await;
        }
    }

    /// Finishes the other work, and closes the store.
    pub(super) async fn stop(self) {
        // A task fails only after a panic, which is logged.
        if let Some((stop, task)) = self.feeds {
            stop.send_replace(true);
            let _ = task.await;
        }
        if let Some((subscriber, task)) = self.subscriber {
            subscriber.stop();
            let _ = task.await;
        }
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

/// The parts for WebSub, of which this program has none.
#[cfg(not(feature = "websub"))]
pub(super) struct WebSub {}

/// The parts for WebSub, of which this program has none.
#[cfg(not(feature = "websub"))]
pub(super) struct Running {}

#[cfg(not(feature = "websub"))]
impl WebSub {
    pub(super) async fn open(config: &Config, _: &Arc<Server>) -> Result<Self, String> {
        let parts = [(config.hub.enabled, "hub.enabled"), (config.follows_feeds(), "lifestream.enabled")];
        match parts.into_iter().find(|(is_on, _)| *is_on) {
            Some((_, key)) => Err(format!("{key}: this program was built without the feature websub")),
            None => Ok(Self {}),
        }
    }

    pub(super) fn endpoints(&self) -> Vec<Arc<dyn Endpoint>> {
        Vec::new()
    }

    pub(super) fn management(&self, _: &Config, _: &Metrics) -> Vec<Arc<dyn Endpoint>> {
        Vec::new()
    }

    pub(super) fn store_state(&self) -> Option<StoreState> {
        None
    }

    pub(super) fn followed(&self) -> FollowedFeeds {
        FollowedFeeds {}
    }

    pub(super) fn run(self) -> Running {
        Running {}
    }
}

#[cfg(not(feature = "websub"))]
impl Running {
    pub(super) async fn drain(&mut self, _: Duration) {}

    pub(super) async fn stop(self) {}
}
