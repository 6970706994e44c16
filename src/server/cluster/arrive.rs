//! A session arrives: what its owner or Redis gave is put together with what has come here meanwhile, and from then on it
//! is one of this instance's.

use std::collections::HashSet;
use std::sync::Arc;

use super::take::{NotTaken, PATIENCE};
use super::wire::{Item, Question, State, packed, unpacked};
use super::{Cluster, Owned};
use crate::auth::{CredentialSnapshot, seconds_now};
use crate::bayeux::{Partition, Publication};
use crate::broker::Record;
use crate::router::Session;
use crate::server::Server;

/// A session that is here but not found yet. It is given up unless it is kept.
pub(super) struct Arriving<'a> {
    pub(super) server: &'a Server,
    pub(super) session: Arc<Session>,
    pub(super) is_kept: bool,
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            for pattern in self.session.end().unwrap_or_default() {
                self.server.trie.remove(&self.session, &pattern);
            }
            self.server.sessions.give_up(&self.session);
        }
    }
}

/// What its owner, or Redis, gave.
pub(super) struct Brought {
    pub(super) waiting: Vec<Arc<Publication>>,
    /// What has come here up to these numbers is known.
    pub(super) numbers: Vec<(Partition, u64)>,
    /// What has come here and is among what was brought.
    pub(super) known: HashSet<(usize, u64)>,
    pub(super) patterns: Vec<String>,
    pub(super) luggage: Option<CredentialSnapshot>,
    pub(super) is_from_the_dead: bool,
}

impl Brought {
    pub(super) fn from_owner(state: State) -> Self {
        Self {
            waiting: state.waiting.iter().filter_map(Item::publication).collect(),
            numbers: unpacked(&state.numbers),
            known: HashSet::new(),
            patterns: state.patterns,
            luggage: state.luggage,
            is_from_the_dead: false,
        }
    }
}

impl Server {
    /// Makes a session that was brought and claimed one of this instance's.
    pub(super) async fn settle(
        &self,
        cluster: &Cluster,
        arriving: &mut Arriving<'_>,
        record: &Record,
        brought: Brought,
    ) -> Result<Arc<Session>, NotTaken> {
        let session = Arc::clone(&arriving.session);
        let (id, epoch) = (*session.id(), record.epoch + 1);
        for pattern in session.patterns() {
            if !brought.patterns.iter().any(|other| **other == *pattern) {
                self.trie.unsubscribe(&session, &pattern);
            }
        }
        if let Some(luggage) = brought.luggage {
            session.ownership().restore(luggage);
        }
        if let (_, Some(second)) = session.ownership().take_expired(seconds_now()) {
            self.token_expiry.watch(&session, second);
        }
        let (numbers, known) = (brought.numbers, brought.known);
        let progress = lowest(&numbers, &brought.waiting);
        let has_arrived = session.arrive(brought.waiting, |publication| {
            publication.position().is_none_or(|position| {
                let before = numbers.iter().find(|(partition, _)| *partition == position.partition);
                before.is_none_or(|(_, number)| position.offset > *number)
                    && !known.contains(&(position.partition.index(), position.offset))
            })
        });
        if !has_arrived {
            // More came meanwhile than its mailbox takes. Its client learns that it was cut off.
            cluster.redis.end_session(&id, epoch).await?;
            return Err(NotTaken::Unknown);
        }
        arriving.is_kept = true;
        if let Some(old) = self.sessions.find(&id) {
            // It was given away, has come back, and nobody has said so.
            self.give_up(&old, record.epoch, false);
        }
        // Until the next heartbeat, that is how far it has come for whoever takes it over.
        let waiting = serde_json::to_string(&packed(&progress)).unwrap_or_default();
        cluster.owned.insert(id, Owned { waiting, ..Owned::new(epoch) });
        self.sessions.admit(&session);
        self.expiry.watch(&session);
        // If Redis is away, it is noted with a heartbeat.
        let _ = self.note_whole(cluster, &session).await;
        if brought.is_from_the_dead {
            self.metrics.cluster.adopted.inc();
            tracing::info!(client = %id, "session of a dead instance adopted");
            return Ok(session);
        }
        self.metrics.cluster.imported.inc();
        let (redis, owner) = (Arc::clone(&cluster.redis), record.node);
        tokio::spawn(async move {
            let question = Question::Taken { id: id.as_str().to_owned(), epoch };
            // If it is not told, it finds out at its next heartbeat.
            let question = serde_json::to_vec(&question).unwrap_or_default();
            let _ = redis.call(owner, &question, PATIENCE).await;
        });
        Ok(session)
    }
}

/// Before which number in each partition everything was delivered.
fn lowest(numbers: &[(Partition, u64)], waiting: &[Arc<Publication>]) -> Vec<(Partition, u64)> {
    let mut lowest = numbers.to_vec();
    for position in waiting.iter().filter_map(|publication| publication.position()) {
        if let Some((_, number)) = lowest.iter_mut().find(|(partition, _)| *partition == position.partition) {
            *number = (position.offset - 1).min(*number);
        }
    }
    lowest
}
