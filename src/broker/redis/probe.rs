//! Tests each lane that is listened to: a message to ourselves has to come back, and says to all how far the lane is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame;
use super::{Redis, link::with_jitter};
use crate::bayeux::{LANES, Lane};

impl Redis {
    /// Tests for as long as it is polled.
    pub(super) async fn probe(self: &Arc<Self>) {
        let mut sent = [0; LANES];
        let mut serial = 0;
        loop {
            tokio::time::sleep(with_jitter(self.shared.settings.probe)).await;
            let joined: Vec<_> = Lane::all().filter(|lane| self.listener.has_joined(*lane)).collect();
            let heard = |lane: &Lane| self.listener.heard_probe[lane.index()].load(Ordering::Acquire);
            let deaf = joined.iter().filter(|lane| heard(lane) < sent[lane.index()]).count();
            if deaf > 0 {
                self.shared.metrics.redis.missed_probes.inc_by(deaf as u64);
                tracing::warn!(partitions = deaf, "Pub/Sub probe not echoed; resubscribing");
                sent = [0; LANES];
                self.listener.renew();
                continue;
            }
            serial += 1;
            let tests = joined.iter().map(|lane| async move {
                let body = frame::probe(self.shared.me, serial);
                let known = self.lanes[lane.index()].heard.number();
                (*lane, self.shared.test(*lane, known, &body).await.is_ok())
            });
            for (lane, is_sent) in futures_util::future::join_all(tests).await {
                // What did not go out need not come back.
                sent[lane.index()] = if is_sent { serial } else { 0 };
            }
        }
    }
}
