//! Notes in Redis what another instance needs to go on with a session: whose it is, its patterns, what it has shown.
//!
//! Fields of a session: `p:` and a pattern, whose value is its place; `shown`, what the session has shown; `waiting`, the
//! lanes in which something waits, with the number before it.

use std::collections::HashMap;

use tokio::time::{Duration, Instant};

use super::wire::packed;
use super::{Cluster, Owned};
use crate::bayeux::{ClientId, Field, Lane, Message, json};
use crate::broker::Written;
use crate::router::{Luggage, Session};
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
    pub(super) luggage: Option<Luggage>,
    /// The lanes in which something waits, with the number before it.
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
            luggage,
            waiting: waiting.unwrap_or_default(),
        }
    }
}

impl Server {
    /// Notes what a message has changed, and joins the lanes that it needs. If Redis is away that is done when it is
    /// back.
    pub(crate) async fn note(&self, note: &Note) {
        let Some(cluster) = &self.cluster else { return };
        match note {
            Note::Begun(id) => {
                let Some(session) = self.sessions.find(id) else { return };
                cluster.owned.insert(*id, Owned::new(1));
                self.note_whole(cluster, &session).await;
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

    async fn note_patterns<T: AsRef<str>>(&self, cluster: &Cluster, session: &Session, wanted: &[T]) {
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
        self.write_note(cluster, session, &set, &remove).await;
    }

    /// How far the session had come, with the lanes that it has just begun to need: until the next heartbeat that is
    /// where whoever takes it over goes on.
    fn begun_in(&self, cluster: &Cluster, id: &ClientId, begun: &[(Lane, u64)]) -> Option<(String, String)> {
        let mut owned = cluster.owned.get_mut(id)?;
        let mut waiting: Vec<(usize, u64)> = serde_json::from_str(&owned.waiting).unwrap_or_default();
        for (lane, number) in packed(begun) {
            if !waiting.iter().any(|(other, _)| *other == lane) {
                waiting.push((lane, number));
            }
        }
        let text = serde_json::to_string(&waiting).ok().filter(|_| !waiting.is_empty())?;
        owned.waiting.clone_from(&text);
        Some((WAITING.to_owned(), text))
    }

    /// Notes everything of a session; true if it is known to be this instance's then.
    pub(super) async fn note_whole(&self, cluster: &Cluster, session: &Session) -> bool {
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
        self.write_note(cluster, session, &set, &[]).await
    }

    async fn write_note(
        &self,
        cluster: &Cluster,
        session: &Session,
        set: &[(String, String)],
        remove: &[String],
    ) -> bool {
        let id = session.id();
        let Some((epoch, is_new)) = cluster.owned.get(id).map(|owned| (owned.epoch, !owned.is_noted)) else {
            return false;
        };
        let set: Vec<_> = set.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
        let remove: Vec<_> = remove.iter().map(String::as_str).collect();
        match cluster.redis.note_session(id, epoch, is_new, &set, &remove).await {
            Ok(Written::Yes) => {
                if let Some(mut owned) = cluster.owned.get_mut(id) {
                    owned.is_noted = true;
                    owned.due = Instant::now() + self.renewal();
                }
                true
            }
            Ok(Written::Fenced) => {
                self.give_up(session, true);
                false
            }
            Ok(Written::Unknown) => {
                // Redis has lost it: at the next heartbeat it is noted as a whole.
                self.note_again(id);
                false
            }
            Err(_) => {
                self.note_again(id);
                false
            }
        }
    }

    fn note_again(&self, id: &ClientId) {
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

    /// Ends a session here alone: another instance has it. With `is_lost`, it was taken without this instance's knowing.
    pub(super) fn give_up(&self, session: &Session, is_lost: bool) {
        let Some(cluster) = &self.cluster else { return };
        cluster.owned.remove(session.id());
        let Some(session) = self.sessions.find(session.id()) else { return };
        if is_lost {
            self.metrics.cluster.fenced.inc();
            tracing::info!(client = %session.id(), "the session is another instance's, and ends here");
            session.depart(0);
        } else {
            self.metrics.cluster.released.inc();
        }
        let Some(patterns) = session.end() else { return };
        self.expiry.forget(&session);
        for pattern in patterns {
            self.trie.remove(&session, &pattern);
        }
        self.sessions.forget(&session);
    }
}

fn shown(session: &Session) -> Option<(String, String)> {
    let luggage = serde_json::to_string(&session.luggage()?).ok()?;
    Some((SHOWN.to_owned(), luggage))
}
