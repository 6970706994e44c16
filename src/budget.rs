//! The memory that clients may make the server use, all together: one total, charged where memory is taken and released
//! where it is freed.
//!
//! Responsible for counting. It knows neither sessions nor connections: who has to go when the budget is exceeded is
//! decided by the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Buffers up to this size may use the whole budget, so that short messages get through while large ones use up the
/// share of buffers.
const SMALL_BUFFER: usize = 16 * 1024;

/// A total of bytes with a limit. Charging never fails, since the memory is in use by then; the server relieves a budget
/// that is exceeded. Only buffers of connections are refused, because their owners can end alone.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// The part of `used` that buffers of connections hold.
    buffers: AtomicUsize,
}

/// The share of the budget that buffers of connections may use is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limits.memory is used up by unfinished input and unsent output")]
pub struct Exhausted;

impl Budget {
    /// A budget of so many bytes, none of which is used.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), buffers: AtomicUsize::new(0) })
    }

    /// A budget that is never exceeded.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::new(usize::MAX)
    }

    /// Bytes that may be used.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether more is in use than may be.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.used() > self.limit
    }

    /// Bytes to free once the budget is exceeded: down to seven eighths of it, so that the search for what can go is
    /// rare.
    #[must_use]
    pub fn excess(&self) -> usize {
        self.used().saturating_sub(self.limit - self.limit / 8)
    }

    /// Counts bytes that are in use from now on.
    pub fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that are in use no longer.
    pub fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts a change from one number of bytes to another.
    pub fn change(&self, from: usize, to: usize) {
        if to > from {
            self.charge(to - from);
        } else if from > to {
            self.release(from - to);
        }
    }
}

/// Bytes that are charged until this is dropped. Shared by reference; it can only grow.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Charge {
    /// Charges so many bytes.
    #[must_use]
    pub fn new(budget: &Arc<Budget>, bytes: usize) -> Self {
        budget.charge(bytes);
        Self { budget: Arc::clone(budget), bytes: AtomicUsize::new(bytes) }
    }

    /// Charges so many bytes more.
    pub fn grow(&self, bytes: usize) {
        self.budget.charge(bytes);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.release(*self.bytes.get_mut());
    }
}

/// What buffers of one connection are charged.
#[derive(Debug)]
pub struct BufferCharge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl BufferCharge {
    /// Charges nothing yet.
    #[must_use]
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0 }
    }

    /// Notes how many bytes the buffers hold now.
    ///
    /// # Errors
    /// [`Exhausted`] if they grow and the buffers of all connections hold more than half of the budget, or more than all
    /// of it where this one is small. The bytes are charged nevertheless, until the connection ends.
    pub fn set(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        self.budget.change(before, bytes);
        if bytes <= before {
            self.budget.buffers.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        }
        let grown = bytes - before;
        let buffers = self.budget.buffers.fetch_add(grown, Ordering::Relaxed) + grown;
        let limit = self.budget.limit;
        let share = if bytes <= SMALL_BUFFER { limit } else { limit / 2 };
        if buffers > share { Err(Exhausted) } else { Ok(()) }
    }
}

impl Drop for BufferCharge {
    fn drop(&mut self) {
        // It cannot fail: nothing grows.
        let _ = self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_released() {
        let budget = Budget::new(100);
        let charge = Charge::new(&budget, 60);
        charge.grow(50);
        assert_eq!((budget.used(), budget.is_exceeded(), budget.excess()), (110, true, 22));
        drop(charge);
        assert_eq!((budget.used(), budget.is_exceeded(), budget.excess()), (0, false, 0));
    }

    #[test]
    fn large_buffers_have_half_of_the_budget_and_small_ones_all() {
        let budget = Budget::new(200 * 1024);
        let mut large = BufferCharge::new(&budget);
        assert_eq!(large.set(100 * 1024), Ok(()));
        let mut other = BufferCharge::new(&budget);
        assert_eq!(other.set(SMALL_BUFFER), Ok(()));
        assert_eq!(other.set(SMALL_BUFFER + 1), Err(Exhausted));
        assert_eq!(other.set(SMALL_BUFFER), Ok(()), "shrinking is never refused");
        assert_eq!(budget.used(), 100 * 1024 + SMALL_BUFFER);
        drop(large);
        assert_eq!(other.set(SMALL_BUFFER + 1), Ok(()));
        drop(other);
        assert_eq!(budget.used(), 0);
    }
}
