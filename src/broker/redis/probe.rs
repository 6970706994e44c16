//! Tests each partition that is listened to: a message to ourselves has to come back, and says to all how far the partition is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame;
use super::{Redis, link::with_jitter};
use crate::bayeux::{PARTITIONS, Partition};

impl Redis {
    /// Tests for as long as it is polled.
    pub(super) async fn probe(self: &Arc<Self>) {
        let mut sent = [0; PARTITIONS];
        let mut serial = 0;
        loop {
            tokio::time::sleep(with_jitter(self.shared.settings.probe)).await;
            let joined: Vec<_> =
                Partition::all().filter(|partition| self.listener.has_joined(*partition)).collect();
            let heard =
                |partition: &Partition| self.listener.heard_probe[partition.index()].load(Ordering::Acquire);
            let deaf = joined.iter().filter(|partition| heard(partition) < sent[partition.index()]).count();
            if deaf > 0 {
                self.shared.metrics.redis.missed_probes.inc_by(deaf as u64);
                tracing::warn!(partitions = deaf, "Pub/Sub probe not echoed; resubscribing");
                sent = [0; PARTITIONS];
                self.listener.renew();
                continue;
            }
            serial += 1;
            let tests = joined.iter().map(|partition| async move {
                let body = frame::probe(self.shared.me, serial);
                let known = self.partitions[partition.index()].heard.number();
                (*partition, self.shared.test(*partition, known, &body).await.is_ok())
            });
            for (partition, is_sent) in futures_util::future::join_all(tests).await {
                // What did not go out need not come back.
                sent[partition.index()] = if is_sent { serial } else { 0 };
            }
        }
    }
}
