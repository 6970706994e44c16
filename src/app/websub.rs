//! The store, the hub, the feeds of channels and the management API, as far as the settings have them.

use std::sync::Arc;

#[cfg(feature = "websub")]
use tokio::sync::watch;
#[cfg(feature = "websub")]
use tokio::task::JoinHandle;

#[cfg(feature = "websub")]
use super::feeds::Histories;
use crate::admin::StoreState;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::server::Server;
use crate::transport::Endpoint;

#[cfg(feature = "websub")]
use crate::api::{Api, ManagedHub};
#[cfg(feature = "websub")]
use crate::hub::{Hub, feeds::Feeds};
#[cfg(feature = "websub")]
use crate::store::Store;

/// What serves WebSub.
pub(super) struct WebSub {
    #[cfg(feature = "websub")]
    parts: Option<(Store, Arc<Hub>)>,
    #[cfg(feature = "websub")]
    feeds: Option<Arc<Feeds>>,
}

/// A WebSub that works.
pub(super) struct Running {
    #[cfg(feature = "websub")]
    parts: Option<(Store, Arc<Hub>, JoinHandle<()>)>,
    #[cfg(feature = "websub")]
    feeds: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

#[cfg(feature = "websub")]
impl WebSub {
    /// Opens the store if the settings have a hub.
    ///
    /// # Errors
    /// What is wrong with the store or a setting.
    pub(super) async fn open(config: &Config, server: &Arc<Server>) -> Result<Self, String> {
        let parts = Self::hub(config, server).await?;
        let store = parts.as_ref().map(|(store, _)| store.clone());
        let feeds = Feeds::new(config, Arc::new(Histories(Arc::downgrade(server))), store);
        if let Some(feeds) = &feeds {
            let feeds = Arc::clone(feeds);
            server.on_appended(Arc::new(move |channel| feeds.appended(channel)));
        }
        Ok(Self { parts, feeds })
    }

    async fn hub(config: &Config, server: &Server) -> Result<Option<(Store, Arc<Hub>)>, String> {
        if !config.hub.enabled {
            return Ok(None);
        }
        let metrics = server.metrics().clone();
        metrics.hub.enable();
        let store = Store::open(&config.store, metrics.clone());
        let store = store.await.map_err(|error| format!("store.url: {error}"))?;
        let hub = Hub::new(config, store.clone(), metrics)?;
        Ok(Some((store, hub)))
    }

    /// What is served on `server.listen`.
    pub(super) fn endpoints(&self) -> Vec<Arc<dyn Endpoint>> {
        let feeds = self.feeds.iter().map(|feeds| Arc::clone(feeds) as Arc<dyn Endpoint>);
        let hub = self.parts.iter().flat_map(|(_, hub)| hub.endpoints());
        feeds.chain(hub).collect()
    }

    /// What is served to operators: on `admin.listen`, or else on `server.listen`.
    pub(super) fn management(&self, config: &Config, metrics: &Metrics) -> Vec<Arc<dyn Endpoint>> {
        let Some(key) = &config.api.key else { return Vec::new() };
        let public_url = config.server.public_url.as_deref().unwrap_or_default();
        let hub = self.parts.as_ref().map(|(store, _)| ManagedHub {
            store: store.clone(),
            url: format!("{public_url}{}", config.hub.path),
            policy: config.hub.policy,
        });
        vec![Arc::new(Api::new(key, config.admin.listen.is_none(), hub, metrics.clone()))]
    }

    /// Whether the store can be used, for `/readyz`.
    pub(super) fn store_state(&self) -> Option<StoreState> {
        let (store, _) = self.parts.as_ref()?;
        let store = store.clone();
        Some(Box::new(move || store.is_up()))
    }

    /// Starts to work.
    pub(super) fn run(self) -> Running {
        let start = |(store, hub): (Store, Arc<Hub>)| {
            let task = tokio::spawn(Arc::clone(&hub).run());
            (store, hub, task)
        };
        let follow = |feeds: Arc<Feeds>| {
            let (stop, stopped) = watch::channel(false);
            (stop, tokio::spawn(feeds.run(stopped)))
        };
        Running { parts: self.parts.map(start), feeds: self.feeds.map(follow) }
    }
}

#[cfg(feature = "websub")]
impl Running {
    /// Finishes the requests under way, and closes the store.
    pub(super) async fn stop(self) {
        if let Some((stop, task)) = self.feeds {
            stop.send_replace(true);
            // It fails only after a panic, which is logged.
            let _ = task.await;
        }
        let Some((store, hub, task)) = self.parts else { return };
        hub.stop();
        // It ends by itself, also after a panic of a worker.
        let _ = task.await;
        store.close().await;
    }
}

#[cfg(not(feature = "websub"))]
impl WebSub {
    #[expect(clippy::unused_async, reason = "the same signature as with the feature")]
    pub(super) async fn open(config: &Config, _: &Arc<Server>) -> Result<Self, String> {
        if config.hub.enabled {
            return Err("hub.enabled: this program was built without the feature websub".to_owned());
        }
        Ok(Self {})
    }

    #[expect(clippy::unused_self, reason = "the same signature as with the feature")]
    pub(super) fn endpoints(&self) -> Vec<Arc<dyn Endpoint>> {
        Vec::new()
    }

    #[expect(clippy::unused_self, reason = "the same signature as with the feature")]
    pub(super) fn management(&self, _: &Config, _: &Metrics) -> Vec<Arc<dyn Endpoint>> {
        Vec::new()
    }

    #[expect(clippy::unused_self, reason = "the same signature as with the feature")]
    pub(super) fn store_state(&self) -> Option<StoreState> {
        None
    }

    #[expect(clippy::unused_self, reason = "the same signature as with the feature")]
    pub(super) fn run(self) -> Running {
        Running {}
    }
}

#[cfg(not(feature = "websub"))]
impl Running {
    #[expect(clippy::unused_async, clippy::unused_self, reason = "the same signature as with the feature")]
    pub(super) async fn stop(self) {}
}
