//! Metrics of the WebSub hub and of the store.

use std::sync::OnceLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Bounds of the buckets of `faye_hub_delivery_seconds`, in seconds.
const DELIVERY: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];
/// Bounds of the buckets of `faye_store_commit_seconds`, in seconds.
const COMMIT: [f64; 8] = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

/// Labels of a request to the hub.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HubRequest {
    /// `subscribe`, `unsubscribe`, `publish`, `ping` or `none`.
    pub mode: &'static str,
    /// The status code of the response.
    pub code: u16,
}

/// The label of a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HubResult {
    /// One of a few words.
    pub result: &'static str,
}

/// The label of a refused outgoing request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FetchClass {
    /// `topics`, `callbacks`, `feeds` or `hooks`.
    pub class: &'static str,
}

/// The metrics of the hub and the store. They are absent from the exposition until [`Hub::enable`] or
/// [`Hub::enable_store`] is called.
#[derive(Debug)]
pub struct Hub {
    enabled: OnceLock<()>,
    /// Set if there is a store, and guarded outgoing requests.
    store_enabled: OnceLock<()>,
    /// Active subscriptions.
    pub subscriptions: Gauge,
    /// Requests to subscribe or unsubscribe that are not verified yet.
    pub verifications_pending: Gauge,
    /// Requests to the hub.
    pub requests: Family<HubRequest, Counter>,
    /// Verifications and denials, by result: `verified`, `refused`, `retried`, `postponed`, `denied`, `lost`.
    pub verifications: Family<HubResult, Counter>,
    /// Fetches of topics, by result: `changed`, `unchanged`, `not_modified`, `refused`, `failed`,
    /// `postponed`, `lost`.
    pub fetches: Family<HubResult, Counter>,
    /// Deliveries, by result: `delivered`, `retried`, `gone`, `given_up`, `lost`.
    pub deliveries: Family<HubResult, Counter>,
    /// Time from the ping's fetch to the accepted delivery.
    pub delivery_seconds: Histogram,
    /// Waiting and running deliveries.
    pub deliveries_waiting: Gauge,
    /// Outgoing requests refused because of their address.
    pub fetch_refused: Family<FetchClass, Counter>,
    /// 1 if the store is available, else 0.
    pub store_up: Gauge,
    /// Time of commits.
    pub store_commit_seconds: Histogram,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            enabled: OnceLock::new(),
            store_enabled: OnceLock::new(),
            subscriptions: Gauge::default(),
            verifications_pending: Gauge::default(),
            requests: Family::default(),
            verifications: Family::default(),
            fetches: Family::default(),
            deliveries: Family::default(),
            delivery_seconds: Histogram::new(DELIVERY),
            deliveries_waiting: Gauge::default(),
            fetch_refused: Family::default(),
            store_up: Gauge::default(),
            store_commit_seconds: Histogram::new(COMMIT),
        }
    }
}

impl Hub {
    /// Adds the metrics of the hub to the text.
    pub fn enable(&self) {
        self.enabled.get_or_init(|| ());
    }

    /// Adds the metrics of the store and of outgoing requests to the text.
    pub fn enable_store(&self) {
        self.store_enabled.get_or_init(|| ());
    }

    /// Counts a request.
    pub fn request(&self, mode: &'static str, code: u16) {
        self.requests.get_or_create(&HubRequest { mode, code }).inc();
    }

    /// Counts a verification or denial.
    pub fn verification(&self, result: &'static str) {
        self.verifications.get_or_create(&HubResult { result }).inc();
    }

    /// Counts results whose claim was lost.
    pub fn lose_verifications(&self, lost: u64) {
        if lost > 0 {
            self.verifications.get_or_create(&HubResult { result: "lost" }).inc_by(lost);
        }
    }

    /// Counts a fetch.
    pub fn fetch(&self, result: &'static str) {
        self.fetches.get_or_create(&HubResult { result }).inc();
    }

    /// Counts a delivery.
    pub fn delivery(&self, result: &'static str) {
        self.deliveries.get_or_create(&HubResult { result }).inc();
    }

    /// Counts deliveries of one transaction.
    pub fn count_deliveries(&self, result: &'static str, count: u64) {
        self.deliveries.get_or_create(&HubResult { result }).inc_by(count);
    }

    /// Counts an outgoing request that was refused because of its address.
    pub fn refuse_fetch(&self, class: &'static str) {
        self.fetch_refused.get_or_create(&FetchClass { class }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        if self.store_enabled.get().is_some() {
            registry.register("store_up", "1 if the store can be used", self.store_up.clone());
            registry.register("store_commit_seconds", "Time of commits", self.store_commit_seconds.clone());
            let help = "Outgoing requests refused because of their address, by class";
            registry.register("fetch_refused", help, self.fetch_refused.clone());
        }
        if self.enabled.get().is_none() {
            return;
        }
        let mut add = |name: &str, help: &str, metric: &Gauge| registry.register(name, help, metric.clone());
        add("hub_subscriptions", "Active subscriptions of the hub", &self.subscriptions);
        add("hub_verifications_pending", "Unverified requests of subscribers", &self.verifications_pending);
        add("hub_deliveries_waiting", "Deliveries that wait or are in flight", &self.deliveries_waiting);
        registry.register(
            "hub_requests",
            "Requests to the hub, by mode and status code",
            self.requests.clone(),
        );
        let help = "Verifications and denials sent to callbacks, by result";
        registry.register("hub_verifications", help, self.verifications.clone());
        registry.register("hub_fetches", "Fetches of topics, by result", self.fetches.clone());
        registry.register("hub_deliveries", "Deliveries to callbacks, by result", self.deliveries.clone());
        let help = "Time from new content to its accepted delivery";
        registry.register("hub_delivery_seconds", help, self.delivery_seconds.clone());
    }
}
