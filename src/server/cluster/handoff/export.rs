//! Exports a session to another instance: freezes it, packs its state, and aborts if no commit follows. An abort raises the
//! epoch of the session first, so that a late claim of the other instance, with the state of this export, has no effect.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::ALONE_TIMEOUT;
use crate::bayeux::{Partition, Positions, Publication};
use crate::router::{Ack, Session};
use crate::server::Server;
use crate::server::cluster::Cluster;
use crate::server::cluster::messages::{QueuedMessage, Response, SessionState};

/// How long an export waits for the end of a write, and for publications that the other instance has received.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time that a frozen session waits for the commit of the other instance.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two checks.
const CHECK_PAUSE: Duration = Duration::from_millis(2);
/// The maximum size of the queued messages in a response, in bytes. A larger state is stored in Redis, which disconnects
/// subscribers with a large backlog.
const INLINE: usize = 64 * 1024;

/// The queued publications of a session, and the state of acknowledged delivery.
type Queued = (Vec<Arc<Publication>>, Option<Ack>);

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
            Some(owned) if owned.is_aborting => return Response::Failed,
            Some(mut owned) => owned.exporting_since = Some(Instant::now()),
            None => return Response::NotOwner,
        }
        session.freeze(cluster.is_draining());
        let Some(((queued, ack), positions)) = self.pack(cluster, session, received).await else {
            let is_lost = !session.is_receiving();
            self.abort_export(cluster, session).await;
            if is_lost {
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
            ack,
        };
        let size: usize = queued.iter().map(|publication| publication.size()).sum();
        if size <= INLINE {
            return Response::State(Box::new(state));
        }
        let state = serde_json::to_vec(&state).unwrap_or_default();
        match cluster.directory.store_export(session.id(), &state).await {
            Ok(()) => Response::Stored,
            Err(_) => {
                self.abort_export(cluster, session).await;
                Response::Failed
            }
        }
    }

    /// Returns the queued publications of a session, the state of acknowledged delivery and its positions, once these are not before those of the other
    /// instance, and nothing is left that this instance has delivered alone. `None` if that takes too long, or if the session
    /// has overflowed or ended.
    async fn pack(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        received: &Positions,
    ) -> Option<(Queued, Positions)> {
        let patterns = session.patterns();
        let since = Instant::now();
        loop {
            let alone = || cluster.broker.delivered_alone(patterns.iter().map(AsRef::as_ref));
            let before = alone();
            let is_alone = before.is_none();
            let positions = cluster.broker.positions(patterns.iter().map(AsRef::as_ref));
            let is_behind = received.iter().any(|there| {
                let here = positions.offset(there.partition);
                here.is_some_and(|here| here > 0 && here < there.offset)
            });
            if !is_behind && !is_alone {
                let partitions: Vec<Partition> =
                    positions.iter().map(|position| position.partition).collect();
                // While nothing is delivered, so that the publications match the positions.
                let packed = cluster.broker.while_paused(&partitions, |positions| {
                    session.queued().map(|queued| (queued, positions.clone()))
                });
                // One that was delivered alone in between has no position in the packed state.
                if packed.is_some() && alone() == before {
                    return packed;
                }
            }
            let timeout = if is_alone { ALONE_TIMEOUT } else { TIMEOUT };
            if !session.is_receiving() || since.elapsed() >= timeout {
                return None;
            }
            tokio::time::sleep(CHECK_PAUSE).await;
        }
    }

    /// Whether a session is being exported, or is not owned. Aborts an export whose commit is overdue.
    pub(in crate::server::cluster) async fn is_exporting(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
    ) -> bool {
        match cluster.export_of(session) {
            Export::None => false,
            Export::Pending => true,
            Export::Overdue => !self.abort_export(cluster, session).await,
        }
    }

    /// Aborts the export of a session. Returns `false` if another instance owns the session by now, and while Redis does not
    /// reply: the session then stays frozen, and the next message or heartbeat aborts the export.
    pub(in crate::server::cluster) async fn abort_export(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
    ) -> bool {
        let id = session.id();
        let Some(epoch) = cluster.owned.get_mut(id).map(|mut owned| {
            owned.is_aborting = true;
            owned.epoch
        }) else {
            return false;
        };
        let raised = match cluster.directory.claim(id, epoch).await {
            Ok(true) => Ok(true),
            // Redis may have lost the record. Then no instance can claim the session by the epoch of this export.
            Ok(false) => cluster.directory.find(id).await.map(|record| record.is_none()),
            Err(error) => Err(error),
        };
        let Some(mut owned) = cluster.owned.get_mut(id) else { return false };
        match raised {
            // A concurrent abort has done the same.
            Ok(true) if owned.epoch > epoch => return true,
            Ok(true) => {
                owned.epoch = epoch + 1;
                owned.exporting_since = None;
                owned.is_aborting = false;
                // The complete record again, by the new epoch.
                owned.is_registered = false;
                owned.due = Instant::now();
            }
            Ok(false) => {
                owned.is_aborting = false;
                drop(owned);
                self.end_fenced(session, epoch, false);
                return false;
            }
            Err(_) => return false,
        }
        // The entry of a session is not locked together with the session.
        drop(owned);
        session.unfreeze();
        if session.has_overflowed() {
            cluster.unflushed.add_overflowed(session);
        }
        true
    }
}

/// The export of a session.
enum Export {
    /// There is none.
    None,
    /// The other instance may commit, or the session is not owned.
    Pending,
    /// The other instance has not committed in time.
    Overdue,
}

impl Cluster {
    /// Whether the commit of an export that began at an instant is overdue: the other instance has lost its lease by now, or is
    /// slow.
    pub(in crate::server::cluster) fn is_overdue(&self, since: Instant) -> bool {
        since.elapsed() >= self.settings.lease.min(COMMIT_TIMEOUT)
    }

    /// Whether a session is being exported, or is not owned.
    pub(in crate::server::cluster) fn has_export(&self, session: &Session) -> bool {
        !matches!(self.export_of(session), Export::None)
    }

    /// Returns the export of a session.
    fn export_of(&self, session: &Session) -> Export {
        let Some(owned) = self.owned.get(session.id()) else { return Export::Pending };
        match owned.exporting_since {
            None => Export::None,
            Some(since) if self.is_overdue(since) => Export::Overdue,
            Some(_) => Export::Pending,
        }
    }
}
