//! How a session, or another thread, wakes the task of a connection: something is there, or it is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

/// Wakes one waiting task.
#[derive(Default)]
pub(super) struct Signal {
    over: AtomicBool,
    rung: AtomicBool,
    waker: AtomicWaker,
}

impl Signal {
    /// There is something to look at.
    pub(super) fn wake(&self) {
        self.rung.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// There will be no more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether there will be no more.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Ready once after each wake; one that came before is not missed.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if self.rung.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }
}
