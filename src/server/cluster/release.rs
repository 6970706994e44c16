//! Gives sessions to other instances, and answers what they ask.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Duration, Instant};

use super::Cluster;
use super::wire::{Answer, Asker, Item, Question, State, packed, unpacked};
use crate::auth::Credentials;
use crate::bayeux::{ClientId, Field, Message, Partition, Publication, parse};
use crate::router::{PendingFlush, Session};
use crate::server::Server;
use crate::server::request::Origin;

/// How long a transport may take to settle what it is writing, and partitions to come to where the other instance is.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(2);
/// After so long a session that was given away and not taken is this instance's again.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// Bytes of messages that instances say to each other; more are put down in Redis, which cuts off who is too far behind.
const SAID: usize = 64 * 1024;

impl Server {
    /// Answers another instance; with nothing if it asks for nothing that is known.
    pub(super) async fn answer(self: &Arc<Self>, question: &Bytes) -> Vec<u8> {
        let answer = match serde_json::from_slice(question) {
            Ok(question) => self.answer_to(question).await,
            Err(error) => {
                self.metrics.redis.malformed.inc();
                tracing::debug!(%error, "ignoring a malformed request of another instance");
                return Vec::new();
            }
        };
        serde_json::to_vec(&answer).unwrap_or_default()
    }

    async fn answer_to(self: &Arc<Self>, question: Question) -> Answer {
        let Some(cluster) = &self.cluster else { return Answer::Failed };
        let id = |id: &str| ClientId::parse(id.as_bytes());
        match question {
            Question::Release { id: text, heard, asker } => {
                let Some(session) = id(&text).and_then(|id| self.sessions.find(&id)) else {
                    return Answer::NotMine;
                };
                if asker.is_some_and(|asker| !self.is_of_the_client(&session, &asker)) {
                    return Answer::Unproven;
                }
                self.release(cluster, &session, &unpacked(&heard)).await
            }
            Question::Taken { id: text, epoch } => {
                if let Some(session) = id(&text).and_then(|id| self.sessions.find(&id)) {
                    self.give_up(&session, epoch - epoch.min(1), false);
                }
                Answer::Done
            }
            Question::Carry { asker } => self.carry(&asker).await,
            Question::Take { id: text } => match id(&text) {
                Some(id) if !cluster.is_leaving() && self.take_over(cluster, &id, None).await.is_ok() => {
                    Answer::Done
                }
                _ => Answer::Failed,
            },
        }
    }

    /// Whether a message to another instance, or a request for a stream, shows that it is of the session's client.
    pub(super) fn is_of_the_client(&self, session: &Session, asker: &Asker) -> bool {
        if !session.ownership().is_bound() {
            return true;
        }
        let Some(peer) = asker.peer() else { return false };
        let Some(message) = &asker.message else { return self.is_proven(session, &peer) };
        let Some(mut message) = parse_one(message) else { return false };
        let policy = self.policy.load();
        let credentials: Credentials = policy.credentials(&mut message, &peer);
        session.ownership().is_proven(&policy.proof(&credentials, &peer))
    }

    /// Takes a session's transports off, waits until it has come as far as the other instance, and packs it. It stays
    /// here until the other says that it has it.
    async fn release(&self, cluster: &Cluster, session: &Arc<Session>, heard: &[(Partition, u64)]) -> Answer {
        match cluster.owned.get_mut(session.id()) {
            Some(mut owned) => owned.released = Some(Instant::now()),
            None => return Answer::NotMine,
        }
        session.depart(cluster.is_leaving());
        let Some((waiting, numbers)) = self.pack(cluster, session, heard).await else {
            let has_overflowed = session.has_overflowed();
            cluster.keep(session);
            if has_overflowed {
                return Answer::NotMine;
            }
            tracing::warn!(client = %session.id(), "session not exported in time; keeping it");
            return Answer::Failed;
        };
        let state = State {
            waiting: waiting.iter().map(|publication| Item::new(publication)).collect(),
            numbers: packed(&numbers),
            patterns: session.patterns().iter().map(|pattern| pattern.to_string()).collect(),
            luggage: session.ownership().snapshot(),
        };
        let size: usize = waiting.iter().map(|publication| publication.size()).sum();
        if size <= SAID {
            return Answer::State(Box::new(state));
        }
        let state = serde_json::to_vec(&state).unwrap_or_default();
        match cluster.redis.put_down(session.id(), &state).await {
            Ok(()) => Answer::PutDown,
            Err(_) => {
                cluster.keep(session);
                Answer::Failed
            }
        }
    }

    /// What waits for a session, and how far its partitions have come, once that is as far as the other instance.
    async fn pack(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        heard: &[(Partition, u64)],
    ) -> Option<(Vec<Arc<Publication>>, Vec<(Partition, u64)>)> {
        let patterns = session.patterns();
        let until = Instant::now() + PATIENCE;
        loop {
            let numbers = cluster.redis.positions(patterns.iter().map(AsRef::as_ref));
            let is_behind = heard.iter().any(|(partition, number)| {
                numbers.iter().any(|(other, here)| other == partition && *here > 0 && here < number)
            });
            if !is_behind {
                let partitions: Vec<Partition> = numbers.iter().map(|(partition, _)| *partition).collect();
                // While nothing is delivered, so that what waits and the numbers go together.
                let packed = cluster.redis.while_still(&partitions, |numbers| {
                    session.waiting().map(|waiting| (waiting, numbers.to_vec()))
                });
                if packed.is_some() {
                    return packed;
                }
            }
            if session.has_overflowed() || Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Carries out a message that came to another instance.
    async fn carry(self: &Arc<Self>, asker: &Asker) -> Answer {
        let message = asker.message.as_deref().and_then(parse_one);
        let (Some(message), Some(peer)) = (message, asker.peer()) else { return Answer::Failed };
        let id = message.text(Field::ClientId).and_then(|id| ClientId::parse(id.as_bytes()));
        if id.is_none_or(|id| self.sessions.find(&id).is_none()) {
            return Answer::NotMine;
        }
        let mut pending = PendingFlush::default();
        let prepared = asker.handled.as_ref().and_then(|handled| {
            let credentials = self.policy.load().credentials(&mut message.clone(), &peer);
            handled.prepared(credentials)
        });
        // The message is executed here even if the session leaves: it is not forwarded again.
        let origin = Origin::Instance(prepared.map(Box::new));
        let received = Box::pin(self.receive_and_wait(vec![message], &peer, &mut pending, origin)).await;
        pending.flush();
        drop(pending);
        if received.has_departed {
            return Answer::NotMine;
        }
        let mut replies = received.replies;
        for accepted in received.connects {
            // The connect of a stream: it keeps the session alive, and has the stream get the messages again.
            accepted.session.restore_stream();
            let reply = match accepted.reply {
                Some(reply) if accepted.is_unseen => self.outgoing(reply, &peer).await,
                reply => reply,
            };
            if let Some(reply) = reply {
                if !replies.is_empty() {
                    replies.push(b',');
                }
                replies.extend_from_slice(&reply);
            }
        }
        match String::from_utf8(replies) {
            Ok(replies) => Answer::Carried { replies, cookie: received.cookie.map(|cookie| *cookie) },
            Err(_) => Answer::Failed,
        }
    }
}

fn parse_one(message: &str) -> Option<Message> {
    parse::parse_one(&Bytes::copy_from_slice(message.as_bytes()))
}

/// Whether a session was given away and not taken for so long that it is this instance's again.
pub(super) fn is_forgotten(released: Instant) -> bool {
    released.elapsed() >= FORGOTTEN
}
