//! The heartbeat: this instance says that it lives, that its sessions are its own, and how far they have come.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::Cluster;
use super::note::{WAITING, shown};
use super::wire::packed;
use crate::broker::{Away, Written};
use crate::router::{Progress, Session};
use crate::server::Server;

/// Sessions of which Redis is told at one time.
const AT_ONCE: usize = 256;

/// What Redis has to be told of a session.
enum Told {
    /// Everything: it may not know it.
    Whole(Arc<Session>),
    /// That it lives on, by its epoch, what waits for it now, if that has changed, and what it has shown.
    Alive(Arc<Session>, u64, Option<String>, Option<(String, String)>),
}

impl Server {
    /// Beats for as long as it is polled.
    pub(super) async fn beat(&self) {
        let Some(cluster) = &self.cluster else { return };
        let mut every = tokio::time::interval(cluster.settings.heartbeat);
        let (begun, mut was_up, mut last_cause) = (Instant::now(), None, None);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(Away) = self.beat_once(cluster).await {
                tracing::debug!("heartbeat failed");
            }
            let is_up = cluster.redis.is_up();
            self.metrics.redis.set_up(is_up);
            // At the start it may take a moment.
            let is_starting = was_up.is_none() && !is_up && begun.elapsed() < cluster.settings.deadline;
            let cause = cluster.redis.cause().filter(|_| !is_up);
            let is_news = was_up != Some(is_up) || cause.is_some() && cause != last_cause;
            if !is_news || is_starting {
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

    pub(super) async fn beat_once(&self, cluster: &Cluster) -> Result<(), Away> {
        let late = || {
            tracing::warn!("lease of this instance expired; other instances may have adopted its sessions");
            cluster.in_doubt.store(true, Ordering::Release);
        };
        cluster.redis.beat(late).await?;
        let is_in_doubt = cluster.in_doubt.load(Ordering::Acquire);
        // Before the sessions are looked at: what was delivered up to here is in their mailboxes, or was written.
        let numbers = cluster.redis.numbers();
        let told = self.to_be_told(cluster, is_in_doubt);
        let telling = told.into_iter().map(|told| self.tell_redis(cluster, told));
        let results: Vec<_> = futures_util::stream::iter(telling).buffer_unordered(AT_ONCE).collect().await;
        results.into_iter().collect::<Result<(), Away>>()?;
        if is_in_doubt {
            cluster.in_doubt.store(false, Ordering::Release);
        }
        // Those that are another's have ended.
        let held_back = std::mem::take(&mut *cluster.held_back.lock());
        self.settle_deliveries(held_back);
        cluster.redis.note(&numbers).await?;
        *cluster.noted.lock() = numbers;
        Ok(())
    }

    fn to_be_told(&self, cluster: &Cluster, all: bool) -> Vec<Told> {
        let now = Instant::now();
        let mut told = Vec::new();
        for session in self.sessions.all() {
            // Before its entry is locked: whoever delivers locks the other way round.
            let progress = session.progress();
            let Some(mut owned) = cluster.owned.get_mut(session.id()) else { continue };
            if owned.released.is_some() {
                // Somebody else may have it by now, and may not have said so.
                if all || owned.due <= now {
                    owned.due = now + self.renewal();
                    told.push(Told::Alive(Arc::clone(&session), owned.epoch, None, None));
                }
                continue;
            }
            if !owned.is_noted {
                told.push(Told::Whole(session));
                continue;
            }
            let waiting = match progress {
                Progress::Complete => Some(String::new()),
                Progress::Waiting(lowest) => {
                    let before: Vec<_> =
                        packed(&lowest).into_iter().map(|(partition, at)| (partition, at - 1)).collect();
                    serde_json::to_string(&before).ok()
                }
                // What is being written has come since the last heartbeat, or in it.
                Progress::Writing if owned.waiting.is_empty() => {
                    serde_json::to_string(&packed(&cluster.noted.lock())).ok()
                }
                Progress::Writing => None,
            };
            let changed = waiting.filter(|waiting| *waiting != owned.waiting);
            if let Some(waiting) = &changed {
                owned.waiting.clone_from(waiting);
            }
            let is_due = all || owned.due <= now;
            if is_due || changed.is_some() {
                owned.due = now + self.renewal();
                let epoch = owned.epoch;
                drop(owned);
                // What it has shown may have been renewed.
                let shown = if is_due { shown(&session) } else { None };
                told.push(Told::Alive(session, epoch, changed, shown));
            }
        }
        told
    }

    async fn tell_redis(&self, cluster: &Cluster, told: Told) -> Result<(), Away> {
        let (session, epoch, waiting, shown) = match told {
            Told::Whole(session) => return self.note_whole(cluster, &session).await,
            Told::Alive(session, epoch, waiting, shown) => (session, epoch, waiting, shown),
        };
        let (mut set, remove): (Vec<(&str, &str)>, &[&str]) = match waiting.as_deref() {
            None => (Vec::new(), &[]),
            Some("") => (Vec::new(), &[WAITING]),
            Some(waiting) => (vec![(WAITING, waiting)], &[]),
        };
        set.extend(shown.as_ref().map(|(field, shown)| (field.as_str(), shown.as_str())));
        let written = cluster.redis.note_session(session.id(), epoch, false, &set, remove).await;
        match written {
            Ok(Written::Yes) => Ok(()),
            Ok(Written::Fenced) => {
                self.give_up(&session, epoch, !session.has_departed());
                Ok(())
            }
            Ok(Written::Unknown) => {
                self.note_again(session.id());
                self.note_whole(cluster, &session).await
            }
            Err(Away) => {
                self.note_again(session.id());
                Err(Away)
            }
        }
    }
}
