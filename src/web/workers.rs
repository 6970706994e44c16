//! The workers of the hub and of the subscriber: tasks that claim work from the store until they are stopped. It must not
//! know the work.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use crate::metrics::Metrics;

/// The interval at which a worker checks for work without a notification: due timers, and work of instances whose
/// notification was lost.
pub(crate) const POLL: Duration = Duration::from_secs(1);

/// A task of an owner that ends when the workers are stopped.
pub(crate) type Worker<O> = fn(Arc<O>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs and stops the workers of one owner. Clones are the same workers.
#[derive(Clone)]
pub(crate) struct Workers {
    /// When the tasks under way are cut, once the workers stop.
    stopping: watch::Sender<Option<Instant>>,
    metrics: Metrics,
}

impl Workers {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { stopping: watch::Sender::new(None), metrics }
    }

    /// Runs workers until [`Workers::stop`] is called and their tasks have ended.
    pub(crate) async fn run<O: Send + Sync + 'static>(&self, owner: &Arc<O>, workers: &[Worker<O>]) {
        let keep = |work: &Worker<O>| tokio::spawn(self.clone().keep(Arc::clone(owner), *work));
        let kept: Vec<_> = workers.iter().map(keep).collect();
        for worker in kept {
            // Panics are counted where they are caught.
            let _ = worker.await;
        }
    }

    /// Runs a worker, and restarts it after a panic.
    async fn keep<O: Send + Sync + 'static>(self, owner: Arc<O>, work: Worker<O>) {
        while tokio::spawn(work(Arc::clone(&owner))).await.is_err() {
            self.metrics.panics.inc();
            if !self.wait(&Notify::new()).await {
                return;
            }
        }
    }

    /// Stops the workers. Tasks under way have that time to complete; unfinished work stays due in the store.
    pub(crate) fn stop(&self, within: Duration) {
        self.stopping.send_replace(Some(Instant::now() + within));
    }

    /// Whether the workers stop: they start no further work.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.borrow().is_some()
    }

    /// Completes when the workers stop.
    pub(crate) async fn stopped(&self) {
        // The sender is a part of this value.
        let _ = self.stopping.subscribe().wait_for(Option::is_some).await;
    }

    /// The time that tasks under way have left.
    pub(crate) fn time_left(&self) -> Duration {
        self.stopping.borrow().map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// Waits until there may be work. Returns `false` if the workers stop.
    pub(crate) async fn wait(&self, work: &Notify) -> bool {
        tokio::select! {
            () = work.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            () = self.stopped() => {}
        }
        !self.is_stopping()
    }
}

/// The tasks of one worker, one for each claimed piece of work. A panic in a task is counted; its claim ends by time, and
/// the work is claimed again.
pub(crate) struct Tasks<'w> {
    workers: &'w Workers,
    running: JoinSet<()>,
    /// How long finished tasks are collected before more work is claimed.
    pause: Duration,
}

impl<'w> Tasks<'w> {
    pub(crate) fn new(workers: &'w Workers, pause: Duration) -> Self {
        Self { workers, running: JoinSet::new(), pause }
    }

    /// Returns the number of tasks under way.
    pub(crate) fn count(&mut self) -> usize {
        while let Some(joined) = self.running.try_join_next() {
            self.note(joined);
        }
        self.running.len()
    }

    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(task);
    }

    /// Waits until there may be work, or if more work is due than there is room for, until a task ends.
    pub(crate) async fn wait(&mut self, work: &Notify, is_blocked: bool) {
        tokio::select! {
            Some(joined) = self.running.join_next(), if is_blocked => {
                self.note(joined);
                tokio::time::sleep(self.pause).await;
            }
            _ = self.workers.wait(work) => {}
        }
    }

    /// Waits until all tasks have ended, as long as the workers have time left. The work of the others is claimed by
    /// another instance, or after a restart.
    pub(crate) async fn finish(mut self) {
        let time_left = self.workers.time_left();
        let all = async {
            while let Some(joined) = self.running.join_next().await {
                self.note(joined);
            }
        };
        let _ = timeout(time_left, all).await;
    }

    fn note(&self, joined: Result<(), JoinError>) {
        if joined.is_err_and(|error| error.is_panic()) {
            // The panic is logged.
            self.workers.metrics.panics.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An owner of workers.
    struct Owner {
        workers: Workers,
        /// Notified of each run.
        runs: Notify,
    }

    fn owner() -> Arc<Owner> {
        Arc::new(Owner { workers: Workers::new(Metrics::default()), runs: Notify::new() })
    }

    #[tokio::test]
    async fn a_worker_runs_again_after_a_panic_and_ends_when_it_is_stopped() {
        let owner = owner();
        let work: Worker<Owner> = |owner| {
            Box::pin(async move {
                owner.runs.notify_one();
                assert!(owner.workers.is_stopping(), "a panic of the test");
            })
        };
        let own = Arc::clone(&owner);
        let running = tokio::spawn(async move { own.workers.run(&own, &[work]).await });
        for _ in 0..2 {
            owner.runs.notified().await;
        }
        owner.workers.stop(Duration::ZERO);
        running.await.unwrap();
        assert!(owner.workers.metrics.panics.get() > 0);
        assert!(!owner.workers.wait(&Notify::new()).await);
    }

    #[tokio::test]
    async fn tasks_have_the_time_that_is_left_and_their_panics_are_counted() {
        let owner = owner();
        let mut tasks = Tasks::new(&owner.workers, Duration::ZERO);
        tasks.spawn(std::future::pending());
        tasks.spawn(async { panic!("a panic of the test") });
        tasks.wait(&Notify::new(), true).await;
        assert_eq!((tasks.count(), owner.workers.metrics.panics.get()), (1, 1));
        owner.workers.stop(Duration::ZERO);
        tasks.finish().await;
    }
}
