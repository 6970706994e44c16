//! How a session wakes a request or stream that waits: something is there, or it is over.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Wakes one waiting task.
#[derive(Default)]
pub(super) struct Signal {
    over: AtomicBool,
    notify: Notify,
}

impl Signal {
    /// Messages wait.
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    /// There will be no more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Whether there will be no more.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits for either; one that came before is not missed.
    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }
}
