//! The deadlines of all connections, looked at together: a connection notes when it has to be woken, and needs no timer.
//!
//! A deadline that moves to a later time costs nothing: the connection is woken at the earlier one, and waits on. So
//! what is noted changes rarely, and the list is short to go through: eight bytes for each connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

/// How often deadlines are looked at, and so how much later than asked for a connection is woken at the most.
pub const TICK: Duration = Duration::from_millis(50);

/// Not to be woken.
const NEVER: u64 = u64::MAX;

/// All deadlines, and whether the server is stopping.
pub struct Clock {
    start: Instant,
    draining: AtomicBool,
    slots: Mutex<Slots>,
}

/// A place for each connection, the same in both lists.
#[derive(Default)]
struct Slots {
    /// When it is due, in milliseconds.
    due: Vec<u64>,
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { start: Instant::now(), draining: AtomicBool::new(false), slots: Mutex::default() }
    }
}

impl Clock {
    /// A connection's place.
    pub(super) fn alarm(self: &Arc<Self>) -> Alarm {
        let mut slots = self.slots.lock();
        let place = slots.free.pop().unwrap_or_else(|| {
            slots.due.push(NEVER);
            slots.wakers.push(None);
            slots.due.len() - 1
        });
        Alarm { clock: Arc::clone(self), place, due: NEVER, has_waker: false, heeded: false }
    }

    /// Wakes every connection whose time has come; to be called each [`TICK`].
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

    /// Tells every connection to answer what it holds and to end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        let wakers: Vec<_> = self.slots.lock().wakers.iter().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether the server is stopping.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn millisecond(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_millis()).unwrap_or(NEVER)
    }
}

/// One connection's place. It belongs to one task, whose waker it keeps.
pub(super) struct Alarm {
    clock: Arc<Clock>,
    place: usize,
    /// What is noted.
    due: u64,
    has_waker: bool,
    /// Whether the task knows that the server is stopping.
    heeded: bool,
}

impl Alarm {
    /// Ready once the time has come, or, one time, when the server begins to stop.
    pub(super) fn poll(&mut self, context: &Context<'_>, at: Instant) -> Poll<()> {
        // The first whole millisecond at which the time has come.
        let due = self.clock.millisecond(at).saturating_add(1);
        if due < self.due || !self.has_waker {
            let mut slots = self.clock.slots.lock();
            slots.due[self.place] = due;
            if !self.has_waker {
                slots.wakers[self.place] = Some(context.waker().clone());
                self.has_waker = true;
            }
            self.due = due;
        }
        if !self.heeded && self.clock.is_draining() {
            self.heeded = true;
            return Poll::Ready(());
        }
        let now = Instant::now();
        if at <= now {
            return Poll::Ready(());
        }
        if self.due <= self.clock.millisecond(now) {
            // The earlier time at which it was woken has gone by.
            self.clock.slots.lock().due[self.place] = due;
            self.due = due;
        }
        Poll::Pending
    }

    /// Whether the server is stopping.
    pub(super) fn is_draining(&self) -> bool {
        self.clock.is_draining()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waker = {
            let mut slots = self.clock.slots.lock();
            slots.due[self.place] = NEVER;
            slots.free.push(self.place);
            slots.wakers[self.place].take()
        };
        drop(waker);
    }
}
