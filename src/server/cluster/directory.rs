//! Writes the directory records of the sessions of this instance.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Cluster;
use crate::bayeux::{ClientId, Field, Message, Positions, StreamPosition, json};
use crate::cluster::{SessionUpdate, WriteOutcome};
use crate::redis::RedisError;
use crate::router::Session;
use crate::server::Server;

/// A directory write that a message causes.
pub(crate) enum DirectoryWrite {
    /// The record of a new session.
    Created(ClientId),
    /// The subscriptions of a session, after this `/meta/subscribe` or `/meta/unsubscribe`.
    Subscriptions(Box<Message>),
}

impl Server {
    /// Writes the changes of a message, and joins the partitions of new subscriptions. If Redis is down, the next
    /// heartbeat repeats the write. Returns `false` if an instance that has adopted the session may not have the change.
    pub(crate) async fn write_directory(&self, write: &DirectoryWrite) -> bool {
        let Some(cluster) = &self.cluster else { return true };
        match write {
            DirectoryWrite::Created(id) => {
                if let Some(session) = self.sessions.find(id) {
                    // If Redis is down, a heartbeat writes the record.
                    let _ = self.write_record(cluster, &session).await;
                }
                true
            }
            DirectoryWrite::Subscriptions(message) => {
                let id = message.text(Field::ClientId).and_then(|id| ClientId::parse(id.as_bytes()));
                let Some(session) = id.and_then(|id| self.sessions.find(&id)) else { return true };
                let named = message.get(Field::Subscription).map(json::elements).unwrap_or_default();
                let named: Vec<_> = named.iter().filter_map(|element| json::as_text(element)).collect();
                self.write_subscriptions(cluster, &session, &named).await
            }
        }
    }

    /// Writes where the replays of a session begin, so that an instance that adopts it continues them.
    pub(crate) async fn write_replays(&self, session: &Arc<Session>) {
        let Some(cluster) = &self.cluster else { return };
        let unreplayed = session.unreplayed();
        if unreplayed.is_empty() {
            return;
        }
        let mut update = SessionUpdate::default();
        {
            let Some(mut owned) = cluster.owned.get_mut(session.id()) else { return };
            for position in unreplayed.iter() {
                let before = StreamPosition { offset: position.offset - 1, ..position };
                match owned.positions.offset_mut(before.partition) {
                    Some(offset) => *offset = before.offset.min(*offset),
                    None => owned.positions.insert(before),
                }
            }
            update.set_positions(&owned.positions);
        }
        // If Redis is down, a heartbeat writes the record.
        let _ = self.update_record(cluster, session, &update).await;
    }

    async fn write_subscriptions<T: AsRef<str>>(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        named: &[T],
    ) -> bool {
        let patterns = session.patterns();
        let mut update = SessionUpdate::default();
        let mut positions = Positions::default();
        let here = named.iter().map(AsRef::as_ref).filter(|pattern| patterns.contains(*pattern));
        // Before the reply, so that all publications after the reply are received.
        cluster.broker.join(here).await;
        for pattern in named.iter().map(AsRef::as_ref) {
            match patterns.get_index_of(pattern) {
                Some(place) => {
                    update.set_pattern(pattern, place);
                    cluster
                        .broker
                        .positions(std::iter::once(pattern))
                        .iter()
                        .for_each(|position| positions.insert(position));
                }
                None => update.remove_pattern(pattern),
            }
        }
        if let Some(credential) = credential_of(session) {
            update.set_credential(credential);
        }
        add_positions(cluster, session.id(), &positions, &mut update);
        // If Redis is down, a heartbeat writes the complete record.
        let written = self.update_record(cluster, session, &update).await;
        if !cluster.unflushed.is_in_doubt() {
            return true;
        }
        if written.is_ok() {
            // An instance that adopts the session may have read the record before. If the epoch is not raised, a heartbeat
            // does it.
            let _ = self.keep(cluster, session).await;
        }
        cluster.owned.contains_key(session.id())
    }

    /// Writes the complete record of a session.
    ///
    /// # Errors
    /// [`RedisError`] if the write failed. The next heartbeat repeats it.
    pub(super) async fn write_record(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
    ) -> Result<(), RedisError> {
        let mut update = SessionUpdate::default();
        for (place, pattern) in session.patterns().iter().enumerate() {
            update.set_pattern(pattern, place);
        }
        if let Some(credential) = credential_of(session) {
            update.set_credential(credential);
        }
        let next_reply = session.next_reply();
        let Some((epoch, positions)) = cluster.owned.get_mut(session.id()).map(|mut owned| {
            owned.next_reply = next_reply.unwrap_or_default();
            (owned.epoch, owned.positions.clone())
        }) else {
            return Ok(());
        };
        if let Some(number) = next_reply {
            update.set_next_reply(number);
        }
        if session.has_cursors() {
            update.set_cursors();
        }
        if !positions.is_empty() {
            update.set_positions(&positions);
        }
        let outcome = cluster.directory.replace(session.id(), epoch, &update).await;
        self.handle_outcome(cluster, session, epoch, true, &outcome);
        outcome.map(drop)
    }

