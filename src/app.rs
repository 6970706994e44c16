//! Assembles the server. The only file that depends on all parts.

#[cfg(feature = "websub")]
mod feeds;
#[cfg(feature = "websub")]
mod publisher;
mod scripts;
mod warnings;
mod websub;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};

#[doc(inline)]
pub use crate::server::Event;

use crate::admin::{Activity, Health, Page, PageSettings, Ready, Stats};
use crate::config::{Config, ListenAddress, OnFailure};
use crate::descriptors::{self, Shares};
use crate::extension::Extension;
use crate::metrics::Metrics;
#[cfg(feature = "redis")]
use crate::redis::Client;
use crate::server::Server;
#[cfg(feature = "websub")]
use crate::store::Store;
use crate::tls::{self, Certificates, Tls};
use crate::transport::{Context, DeadlineWheel, Endpoint, Listener, Mount, Site, TICK};
use crate::webhook::Webhook;

use scripts::Scripts;
use websub::{FollowedFeeds, WebSub};

/// The interval of checks for expired sessions.
const SWEEP: Duration = Duration::from_secs(1);

/// A server that is bound to its addresses.
pub struct App {
    server: Arc<Server>,
    listener: Listener,
    admin: Option<Listener>,
    tls: Option<Tls>,
    mount: Mount,
    deadlines: Arc<DeadlineWheel>,
    webhook: Option<Webhook>,
    drain: Duration,
    scripts: Option<Scripts>,
    on_failure: OnFailure,
    websub: WebSub,
}

/// Applies a new configuration to a running server.
pub struct Reloader {
    server: Arc<Server>,
    feeds: FollowedFeeds,
}

impl Reloader {
    /// Applies the settings that can change while connections are open: rules, keys and secrets, rates, pages, proxies,
    /// and followed feeds.
    ///
    /// # Errors
    /// A text that names the invalid setting; the current settings stay in effect.
    pub fn reload(&self, config: &Config) -> Result<(), StartError> {
        self.server.reload(config).map_err(|error| StartError::Setting(config.located(&error)))?;
        self.feeds.reload(config);
        Ok(())
    }
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be used. The text starts with the file and line, or with the key.
    #[error("{0}")]
    Setting(String),
    /// An address could not be bound.
    #[error("cannot listen on {address}: {}; choose another address with {setting}", listen_failure(.failure))]
    Listen {
        /// The address of the settings.
        address: ListenAddress,
        /// The setting with the address.
        setting: &'static str,
        /// The error of the system.
        failure: io::Error,
    },
}

