//! What is counted of several instances together.

use std::sync::OnceLock;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The way to Redis and back.
#[derive(Debug, Default)]
pub struct Redis {
    /// Whether Redis answers, is heard and takes publications: 1 or 0. Without `redis.url` there is no such figure, so that
    /// an alert on 0 is silent.
    up: OnceLock<Gauge>,
    /// Connections for commands that were made.
    pub command_connections: Counter,
    /// Connections for hearing that were made.
    pub subscriber_connections: Counter,
    /// Publications that Redis took.
    pub published: Counter,
    /// Commands by which they went.
    pub published_batches: Counter,
    /// Publications that came from Redis.
    pub received: Counter,
    /// Publications that were delivered on this instance at once, because Redis was away.
    pub accepted_locally: Counter,
    /// Publications that were not accepted because Redis was away or too slow.
    pub refused: Counter,
    /// How often something was missing.
    pub gaps: Counter,
    /// Publications that were missing and found in what is kept.
    pub recovered: Counter,
    /// Publications that are lost for the subscribers on this instance.
    pub missed: Counter,
    /// Lanes whose numbers Redis had lost.
    pub epoch_resets: Counter,
    /// Lanes that did not hear their own tests.
    pub missed_probes: Counter,
    /// What came from Redis and was not what it had to be.
    pub malformed: Counter,
}

/// Sessions that more than one instance has to do with.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Sessions that came here from an instance that lives.
    pub imported: Counter,
    /// Sessions that came here from an instance that was dead.
    pub adopted: Counter,
    /// Sessions that this instance gave to another.
    pub exported: Counter,
    /// Sessions that ended here because they were another instance's by then.
    pub fenced: Counter,
    /// Messages that were carried out by the instance that has their session.
    pub forwarded: Counter,
    /// Messages that could not be carried out because Redis or the session's instance did not answer.
    pub forward_errors: Counter,
}

impl Redis {
    /// Notes whether Redis answers, is heard and takes publications.
    pub fn set_up(&self, is_up: bool) {
        self.up.get_or_init(Gauge::default).set(i64::from(is_up));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        if let Some(up) = self.up.get() {
            registry.register(
                "redis_up",
                "Whether Redis answers, is heard and takes publications",
                up.clone(),
            );
        }
        let mut add =
            |name: &str, help: &str, metric: &Counter| registry.register(name, help, metric.clone());
        add("redis_command_connections", "Connections for commands made", &self.command_connections);
        add("redis_subscriber_connections", "Connections for hearing made", &self.subscriber_connections);
        add("cluster_published", "Publications that Redis took", &self.published);
        add("cluster_published_batches", "Commands by which they went", &self.published_batches);
        add("cluster_received", "Publications that came from Redis", &self.received);
        add(
            "redis_accepted_locally",
            "Publications delivered here alone while Redis was away",
            &self.accepted_locally,
        );
        add("redis_refused", "Publications not accepted because Redis was away", &self.refused);
        add("redis_gaps", "How often publications were missing", &self.gaps);
        add("redis_recovered", "Missing publications that were found in histories", &self.recovered);
        add("redis_missed", "Publications lost for the subscribers here", &self.missed);
        add("redis_epoch_resets", "Lanes whose numbers Redis had lost", &self.epoch_resets);
        add("redis_missed_probes", "Lanes that did not hear their own tests", &self.missed_probes);
        add("redis_malformed", "What came from Redis and was not what it had to be", &self.malformed);
    }
}

impl Cluster {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut add =
            |name: &str, help: &str, metric: &Counter| registry.register(name, help, metric.clone());
        add("sessions_imported", "Sessions that came from an instance that lives", &self.imported);
        add("sessions_adopted", "Sessions that came from a dead instance", &self.adopted);
        add("sessions_exported", "Sessions given to another instance", &self.exported);
        add("sessions_fenced", "Sessions ended because they were another instance's", &self.fenced);
        add(
            "cluster_forwarded",
            "Messages carried out by the instance that has their session",
            &self.forwarded,
        );
        add(
            "cluster_forward_errors",
            "Messages whose session's instance did not answer",
            &self.forward_errors,
        );
    }
}
