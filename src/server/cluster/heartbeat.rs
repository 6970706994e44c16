//! The heartbeat: renews the lease of this instance, and in a separate task the records of its sessions, and writes
//! positions. Records of very many sessions take longer than a lease.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::Cluster;
use super::directory::credential_of;
use crate::bayeux::{Positions, StreamPosition};
use crate::cluster::{SessionUpdate, WriteOutcome};
use crate::redis::RedisError;
use crate::router::{Progress, Session};
use crate::server::Server;

/// The number of connect replies after which the next number is written, well below the distance that an adopting instance
/// keeps to it. Otherwise it is written with other changes.
const REPLIES: u64 = 16_384;
/// The maximum number of concurrent directory writes.
const CONCURRENT: usize = 256;

/// A directory write of a heartbeat.
enum Write {
    /// The complete record, which may not exist.
    Replace(Arc<Session>),
    /// The end of an export without a commit.
    Abort(Arc<Session>),
    /// A renewal.
    Update {
        session: Arc<Session>,
        epoch: u64,
        /// The positions, if they have changed.
        positions: Option<Positions>,
        credential: Option<String>,
        /// The number of the next connect reply, if it has changed.
        next_reply: Option<u64>,
    },
}

impl Server {
    /// Writes records and positions with each heartbeat, for as long as the future is polled.
    pub(super) async fn run_records(&self) {
        let Some(cluster) = &self.cluster else { return };
        let mut every = tokio::time::interval(cluster.settings.heartbeat);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if self.write_records(cluster).await.is_err() {
                tracing::debug!("records of sessions not written");
            }
        }
    }

    /// Renews the lease for as long as the future is polled.
    pub(super) async fn run_heartbeat(&self) {
        let Some(cluster) = &self.cluster else { return };
        let mut every = tokio::time::interval(cluster.settings.heartbeat);
        let (begun, mut was_up, mut last_cause) = (Instant::now(), None, None);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if renew_lease(cluster).await.is_err() {
                tracing::debug!("heartbeat failed");
            }
            let is_up = cluster.is_up();
            self.metrics.redis.set_up(is_up);
            // Connecting may take a moment after the start.
            let is_starting = was_up.is_none() && !is_up && begun.elapsed() < cluster.settings.deadline;
            let cause = cluster.client.cause().filter(|_| !is_up);
            let has_changed = was_up != Some(is_up) || cause.is_some() && cause != last_cause;
            if !has_changed || is_starting {
                continue;
            }
            was_up = Some(is_up);
            last_cause.clone_from(&cause);
            if is_up {
                tracing::info!("Redis up");
            } else {
                tracing::warn!(
                    cause,
                    "Redis down: this instance is not ready and serves its own clients only; check redis.url"
                );
            }
        }
    }

    /// Renews the lease, and writes records and positions once.
    pub(super) async fn heartbeat(&self, cluster: &Cluster) -> Result<(), RedisError> {
        renew_lease(cluster).await?;
        self.write_records(cluster).await
    }

    /// Writes the records of sessions that are due, or of all sessions if their ownership is in doubt, and the positions.
    async fn write_records(&self, cluster: &Cluster) -> Result<(), RedisError> {
        if !cluster.membership.has_lease() {
            // The sessions are checked once the lease is valid again.
            return Ok(());
        }
        let _one_at_a_time = cluster.writing_records.lock().await;
        let doubt = cluster.unflushed.pending_doubt();
        // Read before the sessions: publications up to here are in their mailboxes, or were written.
        let positions = cluster.broker.joined_positions();
        let writes = self.due_writes(cluster, doubt.is_some());
        let writes = writes.into_iter().map(|write| self.write_due(cluster, write));
        let results: Vec<_> = futures_util::stream::iter(writes).buffer_unordered(CONCURRENT).collect().await;
        results.into_iter().collect::<Result<(), RedisError>>()?;
        if let Some(doubt) = doubt {
            cluster.unflushed.check(doubt);
        }
        if !cluster.unflushed.is_in_doubt() {
            // The sessions of other instances have ended.
            self.flush_received(cluster.unflushed.take_held_back());
        }
        cluster.membership.write_positions(&positions).await?;
        *cluster.written_positions.lock() = positions;
        Ok(())
    }

    /// Returns the directory writes that are due, or those of all sessions.
    fn due_writes(&self, cluster: &Cluster, all: bool) -> Vec<Write> {
        let now = Instant::now();
        let mut writes = Vec::new();
        for session in self.sessions.all() {
            // Before the entry is locked: a delivery takes the two locks in the other order.
            let (progress, next_reply) = (session.progress(), session.next_reply().unwrap_or_default());
            let Some(mut owned) = cluster.owned.get_mut(session.id()) else { continue };
            let is_due = all || owned.due <= now;
            let epoch = owned.epoch;
            if owned.exporting_since.is_some_and(|since| cluster.is_overdue(since)) {
                drop(owned);
                writes.push(Write::Abort(session));
                continue;
            }
            if owned.exporting_since.is_some() {
                // Another instance may have committed the import without notice.
                if is_due {
                    owned.due = now + self.renewal();
                    writes.push(Write::Update {
                        session,
                        epoch,
                        positions: None,
                        credential: None,
                        next_reply: None,
                    });
                }
                continue;
            }
            if !owned.is_registered {
                writes.push(Write::Replace(session));
                continue;
            }
            let positions = match progress {
                Progress::Complete => Some(Positions::default()),
                Progress::Waiting(lowest) => Some(lowest.iter().map(before).collect()),
                // The publications being written arrived since the last heartbeat.
                Progress::Writing if owned.positions.is_empty() => {
                    Some(cluster.written_positions.lock().clone())
                }
                Progress::Writing => None,
            };
            let positions = positions.filter(|positions| *positions != owned.positions);
            if let Some(positions) = &positions {
                owned.positions.clone_from(positions);
            }
            let replies = next_reply.saturating_sub(owned.next_reply);
            if is_due || positions.is_some() || replies >= REPLIES {
                owned.due = now + self.renewal();
                owned.next_reply = next_reply;
                drop(owned);
                // The client may have renewed its credential.
                let credential = if is_due { credential_of(&session) } else { None };
                let next_reply = Some(next_reply).filter(|_| replies > 0);
                writes.push(Write::Update { session, epoch, positions, credential, next_reply });
            }
        }
        writes
    }

    async fn write_due(&self, cluster: &Cluster, write: Write) -> Result<(), RedisError> {
        let (session, epoch, positions, credential, next_reply) = match write {
            Write::Replace(session) => return self.write_record(cluster, &session).await,
            Write::Abort(session) => {
                self.abort_export(cluster, &session).await;
                return Ok(());
            }
            Write::Update { session, epoch, positions, credential, next_reply } => {
                (session, epoch, positions, credential, next_reply)
            }
        };
        let mut update = SessionUpdate::default();
        if let Some(positions) = &positions {
            update.set_positions(positions);
        }
        if let Some(credential) = credential {
            update.set_credential(credential);
        }
        if let Some(number) = next_reply {
            update.set_next_reply(number);
        }
        match cluster.directory.update(session.id(), epoch, &update).await {
            Ok(WriteOutcome::Written) => Ok(()),
            Ok(WriteOutcome::Fenced) => {
                self.end_fenced(&session, epoch, !session.is_frozen());
                Ok(())
            }
            Ok(WriteOutcome::NotFound) => {
                self.schedule_write(session.id());
                self.write_record(cluster, &session).await
            }
            Err(error) => {
                self.schedule_write(session.id());
                Err(error)
            }
        }
    }
}

/// Renews the lease.
async fn renew_lease(cluster: &Cluster) -> Result<(), RedisError> {
    let late = || {
        tracing::warn!("lease of this instance expired; other instances may have adopted its sessions");
        cluster.unflushed.doubt();
    };
    cluster.membership.renew(late).await
}

/// Returns the position before a publication.
fn before(position: StreamPosition) -> StreamPosition {
    StreamPosition { offset: position.offset - 1, ..position }
}
