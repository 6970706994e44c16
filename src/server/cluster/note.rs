//! Notes in Redis what another instance needs to go on with a session: whose it is, its patterns, what it has shown.
//!
//! Fields of a session: `p:` and a pattern, whose value is its place; `shown`, what the session has shown; `waiting`, the
//! partitions in which something waits, with the number before it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Cluster;
use super::wire::packed;
use crate::auth::CredentialSnapshot;
use crate::bayeux::{ClientId, Field, Message, Partition, json};
use crate::broker::{Away, Written};
use crate::router::Session;
use crate::server::Server;

/// What the field of a pattern begins with.
const PATTERN: &str = "p:";
const SHOWN: &str = "shown";
pub(super) const WAITING: &str = "waiting";

/// Why something is noted.
pub(crate) enum Note {
    /// The session has just begun.
    Begun(ClientId),
    /// It subscribed to something, or unsubscribed.
    Changed(Box<Message>),
}

/// What is noted of a session, as it is read.
pub(super) struct Noted {
    pub(super) patterns: Vec<String>,
    pub(super) luggage: Option<CredentialSnapshot>,
    /// Whether it has shown something that is not understood here.
    pub(super) is_unreadable: bool,
    /// The partitions in which something waits, with the number before it.
    pub(super) waiting: Vec<(usize, u64)>,
}

impl Noted {
    pub(super) fn read(fields: &HashMap<String, String>) -> Self {
        let mut patterns: Vec<(u64, String)> = fields
            .iter()
            .filter_map(|(field, place)| {
                let pattern = field
                    .strip_prefix(PATTERN)
                    .filter(|pattern| crate::bayeux::channel::is_valid(pattern))?;
                Some((place.parse().ok()?, pattern.to_owned()))
            })
            .collect();
        patterns.sort_unstable();
        let luggage = fields.get(SHOWN).and_then(|shown| serde_json::from_str(shown).ok());
        let waiting = fields.get(WAITING).and_then(|waiting| serde_json::from_str(waiting).ok());
        Self {
            patterns: patterns.into_iter().map(|(_, pattern)| pattern).collect(),
            is_unreadable: luggage.is_none() && fields.contains_key(SHOWN),
            luggage,
            waiting: waiting.unwrap_or_default(),
        }
    }
}

impl Server {
    /// Notes what a message has changed, and joins the partitions that it needs. If Redis is away that is done when it is
    /// back.
    pub(crate) async fn note(&self, note: &Note) {
        let Some(cluster) = &self.cluster else { return };
        match note {
            Note::Begun(id) => {
                let Some(session) = self.sessions.find(id) else { return };
                // If Redis is away, it is noted with a heartbeat.
                let _ = self.note_whole(cluster, &session).await;
            }
            Note::Changed(message) => {
                let id = message.text(Field::ClientId).and_then(|id| ClientId::parse(id.as_bytes()));
                let Some(session) = id.and_then(|id| self.sessions.find(&id)) else { return };
                let wanted = message.get(Field::Subscription).map(json::elements).unwrap_or_default();
                let wanted: Vec<_> = wanted.iter().filter_map(|element| json::as_text(element)).collect();
                self.note_patterns(cluster, &session, &wanted).await;
            }
        }
    }

    async fn note_patterns<T: AsRef<str>>(&self, cluster: &Cluster, session: &Arc<Session>, wanted: &[T]) {
        let patterns = session.patterns();
        let (mut set, mut remove, mut begun) = (Vec::new(), Vec::new(), Vec::new());
        let here = wanted.iter().map(AsRef::as_ref).filter(|pattern| patterns.contains(*pattern));
        // Before it is answered, so that what is published from then on is heard.
        cluster.redis.join(here).await;
        for pattern in wanted.iter().map(AsRef::as_ref) {
            let field = format!("{PATTERN}{pattern}");
            match patterns.get_index_of(pattern) {
                Some(place) => {
                    set.push((field, place.to_string()));
                    begun.extend(cluster.redis.positions(std::iter::once(pattern)));
                }
                None => remove.push(field),
            }
        }
        set.extend(shown(session));
        set.extend(self.begun_in(cluster, session.id(), &begun));
        // If Redis is away, everything is noted with a heartbeat.
        let _ = self.write_note(cluster, session, false, &set, &remove).await;
    }

