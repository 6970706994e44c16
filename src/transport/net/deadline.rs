//! The deadlines of all connections, checked together every [`TICK`], so that a connection needs no timer.
//!
//! Moving a deadline to a later time is free: the connection is woken at the earlier time and waits again. Stored deadlines
//! therefore change rarely, and a check reads eight bytes a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

/// The interval of checks, and so the longest delay of a wake-up.
pub const TICK: Duration = Duration::from_millis(50);

/// No deadline.
const NEVER: u64 = u64::MAX;

/// The deadlines of all connections, and whether the server drains.
pub struct DeadlineWheel {
    start: Instant,
    draining: AtomicBool,
    slots: Mutex<Slots>,
}

/// The slots of the connections. A connection has the same index in `due` and `wakers`.
#[derive(Default)]
struct Slots {
    /// Deadlines in milliseconds since the start.
    due: Vec<u64>,
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Default for DeadlineWheel {
    fn default() -> Self {
        Self { start: Instant::now(), draining: AtomicBool::new(false), slots: Mutex::default() }
    }
}

impl DeadlineWheel {
    /// Returns a slot for a connection, without a deadline.
    pub(crate) fn deadline(self: &Arc<Self>) -> Deadline {
        let mut slots = self.slots.lock();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.due.push(NEVER);
            slots.wakers.push(None);
            slots.due.len() - 1
        });
        Deadline { wheel: Arc::clone(self), slot, due: NEVER, has_waker: false, knows_drain: false }
    }

    /// Wakes every connection whose deadline has passed. Must be called every [`TICK`].
    pub fn tick(&self) {
        let now = self.millisecond(Instant::now());
        let due = {
            let mut guard = self.slots.lock();
            let slots = &mut *guard;
            let late = slots.due.iter_mut().zip(&slots.wakers).filter(|(due, _)| **due <= now);
            late.filter_map(|(due, waker)| {
                *due = NEVER;
                waker.clone()
            })
            .collect::<Vec<_>>()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Starts to drain: every connection answers its held requests and ends.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        let wakers: Vec<_> = self.slots.lock().wakers.iter().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether the server drains.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn millisecond(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_millis()).unwrap_or(NEVER)
    }
}

/// The deadline of one connection. It belongs to one task and keeps its waker.
pub(crate) struct Deadline {
    wheel: Arc<DeadlineWheel>,
    slot: usize,
    /// The stored deadline in milliseconds.
    due: u64,
    has_waker: bool,
    /// Whether the task has been told that the server drains.
    knows_drain: bool,
}

impl Deadline {
    /// Ready when the time `at` has passed and, once, when the server begins to drain.
    pub(crate) fn poll(&mut self, context: &Context<'_>, at: Instant) -> Poll<()> {
        // The first whole millisecond after `at`.
        let due = self.wheel.millisecond(at).saturating_add(1);
        if due < self.due || !self.has_waker {
            let mut slots = self.wheel.slots.lock();
            slots.due[self.slot] = due;
            if !self.has_waker {
                slots.wakers[self.slot] = Some(context.waker().clone());
                self.has_waker = true;
            }
            self.due = due;
        }
        if !self.knows_drain && self.wheel.is_draining() {
            self.knows_drain = true;
            return Poll::Ready(());
        }
        let now = Instant::now();
        if at <= now {
            return Poll::Ready(());
        }
        if self.due <= self.wheel.millisecond(now) {
            // The stored deadline was an earlier one, and has passed.
            self.wheel.slots.lock().due[self.slot] = due;
            self.due = due;
        }
        Poll::Pending
    }

    /// Whether the server drains.
    pub(crate) fn is_draining(&self) -> bool {
        self.wheel.is_draining()
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let waker = {
            let mut slots = self.wheel.slots.lock();
            slots.due[self.slot] = NEVER;
            slots.free.push(self.slot);
            slots.wakers[self.slot].take()
        };
        // Without the lock.
        drop(waker);
    }
}
