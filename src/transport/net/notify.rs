//! Wakes the task of a connection from a session or another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

/// A notification for one waiting task.
#[derive(Default)]
pub(crate) struct Notify {
    closed: AtomicBool,
    notified: AtomicBool,
    waker: AtomicWaker,
}

impl Notify {
    /// Wakes the task.
    pub(crate) fn notify(&self) {
        self.notified.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Wakes the task and marks this notification as the last one.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.notify();
    }

    /// Whether the last notification was sent.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ready once for each notification. An earlier notification is not lost.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if self.notified.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }
}
