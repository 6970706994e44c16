//! Imports an acquired session: merges its state with what this instance has received for it, and commits.

use std::sync::Arc;

use super::AcquireError;
use crate::auth::{CredentialSnapshot, seconds_now};
use crate::bayeux::{Pattern, Positions, Publication};
use crate::cluster::SessionRecord;
use crate::router::{Ack, Contents, ReplayState, Session};
use crate::server::Server;
use crate::server::cluster::messages::{QueuedMessage, Request, SessionState};
use crate::server::cluster::timeouts;
use crate::server::cluster::{Cluster, Owned};

/// A session that is being imported. It is not in the table of sessions yet. Dropping it aborts the import.
pub(super) struct Import<'a> {
    pub(super) server: &'a Server,
    pub(super) session: Arc<Session>,
    pub(super) is_committed: bool,
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        if !self.is_committed {
            for pattern in self.session.end().unwrap_or_default() {
                self.server.trie.remove(&self.session, &pattern);
            }
            self.server.sessions.give_up(&self.session);
        }
    }
}

/// The state of a session, from its owner or from Redis.
pub(super) struct Imported {
    pub(super) queued: Vec<Arc<Publication>>,
    /// Up to these positions the session has received everything, or it is in `queued`.
    pub(super) positions: Positions,
    pub(super) patterns: Vec<String>,
    pub(super) credential: Option<CredentialSnapshot>,
    /// The acknowledged delivery of `queued`.
    pub(super) ack: Option<Ack>,
    pub(super) replays: Vec<ReplayState>,
    pub(super) has_cursors: bool,
    /// Whether the owner is dead.
    pub(super) is_adopted: bool,
}

impl Imported {
    pub(super) fn from_owner(state: SessionState) -> Self {
        let queued: Vec<_> = state.queued.iter().filter_map(QueuedMessage::publication).collect();
        let mut ack = state.ack;
        if let Some(ack) = ack.as_mut().filter(|_| queued.len() < state.queued.len()) {
            // Without the malformed messages it is another queue.
            ack.forget();
        }
        Self {
            queued,
            ack,
            positions: state.positions,
            patterns: state.patterns,
            credential: state.credential,
            replays: state.replays,
            has_cursors: state.cursors,
            is_adopted: false,
        }
    }

    /// The positions up to which everything was delivered: before the first queued publication of each partition.
    pub(super) fn undelivered(&self) -> Positions {
        let mut before = self.positions.clone();
        for position in self.queued.iter().filter_map(|publication| publication.position()) {
            if let Some(offset) = before.offset_mut(position.partition) {
                *offset = (position.offset - 1).min(*offset);
            }
        }
        before
    }
}

impl Server {
    /// Tells the client of an adopted session that messages of channels without history may be missing.
    fn tell_gaps(&self, session: &Arc<Session>) {
        let policy = self.policy.load();
        for pattern in session.patterns() {
            let is_kept = policy.rules_of(&pattern).all(|rule| rule.history.is_some());
            if !is_kept {
                session.tell_gap(&pattern, "instance");
            }
        }
    }

    /// Commits the import of a session that was claimed: this instance owns it from now on.
    pub(super) async fn commit(
        &self,
        cluster: &Cluster,
        import: &mut Import<'_>,
        record: &SessionRecord,
        imported: Imported,
    ) -> Result<Arc<Session>, AcquireError> {
        let session = Arc::clone(&import.session);
        let (id, epoch) = (*session.id(), record.epoch + 1);
        for pattern in session.patterns() {
            if !imported.patterns.iter().any(|other| **other == *pattern) {
                self.trie.unsubscribe(&session, &pattern);
            }
        }
        let undelivered = imported.undelivered();
        if let Some(credential) = imported.credential {
            session.ownership().restore(credential);
        }
        if session.ownership().is_bound() {
            // Tokens may have expired during the move. The next check ends their subscriptions, and tells the client.
            self.token_expiry.watch(&session, seconds_now());
        }
        let positions = imported.positions;
        let contents = Contents {
            queued: imported.queued,
            ack: imported.ack,
            replays: imported.replays,
            has_cursors: imported.has_cursors,
            delivered: positions.clone(),
        };
        let parsed: Vec<_> = imported.patterns.iter().filter_map(|pattern| Pattern::parse(pattern)).collect();
        let has_room = session.import(contents, |publication| {
            let channel = Pattern::of_name(publication.channel());
            // The client may have unsubscribed at the former owner after this instance had subscribed the session.
            let is_subscribed =
                publication.channel().is_empty() || parsed.iter().any(|pattern| pattern.covers(channel));
            is_subscribed
                && publication.position().is_none_or(|position| {
                    let before = positions.offset(position.partition);
                    before.is_none_or(|before| position.offset > before)
                })
        });
        if !has_room {
            // The mailbox has overflowed. The client learns that the session has ended.
            cluster.directory.remove(&id, epoch).await?;
            return Err(AcquireError::NotFound);
        }
        import.is_committed = true;
        if let Some(old) = self.sessions.find(&id) {
            // It was exported and has come back before its commit arrived, or Redis has lost that it was here before: then the
            // epoch here is the higher one.
            self.end_here(&old, false);
        }
        // Until the next heartbeat, an adopting instance starts at these positions.
        let mut owned = Owned::new(epoch);
        owned.positions = undelivered;
        cluster.owned.insert(id, owned);
        self.sessions.admit(&session);
        self.expiry.watch(&session);
        session.start_replays();
        // If Redis is down, a heartbeat writes the record.
        let _ = self.write_record(cluster, &session).await;
        if imported.is_adopted {
            self.metrics.cluster.adopted.inc();
            tracing::info!(client = %id, "session of a dead instance adopted");
            self.tell_gaps(&session);
            return Ok(session);
        }
        self.metrics.cluster.imported.inc();
        let (rpc, owner) = (Arc::clone(&cluster.rpc), record.owner);
        tokio::spawn(async move {
            let request = Request::Commit { id: id.as_str().to_owned(), epoch };
            let request = serde_json::to_vec(&request).unwrap_or_default();
            // If the commit is lost, the next heartbeat of the old owner is fenced.
            let _ = rpc.call(owner, &request, timeouts::REQUEST).await;
        });
        Ok(session)
    }
}
