//! The drain of a stopping instance: other instances acquire its sessions in groups, which spreads the reconnects.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Duration, Instant};

use super::heartbeat::renew_lease;
use super::messages::{Request, Response};
use super::timeouts;
use crate::router::Session;
use crate::server::Server;

/// The minimum number of sessions in a group.
const GROUP: usize = 16;
/// The time over which the exports of a group are spread at random. Clients reconnect immediately, since some clients
/// read any advised interval as seconds.
const SPREAD: Duration = Duration::from_millis(50);

impl Server {
    /// Fails readiness, waits for `redis.drain_delay`, and exports the sessions within `limit`. Returns at once without a
    /// cluster.
    pub async fn drain(self: &Arc<Self>, limit: Duration) {
        let Some(cluster) = &self.cluster else { return };
        cluster.draining.store(true, Ordering::Release);
        cluster.membership.drain();
        // Publishes the drain, so that no other instance exports sessions to this one.
        let _ = renew_lease(cluster).await;
        tokio::time::sleep(cluster.settings.drain_delay).await;
        let until = Instant::now() + limit;
        let mut exported = 0;
        loop {
            let sessions: Vec<_> =
                self.sessions.all().into_iter().filter(|session| !cluster.has_export(session)).collect();
            if sessions.is_empty() || Instant::now() >= until || cluster.membership.other().is_none() {
                break;
            }
            let groups = (limit.as_millis() / SPREAD.as_millis()).max(2) as usize / 2;
            let before = exported;
            for group in sessions.chunks((sessions.len() / groups).max(GROUP)) {
                if Instant::now() >= until {
                    break;
                }
                let exports = group.iter().map(|session| async {
                    tokio::time::sleep(SPREAD.mul_f64(fastrand::f64())).await;
                    self.request_acquisition(session).await
                });
                let done = futures_util::future::join_all(exports).await;
                exported += done.into_iter().filter(|is_done| *is_done).count();
            }
            if exported == before {
                // The other instances may have been busy or may have started late.
                tokio::time::sleep(SPREAD * 4).await;
            }
        }
        tracing::info!(sessions = exported, "sessions exported to other instances");
    }

    /// Requests another instance to acquire a session.
    async fn request_acquisition(&self, session: &Session) -> bool {
        let Some(cluster) = &self.cluster else { return false };
        let Some(other) = cluster.membership.other() else { return false };
        let request = Request::Acquire { id: session.id().as_str().to_owned() };
        matches!(cluster.request(other, &request, timeouts::REQUEST).await, Ok(Response::Done))
    }

    /// Sends the last heartbeat and ends the lease. Other instances then adopt the remaining sessions without delay.
    pub async fn deregister(&self) {
        let Some(cluster) = &self.cluster else { return };
        if self.heartbeat(cluster).await.is_ok() {
            cluster.membership.deregister().await;
        }
    }
}
