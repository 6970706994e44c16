//! Takes a session over: from the instance that owns it, which gives it away, or, when that is dead, from what Redis keeps
//! of it. Meanwhile the session is subscribed here already, so that nothing is missed between the two.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::Cluster;
use super::arrive::{Arriving, Brought};
use super::note::Noted;
use super::wire::{Answer, Asker, Question, packed, unpacked};
use crate::auth::seconds_now;
use crate::bayeux::{ClientId, Partition, Pattern, Publication};
use crate::broker::{Away, NodeId, Record, Unanswered};
use crate::router::Session;
use crate::server::Server;

/// How long another instance may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether an instance that does not listen is dead.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// How often it is tried anew when a session has changed hands in between.
const ATTEMPTS: usize = 4;

/// Why a session was not taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// There is no such session.
    Unknown,
    /// It belongs to somebody else than who asks.
    Unproven,
    /// Redis or its owner does not answer, or there is no room.
    Unavailable,
}

impl From<Away> for NotTaken {
    fn from(_: Away) -> Self {
        Self::Unavailable
    }
}

impl Server {
    /// Makes a session of another instance this instance's.
    pub(super) async fn take_over(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        asker: Option<&Asker>,
    ) -> Result<Arc<Session>, NotTaken> {
        let gate = Arc::clone(&cluster.arriving.entry(*id).or_default());
        let _one_at_a_time = gate.lock().await;
        let taken = self.try_to_take(cluster, id, asker).await;
        // Who waits has the gate itself.
        cluster.arriving.remove_if(id, |_, gate| Arc::strong_count(gate) <= 2);
        taken
    }

