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
    pub connects: Counter,
    /// Connections for hearing that were made.
    pub listens: Counter,
    /// Publications that Redis took.
    pub published: Counter,
    /// Commands by which they went.
    pub batches: Counter,
    /// Publications that came from Redis.
    pub heard: Counter,
    /// Publications that were delivered on this instance at once, because Redis was away.
    pub local: Counter,
    /// Publications that were not accepted because Redis was away or too slow.
    pub refused: Counter,
    /// How often something was missing.
    pub gaps: Counter,
    /// Publications that were missing and found in what is kept.
    pub recovered: Counter,
    /// Publications that are lost for the subscribers on this instance.
    pub missed: Counter,
    /// Lanes whose numbers Redis had lost.
    pub resets: Counter,
    /// Lanes that did not hear their own tests.
    pub deaf: Counter,
    /// What came from Redis and was not what it had to be.
    pub malformed: Counter,
}

/// Sessions that more than one instance has to do with.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Sessions that came here from an instance that lives.
    pub moved: Counter,
    /// Sessions that came here from an instance that was dead.
    pub adopted: Counter,
    /// Sessions that this instance gave to another.
    pub released: Counter,
    /// Sessions that ended here because they were another instance's by then.
    pub fenced: Counter,
    /// Messages that were carried out by the instance that has their session.
    pub forwarded: Counter,
    /// Messages that could not be carried out because Redis or the session's instance did not answer.
    pub unreachable: Counter,
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
        add("redis_connects", "Connections for commands made", &self.connects);
        add("redis_listens", "Connections for hearing made", &self.listens);
        add("redis_published", "Publications that Redis took", &self.published);
        add("redis_batches", "Commands by which they went", &self.batches);
        add("redis_heard", "Publications that came from Redis", &self.heard);
        add("redis_local", "Publications delivered here alone while Redis was away", &self.local);
        add("redis_refused", "Publications not accepted because Redis was away", &self.refused);
        add("redis_gaps", "How often publications were missing", &self.gaps);
        add("redis_recovered", "Missing publications that were found in histories", &self.recovered);
        add("redis_missed", "Publications lost for the subscribers here", &self.missed);
        add("redis_resets", "Lanes whose numbers Redis had lost", &self.resets);
        add("redis_deaf", "Lanes that did not hear their own tests", &self.deaf);
        add("redis_malformed", "What came from Redis and was not what it had to be", &self.malformed);
    }
}

impl Cluster {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut add =
            |name: &str, help: &str, metric: &Counter| registry.register(name, help, metric.clone());
        add("sessions_moved", "Sessions that came from an instance that lives", &self.moved);
        add("sessions_adopted", "Sessions that came from a dead instance", &self.adopted);
        add("sessions_released", "Sessions given to another instance", &self.released);
        add("sessions_fenced", "Sessions ended because they were another instance's", &self.fenced);
        add("forwarded", "Messages carried out by the instance that has their session", &self.forwarded);
        add("unreachable", "Messages whose session's instance did not answer", &self.unreachable);
    }
}