    /// How far the session had come, with the partitions that it has just begun to need: until the next heartbeat that is
    /// where whoever takes it over goes on.
    fn begun_in(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        begun: &[(Partition, u64)],
    ) -> Option<(String, String)> {
        let mut owned = cluster.owned.get_mut(id)?;
        let mut waiting: Vec<(usize, u64)> = serde_json::from_str(&owned.waiting).unwrap_or_default();
        for (partition, number) in packed(begun) {
            if !waiting.iter().any(|(other, _)| *other == partition) {
                waiting.push((partition, number));
            }
        }
        let text = serde_json::to_string(&waiting).ok().filter(|_| !waiting.is_empty())?;
        owned.waiting.clone_from(&text);
        Some((WAITING.to_owned(), text))
    }

    /// Notes everything of a session.
    ///
    /// # Errors
    /// [`Away`] if Redis did not take it: it is noted again with the next heartbeat.
    pub(super) async fn note_whole(&self, cluster: &Cluster, session: &Arc<Session>) -> Result<(), Away> {
        let patterns = session.patterns();
        let mut set: Vec<_> = patterns
            .iter()
            .enumerate()
            .map(|(at, name)| (format!("{PATTERN}{name}"), at.to_string()))
            .collect();
        set.extend(shown(session));
        let waiting = cluster.owned.get(session.id()).map(|owned| owned.waiting.clone());
        set.extend(
            waiting.filter(|waiting| !waiting.is_empty()).map(|waiting| (WAITING.to_owned(), waiting)),
        );
        self.write_note(cluster, session, true, &set, &[]).await
    }

    async fn write_note(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        is_whole: bool,
        set: &[(String, String)],
        remove: &[String],
    ) -> Result<(), Away> {
        let id = session.id();
        let Some((epoch, is_noted)) = cluster.owned.get(id).map(|owned| (owned.epoch, owned.is_noted)) else {
            return Ok(());
        };
        if !is_whole && !is_noted {
            // It is noted as a whole with the next heartbeat, or is just being.
            return Box::pin(self.note_whole(cluster, session)).await;
        }
        let set: Vec<_> = set.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
        let remove: Vec<_> = remove.iter().map(String::as_str).collect();
        let written = cluster.redis.note_session(id, epoch, is_whole, &set, &remove).await;
        match written {
            Ok(Written::Yes) => {
                if let Some(mut owned) = cluster.owned.get_mut(id).filter(|owned| owned.epoch == epoch) {
                    owned.is_noted |= is_whole;
                    owned.due = Instant::now() + self.renewal();
                }
            }
            Ok(Written::Fenced) => self.give_up(session, epoch, !session.has_departed()),
            // Redis has lost it.
            Ok(Written::Unknown) | Err(Away) => self.note_again(id),
        }
        written.map(drop)
    }

    pub(super) fn note_again(&self, id: &ClientId) {
        let Some(cluster) = &self.cluster else { return };
        if let Some(mut owned) = cluster.owned.get_mut(id) {
            owned.is_noted = false;
            owned.due = Instant::now();
        }
    }

    /// After how long Redis is told again of a session that lives: well before it forgets it.
    pub(super) fn renewal(&self) -> Duration {
        self.timeout.max(Duration::from_millis(500))
    }

    /// Has Redis forget a session that has ended.
    pub(crate) fn forget_everywhere(&self, id: ClientId) {
        let Some(cluster) = &self.cluster else { return };
        let Some((_, owned)) = cluster.owned.remove(&id) else { return };
        cluster.ending.insert(id, ());
        let server = cluster.server.get().and_then(std::sync::Weak::upgrade);
        tokio::spawn(async move {
            let Some(cluster) = server.as_ref().and_then(|server| server.cluster.as_ref()) else { return };
            // If Redis is away, it forgets the session by itself.
            let _ = cluster.redis.end_session(&id, owned.epoch).await;
            cluster.ending.remove(&id);
        });
    }

    /// Ends a session here alone: another instance has it, and an epoch of it above this one. With `is_lost`, it was taken
    /// without this instance's knowing.
    pub(super) fn give_up(&self, session: &Arc<Session>, epoch: u64, is_lost: bool) {
        let Some(cluster) = &self.cluster else { return };
        if cluster.owned.get(session.id()).is_some_and(|owned| owned.epoch > epoch) {
            // It has come back since.
            return;
        }
        session.depart(false);
        let Some(patterns) = session.end_here() else { return };
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
        cluster.owned.remove_if(session.id(), |_, owned| owned.epoch <= epoch);
    }
}

pub(super) fn shown(session: &Session) -> Option<(String, String)> {
    let luggage = serde_json::to_string(&session.ownership().snapshot()?).ok()?;
    Some((SHOWN.to_owned(), luggage))
}
