//! Exports a session to another instance: freezes it, packs its state, and aborts if no commit follows. An abort raises the
//! epoch of the session first, so that a late claim of the other instance, with the state of this export, has no effect.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use crate::bayeux::{Partition, Positions};
use crate::redis::RedisError;
use crate::router::{Contents, Session};
use crate::server::Server;
use crate::server::cluster::Cluster;
use crate::server::cluster::messages::{QueuedMessage, Response, SessionState};
use crate::server::cluster::owned::{Export, Raised};
use crate::server::cluster::timeouts;

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
        continues_replays: bool,
    ) -> Response {
        match cluster.owned.get_mut(session.id()).map(|mut owned| owned.begin_export(Instant::now())) {
            Some(true) => {}
            Some(false) => return Response::Failed,
            None => return Response::NotOwner,
        }
        session.freeze(cluster.is_draining());
        let Some((contents, positions)) = self.pack(cluster, session, received, continues_replays).await
        else {
            let is_lost = !session.is_receiving();
            self.abort_export(cluster, session).await;
            if is_lost {
                return Response::NotOwner;
            }
            tracing::warn!(client = %session.id(), "session not exported in time; keeping it");
            return Response::Failed;
        };
        let Contents { queued, ack, replays, has_cursors, .. } = contents;
        let state = SessionState {
            queued: queued.iter().map(|publication| QueuedMessage::new(publication)).collect(),
            positions,
            patterns: session.patterns().iter().map(|pattern| pattern.to_string()).collect(),
            credential: session.ownership().snapshot(),
            ack,
            cursors: has_cursors,
            replays,
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

    /// Returns the contents of a session and its positions, once these are not before those of the other instance, and nothing is
    /// left that this instance has delivered alone. `None` if that takes too long, if the session has overflowed or ended, and if
    /// it has replays that the other instance does not continue.
    async fn pack(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        received: &Positions,
        continues_replays: bool,
    ) -> Option<(Contents, Positions)> {
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
                    session.contents().map(|contents| (contents, positions.clone()))
                });
                // One that was delivered alone in between has no position in the packed state.
                if packed.is_some() && alone() == before {
                    return packed.filter(|(contents, _)| continues_replays || contents.replays.is_empty());
                }
            }
            let timeout = if is_alone { timeouts::ALONE } else { timeouts::EXPORT };
            if !session.is_receiving() || since.elapsed() >= timeout {
                return None;
            }
            tokio::time::sleep(timeouts::EXPORT_CHECK).await;
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
    async fn abort_export(&self, cluster: &Cluster, session: &Arc<Session>) -> bool {
        self.keep(cluster, session).await.unwrap_or(false)
    }

    /// Keeps a session by the next epoch, and aborts its export. A later claim of another instance, with a state or a record
    /// that it has read before, has no effect. Returns `false` if another instance owns the session by now.
    ///
    /// # Errors
    /// [`RedisError`]: the epoch may have been raised. The caller repeats it.
    pub(in crate::server::cluster) async fn keep(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
    ) -> Result<bool, RedisError> {
        let id = session.id();
        loop {
            let attempt = cluster.owned.get_mut(id).map(|mut owned| owned.begin_raise());
            let Some(attempt) = attempt else { return Ok(false) };
            let raised = match cluster.directory.claim(id, attempt.epoch, None).await {
                Ok(true) => Ok(true),
                Ok(false) => match cluster.directory.find(id).await {
                    // Redis has lost the record. No instance can claim the session by this epoch.
                    Ok(None) => Ok(true),
                    // A late write of this instance has restored the record after the claim.
                    Ok(Some(record)) if record.is_raised_by(cluster.me(), attempt.epoch) => continue,
                    Ok(Some(_)) => Ok(false),
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            let Some(mut owned) = cluster.owned.get_mut(id) else { return Ok(false) };
            let end = owned.end_raise(attempt, raised.as_ref().ok().copied(), Instant::now());
            // The entry of a session is not locked together with the session.
            drop(owned);
            match end {
                Raised::Kept => break,
                Raised::Again => {}
                Raised::Before => return Ok(true),
                Raised::Lost => {
                    self.end_fenced(session, attempt.epoch, !session.is_frozen());
                    return Ok(false);
                }
                Raised::Unknown => return raised,
            }
        }
        session.unfreeze();
        if session.has_overflowed() {
            cluster.unflushed.add_overflowed(session);
        }
        Ok(true)
    }
}

impl Cluster {
    /// The time after which the commit of an export is overdue: the other instance has lost its lease by then, or is slow.
    pub(in crate::server::cluster) fn commit_timeout(&self) -> Duration {
        self.settings.lease.min(timeouts::COMMIT)
    }

    /// Whether a session is being exported, or is not owned.
    pub(in crate::server::cluster) fn has_export(&self, session: &Session) -> bool {
        self.export_of(session) != Export::None
    }

    /// Returns the export of a session.
    fn export_of(&self, session: &Session) -> Export {
        let Some(owned) = self.owned.get(session.id()) else { return Export::Pending };
        owned.export(Instant::now(), self.commit_timeout())
    }
}