impl App {
    /// Loads the files of `extensions.files` after the given extensions, opens the store if a feature needs it, and
    /// binds the configured addresses. The system accepts connections from then on; [`App::run`] serves them. Must be
    /// called in a tokio runtime. A program with `extensions.files` has to call [`engine_main`] first in `main`.
    ///
    /// [`engine_main`]: crate::extension::javascript::engine_main
    ///
    /// # Errors
    /// [`StartError`] if an address cannot be bound, an extension cannot be loaded, the store cannot be used, or a
    /// setting is invalid.
    pub async fn bind(config: &Config, extensions: &[Arc<dyn Extension>]) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let wrong = |error: String| StartError::Setting(config.located(&error));
        config.check_built().map_err(wrong)?;
        let scripts = scripts::load(config, &metrics).map_err(wrong)?;
        let mut extensions = extensions.to_vec();
        extensions.extend(scripts.iter().flat_map(|scripts| scripts.extensions().iter().cloned()));
        let server = Server::new(config, &extensions, metrics.clone()).map_err(wrong)?;
        let server = Arc::new(server);
        let websub = WebSub::open(config, &server).await.map_err(wrong)?;
        let tls = tls::server(config, &metrics).map_err(|error| wrong(error.to_string()))?;
        let mount = Mount::new(&config.server.mount);
        let deadlines = Arc::new(DeadlineWheel::default());
        let secure = tls.as_ref().map(|tls| Arc::clone(&tls.config));
        let shares =
            Shares::of(descriptors::open_files(), config.limits.connections, config.outgoing_connections());
        let server_budget = server.budget();
        let site = |server: Option<Arc<Server>>, tls, endpoints: Vec<Arc<dyn Endpoint>>| {
            let mut limits = config.limits.clone();
            limits.connections = shares.clients;
            if server.is_none() {
                // Health and metrics have to be available on a server at its connection limit.
                limits.connections = shares.admin;
                limits.connections_by_address = 0;
            }
            let context = Context {
                tls,
                server,
                budget: Arc::clone(server_budget),
                limits,
                websocket: config.websocket.clone(),
                eventsource: config.eventsource.clone(),
                deadlines: Arc::clone(&deadlines),
                metrics: metrics.clone(),
            };
            Arc::new(Site { context: Arc::new(context), endpoints, mount: mount.clone() })
        };
        let listen = |address: &ListenAddress, setting, site| {
            let wrong = |failure| StartError::Listen { address: address.clone(), setting, failure };
            listen(address, &site).map_err(wrong)
        };
        let page: Arc<dyn Endpoint> = Arc::new(Page::new(PageSettings {
            mount: mount.path(),
            secret_field: &config.push.field,
            token_field: &config.token.field,
            activity: config.admin.listen.is_none().then(|| Activity::new(metrics.clone())),
            hub: config.hub.enabled.then_some(config.hub.path.as_str()),
        }));
        let ready = Arc::new(Ready::new(Arc::clone(&server), websub.store_state()));
        let mut admin: Vec<Arc<dyn Endpoint>> =
            vec![Arc::new(Health), ready, Arc::new(Stats(metrics.clone()))];
        admin.extend(websub.management(config, &metrics));
        let (endpoints, admin) = match &config.admin.listen {
            Some(address) => (Vec::new(), Some(listen(address, "admin.listen", site(None, None, admin))?)),
            None => (admin, None),
        };
        let page = Some(page).filter(|_| config.serves_page());
        // The hub has a POST to `/`, which is the page's otherwise.
        let endpoints = endpoints.into_iter().chain(websub.endpoints()).chain(page).collect();
        let setting = "--listen or server.listen";
        let site = site(Some(Arc::clone(&server)), secure, endpoints);
        let listener = listen(&config.server.listen, setting, site)?;
        let webhook = Webhook::new(&config.webhook, metrics).map_err(wrong)?;
        let drain = config.server.drain_timeout;
        let on_failure = config.extensions.on_failure;
        Ok(Self {
            server,
            listener,
            admin,
            tls,
            mount,
            deadlines,
            webhook,
            drain,
            scripts,
            on_failure,
            websub,
        })
    }

    /// Runs [`App::check_offline`] and connects to Redis if the settings have one. Returns warnings about Redis.
    ///
    /// # Errors
    /// [`StartError`] if a server could not start with these settings, or if Redis cannot be used.
    pub async fn check(config: &Config) -> Result<Vec<String>, StartError> {
        Self::check_offline(config)?;
        #[cfg(feature = "redis")]
        if config.redis.url.is_some() {
            let checked = Client::check(&config.redis).await;
            return checked.map_err(|error| StartError::Setting(config.located(&error)));
        }
        Ok(Vec::new())
    }

    /// Returns warnings about valid settings: listeners that are reachable from other machines, weak secrets, rules
    /// without effect.
    #[must_use]
    pub fn warnings(config: &Config) -> Vec<String> {
        warnings::warnings(config)
    }

    /// Same as [`App::bind`], but binds no address, writes no file and opens no connection. Must be called in a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`StartError`] if an extension or a certificate cannot be loaded, or a setting is invalid.
    pub fn check_offline(config: &Config) -> Result<(), StartError> {
        let metrics = Metrics::default();
        let wrong = |error: String| StartError::Setting(config.located(&error));
        config.check_built().map_err(wrong)?;
        scripts::check(config, &metrics).map_err(wrong)?;
        tls::check(config, &metrics).map_err(|error| wrong(error.to_string()))?;
        websub::check(config).map_err(wrong)?;
        Webhook::new(&config.webhook, metrics.clone()).map_err(wrong)?;
        Server::new(config, &[], metrics).map(drop).map_err(wrong)
    }

    /// Returns the handle that applies new settings while the server runs.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader { server: Arc::clone(&self.server), feeds: self.websub.followed() }
    }

    /// The monitoring events from now on. A listener that is too slow loses the oldest and is told how many.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.server.events()
    }

    /// The server.
    #[doc(hidden)]
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Returns the store, if there is a hub or a feed.
    #[cfg(feature = "websub")]
    #[doc(hidden)]
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.websub.store()
    }

    /// Returns the URL for clients, such as `http://127.0.0.1:8000/faye`.
    ///
    /// # Errors
    /// The error of the system for the socket.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}{}", self.listener.address()?, self.mount.path()))
    }

    /// The certificate that is read from files, for a reload on request.
    #[doc(hidden)]
    #[must_use]
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.tls.as_ref().and_then(|tls| tls.certificates.as_ref())
    }

    /// Returns the separate address of health and metrics, if there is one.
    ///
    /// # Errors
    /// The error of the system for the socket.
    pub fn admin_address(&self) -> io::Result<Option<SocketAddr>> {
        self.admin.as_ref().map(Listener::address).transpose()
    }

    /// Completes with the reason if the server cannot work and its settings require it to exit.
    pub fn until_failure(&self) -> impl Future<Output = String> + use<> {
        let is_fatal = self.on_failure == OnFailure::Exit;
        let failure = self.scripts.as_ref().filter(|_| is_fatal).map(Scripts::until_failure);
        async move {
            match failure {
                Some(failure) => failure.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Serves until `stop` completes, then drains: refuses connections, answers held connects, and closes sockets.
    /// Returns `true` if all connections ended within `server.drain_timeout`.
    pub async fn run(self, stop: impl Future<Output = ()>) -> bool {
        let Self { server, listener, admin, tls, deadlines, webhook, drain, scripts, websub, .. } = self;
        let (quiet, is_quiet) = watch::channel(false);
        // Before the first event.
        let telling = webhook.map(|webhook| tokio::spawn(webhook.run(server.events(), is_quiet)));
        let (certificates, acme) = tls.map_or((None, None), |tls| (tls.certificates, tls.acme));
        let (draining, drained) = watch::channel(false);
        let listening = tokio::spawn(listener.serve(drained.clone(), drain));
        let admin = admin.map(|admin| tokio::spawn(admin.serve(drained, drain)));
        let ending = Arc::clone(&server);
        let sweeping = tokio::spawn(every(SWEEP, server.metrics().clone(), move || ending.expire()));
        let ticking = Arc::clone(&deadlines);
        let ticking = tokio::spawn(every(TICK, server.metrics().clone(), move || ticking.tick()));
        let mut websub = websub.run();
        let polling = certificates.map(|certificates| tokio::spawn(poll(certificates)));
        let fetching = acme.map(|acme| tokio::spawn(acme.run()));
        let keeping = Arc::clone(&server);
        let keeping = tokio::spawn(async move {
            loop {
                let server = Arc::clone(&keeping);
                // A panic does not end the task permanently.
                if tokio::spawn(async move { server.run_cluster().await }).await.is_err() {
                    keeping.metrics().panics.inc();
                }
            }
        });
        stop.await;
        server.drain(drain / 2).await;
        deadlines.drain();
        draining.send_replace(true);
        // Deliveries have the same time as connections.
        let (listening, ()) = tokio::join!(listening, websub.drain(drain));
        let mut all = listening.unwrap_or(false);
        if let Some(admin) = admin {
            all &= admin.await.unwrap_or(false);
        }
        websub.stop().await;
        server.deregister().await;
        keeping.abort();
        sweeping.abort();
        ticking.abort();
        polling.into_iter().chain(fetching).for_each(|task| task.abort());
        if let Some(scripts) = scripts {
            scripts.stop().await;
        }
        quiet.send_replace(true);
        if let Some(telling) = telling
            && tokio::time::timeout(drain, telling).await.is_err()
        {
            tracing::warn!("dropping queued webhook events: not sent within server.drain_timeout");
        }
        all
    }
}

/// Binds the first address that this machine has.
fn listen(address: &ListenAddress, site: &Arc<Site>) -> io::Result<Listener> {
    let mut failure = None;
    for candidate in address.candidates()? {
        match Listener::bind(candidate, Arc::clone(site)) {
            Ok(listener) => return Ok(listener),
            // A port in use must not lead to half of the addresses.
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
                return Err(error);
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::new(ErrorKind::NotFound, "the host name has no address")))
}

/// Why an address cannot be bound, in plain words where they are known.
fn listen_failure(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "the port is in use by another program".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        ErrorKind::PermissionDenied => {
            "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE".to_owned()
        }
        _ => error.to_string(),
    }
}

async fn every(time: Duration, metrics: Metrics, act: impl Fn()) {
    let mut every = tokio::time::interval(time);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        // A panic does not end the task permanently.
        if std::panic::catch_unwind(AssertUnwindSafe(&act)).is_err() {
            metrics.panics.inc();
        }
    }
}

/// Checks periodically whether the certificate files have changed.
async fn poll(certificates: Arc<Certificates>) {
    loop {
        tokio::time::sleep(tls::POLL).await;
        let certificates = Arc::clone(&certificates);
        // Disk access may block. A panic there does not end the task permanently.
        let _ = tokio::task::spawn_blocking(move || certificates.poll()).await;
    }
}
