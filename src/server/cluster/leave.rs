//! A stopping instance gives its sessions to the others, some at a time, so that their clients come back one after the
//! other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Duration, Instant};

use super::take::PATIENCE;
use super::wire::{Answer, Question};
use crate::router::Session;
use crate::server::Server;

/// Sessions that go at one time, at least.
const AT_ONCE: usize = 16;
/// The time over which a group goes, each session at a random moment. Its clients come back at once, since some clients
/// take any interval that they are advised for seconds.
const SPREAD: Duration = Duration::from_millis(50);

impl Server {
    /// Turns readiness red, goes on for `redis.drain_delay`, then gives the sessions away within `limit`. Done at once where
    /// there are no other instances.
    pub async fn leave(self: &Arc<Self>, limit: Duration) {
        let Some(cluster) = &self.cluster else { return };
        cluster.leaving.store(true, Ordering::Release);
        cluster.redis.leave();
        // So that no other instance gives its own to this one.
        let _ = cluster.redis.beat(|| ()).await;
        tokio::time::sleep(cluster.settings.drain_delay).await;
        let until = Instant::now() + limit;
        let mut given = 0;
        loop {
            let sessions: Vec<_> =
                self.sessions.all().into_iter().filter(|session| !cluster.is_given_away(session)).collect();
            if sessions.is_empty() || Instant::now() >= until || cluster.redis.other().is_none() {
                break;
            }
            let groups = (limit.as_millis() / SPREAD.as_millis()).max(2) as usize / 2;
            let before = given;
            for group in sessions.chunks((sessions.len() / groups).max(AT_ONCE)) {
                if Instant::now() >= until {
                    break;
                }
                let giving = group.iter().map(|session| async {
                    tokio::time::sleep(SPREAD.mul_f64(fastrand::f64())).await;
                    self.give(session).await
                });
                given += futures_util::future::join_all(giving).await.into_iter().filter(|is| *is).count();
            }
            if given == before {
                // The others may have been busy, or have come too late.
                tokio::time::sleep(SPREAD * 4).await;
            }
        }
        tracing::info!(sessions = given, "sessions exported to other instances");
    }

    /// Has another instance take a session.
    async fn give(&self, session: &Session) -> bool {
        let Some(cluster) = &self.cluster else { return false };
        let Some(other) = cluster.redis.other() else { return false };
        let question = Question::Take { id: session.id().as_str().to_owned() };
        matches!(cluster.ask(other, &question, PATIENCE).await, Ok(Answer::Done))
    }

    /// The last heartbeat: whoever takes a session over that was not given away need not wait for the lease to end.
    pub async fn resign(&self) {
        let Some(cluster) = &self.cluster else { return };
        if self.beat_once(cluster).await.is_ok() {
            cluster.redis.resign().await;
        }
    }
}