    /// Updates the record of a session, or writes the complete record if there is none.
    async fn update_record(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        update: &SessionUpdate,
    ) -> Result<(), RedisError> {
        let id = session.id();
        let owned = cluster.owned.get(id).map(|owned| (owned.epoch, owned.is_registered));
        let Some((epoch, is_registered)) = owned else { return Ok(()) };
        if !is_registered {
            return Box::pin(self.write_record(cluster, session)).await;
        }
        let outcome = cluster.directory.update(id, epoch, update).await;
        self.handle_outcome(cluster, session, epoch, false, &outcome);
        outcome.map(drop)
    }

    fn handle_outcome(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        epoch: u64,
        is_complete: bool,
        outcome: &Result<WriteOutcome, RedisError>,
    ) {
        match outcome {
            Ok(WriteOutcome::Written) => {
                let owned = cluster.owned.get_mut(session.id());
                if let Some(mut owned) = owned.filter(|owned| owned.epoch == epoch) {
                    owned.is_registered |= is_complete;
                    owned.due = Instant::now() + self.renewal();
                }
            }
            Ok(WriteOutcome::Fenced) => self.end_fenced(session, epoch, !session.is_frozen()),
            // Redis has lost the record.
            Ok(WriteOutcome::NotFound) | Err(_) => self.schedule_write(session.id()),
        }
    }

    /// Schedules the complete record of a session for the next heartbeat.
    pub(super) fn schedule_write(&self, id: &ClientId) {
        let Some(cluster) = &self.cluster else { return };
        if let Some(mut owned) = cluster.owned.get_mut(id) {
            owned.is_registered = false;
            owned.due = Instant::now();
        }
    }

    /// Returns the interval between two renewals of a record: well below the lifetime of a record.
    pub(super) fn renewal(&self) -> Duration {
        self.timeout.max(Duration::from_millis(500))
    }

    /// Removes the record of a session that has ended.
    pub(crate) fn remove_record(&self, id: ClientId) {
        let Some(cluster) = &self.cluster else { return };
        let Some((_, owned)) = cluster.owned.remove(&id) else { return };
        cluster.ending.insert(id, ());
        let server = cluster.server.get().and_then(std::sync::Weak::upgrade);
        tokio::spawn(async move {
            let Some(cluster) = server.as_ref().and_then(|server| server.cluster.as_ref()) else { return };
            // If Redis is down, the record expires.
            let _ = cluster.directory.remove(&id, owned.epoch).await;
            cluster.ending.remove(&id);
        });
    }

    /// Ends a session on this instance only: another instance owns it with a higher epoch. `is_lost` says that it was
    /// acquired without notice.
    pub(super) fn end_fenced(&self, session: &Arc<Session>, epoch: u64, is_lost: bool) {
        let Some(cluster) = &self.cluster else { return };
        if cluster.owned.get(session.id()).is_some_and(|owned| !owned.ends_after(epoch)) {
            return;
        }
        if self.end_here(session, is_lost) {
            cluster.owned.remove_if(session.id(), |_, owned| owned.epoch <= epoch);
        }
    }

    /// Ends a session on this instance only. Returns `false` if it had ended.
    pub(super) fn end_here(&self, session: &Arc<Session>, is_lost: bool) -> bool {
        session.freeze(false);
        let Some(patterns) = session.end_here() else { return false };
        if is_lost {
            self.metrics.cluster.fenced.inc();
            tracing::info!(client = %session.id(), "session owned by another instance; ending it here");
        } else {
            self.metrics.cluster.exported.inc();
        }
        self.expiry.forget(session);
        for pattern in patterns {
            self.trie.remove(session, &pattern);
        }
        self.sessions.forget(session);
        true
    }
}

/// Adds the positions of new partitions to those of a session. Until the next heartbeat, an adopting instance starts there.
fn add_positions(cluster: &Cluster, id: &ClientId, new: &Positions, update: &mut SessionUpdate) {
    let Some(mut owned) = cluster.owned.get_mut(id) else { return };
    new.iter().for_each(|position| owned.positions.insert(position));
    if !owned.positions.is_empty() {
        update.set_positions(&owned.positions);
    }
}

/// Returns the credential of a session as JSON; `None` if it has none.
pub(super) fn credential_of(session: &Session) -> Option<String> {
    serde_json::to_string(&session.ownership().snapshot()?).ok()
}
