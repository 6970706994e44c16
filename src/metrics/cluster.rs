//! Metrics of several instances joined by Redis.

use std::sync::OnceLock;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Redis, and publications through it.
#[derive(Debug, Default)]
pub struct Redis {
    /// 1 if commands, Pub/Sub and publications work, else 0. Without `redis.url` the metric is absent, so that an alert
    /// on 0 does not fire.
    up: OnceLock<Gauge>,
    /// Connections for commands opened.
    pub command_connections: Counter,
    /// Connections for Pub/Sub opened.
    pub subscriber_connections: Counter,
    /// Publications sent to other instances.
    pub published: Counter,
    /// Batches of publications sent to other instances.
    pub published_batches: Counter,
    /// Publications received from other instances.
    pub received: Counter,
    /// Publications delivered on this instance only, because Redis was down.
    pub accepted_locally: Counter,
    /// Publications refused because Redis was down or too slow.
    pub refused: Counter,
    /// Gaps in the stream of publications.
    pub gaps: Counter,
    /// Missed publications recovered from history.
    pub recovered: Counter,
    /// Offsets that were not received or recovered: at most so many publications were missed. It includes those of channels
    /// without a subscriber here.
    pub missed: Counter,
    /// Partitions that began a new epoch because Redis lost data.
    pub epoch_resets: Counter,
    /// Partitions whose probe was not echoed.
    pub missed_probes: Counter,
    /// Malformed data from Redis.
    pub malformed: Counter,
}

/// Sessions and messages that moved between instances.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Sessions imported from a live instance.
    pub imported: Counter,
    /// Sessions adopted from a dead instance.
    pub adopted: Counter,
    /// Sessions exported to another instance.
    pub exported: Counter,
    /// Sessions ended here because another instance owns them.
    pub fenced: Counter,
    /// Records of sessions that a heartbeat could not write.
    pub record_errors: Counter,
    /// Messages forwarded to the instance that owns their session.
    pub forwarded: Counter,
    /// Messages that could not be forwarded: no response from Redis or the other instance.
    pub forward_errors: Counter,
}

impl Redis {
    /// Sets whether commands, Pub/Sub and publications work.
    pub fn set_up(&self, is_up: bool) {
        self.up.get_or_init(Gauge::default).set(i64::from(is_up));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        if let Some(up) = self.up.get() {
            registry.register("redis_up", "1 if commands, Pub/Sub and publications work, else 0", up.clone());
        }
        let mut add =
            |name: &str, help: &str, metric: &Counter| registry.register(name, help, metric.clone());
        add("redis_command_connections", "Connections for commands opened", &self.command_connections);
        add("redis_subscriber_connections", "Connections for Pub/Sub opened", &self.subscriber_connections);
        add("cluster_published", "Publications sent to other instances", &self.published);
        add(
            "cluster_published_batches",
            "Batches of publications sent to other instances",
            &self.published_batches,
        );
        add("cluster_received", "Publications received from other instances", &self.received);
        add(
            "redis_accepted_locally",
            "Publications delivered on this instance only while Redis was down",
            &self.accepted_locally,
        );
        add("redis_refused", "Publications refused: Redis was down or the queue was full", &self.refused);
        add("redis_gaps", "Gaps in the stream of publications", &self.gaps);
        add("redis_recovered", "Missed publications recovered from history", &self.recovered);
        add(
            "redis_missed",
            "Upper bound of missed publications: those of a partition that were not recovered, with or without a subscriber here",
            &self.missed,
        );
        add(
            "redis_epoch_resets",
            "Partitions that began a new epoch because Redis lost data",
            &self.epoch_resets,
        );
        add("redis_missed_probes", "Partitions whose probe was not echoed", &self.missed_probes);
        add("redis_malformed", "Malformed data from Redis", &self.malformed);
    }
}

impl Cluster {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut add =
            |name: &str, help: &str, metric: &Counter| registry.register(name, help, metric.clone());
        add("sessions_imported", "Sessions imported from a live instance", &self.imported);
        add("sessions_adopted", "Sessions adopted from a dead instance", &self.adopted);
        add("sessions_exported", "Sessions exported to another instance", &self.exported);
        add("sessions_fenced", "Sessions ended here because another instance owns them", &self.fenced);
        add(
            "cluster_record_errors",
            "Records of sessions that a heartbeat could not write; the next one tries again",
            &self.record_errors,
        );
        add(
            "cluster_forwarded",
            "Messages forwarded to the instance that owns their session",
            &self.forwarded,
        );
        add("cluster_forward_errors", "Messages that could not be forwarded", &self.forward_errors);
    }
}
