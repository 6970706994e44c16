//! Exports a session to another instance: freezes it, packs its state, and aborts if no commit follows.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use crate::bayeux::{Partition, Positions, Publication};
use crate::router::Session;
use crate::server::Server;
use crate::server::cluster::Cluster;
use crate::server::cluster::messages::{QueuedMessage, Response, SessionState};

/// How long an export waits for the end of a write, and for publications that the other instance has received.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The pause between two checks.
const CHECK_PAUSE: Duration = Duration::from_millis(2);
/// How long a frozen session waits for the commit of the other instance before the export is aborted.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of the queued messages in a response, in bytes. A larger state is stored in Redis, which disconnects
/// subscribers with a large backlog.
const INLINE: usize = 64 * 1024;

impl Server {
    /// Exports a session to an instance that has received these positions. The session stays here, frozen, until the other
    /// instance commits.
    pub(in crate::server::cluster) async fn export(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        received: &Positions,
    ) -> Response {
        match cluster.owned.get_mut(session.id()) {
            Some(mut owned) => owned.exporting_since = Some(Instant::now()),
            None => return Response::NotOwner,
        }
        session.freeze(cluster.is_draining());
        let Some((queued, positions)) = self.pack(cluster, session, received).await else {
            let has_overflowed = session.has_overflowed();
            cluster.abort_export(session);
            if has_overflowed {
                return Response::NotOwner;
            }
            tracing::warn!(client = %session.id(), "session not exported in time; keeping it");
            return Response::Failed;
        };
        let state = SessionState {
            queued: queued.iter().map(|publication| QueuedMessage::new(publication)).collect(),
            positions,
            patterns: session.patterns().iter().map(|pattern| pattern.to_string()).collect(),
            credential: session.ownership().snapshot(),
        };
        let size: usize = queued.iter().map(|publication| publication.size()).sum();
        if size <= INLINE {
            return Response::State(Box::new(state));
        }
        let state = serde_json::to_vec(&state).unwrap_or_default();
        match cluster.directory.store_export(session.id(), &state).await {
            Ok(()) => Response::Stored,
            Err(_) => {
                cluster.abort_export(session);
                Response::Failed
            }
        }
    }

    /// Returns the queued publications of a session and its positions, once these are not before those of the other
    /// instance. `None` if that takes too long, or if the session has overflowed.
    async fn pack(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        received: &Positions,
    ) -> Option<(Vec<Arc<Publication>>, Positions)> {
        let patterns = session.patterns();
        let until = Instant::now() + TIMEOUT;
        loop {
            let positions = cluster.broker.positions(patterns.iter().map(AsRef::as_ref));
            let is_behind = received.iter().any(|there| {
                let here = positions.offset(there.partition);
                here.is_some_and(|here| here > 0 && here < there.offset)
            });
            if !is_behind {
                let partitions: Vec<Partition> =
                    positions.iter().map(|position| position.partition).collect();
                // While nothing is delivered, so that the publications match the positions.
                let packed = cluster.broker.while_paused(&partitions, |positions| {
                    session.queued().map(|queued| (queued, positions.clone()))
                });
                if packed.is_some() {
                    return packed;
                }
            }
            if session.has_overflowed() || Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(CHECK_PAUSE).await;
        }
    }
}

impl Cluster {
    /// Whether a session is being exported, or is not owned. Aborts an export without a commit.
    pub(in crate::server::cluster) fn is_exporting(&self, session: &Arc<Session>) -> bool {
        let Some(owned) = self.owned.get(session.id()) else { return true };
        let since = owned.exporting_since;
        drop(owned);
        if since.is_some_and(|since| since.elapsed() >= COMMIT_TIMEOUT) {
            self.abort_export(session);
            return false;
        }
        since.is_some()
    }

    /// Aborts the export of a session. One that overflowed during the export ends soon.
    fn abort_export(&self, session: &Arc<Session>) {
        if let Some(mut owned) = self.owned.get_mut(session.id()) {
            owned.exporting_since = None;
        }
        session.unfreeze();
        if session.has_overflowed() {
            self.unflushed.add_overflowed(session);
        }
    }
}
