//! The heartbeat: renews the lease of this instance, and in a separate task the records of its sessions, and writes
//! positions. Records of very many sessions take longer than a lease.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::Cluster;
use super::directory::credential_of;
use super::owned::Export;
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
/// Sessions that are looked at before other tasks run. Very many take longer than a client should wait.
const AT_ONCE: usize = 1_000;

/// A directory write of a heartbeat.
enum Write {
    /// The complete record, which may not exist.
    Replace(Arc<Session>),
    /// The next epoch: after an export without a commit, or if the ownership is in doubt.
    Keep(Arc<Session>),
    /// A renewal.
    Update {
        session: Arc<Session>,
        epoch: u64,
        /// Whether the positions have changed.
        has_positions: bool,
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
            // The box keeps the depth of the types of futures within the limit of the compiler.
            if Box::pin(self.write_records(cluster)).await.is_err() {
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
        Box::pin(self.write_records(cluster)).await
    }

    /// Writes the records of sessions that are due, or of all sessions if their ownership is in doubt, and the positions. A
    /// record that cannot be written delays no other one.
    async fn write_records(&self, cluster: &Cluster) -> Result<(), RedisError> {
        if !cluster.membership.has_lease() {
            // The sessions are checked once the lease is valid again.
            return Ok(());
        }
        let _one_at_a_time = cluster.writing_records.lock().await;
        let doubt = cluster.unflushed.pending_doubt();
        // Read before the sessions: publications up to here are in their mailboxes, or were written.
        let positions = cluster.broker.joined_positions();
        let writes = self.due_writes(cluster, doubt).await;
        let writes = writes.into_iter().map(|write| self.write_due(cluster, write, doubt));
        let results: Vec<_> = futures_util::stream::iter(writes).buffer_unordered(CONCURRENT).collect().await;
        let failed = results.iter().filter(|result| result.is_err()).count();
        self.metrics.cluster.record_errors.inc_by(failed as u64);
        if let Some(doubt) = doubt {
            self.settle_doubt(cluster, doubt, failed > 0);
        }
        // Without the positions in its record, a session would be adopted from the newer positions of this instance.
        results.into_iter().collect::<Result<(), RedisError>>()?;
        cluster.membership.write_positions(&positions).await?;
        *cluster.written_positions.lock() = positions;
        Ok(())
    }

    /// Flushes the held-back sessions after the records that a doubt concerns were written: all sessions, or, if some writes
    /// have failed, those that belong to this instance for certain.
    fn settle_doubt(&self, cluster: &Cluster, doubt: u64, has_failed: bool) {
        if !has_failed {
            cluster.unflushed.check(doubt);
        }
        if !cluster.unflushed.is_in_doubt() {
            // The sessions of other instances have ended.
            self.flush_received(cluster.unflushed.take_held_back());
        } else if cluster.unflushed.pending_doubt() == Some(doubt) && cluster.membership.has_lease() {
            self.flush_received(cluster.unflushed.take_held_back_if(|session| {
                cluster.owned.get(session.id()).is_some_and(|owned| owned.checked >= doubt)
            }));
        }
    }

    /// Returns the directory writes that are due, and those of all sessions that were not checked after the doubt.
    async fn due_writes(&self, cluster: &Cluster, doubt: Option<u64>) -> Vec<Write> {
        let now = Instant::now();
        let written = cluster.written_positions.lock().clone();
        let mut writes = Vec::new();
        for (count, session) in self.sessions.all().into_iter().enumerate() {
            if count % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            // Before the entry is locked: a delivery takes the two locks in the other order.
            let (progress, next_reply) = (session.progress(), session.next_reply().unwrap_or_default());
            let Some(mut owned) = cluster.owned.get_mut(session.id()) else { continue };
            let is_in_doubt = doubt.is_some_and(|doubt| owned.checked < doubt);
            let is_due = owned.due <= now;
            let epoch = owned.epoch;
            if is_in_doubt || owned.is_raising() {
                owned.positions = positions_of(progress, &owned.positions, &written);
                // An instance that adopts the session may have read the record, and not claimed the session yet.
                drop(owned);
                writes.push(Write::Keep(session));
                continue;
            }
            match owned.export(now, cluster.commit_timeout()) {
                Export::None => {}
                Export::Overdue => {
                    drop(owned);
                    writes.push(Write::Keep(session));
                    continue;
                }
                Export::Pending => {
                    // Another instance may have committed the import without notice.
                    if is_due {
                        owned.due = now + self.renewal();
                        writes.push(Write::Update {
                            session,
                            epoch,
                            has_positions: false,
                            credential: None,
                            next_reply: None,
                        });
                    }
                    continue;
                }
            }
            let positions = positions_of(progress, &owned.positions, &written);
            let has_positions = positions != owned.positions;
            owned.positions = positions;
            if !owned.is_registered {
                writes.push(Write::Replace(session));
                continue;
            }
            let replies = next_reply.saturating_sub(owned.next_reply);
            if is_due || has_positions || replies >= REPLIES {
                owned.due = now + self.renewal();
                owned.next_reply = next_reply;
                drop(owned);
                // The client may have renewed its credential.
                let credential = if is_due { credential_of(&session) } else { None };
                let next_reply = Some(next_reply).filter(|_| replies > 0);
                writes.push(Write::Update { session, epoch, has_positions, credential, next_reply });
            }
        }
        writes
    }

    async fn write_due(&self, cluster: &Cluster, write: Write, doubt: Option<u64>) -> Result<(), RedisError> {
        let (session, epoch, has_positions, credential, next_reply) = match write {
            Write::Replace(session) => {
                self.write_record(cluster, &session).await?;
                note_check(cluster, &session, doubt);
                return Ok(());
            }
            Write::Keep(session) => {
                if self.keep(cluster, &session).await? {
                    self.write_record(cluster, &session).await?;
                    note_check(cluster, &session, doubt);
                }
                return Ok(());
            }
            Write::Update { session, epoch, has_positions, credential, next_reply } => {
                (session, epoch, has_positions, credential, next_reply)
            }
        };
        let mut update = SessionUpdate::default();
        if has_positions && let Some(owned) = cluster.owned.get(session.id()) {
            // The session may have subscribed since the heartbeat began.
            update.set_positions(&owned.positions);
        }
        if let Some(credential) = credential {
            update.set_credential(credential);
        }
        if let Some(number) = next_reply {
            update.set_next_reply(number);
        }
        match cluster.directory.update(session.id(), epoch, &update).await {
            Ok(WriteOutcome::Written) => {
                note_check(cluster, &session, doubt);
                Ok(())
            }
            Ok(WriteOutcome::Fenced) => {
                self.end_fenced(&session, epoch, !session.is_frozen());
                Ok(())
            }
            Ok(WriteOutcome::NotFound) => {
                self.schedule_write(session.id());
                self.write_record(cluster, &session).await?;
                note_check(cluster, &session, doubt);
                Ok(())
            }
            Err(error) => {
                self.schedule_write(session.id());
                Err(error)
            }
        }
    }
}

/// Notes that the record of a session was written after a doubt. The session has ended here if another instance owns it.
fn note_check(cluster: &Cluster, session: &Session, doubt: Option<u64>) {
    if let (Some(doubt), Some(mut owned)) = (doubt, cluster.owned.get_mut(session.id())) {
        owned.checked = doubt.max(owned.checked);
    }
}

/// Renews the lease.
pub(super) async fn renew_lease(cluster: &Cluster) -> Result<(), RedisError> {
    let late = || {
        tracing::warn!("lease of this instance expired; other instances may have adopted its sessions");
        cluster.unflushed.doubt();
    };
    cluster.membership.renew(late).await
}

/// Returns the positions of a session for its record: those of its partitions in which the positions of this instance, which
/// Redis has (`written`) or gets after the record, may be ahead of it.
fn positions_of(progress: Progress, old: &Positions, written: &Positions) -> Positions {
    let mut positions: Positions = match progress {
        Progress::Complete => Positions::default(),
        Progress::Waiting(lowest) => lowest.iter().map(before).collect(),
        // The publications being written arrived since the last heartbeat, or since an earlier one that has noted it.
        Progress::Writing => old.iter().chain(written.iter()).collect(),
    };
    // Without any position of its partition, an adopting instance would take a new subscription for one without publications.
    old.iter().filter(|old| written.offset(old.partition).is_none()).for_each(|old| positions.insert(old));
    positions
}

/// Returns the position before a publication.
fn before(position: StreamPosition) -> StreamPosition {
    StreamPosition { offset: position.offset - 1, ..position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_positions_of_a_session_cover_what_it_may_not_have() {
        let of = |pairs: &[(usize, u64)]| Positions::from(pairs.to_vec());
        let written = of(&[(1, 10), (2, 20)]);
        let lowest = of(&[(2, 26)]).iter().collect::<Positions>();
        for (progress, old, expected) in [
            (Progress::Complete, of(&[(1, 5)]), of(&[])),
            // This instance has joined partition 3 since.
            (Progress::Complete, of(&[(1, 5), (3, 7)]), of(&[(3, 7)])),
            (Progress::Waiting(lowest.clone()), of(&[]), of(&[(2, 25)])),
            (Progress::Waiting(lowest), of(&[(1, 5), (3, 7)]), of(&[(2, 25), (3, 7)])),
            (Progress::Writing, of(&[]), written.clone()),
            (Progress::Writing, of(&[(1, 5), (3, 7)]), of(&[(1, 5), (3, 7), (2, 20)])),
        ] {
            assert_eq!(positions_of(progress, &old, &written), expected);
        }
    }
}
