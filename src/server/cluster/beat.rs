//! The heartbeat: this instance says that it lives, that its sessions are its own, and how far they have come.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::Cluster;
use super::note::WAITING;
use super::wire::packed;
use crate::broker::{Away, Beat, Written};
use crate::router::{Progress, Session};
use crate::server::Server;

/// Sessions of which Redis is told at one time.
const AT_ONCE: usize = 256;

/// What Redis has to be told of a session.
enum Told {
    /// Everything: it may not know it.
    Whole(Arc<Session>),
    /// That it lives on, and what waits for it now, if that has changed.
    Alive(Arc<Session>, u64, Option<String>),
}

impl Server {
    /// Beats for as long as it is polled.
    pub(super) async fn beat(&self) {
        let Some(cluster) = &self.cluster else { return };
        let mut every = tokio::time::interval(cluster.settings.heartbeat);
        let mut was_up = false;
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(Away) = self.beat_once(cluster).await {
                tracing::debug!("a heartbeat did not reach Redis");
            }
            let is_up = cluster.redis.is_up();
            self.metrics.redis.up.set(i64::from(is_up));
            if std::mem::replace(&mut was_up, is_up) != is_up {
                if is_up {
                    tracing::info!("Redis answers, is heard and takes publications");
                } else {
                    tracing::warn!("Redis is away; what it is needed for waits until it is back");
                }
            }
        }
    }

    pub(super) async fn beat_once(&self, cluster: &Cluster) -> Result<(), Away> {
        if cluster.redis.beat().await? == Beat::Late {
            tracing::warn!("the lease of this instance was over; its sessions may be others' by now");
            cluster.in_doubt.store(true, Ordering::Release);
        }
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
        let mut held_back = std::mem::take(&mut *cluster.held_back.lock());
        held_back.flush();
        cluster.redis.note(&numbers).await?;
        *cluster.noted.lock() = numbers;
        Ok(())
    }

    fn to_be_told(&self, cluster: &Cluster, all: bool) -> Vec<Told> {
        let now = Instant::now();
        let mut told = Vec::new();
        for session in self.sessions.all() {
            let Some(mut owned) = cluster.owned.get_mut(session.id()) else { continue };
            if !owned.is_noted {
                told.push(Told::Whole(session));
                continue;
            }
            let waiting = match session.progress() {
                Progress::Complete => Some(String::new()),
                Progress::Waiting(lowest) => {
                    let before: Vec<_> =
                        packed(&lowest).into_iter().map(|(lane, at)| (lane, at - 1)).collect();
                    serde_json::to_string(&before).ok()
                }
                Progress::Writing if owned.waiting.is_empty() => {
                    // What is being written has come since the last heartbeat, or in it.
                    let noted = cluster.noted.lock();
                    let patterns = session.patterns();
                    let lanes = cluster.redis.positions(patterns.iter().map(AsRef::as_ref));
                    let before =
                        noted.iter().filter(|(lane, _)| lanes.iter().any(|(other, _)| other == lane));
                    serde_json::to_string(&packed(&before.copied().collect::<Vec<_>>())).ok()
                }
                Progress::Writing => None,
            };
            let changed = waiting.filter(|waiting| *waiting != owned.waiting);
            if let Some(waiting) = &changed {
                owned.waiting.clone_from(waiting);
            }
            if all || changed.is_some() || owned.due <= now {
                owned.due = now + self.renewal();
                let epoch = owned.epoch;
                drop(owned);
                told.push(Told::Alive(session, epoch, changed));
            }
        }
        told
    }

    async fn tell_redis(&self, cluster: &Cluster, told: Told) -> Result<(), Away> {
        match told {
            Told::Whole(session) => {
                self.note_whole(cluster, &session).await;
                Ok(())
            }
            Told::Alive(session, epoch, waiting) => {
                let (set, remove): (Vec<(&str, &str)>, &[&str]) = match waiting.as_deref() {
                    None => (Vec::new(), &[]),
                    Some("") => (Vec::new(), &[WAITING]),
                    Some(waiting) => (vec![(WAITING, waiting)], &[]),
                };
                match cluster.redis.note_session(session.id(), epoch, false, &set, remove).await? {
                    Written::Yes => Ok(()),
                    // It may have been given away in this moment.
                    Written::Fenced
                        if cluster.owned.get(session.id()).is_some_and(|it| it.released.is_some()) =>
                    {
                        self.give_up(&session, false);
                        Ok(())
                    }
                    Written::Fenced => {
                        self.give_up(&session, true);
                        Ok(())
                    }
                    Written::Unknown => {
                        if let Some(mut owned) = cluster.owned.get_mut(session.id()) {
                            owned.is_noted = false;
                        }
                        self.note_whole(cluster, &session).await;
                        Ok(())
                    }
                }
            }
        }
    }
}
