//! Whatever instance a message comes to, its session is reached: it is here, or comes here, or its owner carries the
//! message out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Cluster;
use super::release::is_forgotten;
use super::take::{LOOK, NotTaken, PATIENCE};
use super::wire::{Answer, Asker, Handled, Question, text_of};
use crate::auth::{Cookie, Policy};
use crate::bayeux::{ClientId, Field, Message, Verb};
use crate::broker::{Unanswered, Written};
use crate::peer::Peer;
use crate::router::Session;
use crate::server::Server;
use crate::server::request::Prepared;

/// How often an owner is asked that does not have the session any more.
const ATTEMPTS: usize = 10;

/// Where a message is to be carried out.
pub(crate) enum Reached {
    /// Here.
    Here,
    /// It was carried out elsewhere.
    Carried {
        /// The replies: objects with commas between them.
        replies: String,
        /// A cookie that the browser is to keep.
        cookie: Option<Cookie>,
    },
    /// Nowhere now.
    Unreachable,
}

impl Server {
    /// Routes a message to the instance that owns its session: the session moves here, or its owner executes the message.
    /// `prepared` is the message if it was prepared here already.
    pub(in crate::server) async fn reach(
        &self,
        message: &Message,
        prepared: Option<&Prepared>,
        peer: &Arc<Peer>,
        policy: &Policy,
    ) -> Reached {
        let Some(cluster) = &self.cluster else { return Reached::Here };
        let verb = message.verb();
        let id = message.text(Field::ClientId).and_then(|id| ClientId::parse(id.as_bytes()));
        let Some(id) = id.filter(|_| !matches!(verb, Verb::Handshake | Verb::UnknownMeta)) else {
            return Reached::Here;
        };
        if verb == Verb::Publish && !self.needs_session(message, policy) {
            return Reached::Here;
        }
        if self.is_here(cluster, &id).await {
            return Reached::Here;
        }
        let asker = Asker::new(peer, text_of(message)).with(prepared.and_then(Handled::of));
        let is_stream = message.text(Field::ConnectionType).as_deref() == Some("eventsource");
        let reached = if verb == Verb::Connect && !is_stream {
            self.come(cluster, &id, &asker).await
        } else {
            self.forward(cluster, &id, asker, verb == Verb::Publish).await
        };
        if matches!(reached, Reached::Unreachable) {
            self.metrics.cluster.forward_errors.inc();
        }
        reached
    }

    /// The session with this identifier, wherever it is, for a stream that wants its messages: it comes here.
    pub async fn session_anywhere(&self, id: &ClientId, peer: &Arc<Peer>) -> Option<Arc<Session>> {
        let Some(cluster) = &self.cluster else { return self.sessions.find(id) };
        if !self.is_here(cluster, id).await
            && let Reached::Unreachable = self.come(cluster, id, &Asker::new(peer, None)).await
        {
            self.metrics.cluster.forward_errors.inc();
            return None;
        }
        self.sessions.find(id)
    }

    /// Whether what a publication may do hangs on its session.
    fn needs_session(&self, message: &Message, policy: &Policy) -> bool {
        let channel = message.text(Field::Channel).unwrap_or_default();
        policy.rule(&channel).publish.token || policy.counts_publications() || self.is_listened_to()
    }

    /// Whether a session is on this instance, and is its own.
    async fn is_here(&self, cluster: &Cluster, id: &ClientId) -> bool {
        let Some(session) = self.sessions.find(id) else { return false };
        let epoch = cluster.owned.get(id).map(|owned| owned.epoch);
        let Some(epoch) = epoch.filter(|_| !cluster.is_given_away(&session)) else { return false };
        if cluster.in_doubt.load(Ordering::Acquire) || !cluster.redis.has_lease() {
            // If Redis is away, the client came here because it could, and is served.
            if let Ok(Written::Fenced) = cluster.redis.note_session(id, epoch, false, &[], &[]).await {
                self.give_up(&session, epoch, true);
                return false;
            }
        }
        true
    }

    /// Has a session come here.
    async fn come(&self, cluster: &Cluster, id: &ClientId, asker: &Asker) -> Reached {
        if cluster.is_leaving() {
            return Reached::Unreachable;
        }
        match self.take_over(cluster, id, Some(asker)).await {
            // Who may not have it is answered as if there were none.
            Ok(_) | Err(NotTaken::Unknown | NotTaken::Unproven) => Reached::Here,
            Err(NotTaken::Unavailable) => Reached::Unreachable,
        }
    }

    /// Has the owner of a session carry a message out.
    async fn forward(&self, cluster: &Cluster, id: &ClientId, asker: Asker, is_publication: bool) -> Reached {
        for _ in 0..ATTEMPTS {
            let owner = match cluster.redis.find_session(id).await {
                Ok(Some(record)) if record.node == cluster.redis.me() => break,
                Ok(Some(record)) => record.node,
                Ok(None) => return Reached::Here,
                Err(_) => return Reached::Unreachable,
            };
            let question = Question::Carry { asker: asker.copied() };
            match cluster.ask(owner, &question, PATIENCE).await {
                Ok(Answer::Carried { replies, cookie }) => {
                    self.metrics.cluster.forwarded.inc();
                    return Reached::Carried { replies, cookie };
                }
                // It is giving the session away, or has done so.
                Ok(_) => tokio::time::sleep(LOOK).await,
                // It may have been published; the others may be done twice.
                Err(Unanswered::Silent) if is_publication => return Reached::Unreachable,
                Err(_) => break,
            }
        }
        self.come(cluster, id, &asker).await
    }
}

impl Cluster {
    /// Whether a session is being exported to another instance.
    pub(super) fn is_given_away(&self, session: &Arc<Session>) -> bool {
        let Some(owned) = self.owned.get(session.id()) else { return true };
        let released = owned.released;
        drop(owned);
        if released.is_some_and(is_forgotten) {
            self.keep(session);
            return false;
        }
        released.is_some()
    }

    /// Aborts the export of a session. One that overflowed during the export ends soon.
    pub(super) fn keep(&self, session: &Arc<Session>) {
        if let Some(mut owned) = self.owned.get_mut(session.id()) {
            owned.released = None;
        }
        session.stay();
        if session.has_overflowed() {
            self.fresh.lock().add_overflowed(session, None);
            self.flushing.notify_one();
        }
    }
}
