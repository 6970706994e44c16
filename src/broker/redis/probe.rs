//! Probes of the joined partitions. A probe has to be echoed to this instance, and carries the newest offset to all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Redis, frame};
use crate::bayeux::{PARTITIONS, Partition};
use crate::broker::Deliver;
use crate::redis::with_jitter;

/// How long an overdue echo may still arrive. If the process was suspended, its timers fire before it reads what has arrived,
/// which a new connection would lose.
const GRACE: Duration = Duration::from_millis(100);

impl<D: Deliver> Redis<D> {
    /// Sends probes every `redis.probe`, for as long as the future is polled.
    pub(super) async fn probe(self: &Arc<Self>) {
        let client = &self.shared.client;
        let mut sent = [0; PARTITIONS];
        let mut serial = 0;
        // The connection that the probes are echoed to.
        let mut generation = 0;
        loop {
            tokio::time::sleep(with_jitter(client.settings().probe)).await;
            self.shared.agree_on_version().await;
            let current = self.subscriber.generation();
            if std::mem::replace(&mut generation, current) != current {
                // The echoes were lost with the connection.
                sent = [0; PARTITIONS];
            }
            let joined: Vec<_> =
                Partition::all().filter(|partition| self.subscriber.has_joined(*partition)).collect();
            let echoed = |partition: &Partition| {
                self.subscriber.echoed_probe[partition.index()].load(Ordering::Acquire)
            };
            let missed =
                || joined.iter().filter(|partition| echoed(partition) < sent[partition.index()]).count();
            if missed() > 0 {
                tokio::time::sleep(GRACE).await;
            }
            let missed = missed();
            if missed > 0 {
                client.metrics().redis.missed_probes.inc_by(missed as u64);
                tracing::warn!(partitions = missed, "Pub/Sub probe not echoed; resubscribing");
                sent = [0; PARTITIONS];
                self.subscriber.reconnect();
                continue;
            }
            serial += 1;
            let probes = joined.iter().map(|partition| async move {
                let probe = frame::probe(client.me(), serial);
                let known = self.partitions[partition.index()].consumer.offset();
                (*partition, self.shared.send_probe(*partition, known, &probe, false).await.is_ok())
            });
            for (partition, is_sent) in futures_util::future::join_all(probes).await {
                // No echo is expected for a probe that was not sent.
                sent[partition.index()] = if is_sent { serial } else { 0 };
            }
        }
    }
}
