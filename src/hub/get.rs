//! Fetches the content of a topic, and decides which addresses topics may have. This module must not know the purpose
//! of the content.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::Hub;
use crate::config::{self, TopicPolicy};
use crate::fetch::{Class, Fetch, Reach, Repeat};
use crate::metrics::Metrics;
use crate::store::Validators;
use crate::web::get::{self, Fetched, Get, Turn};
use crate::web::get_error::GetError;
use crate::web::hosts::Hosts;
use crate::web::urls::WebUrl;

/// Requests at one time to all topics.
pub(super) const CONCURRENT: usize = crate::config::Hub::FETCHES;
/// Maximum time that a request waits for a place at its host.
const PATIENCE: Duration = Duration::from_secs(2);

/// Requests to topics.
pub(super) struct Topics {
    /// To public addresses.
    public: Fetch,
    /// To public addresses and those of `hub.topic_networks`.
    networks: Fetch,
    hosts: Arc<Hosts>,
}

impl Topics {
    pub(super) fn new(settings: &config::Hub, metrics: &Metrics) -> Self {
        let fetch = |networks: &[IpNet]| {
            let reach = Reach::Networks(networks.into());
            Fetch::of_class(Class::Topics, reach, Repeat::Idempotent, metrics)
        };
        Self {
            public: fetch(&[]),
            networks: fetch(&settings.topic_networks),
            hosts: Arc::new(Hosts::new(settings.per_host, CONCURRENT)),
        }
    }

    /// Limits of the requests.
    pub(super) fn hosts(&self) -> &Arc<Hosts> {
        &self.hosts
    }
}

#[cfg(test)]
impl Topics {
    /// Requests to any address, for tests with topics on this machine that are not listed.
    pub(super) fn anywhere() -> Self {
        let fetch = Fetch::new(Reach::Everywhere, Repeat::Idempotent);
        Self { public: fetch.clone(), networks: fetch, hosts: Arc::new(Hosts::new(4, CONCURRENT)) }
    }
}

/// Fetches a topic within `hub.fetch_deadline`.
///
/// # Errors
/// [`GetError`] if there is no content.
pub(super) async fn get(
    hub: &Hub,
    topic: &str,
    readers: u64,
    validators: &Validators,
    turn: Turn,
) -> Result<Fetched, GetError> {
    let agent = format!("faye/{} (+{}; {readers} subscribers)", env!("CARGO_PKG_VERSION"), hub.url());
    let request = Get {
        url: topic,
        agent: &agent,
        validators,
        validated: None,
        authorization: None,
        deadline: hub.settings.fetch_deadline,
        patience: PATIENCE,
        size: hub.settings.topic_size,
        hosts: &hub.topics.hosts,
    };
    let client = |url: &WebUrl, _| {
        if may_use_networks(hub, &url.key) { &hub.topics.networks } else { &hub.topics.public }
    };
    get::get(&request, turn, client, |url, address| note(hub, url, address)).await
}

/// Whether a URL may be fetched from `hub.topic_networks`: the URLs of `hub.topics`, or all URLs if every topic is
/// accepted. A redirect is checked by its own URL, since a listed topic may redirect to any URL.
fn may_use_networks(hub: &Hub, key: &str) -> bool {
    hub.settings.policy == TopicPolicy::Open || hub.listed.have(key)
}

/// Names the setting that would allow a refused address in the log, which has all details.
fn note(hub: &Hub, url: &WebUrl, address: IpAddr) {
    let is_in_networks = hub.settings.topic_networks.iter().any(|network| network.contains(&address));
    let setting = match (is_in_networks, may_use_networks(hub, &url.key)) {
        (true, _) => "hub.topics",
        (false, true) => "hub.topic_networks",
        (false, false) => "hub.topic_networks and hub.topics",
    };
    // Some addresses are refused with any settings.
    if Reach::Networks(Arc::new([IpNet::from(address)])).allows(address) {
        hub.note_refused(&url.host, address, setting);
    }
}