    async fn try_to_take(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        asker: Option<&Asker>,
    ) -> Result<Arc<Session>, NotTaken> {
        let mut before: Option<Record> = None;
        for _ in 0..ATTEMPTS {
            let here = self.sessions.find(id);
            let is_leaving = here.as_ref().is_some_and(|session| cluster.is_given_away(session));
            if let Some(session) = here.filter(|_| !is_leaving) {
                return Ok(session);
            }
            if cluster.ending.contains_key(id) {
                return Err(NotTaken::Unknown);
            }
            let record = cluster.redis.find_session(id).await?.ok_or(NotTaken::Unknown)?;
            if record.node == cluster.redis.me() && is_leaving {
                // It is being given to another instance, which does not have it yet.
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let noted = Noted::read(&record.fields);
            if noted.is_unreadable {
                // Who it belongs to cannot be known here.
                return Err(NotTaken::Unavailable);
            }
            let session = self.sessions.prepare(*id).map_err(|_| NotTaken::Unavailable)?;
            let mut arriving = Arriving { server: self, session, is_kept: false };
            let Some(brought) = self.bring(cluster, &arriving, &record, noted, asker).await? else {
                let same = before.replace(record);
                if let (Some(one), Some(other)) = (&same, &before)
                    && (one.node, one.epoch) == (other.node, other.epoch)
                {
                    // Its owner lives, and says twice that there is no such session: it has ended.
                    cluster.redis.bury_session(id, one).await?;
                    return Err(NotTaken::Unknown);
                }
                tokio::time::sleep(LOOK).await;
                continue;
            };
            if !self.claim(cluster, id, record.epoch).await? {
                continue;
            }
            return self.settle(cluster, &mut arriving, &record, brought).await;
        }
        Err(NotTaken::Unavailable)
    }

    /// Claims a session, and asks again until it is known whether that was done.
    async fn claim(&self, cluster: &Cluster, id: &ClientId, epoch: u64) -> Result<bool, NotTaken> {
        let since = Instant::now();
        loop {
            match cluster.redis.claim_session(id, epoch).await {
                Ok(is_claimed) => return Ok(is_claimed),
                Err(Away) if since.elapsed() > 4 * PATIENCE => return Err(NotTaken::Unavailable),
                Err(Away) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Subscribes a session here and asks its owner for it. `None` if that does not have it any more.
    async fn bring(
        &self,
        cluster: &Cluster,
        arriving: &Arriving<'_>,
        record: &Record,
        noted: Noted,
        asker: Option<&Asker>,
    ) -> Result<Option<Brought>, NotTaken> {
        let session = &arriving.session;
        self.subscribe_arriving(cluster, session, &noted.patterns).await?;
        let heard = cluster.redis.positions(noted.patterns.iter().map(String::as_str));
        let since = Instant::now();
        while record.node != cluster.redis.me() {
            let mut answer = self.ask_for(cluster, session.id(), record.node, &heard, asker).await;
            if let Ok(Answer::PutDown) = answer {
                let packed = cluster.redis.pick_up(session.id()).await?;
                let state = serde_json::from_slice(&packed).map_err(|_| NotTaken::Unavailable)?;
                answer = Ok(Answer::State(state));
            }
            match answer {
                Ok(Answer::State(state)) => {
                    if state.patterns.iter().all(|pattern| noted.patterns.contains(pattern)) {
                        return Ok(Some(Brought::from_owner(*state)));
                    }
                    // It has subscribed to more in this moment, which Redis knows by now, or soon.
                    tokio::time::sleep(LOOK).await;
                    return Ok(None);
                }
                Ok(Answer::Unproven) => return Err(NotTaken::Unproven),
                Ok(Answer::NotMine) => return Ok(None),
                Ok(_) => return Err(NotTaken::Unavailable),
                Err(Unanswered::Unavailable) => return Err(NotTaken::Unavailable),
                Err(Unanswered::NotThere | Unanswered::Silent) => {}
            }
            if cluster.redis.lease(record.node).await?.is_zero() {
                break;
            }
            if since.elapsed() > cluster.settings.lease + PATIENCE {
                return Err(NotTaken::Unavailable);
            }
            tokio::time::sleep(LOOK).await;
        }
        if let Some(luggage) = noted.luggage.clone() {
            session.ownership().restore(luggage);
            if asker.is_some_and(|asker| !self.is_of_the_client(session, asker)) {
                return Err(NotTaken::Unproven);
            }
        }
        self.bring_from_the_dead(cluster, session, record, noted, &heard).await.map(Some)
    }

    async fn subscribe_arriving(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        patterns: &[String],
    ) -> Result<(), NotTaken> {
        for pattern in patterns {
            self.trie.subscribe(session, pattern, self.limits.subscriptions);
        }
        // What is not heard here would be missed.
        let is_heard = cluster.redis.join(patterns.iter().map(String::as_str)).await;
        if is_heard { Ok(()) } else { Err(NotTaken::Unavailable) }
    }

    async fn ask_for(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        owner: NodeId,
        heard: &[(Partition, u64)],
        asker: Option<&Asker>,
    ) -> Result<Answer, Unanswered> {
        let asker = asker.map(Asker::copied);
        let question = Question::Release { id: id.as_str().to_owned(), heard: packed(heard), asker };
        cluster.ask(owner, &question, PATIENCE).await
    }

    /// What Redis keeps of what a dead instance's session has missed since that said how far it had come.
    async fn bring_from_the_dead(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        record: &Record,
        mut noted: Noted,
        heard: &[(Partition, u64)],
    ) -> Result<Brought, NotTaken> {
        // What a token that is over allowed is allowed no more.
        let (expired, _) = session.ownership().take_expired(seconds_now());
        noted.patterns.retain(|pattern| !expired.iter().any(|expired| **expired == **pattern));
        let come = cluster.redis.noted(record.node).await?;
        let waiting = unpacked(&noted.waiting);
        let patterns: Vec<_> = noted.patterns.iter().filter_map(|pattern| Pattern::parse(pattern)).collect();
        let (mut kept, mut numbers) = (Vec::new(), Vec::new());
        for (partition, _) in heard {
            let of_partition = |numbers: &[(Partition, u64)]| {
                numbers.iter().find(|(other, _)| other == partition).map(|(_, number)| *number)
            };
            // Without a note nothing was delivered in that partition yet.
            let Some(since) = of_partition(&waiting).or_else(|| of_partition(&come)) else { continue };
            numbers.push((*partition, since));
            let publications = cluster.redis.kept(*partition, since).await?;
            kept.extend(publications.into_iter().filter(|publication| {
                let channel = Pattern::of_name(publication.channel());
                patterns.iter().any(|pattern| pattern.covers(channel))
            }));
        }
        if self.pipeline.sees_deliveries() {
            kept = kept.iter().filter_map(|publication| self.adapt(session, publication)).collect();
        }
        let place = |publication: &Arc<Publication>| {
            publication.position().map(|position| (position.partition.index(), position.offset))
        };
        let known = kept.iter().filter_map(place).collect();
        Ok(Brought {
            waiting: kept,
            numbers,
            known,
            patterns: noted.patterns,
            luggage: None,
            is_from_the_dead: true,
        })
    }
}

impl Cluster {
    /// Asks another instance.
    pub(super) async fn ask(
        &self,
        node: NodeId,
        question: &Question,
        patience: Duration,
    ) -> Result<Answer, Unanswered> {
        let question = serde_json::to_vec(question).unwrap_or_default();
        let answer = self.redis.call(node, &question, patience).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            tracing::debug!(%error, "ignoring a malformed response of another instance");
            Unanswered::Silent
        })
    }
}
